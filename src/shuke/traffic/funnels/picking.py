"""Which events of a prepared day fit which steps: decided per kind of event where its code tells enough, else per row.

What a step asks of type, name, type of page and terminal is answered once per code. A condition on anything else is
answered for the rows that are left, from the sealed file's own columns: once per different value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shuke.conditions.reads import All, Compare, Node, None_, field_names, holds
from shuke.conditions.reads import Any as AnyOf
from shuke.traffic.funnels.kernel import Rows, Run
from shuke.traffic.funnels.prepared import TOLD, Part, Prepared, coded, groups_of
from shuke.traffic.funnels.shapes import TYPES, Funnel, Step
from shuke.traffic.reads.cohort_fields import COLUMNS
from shuke.traffic.reads.properties import PROPERTY, pattern, property_value

Coded = tuple[np.ndarray, Sequence[Any]]
_BY_CODE = frozenset(TOLD)


def is_told_by_code(step: Step) -> bool:
    """Whether a code alone says if an event fits; otherwise the sealed file's own columns are read as well."""
    return step.condition is None or field_names(step.condition) <= _BY_CODE


def whole(day: Prepared, funnel: Funnel, *, can_start: bool) -> Run:
    """The events as they lie, where codes tell all that is asked: nothing is picked out and copied."""
    table = _bits_by_code(day.meanings, funnel.steps)
    chosen = _chosen(day, table)
    parts = []
    for group in day.groups:
        views, deeds = (
            _rows(part) if is_wanted else Rows.nothing()
            for part, is_wanted in zip(group, chosen, strict=True)
        )
        parts.append((views, deeds))
    if any(part.code.dtype != np.uint16 for group in day.groups for part in group):
        # More meanings than short codes: the bits take their place.
        parts = [(_of_bits(views, table), _of_bits(deeds, table)) for views, deeds in parts]
        table = np.arange(1 << len(funnel.steps), dtype=np.uint16)
    return Run(can_start, tuple(parts), table)


def _chosen(day: Prepared, table: np.ndarray) -> tuple[bool, bool]:
    """Whether any of the views, and any of the others, can fit a step."""
    told = {day.is_view(code) for code in np.flatnonzero(table[: len(day.meanings)]).tolist()}
    return True in told, False in told


def _rows(part: Part) -> Rows:
    return Rows(part.visitor, part.at, part.code, part.place)


def _of_bits(rows: Rows, table: np.ndarray) -> Rows:
    return replace(rows, code=table[rows.code])


def picked(day: Prepared, funnel: Funnel) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(visitor, at, bits, row) of the events that fit any step, in order; bit k: it fits step k; row: in the sealed file."""
    from shuke.traffic.funnels import loops  # compiled at the first funnel, not when a process begins

    table = _bits_by_code(day.meanings, funnel.steps)
    chosen = [n for n, is_wanted in enumerate(_chosen(day, table)) if is_wanted]
    most = 1 + sum(len(group[n].code) for group in day.groups for n in chosen)
    # Room for all of them; memory is taken by those that are written only.
    visitor, at = np.empty(most, np.int64), np.empty(most, np.int64)
    bit, place = np.empty(most, np.uint16), np.empty(most, np.int32)
    end = 0
    for group in day.groups:
        begin = end
        for part in (group[n] for n in chosen):
            end = loops.pick(
                part.code, table, part.visitor, part.at, part.place, visitor, at, bit, place, end
            )
        if len(chosen) > 1:
            order = np.argsort(place[begin:end], kind="stable")
            for one in (visitor, at, bit, place):
                one[begin:end] = one[begin:end][order]
    visitor, at, bit, row = visitor[:end], at[:end], bit[:end], place[:end]
    if day.rows is not None:
        row = day.rows[row]
    asked = [k for k, step in enumerate(funnel.steps) if not is_told_by_code(step)]
    if asked and len(bit):
        _check_rows(day.source, funnel, asked, bit, row)
        kept = np.flatnonzero(bit != 0)
        visitor, at, bit, row = visitor[kept], at[kept], bit[kept], row[kept]
    return visitor, at, bit, row


def _bits_by_code(meanings: Sequence[tuple[str | None, ...]], steps: Sequence[Step]) -> np.ndarray:
    table = np.zeros(max(1, len(meanings)), np.uint16)
    for code, meaning in enumerate(meanings):
        told = dict(zip(TOLD, meaning, strict=True))
        for k, step in enumerate(steps):
            fits = told["type"] in TYPES[step.type] and (not step.name or told["name"] == step.name)
            if fits and step.condition is not None and is_told_by_code(step):
                fits = holds(step.condition, told)
            if fits:
                table[code] |= 1 << k
    return table


def _check_rows(
    source: str, funnel: Funnel, asked: Sequence[int], bits: np.ndarray, rows: np.ndarray
) -> None:
    """Take the bits away of steps whose condition a row does not meet."""
    candidates = np.flatnonzero((bits & sum(1 << k for k in asked)) != 0)
    if not len(candidates):
        return
    conditions = {k: funnel.steps[k].condition for k in asked}
    fields = sorted({name for node in conditions.values() if node is not None for name in field_names(node)})
    values = values_of(source, fields, rows[candidates])
    for k, node in conditions.items():
        assert node is not None
        is_met = mask(node, values, len(candidates))
        bits[candidates[~is_met]] &= np.uint16(0xFFFF ^ (1 << k))


def values_of(source: str, fields: Sequence[str], rows: np.ndarray) -> dict[str, Coded]:
    """Of some rows of a sealed file (in any order) each field as codes and what they stand for."""
    columns = {
        field: "properties" if field.startswith(PROPERTY) else COLUMNS.get(field, field) for field in fields
    }
    names = sorted(set(columns.values()))
    order = np.argsort(rows, kind="stable")
    ordered, parts = rows[order], []
    for first, table in groups_of(source, names, [n for n in names if n != "properties"], ordered):
        low, high = np.searchsorted(ordered, (first, first + table.num_rows))
        taken = table.take(pa.array(ordered[low:high] - first))
        # A few rows of a large group: its other texts are not looked at.
        parts.append(_plain(taken) if len(taken) < table.num_rows // 4 else taken)
    whole = (
        pa.concat_tables(map(_plain, parts) if len({part.schema for part in parts}) > 1 else parts)
        if parts
        else None
    )
    found: dict[str, Coded] = {}
    for field, name in columns.items():
        codes, values = _coded(field, whole[name]) if whole is not None else (np.empty(0, np.int64), [None])
        placed = np.empty(len(rows), np.int64)
        placed[order] = codes
        found[field] = placed, values
    return found


def _plain(table: pa.Table) -> pa.Table:
    columns = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    return pa.table(dict(zip(table.column_names, columns, strict=True)))


def _coded(field: str, column: pa.ChunkedArray) -> Coded:
    """A column as codes; of a property what its pattern finds in the text."""
    if not field.startswith(PROPERTY):
        return coded(column)
    found = pc.extract_regex(column, pattern(field.removeprefix(PROPERTY), "(?P<value>"))
    texts = pa.chunked_array([pc.struct_field(chunk, "value") for chunk in found.chunks], pa.string())
    codes, values = coded(texts)
    return codes, [property_value(value) for value in values]


def mask(node: Node, values: Mapping[str, Coded], count: int) -> np.ndarray:
    """Which rows meet a condition: a comparison is asked once per different value."""
    if isinstance(node, Compare):
        codes, known = values[node.field]
        table = np.array([holds(node, {node.field: value}) for value in known], bool)
        return table[codes]
    if not isinstance(node, All | AnyOf | None_):
        raise ValueError(f"{type(node).__name__} looks beyond an event")
    found = np.full(count, isinstance(node, All))
    for part in node.parts:
        theirs = mask(part, values, count)
        found = found & theirs if isinstance(node, All) else found | theirs
    return found if isinstance(node, All | AnyOf) else ~found
