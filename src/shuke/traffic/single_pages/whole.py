"""Pages of all visits, from what was added up when days were sealed; only the visitors of several days are counted anew.

Over millions of rows they are counted from arrays (traffic/distinct.py): trails of a day lie in order of their visitors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

import ibis
import numpy as np
import pyarrow as pa

from shuke.traffic import distinct
from shuke.traffic.single_pages import questions
from shuke.warehouse.reads import LaidOut

_PAGE = pa.schema([("wanted", pa.string())])
_COUNTED = ("visitor_id", "is_view", "page_path")
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class OnePage:
    """One page: `sums` of the period (None: nobody viewed it), and rows as the questions of trails and visits answer."""

    sums: dict[str, Any] | None
    days: Rows
    went_to: Rows
    came_from: Rows
    entries: Mapping[date, int] = field(default_factory=dict)
    channels: Mapping[str | None, int] = field(default_factory=dict)


def is_summed(laid: LaidOut) -> bool:
    """Whether the days were added up: those that were sealed before there was `page_days` wait for `shuke fill`, and those
    that are large for what follows later."""
    return not laid.lacks("page_days") and not laid.lacks("page_flows")


def pages(laid: LaidOut, days: int) -> tuple[Rows, dict[str, int]]:
    """The sums of each page of the only stretch (of so many days), and its entries."""
    rows = laid.answer(
        {"page_days": None}, "pages", lambda t: questions.summed(t["page_days"]), is_kept=True
    ).to_pylist()
    if days > 1:
        visitors = _visitors(laid)
        for row in rows:
            row["visitors"] = visitors[row["page_path"]]
    entries = laid.answer(
        {"entrance_days": None}, "entries", lambda t: questions.entered(t["entrance_days"]), is_kept=True
    ).to_pylist()
    return rows, {row["page_path"]: row["entries"] for row in entries}


def known(laid: LaidOut) -> Rows:
    """The pages of the only stretch, with their type, as `questions.known` answers."""
    found = laid.answer(
        {"page_days": None}, "known", lambda t: questions.known_of_days(t["page_days"]), is_kept=True
    )
    return found.to_pylist()


def wanted(path: str) -> pa.Table:
    """One page as questions are given it."""
    return pa.Table.from_pylist([{"wanted": path}], schema=_PAGE)


def visits_by_day(laid: LaidOut, path: str) -> dict[date, int]:
    """How many visits viewed a page on each day of the only stretch that has any."""
    rows = laid.answer(
        {"page_days": None},
        ("one page", "days"),
        lambda t: questions.summed_by_day(t["page_days"], t["one"]),
        is_kept=False,
        given={"one": wanted(path)},
    )
    return {row["local_day"]: row["visits"] for row in rows.to_pylist() if row["visits"]}


def summed_of(laid: LaidOut, days: int, path: str) -> dict[str, Any]:
    """The sums of one page of the only stretch (of so many days), its entries too; empty where nobody viewed it."""
    given = {"one": wanted(path)}

    def ask(kind: str, key: str, question: Any) -> Rows:
        found = laid.answer(
            {kind: None}, ("one page", key), lambda t: question(t[kind], t["one"]), is_kept=False, given=given
        )
        return found.to_pylist()

    by_day = ask("page_days", "days", questions.summed_by_day)
    if not by_day:
        return {}
    sums: dict[str, Any] = {name: sum(row[name] for row in by_day) for name in questions.SUMS_OF_DAYS}
    if days > 1:
        sums["visitors"] = _visitors(laid, path)[path]
    entered = ask("entrance_days", "entries", questions.entered_by)
    return sums | {"entries": sum(row["entries"] for row in entered)}


def one_page(laid: LaidOut, days: int, path: str) -> OnePage:
    """One page of the only stretch (of so many days)."""
    given = {"one": wanted(path)}

    def ask(kind: str, key: str, question: Any) -> Rows:
        found = laid.answer(
            {kind: None}, ("one page", key), lambda t: question(t[kind], t["one"]), is_kept=False, given=given
        )
        return found.to_pylist()

    by_day = ask("page_days", "days", questions.summed_by_day)
    entered = ask("entrance_days", "entries", questions.entered_by)
    entries: dict[date, int] = {}
    channels: dict[str | None, int] = {}
    for row in entered:
        entries[row["local_day"]] = entries.get(row["local_day"], 0) + row["entries"]
        channels[row["channel"]] = channels.get(row["channel"], 0) + row["entries"]
    sums: dict[str, Any] | None = None
    if by_day:
        sums = {name: sum(row[name] for row in by_day) for name in questions.SUMS_OF_DAYS}
        sums["page_type"] = max(row["page_type"] for row in by_day)
        if days > 1:
            sums["visitors"] = _visitors(laid, path)[path]
    return OnePage(
        sums,
        by_day,
        ask("page_flows", f"to {bool(path)}", partial(questions.moved_to, is_stated=bool(path))),
        ask("page_flows", f"from {bool(path)}", partial(questions.moved_from, is_stated=bool(path))),
        entries,
        channels,
    )


def _visitors(laid: LaidOut, path: str | None = None) -> dict[str, int]:
    """How many visitors viewed each page, or one."""

    def by_groups(tables: Mapping[str, ibis.Table]) -> ibis.Table:
        return questions.visitors(questions.views_of(tables["trails"], path))

    def by_arrays() -> pa.Table:
        pieces = laid.pieces("trails", 0, _COUNTED)
        rows = distinct.gathered(pieces, group="page_path", keep=_is_view, only=path)
        found = distinct.by_spans(rows, distinct.Shape())[:, 0, 0]
        seen = np.flatnonzero(found)
        return pa.table({"page_path": [rows.values[n] for n in seen], "visitors": found[seen]})

    if laid.has_columns and distinct.is_worth_it(laid.sealed_rows("trails")):
        found = laid.kept("trails", ("page visitors", path), by_arrays)
    else:
        found = laid.answer({"trails": None}, ("page visitors", path), by_groups, is_kept=True)
    return {row["page_path"]: row["visitors"] for row in found.to_pylist()}


def _is_view(trails: pa.Table) -> np.ndarray:
    found: np.ndarray = distinct.flat(trails["is_view"]).to_numpy() == 1
    return found
