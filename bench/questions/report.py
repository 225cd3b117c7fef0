"""The result as tables in docs/performance.md, each size between its own marks, so that one run replaces one table."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from bench.questions.asked import BY_NAME, QUESTIONS, Question
from bench.questions.run import PEERS, Results, allowed_ratio

LARGEST_MB = 3_000
QUICKER = ("daily_by_channel", "overview", "sources")  # asked to be three times as fast as either peer
DERIVED = ("entrances", "flows")  # asked to be twenty times as fast
CLOCKS = {
    "wall": "Milliseconds that passed.",
    "cpu": "Milliseconds of the processor, all threads together: others used the machine.",
}
ALL_PEERS = (*PEERS, "postgres")
NAMES = {"duckdb": "DuckDB", "chdb": "ClickHouse", "postgres": "PostgreSQL"}


def machine() -> str:
    """Cores, memory and processor as the system names them."""
    cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    words = [f"{os.cpu_count()} cores", f"{int(memory[1]) / 1048576:.0f} GB" if memory else ""]
    words += [cpu[1].strip() if cpu else platform.machine()]
    return ", ".join(word for word in words if word)


def verdicts(results: Results) -> list[tuple[str, bool | None]]:
    """What was asked of the product, and whether it was met; None: a peer's run does not count, so nothing is shown."""
    found: list[tuple[str, bool | None]] = []
    for name in (*QUICKER, *DERIVED):
        times = 20 if name in DERIVED else 3
        for peer in PEERS:
            own, theirs = results.seconds(name, "product"), results.seconds(name, peer)
            if own and theirs:
                words = f"{BY_NAME[name].title}: {theirs / own:.1f} times as fast as {NAMES[peer]} (asked: {times})"
                again = results.seconds(name, "again")
                words += f", {theirs / again:.0f} times when asked again" if again else ""
                found.append((words, theirs >= times * own if _is_shown(results, name, peer) else None))
    own, theirs = results.seconds("retention", "product"), results.seconds("retention", "chdb")
    if own and theirs:
        words = f"{BY_NAME['retention'].title}: {own / theirs:.2f} of ClickHouse's time (asked: at most 1.25)"
        found.append((words, own <= 1.25 * theirs if _is_shown(results, "retention", "chdb") else None))
    own = results.seconds("funnel", "product")
    for peer, factor in (("chdb", 2.5), ("postgres", 5)):
        theirs = results.seconds("funnel", peer)
        if own and theirs:
            of = " on a tenth" if peer == "postgres" else ""
            words = f"{BY_NAME['funnel'].title}: {theirs / own:.1f} times as fast as {NAMES[peer]}{of} (asked: {factor:g})"
            found.append((words, theirs >= factor * own if _is_shown(results, "funnel", peer) else None))
    peak = max(engines["product"].peak_mb for engines in results.timings.values())
    found.append(
        (f"largest peak of a question: {peak:,.0f} MB (asked: under {LARGEST_MB:,})", peak < LARGEST_MB)
    )
    return found


def _is_shown(results: Results, name: str, peer: str) -> bool:
    """Whether the peer's run counts; the table has overview and sources as daily numbers by channel, so that row speaks
    for them."""
    row = BY_NAME["daily_by_channel" if name in QUICKER else name]
    return results.counts(row, peer) is not False


def not_counting(results: Results) -> list[str]:
    """The peers' runs that were slower to the bare scan than the table allows."""
    found = []
    for question in QUESTIONS:
        for peer in ALL_PEERS:
            if results.counts(question, peer) is False:
                ratio, allowed = results.ratio(question.name, peer), allowed_ratio(question, peer)
                found.append(
                    f"{question.title}, {NAMES[peer]}: {ratio:.1f} bare scans, at most {allowed:.1f} count"
                )
    return found


def table(results: Results) -> str:
    """Markdown: a row a question."""
    head = (
        "| question | Shuke | again | peak | DuckDB, raw Parquet | ClickHouse, MergeTree | PostgreSQL, a tenth | bare scan |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    return "\n".join([head, *(_row(results, question) for question in QUESTIONS)])


def _row(results: Results, question: Question) -> str:
    own = results.timings[question.name]["product"]
    again = results.seconds(question.name, "again")
    cells = [question.title, _cell(results, question, "product"), f"{again * 1000:,.0f}" if again else ""]
    cells.append(f"{own.peak_mb:,.0f} MB")
    cells += [_cell(results, question, peer) for peer in ALL_PEERS]
    scan = results.seconds(question.name, "scan") or 0
    return "| " + " | ".join([*cells, f"{scan * 1000:,.0f}"]) + " |"


def _cell(results: Results, question: Question, engine: str) -> str:
    seconds, ratio = results.seconds(question.name, engine), results.ratio(question.name, engine)
    if seconds is None or ratio is None:
        return ""
    mark = "" if engine == "product" or results.counts(question, engine) is not False else " †"
    return f"{seconds * 1000:,.0f} ({ratio:.1f}){mark}"


def placing(results: Results) -> str:
    """What filling cost, in words."""
    product, raw = results.placed["product"], results.placed["raw"]
    rate = results.events / product["seconds"]
    words = (
        f"Sealing, derived tables included, took {product['seconds']:,.0f} s ({rate:,.0f} events/s, peak "
        f"{product['peak_mb']:,.0f} MB, {product['mb']:,.0f} MB on disk) after {product['append']:,.0f} s of appending; the "
        f"raw Parquet of the shop that is asked has {raw['mb']:,.0f} MB"
    )
    if "chdb" in results.placed:
        chdb = results.placed["chdb"]
        words += f", its MergeTree {chdb['mb']:,.0f} MB, filled and merged in {chdb['seconds']:,.0f} s"
    if "postgres" in results.placed:
        words += f"; PostgreSQL took its tenth in {results.placed['postgres']['seconds']:,.0f} s"
    return words + "."


def section(results: Results, *, load: float) -> str:
    """All of one size, in Markdown."""
    shops = "one shop" if results.shops == 1 else f"{results.shops} shops, one of them asked"
    lines = [
        f"### {results.events:,} events, 28 days, {shops}",
        "",
        f"{date.today().isoformat()}, {machine()}; load {load:.1f} when it began. {CLOCKS[results.clock]}",  # noqa: DTZ011
        "",
        table(results),
        "",
        placing(results),
        "",
    ]
    words = {True: "met", False: "**not met**", None: "does not count"}
    lines += [f"- {what}: {words[verdict]}" for what, verdict in verdicts(results)]
    weak = not_counting(results)
    if weak:
        lines += ["", "† Does not count, the peer was slower to the bare scan than it is known to be:", ""]
        lines += [f"- {line}" for line in weak]
    return "\n".join(lines)


def written(text: str, mark: str, body: str) -> str:
    """The page with the section of this mark replaced, or added at its end."""
    begin, end = f"<!-- bench:{mark} -->", f"<!-- end:{mark} -->"
    block = f"{begin}\n\n{body}\n\n{end}"
    if begin in text and end in text:
        before, rest = text.split(begin, 1)
        return before + block + rest.split(end, 1)[1]
    return text.rstrip("\n") + "\n\n" + block + "\n"


def write(page: Path, sections: Sequence[tuple[str, str]]) -> None:
    text = page.read_text() if page.exists() else ""
    for mark, body in sections:
        text = written(text, mark, body)
    page.write_text(text)
