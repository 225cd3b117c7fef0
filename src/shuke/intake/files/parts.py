"""The files of an import as one table: which file and which sheet is which part, joined, with whole orders prepared.

Files and sheets are told by their columns, not by the order in which they were given: the second sheet may stand first.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from shuke.intake.files import problems, uploads, whole_orders
from shuke.intake.files.joining import Side, joined
from shuke.intake.files.layout import Table
from shuke.intake.files.origins import FILE_NAME
from shuke.intake.files.spec import Join, MappingSpec
from shuke.intake.files.tables import Layout, open_table

MAIN = ""
MOST_SHEETS = 20


@dataclass(frozen=True)
class _Candidate:
    """A file, or one sheet of a workbook, that may be a part."""

    path: Path
    name: str
    sheet: str
    columns: tuple[str, ...]


def part_layout(spec: MappingSpec, choices: Mapping[str, Any]) -> Layout:
    """The main file's layout with what a person chose for it."""
    return spec.layout.with_choices(
        separator=choices.get("separator", ""),
        encoding=choices.get("encoding", ""),
        has_header=choices.get("header"),
    )


def open_parts(
    shop_id: int,
    files: Mapping[str, Any],
    spec: MappingSpec,
    choices: Mapping[str, Any],
    *,
    currency: str = "CNY",
    looked_at: int | None = None,
) -> Table:
    """The main file under the mapping's column names, joined with the parts that the mapping names.

    `currency`: the shop's. `looked_at`: how many rows are read before to know what whole orders cost; None: all.
    Raises FileProblem, FileGone.
    """
    pointed = choices.get("columns") or {}
    layout = part_layout(spec, choices)
    told = _told_apart(shop_id, files, spec, layout, pointed)
    sides = []
    for join in spec.joins:
        found = told.get(join.part)
        if found is None:
            if join.is_optional:
                continue
            raise problems.MissingPart(
                field=files[MAIN]["name"],
                value=join.part,
                key=", ".join(f"{a} = {b}" for a, b in join.match.items()),
            )
        side = _named(_opened(found, join.layout, spec, tuple(join.match.values())), spec, join.part, pointed)
        sides.append((Side(join.part, side, tuple(join.match.values()), alone=join.alone), join.match))

    def opened() -> Table:
        main = _named(_opened(told[MAIN], layout, spec, spec.named_columns()), spec, MAIN, pointed)
        if spec.is_ragged:
            main = whole_orders.filled_up(main)
        name = str(choices.get("name") or PurePath(files[MAIN]["name"]).stem)
        if FILE_NAME in spec.named_columns():
            main = whole_orders.with_constant(main, FILE_NAME, name)
        table = joined(main, sides)
        return whole_orders.carried(table, spec) if spec.carry else table

    if "order_amount" not in spec.columns:
        return opened()
    costs = whole_orders.costs_of(opened(), spec, currency, looked_at)
    return whole_orders.shared_out(opened(), spec, currency, costs)


def sheets_of(shop_id: int, sha256: str, name: str, layout: Layout) -> list[tuple[str, tuple[str, ...]]]:
    """(sheet, its columns) of a kept file; a file without sheets is one sheet without a name."""
    return sheets_in(uploads.path_of(shop_id, uploads.find(shop_id, sha256).sha256), name, layout)


def sheets_in(path: Path, name: str, layout: Layout) -> list[tuple[str, tuple[str, ...]]]:
    """(sheet, its columns) of a file, wherever it lies. Raises FileProblem."""
    first = open_table(path, name, layout)
    found = [(first.detected.sheet, first.columns)]
    for sheet in first.detected.sheets[:MOST_SHEETS]:
        if sheet != first.detected.sheet:
            try:
                found.append((sheet, open_table(path, name, replace(layout, sheet=sheet)).columns))
            except problems.EmptyFile:
                continue
    return found


def _opened(one: _Candidate, layout: Layout, spec: MappingSpec, names: Sequence[str]) -> Table:
    return open_table(
        one.path, one.name, replace(layout, sheet=one.sheet or layout.sheet), (*names, *spec.header)
    )


def _named(table: Table, spec: MappingSpec, part: str, pointed: Mapping[str, str]) -> Table:
    """The same rows under the mapping's names."""
    if not table.detected.has_header:
        return table
    return Table(table.name, table.detected, spec.renamed(table.columns, part, pointed), table.take)


def _told_apart(
    shop_id: int, files: Mapping[str, Any], spec: MappingSpec, layout: Layout, pointed: Mapping[str, str]
) -> dict[str, _Candidate]:
    """Part -> the file or sheet that it is. As given, where that fits; else the first arrangement that does."""
    joins: dict[str, Join] = {join.part: join for join in spec.joins}
    layouts = {MAIN: layout} | {part: join.layout for part, join in joins.items()}
    if not joins and (layout.sheet or len(files) == 1):
        return {MAIN: _only(shop_id, files[MAIN], spec, layout, pointed)}
    candidates: list[_Candidate] = []
    given: dict[str, _Candidate] = {}
    for part, file in files.items():
        path = uploads.path_of(shop_id, uploads.find(shop_id, file["sha256"]).sha256)
        bare = replace(layouts.get(part, layout), sheet="")
        for sheet, columns in sheets_of(shop_id, file["sha256"], file["name"], bare):
            one = _Candidate(path, file["name"], sheet, columns)
            candidates.append(one)
            if part not in given or sheet == layouts[part].sheet:
                given[part] = one
            if file is files[MAIN]:
                for other, join in joins.items():
                    if other not in files and sheet and sheet == join.layout.sheet:
                        given[other] = one
    parts = [MAIN, *joins]

    def fits(part: str, one: _Candidate) -> bool:
        return layouts[part].has_header is False or not spec.lacks(one.columns, part, pointed)

    if all(part in given and fits(part, given[part]) for part in parts):
        return given
    must = [part for part in parts if part == MAIN or not joins[part].is_optional]
    for chosen in itertools.permutations(candidates[:MOST_SHEETS], min(len(must), len(candidates))):
        if len(chosen) == len(must) and all(fits(p, one) for p, one in zip(must, chosen, strict=True)):
            found = dict(zip(must, chosen, strict=True))
            left = [one for one in candidates if one not in chosen]
            for part in parts:
                if part not in found:
                    rest = next((one for one in left if fits(part, one)), None)
                    if rest is not None:
                        found[part] = rest
                        left.remove(rest)
            return found
    return given


def _only(
    shop_id: int, file: Mapping[str, Any], spec: MappingSpec, layout: Layout, pointed: Mapping[str, str]
) -> _Candidate:
    """The one file; of a workbook whose first sheet is another one, the sheet that has the columns."""
    path = uploads.path_of(shop_id, uploads.find(shop_id, file["sha256"]).sha256)
    first = _Candidate(path, file["name"], layout.sheet, ())
    if layout.sheet or layout.has_header is False:
        return first
    head = open_table(path, file["name"], layout, (*spec.named_columns(), *spec.header))
    if len(head.detected.sheets) < 2 or not spec.lacks(head.columns, MAIN, pointed):
        return first
    for sheet, columns in sheets_of(shop_id, file["sha256"], file["name"], layout):
        if not spec.lacks(columns, MAIN, pointed):
            return replace(first, sheet=sheet)
    return first
