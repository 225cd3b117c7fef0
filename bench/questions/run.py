"""A whole run: events placed, every question asked of every engine in a process of its own, answers held against each other.

Nothing is timed before it is right: an engine whose answer differs from the others' ends the run.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bench.questions import ours
from bench.questions.asked import BY_NAME, QUESTIONS, Question, canonical

ROOT = Path(__file__).resolve().parent.parent.parent
PEERS = ("duckdb", "chdb")
TENTH = "tenth"
AS_THE_TABLE = (
    1.25  # a peer counts when it stands to the bare scan at most so much worse than in DESIGN's table
)


class Differs(Exception):
    """Two engines gave different answers to one question."""


@dataclass(frozen=True)
class Timing:
    """Warm median and the process's peak."""

    seconds: float
    peak_mb: float


@dataclass
class Results:
    """Of one shop: question -> engine -> timing; what placing cost, by part."""

    events: int
    shops: int
    clock: str = "wall"  # or cpu: processor time of all threads, for a machine that others use as well
    placed: dict[str, dict[str, float]] = field(default_factory=dict)
    timings: dict[str, dict[str, Timing]] = field(default_factory=dict)

    def seconds(self, question: str, engine: str) -> float | None:
        found = self.timings.get(question, {}).get(engine)
        return found.seconds if found else None

    def ratio(self, question: str, engine: str) -> float | None:
        """Time as a multiple of the bare scan of the question's columns."""
        scan, own = self.seconds(question, "scan"), self.seconds(question, engine)
        return own / scan if scan and own is not None else None

    def counts(self, question: Question, engine: str) -> bool | None:
        """Whether the peer ran as well as in the table; None where the table does not have it."""
        allowed, ratio = allowed_ratio(question, engine), self.ratio(question.name, engine)
        return None if allowed is None or ratio is None else ratio <= allowed


def allowed_ratio(question: Question, engine: str) -> float | None:
    """The most that a peer's time may be of the bare scan's, for its run to count."""
    known = question.reference
    return AS_THE_TABLE * known[engine] / known["scan"] if engine in known and "scan" in known else None


def environment(folder: Path) -> dict[str, str]:
    paths = [str(ROOT), str(ROOT / "src")]
    return {
        **os.environ,
        "SHUKE_HOME": str(folder / "home"),
        "SHUKE_LOG": "ERROR",
        "DJANGO_SETTINGS_MODULE": "shuke.project.settings",
        "PYTHONPATH": os.pathsep.join(paths),
    }


def spawned(module: str, task: dict[str, Any], folder: Path, *, within: Sequence[str] = ()) -> Any:
    """What a fresh process says. Raises RuntimeError with its last words."""
    command = [*within, sys.executable, "-m", f"bench.questions.{module}", json.dumps(task)]
    done = subprocess.run(command, env=environment(folder), stdout=subprocess.PIPE, stderr=None, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{module} {task} ended with {done.returncode}: {done.stdout[-500:]}")
    # pg_virtualenv speaks before and after.
    return json.loads(next(line for line in reversed(done.stdout.splitlines()) if line.startswith("{")))


def done_once(folder: Path, name: str, do: Callable[[], Any]) -> Any:
    """What was done before under this name in this folder, else do it and note it: a bench that was killed goes on."""
    note = folder / "done" / f"{name}.json"
    if note.exists():
        return json.loads(note.read_text())
    found = do()
    note.parent.mkdir(exist_ok=True)
    part = note.with_suffix(".part")
    part.write_text(json.dumps(found))
    part.replace(note)
    return found


def place(results: Results, folder: Path, say: Callable[[str], None], *, has_postgres: bool) -> str:
    """Events into the product and its peers; returns the shop that is asked."""
    each = results.events // results.shops
    shops = [f"shop-{i + 1}" for i in range(results.shops)]
    asked = shops[len(shops) // 2]
    parts = [("raw", asked), *(("product", shop) for shop in shops), ("chdb", asked)]
    for part, shop in parts:
        # Of many shops a peer gets the one that is asked: a table of one shop's own is in its favour.
        task = {
            "part": part,
            "folder": str(folder),
            "shop": shop,
            "events": each,
            "seed": 7 + shops.index(shop),
        }
        done = done_once(folder, f"{part}-{shop}", partial(spawned, "place", task, folder))
        known = results.placed.setdefault(part, {})
        for name, value in done.items():
            known[name] = max(known.get(name, 0), value) if name == "peak_mb" else known.get(name, 0) + value
        say(
            f"{part:8} {shop}: {done['seconds']:,.1f} s, {done['mb']:,.0f} MB, peak {done['peak_mb']:,.0f} MB"
        )
    if has_postgres:
        task = {"part": "raw", "folder": str(folder), "shop": TENTH, "events": each // 10, "seed": 7}
        done_once(folder, f"raw-{TENTH}", partial(spawned, "place", task, folder))
    return asked


def asked_of(
    engine: str, question: str, shop: str, folder: Path, runs: int, *, nth: int = 0, clock: str = "wall"
) -> tuple[Timing, dict]:
    """The timing, and the answer in the product's form; `nth` tells apart askings of the same."""
    task = {"engine": engine, "question": question, "folder": str(folder), "shop": shop, "runs": runs}
    task["clock"] = clock
    name = f"{engine}{nth}-{question}-{shop}-{clock}"
    return _told(engine, question, done_once(folder, name, partial(spawned, "one", task, folder)))


def _told(engine: str, question: str, done: dict[str, Any]) -> tuple[Timing, dict]:
    answer = done["answer"]
    if engine not in ("product", "again", "scan"):
        answer = canonical(ours.same_form(question, answer))
    return Timing(statistics.median(done["seconds"]), done["peak_mb"]), answer


def compare(question: str, answers: dict[str, dict]) -> None:
    """Raises Differs unless all answers are one."""
    (first, wanted), *others = answers.items()
    for engine, answer in others:
        if answer != wanted:
            for name in wanted:
                pairs = zip(wanted[name], answer.get(name, []), strict=False)
                unlike = next(
                    ((a, b) for a, b in pairs if a != b), (len(wanted[name]), len(answer.get(name, [])))
                )
                print(f"{question}.{name}: {first} {unlike[0]}, {engine} {unlike[1]}", file=sys.stderr)
            raise Differs(f"{question}: {engine} does not answer as {first}")


def run(
    *,
    events: int,
    shops: int,
    runs: int,
    folder: Path,
    say: Callable[[str], None],
    has_postgres: bool,
    clock: str = "wall",
) -> Results:
    """Place and ask. Raises Differs, RuntimeError."""
    results = Results(events, shops, clock)
    shop = place(results, folder, say, has_postgres=has_postgres)
    ask_all(results, shop, folder, runs, say)
    if has_postgres:
        _ask_postgres(results, folder, runs, say)
    return results


def ask_all(results: Results, shop: str, folder: Path, runs: int, say: Callable[[str], None]) -> None:
    """Every question of every engine that answers in its own process."""
    for question in QUESTIONS:
        found = results.timings.setdefault(question.name, {})
        answers = {}
        scans = []
        for engine in ("scan", *PEERS, "product", "again", "scan"):
            timing, answer = asked_of(
                engine, question.name, shop, folder, runs, nth=len(scans), clock=results.clock
            )
            if engine == "scan":
                scans.append(timing)
            else:
                found[engine], answers[engine] = timing, answer
        # Before and after, since a machine is not equally quick at all times.
        found["scan"] = Timing(statistics.mean(s.seconds for s in scans), max(s.peak_mb for s in scans))
        compare(question.name, answers)
        words = "  ".join(f"{e} {t.seconds * 1000:,.0f} ms {t.peak_mb:,.0f} MB" for e, t in found.items())
        say(f"{question.name}: {words}")


def _ask_postgres(results: Results, folder: Path, runs: int, say: Callable[[str], None]) -> None:
    """All questions of a tenth, within one server; DuckDB on the same tenth says what is right."""
    starter = shutil.which("pg_virtualenv")
    if starter is None:
        raise RuntimeError("pg_virtualenv is missing: `make setup-tests` installs it")
    task = {"folder": str(folder), "shop": TENTH, "runs": runs, "questions": list(BY_NAME)}
    # Parallel workers share memory through files; -t: the server is thrown away.
    done = spawned(
        "on_postgres", task, folder, within=[starter, "-t", "-v", "15", "-o", "shared_buffers=512MB"]
    )
    results.placed["postgres"] = done["placed"]
    for name, told in done["asked"].items():
        timing, answer = _told("postgres", name, told)
        _ignored, wanted = asked_of("duckdb", name, TENTH, folder, 1)
        compare(name, {"duckdb": wanted, "postgres": answer})
        results.timings[name]["postgres"] = timing
        say(f"{name}: postgres on a tenth {timing.seconds * 1000:,.0f} ms")
