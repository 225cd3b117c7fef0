"""Visitors of many days counted once in each group: the same numbers as grouping rows by group and visitor, in a fraction of
the time and memory.

Why beside the expressions: for millions of rows a table of all groups and visitors fits no cache of the processor. Sealed
days lie in order, so what their rows say of one span of visitors after the other is at hand without sorting anything, and
what is counted at a time stays small (distinct_kernel.py). The meaning is the expressions' (measures.py, and those of the
rooms that count so); laws and the pages of drawn shops hold both to each other.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shuke.warehouse.reads import Piece

# Fewer rows are as quick by the expression, once a process has the machine code (`load`); more would not fit into memory
# beside other work.
FEWEST_ROWS = 40_000
MOST_ROWS = 120_000_000
BYTES_A_ROW = 16  # held at the height of it, measured over 5 to 41 million rows
# Rows of a span of visitors: who is counted at a time then fits the nearest caches. Where all rows of a visitor are one,
# far fewer are counted than looked at.
SPAN_ROWS = 8_000
SPAN_ROWS_OF_ALL = 400_000
SPAN_ROWS_OF_MARKS = 20_000
SLOTS_OF_MARKS = 8  # a table of visitors begins with 2 to this power
MOST_MARKED = 4_096  # groups: of more, a visitor's marks fit no cache
MOST_FALLS = (
    8  # where a piece is put together from so many parts that lie in order, they are runs of their own
)
_LEAST_OF_RUN = 16
_NO_CODES = np.empty(0, np.int32)
_NO_MASK = np.empty(0, np.bool_)
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:([KMGT]?)(I?)B?|(%))\s*", re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def most_rows() -> int:
    """How many rows are counted so: fewer where whoever runs this allows an answer less memory (SHUKE_DUCKDB_MEMORY)."""
    stated = os.environ.get("SHUKE_DUCKDB_MEMORY", "")
    size = _SIZE.fullmatch(stated)
    if size is None:
        return MOST_ROWS
    number, power, is_binary, is_share = size.groups()
    if is_share:
        unit = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 100
    else:
        unit = (1024 if is_binary else 1000) ** _POWERS[power.upper()]
    return min(MOST_ROWS, int(float(number) * unit) // BYTES_A_ROW)


def is_worth_it(rows: int) -> bool:
    """Whether so many rows are counted here rather than by the expression."""
    return FEWEST_ROWS <= rows <= most_rows()


def load() -> None:
    """Load the machine code of every way to count: a process that did not waits for it longer than for any answer."""
    for visitors in ([1, 2, 2], list(range(2 * MOST_FALLS, 0, -1))):
        one = [1] * len(visitors)
        table = pa.table(dict.fromkeys(("views", "carts", "orders", _MEASURED_VISITS, "told"), one))
        table = table.append_column("visitor_id", pa.array(visitors, pa.int64()))
        table = table.append_column("page", pa.array(["/"] * len(visitors)))
        pieces = [Piece(table.num_rows, table.slice)]
        of_days(pieces)
        for keys in (("page",), ()):
            count(of_visits(pieces, ("page",)), ["visitors"], keys)
        by_spans(
            gathered(pieces, group="page", keep=lambda rows: flat(rows["told"]).to_numpy() == 1), Shape()
        )
        gathered(pieces, group="page", keep=lambda rows: flat(rows["told"]).to_numpy() == 1, only="/")
        rows = gathered(
            pieces, group="page", told=lambda rows: flat(rows["told"]).to_numpy(), is_by_group=True
        )
        by_groups(rows, Shape(bits=5, planes=3))


# --- visitors of visits, by channel or of all

_ONE, _MORE, _MEASURED, _CART, _ORDER = (1 << bit for bit in range(5))
_OF: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "visitors": lambda deeds: deeds >= 0,
    "one_view_visitors": lambda deeds: (deeds & (_ONE | _MORE)) == _ONE,
    "measured_visitors": lambda deeds: (deeds & _MEASURED) > 0,
    "cart_visitors": lambda deeds: (deeds & _CART) > 0,
    "buyers": lambda deeds: (deeds & _ORDER) > 0,
}
_NEEDS = {
    "one_view_visitors": "views",
    "measured_visitors": "views",
    "cart_visitors": "carts",
    "buyers": "orders",
}
_MEASURED_VISITS = "measured_visits"
_OF_VIEWS = np.array([0, _ONE, _ONE | _MORE], np.uint8)


def columns(names: Collection[str], keys: Sequence[str]) -> tuple[str, ...]:
    """What counting these measures reads: of `visits` by some columns, or (by none) of `visitor_days`."""
    needs = _NEEDS if keys else _NEEDS | {"measured_visitors": _MEASURED_VISITS}
    read = sorted({needs[name] for name in names if name in needs})
    return ("visitor_id", *read, *keys)


def count(rows: Rows, names: Sequence[str], keys: Sequence[str]) -> list[dict[str, object]]:
    """A row per group of `keys` (none: one of all) with each measure of `names`; a visitor of several rows is one."""
    found = by_spans(rows, Shape(bits=5, one=_ONE), is_grouped=bool(keys))[:, 0]
    deeds = np.arange(found.shape[1])
    told: list[dict[str, object]] = [
        {name: int(own[_OF[name](deeds)].sum()) for name in names} for own in found
    ]
    if not keys:
        return told
    return [
        dict(zip(keys, _apart(value, keys), strict=True)) | row
        for value, row, own in zip(rows.values, told, found, strict=True)
        if own.any()
    ]


def of_visits(pieces: Sequence[Piece], keys: Sequence[str]) -> Rows:
    """The rows of `visits`, of pieces with `columns`, for `count`; also for one of all of them."""
    return gathered(pieces, group=tuple(keys), told=_visit_deeds)


def of_days(pieces: Sequence[Piece]) -> Rows:
    """The same of `visitor_days`."""
    return gathered(pieces, group=None, told=_day_deeds)


def _visit_deeds(table: pa.Table) -> np.ndarray:
    """What each visit tells of its visitor, a bit each."""
    deeds = _day_deeds(table)
    if "views" in table.column_names:
        deeds |= np.where(flat(table["views"]).to_numpy() >= 2, np.uint8(_MEASURED), np.uint8(0))
    return deeds


def _day_deeds(table: pa.Table) -> np.ndarray:
    """What each visitor's day tells of him."""
    deeds = np.zeros(table.num_rows, np.uint8)
    known = table.column_names
    if "views" in known:
        deeds |= _OF_VIEWS[np.minimum(flat(table["views"]).to_numpy(), 2)]
    for name, bit in ((_MEASURED_VISITS, _MEASURED), ("carts", _CART), ("orders", _ORDER)):
        if name in known:
            deeds |= np.where(flat(table[name]).to_numpy() > 0, np.uint8(bit), np.uint8(0))
    return deeds


# --- any rows


@dataclass(frozen=True)
class Shape:
    """What rows tell: `bits` in each of `planes` (of several, each is counted, and all of them together), and the bit that
    stands for one of something: told twice, the next one is set too."""

    bits: int = 0
    planes: int = 1
    one: int = 0

    @property
    def told(self) -> tuple[int, int, int]:
        return self.bits, self.planes, self.one

    def empty(self, groups: int) -> np.ndarray:
        planes = 1 if self.planes == 1 else self.planes + 1
        return np.zeros((groups, planes, 1 << self.bits), np.int64)


@dataclass(frozen=True)
class Rows:
    """Rows of several pieces in runs, each in order of its visitors; `values` are those of the groups by number."""

    visitor: np.ndarray
    told: np.ndarray  # of each row; empty: nothing is
    group: np.ndarray  # of each row, a number of its run's own; empty: of a run all are of one group
    starts: np.ndarray
    ends: np.ndarray
    meanings: np.ndarray  # the group of each run's own number, from `meaning_at` of the run on
    meaning_at: np.ndarray
    values: list[Any]

    @property
    def count(self) -> int:
        return int((self.ends - self.starts).sum())

    @property
    def edges(self) -> tuple[int, int]:
        return int(self.visitor[self.starts].min()), int(self.visitor[self.ends - 1].max())


def gathered(
    pieces: Sequence[Piece],
    *,
    group: str | tuple[str, ...] | None,
    told: Callable[[pa.Table], np.ndarray] | None = None,
    keep: Callable[[pa.Table], np.ndarray] | None = None,
    only: str | None = None,
    is_by_group: bool = False,
) -> Rows:
    """The rows of pieces with `visitor_id` and `group` (a text; several columns; None: all are one), without those of no
    visitor. Several columns have their values together as one (`_apart` takes them apart).

    A file's pieces need not follow one another in order, and a piece that is in none is put into it.

    `told`: what each row tells, of at most 15 bits. `keep`: a mask of the rows that count. `only`: those of one group.
    `is_by_group`: the pieces lie in order of groups, and each run is of one.
    """
    from shuke.traffic.marks_kernel import rows_of, run_starts

    sizes = np.array([piece.rows for piece in pieces], np.int64)
    begins = np.cumsum(sizes) - sizes
    whole = int(sizes.sum())
    # What is never written to takes no memory.
    visitor = np.empty(whole, np.int64)
    deeds = np.empty(whole if told else 0, np.uint16)
    groups = np.empty(0 if is_by_group or group is None else whole, np.int32)

    def fill(number: int) -> tuple[pa.Array, np.ndarray, np.ndarray, np.ndarray]:
        """The piece's own values, and its runs: starts, ends and (where they are of one group) its number."""
        table = pieces[number].read()
        who = flat(table["visitor_id"])
        codes, values = _groups(table, group)
        mask = None if keep is None else keep(table)
        if mask is not None and len(groups) and only is None:
            codes, mask = np.where(mask, codes, np.int32(-1)), None  # left out where it is counted
        if who.null_count:
            valid = pc.is_valid(who).to_numpy(zero_copy_only=False)
            mask = valid if mask is None else mask & valid
            who = pc.fill_null(who, 0)
        rows = None
        if only is not None:
            rows = rows_of(codes, _NO_MASK if mask is None else mask, pc.index(values, only).as_py())
        elif mask is not None and not mask.all():
            rows = np.flatnonzero(mask)
        own = who.to_numpy()
        does = told(table) if told else None
        if rows is not None:
            own, codes = own[rows], codes[rows]
            does = None if does is None else does[rows]
        if not len(own):
            return values, *(np.empty(0, np.int64),) * 3
        of = codes if is_by_group else _NO_CODES
        starts = run_starts(own, of, MOST_FALLS)
        if not len(starts):
            order = np.lexsort((own, codes)) if is_by_group else np.argsort(own)
            own, codes = own[order], codes[order]
            does = None if does is None else does[order]
            starts = run_starts(own, codes if is_by_group else _NO_CODES, 0)
        begin, count = begins[number], len(own)
        visitor[begin : begin + count] = own
        if does is not None:
            deeds[begin : begin + count] = does
        if len(groups):
            groups[begin : begin + count] = codes
        first = codes[starts].astype(np.int64)
        return values, starts + begin, np.append(starts[1:], count) + begin, first

    with ThreadPoolExecutor(_threads()) as pool:
        filled = list(pool.map(fill, range(len(pieces))))
    lists = [values for values, *_rest in filled]
    meanings, values = _meanings(lists)
    meaning_from = np.cumsum([0, *map(len, lists)])[:-1]
    meaning_at = [
        np.full(len(starts), at, np.int64) + (first if is_by_group else 0)
        for at, (_values, starts, _ends, first) in zip(meaning_from, filled, strict=True)
    ]
    return Rows(
        visitor,
        deeds,
        groups,
        _joined([starts for _values, starts, _ends, _first in filled]),
        _joined([ends for _values, _starts, ends, _first in filled]),
        meanings,
        _joined(meaning_at),
        values,
    )


def by_spans(rows: Rows, shape: Shape, *, is_grouped: bool = True) -> np.ndarray:
    """How many visitors there are by group (or of all together: one), plane and what they did."""
    from shuke.traffic.distinct_kernel import SLOTS, count_spans

    whole = rows.count
    groups = len(rows.values) if is_grouped else 1
    if not whole:
        return shape.empty(groups)
    if is_grouped and shape == Shape() and groups <= MOST_MARKED:
        return _by_marks(rows)
    low, high = rows.edges
    spans, cuts = _cuts(rows, SPAN_ROWS if is_grouped else SPAN_ROWS_OF_ALL)
    group = rows.group if is_grouped else rows.group[:0]

    def work(part: int) -> np.ndarray:
        into = shape.empty(groups)
        count_spans(
            rows.visitor, rows.told, group, rows.meanings, rows.meaning_at, rows.starts, rows.ends, low, high,
            cuts[part], cuts[part + 1], spans, shape.told, 0, SLOTS, into,
        )  # fmt: skip
        return into

    with ThreadPoolExecutor(len(cuts) - 1) as pool:
        return np.sum(list(pool.map(work, range(len(cuts) - 1))), axis=0)


def by_groups(rows: Rows, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """The same of rows whose runs are each of one group and tell something: by group, and of all together."""
    from shuke.traffic.marks_kernel import count_both

    assert shape.bits
    assert not shape.one
    into = shape.empty(len(rows.values))
    whole = shape.empty(1)
    if not rows.count:
        return into, whole
    of = rows.meanings[rows.meaning_at]
    order = np.argsort(of, kind="stable")
    of, starts, ends = of[order], rows.starts[order], rows.ends[order]
    low, high = rows.edges
    spans, cuts = _cuts(rows, SPAN_ROWS_OF_ALL)

    def work(part: int) -> tuple[np.ndarray, np.ndarray]:
        own, of_all = np.zeros_like(into), np.zeros_like(whole)
        count_both(
            rows.visitor, rows.told, of, starts, ends, low, high, cuts[part], cuts[part + 1], spans,
            (shape.bits, shape.planes), SLOTS_OF_MARKS, own, of_all[0],
        )  # fmt: skip
        return own, of_all

    with ThreadPoolExecutor(len(cuts) - 1) as pool:
        for own, of_all in pool.map(work, range(len(cuts) - 1)):
            into += own
            whole += of_all
    return into, whole


def _by_marks(rows: Rows) -> np.ndarray:
    """How many visitors there are by group, where nothing else is told and the groups are few."""
    from shuke.traffic.marks_kernel import count_marks

    low, high = rows.edges
    spans, cuts = _cuts(rows, SPAN_ROWS_OF_MARKS)

    def work(part: int) -> np.ndarray:
        into = np.zeros(len(rows.values), np.int64)
        count_marks(
            rows.visitor, rows.group, rows.meanings, rows.meaning_at, rows.starts, rows.ends, low, high, cuts[part],
            cuts[part + 1], spans, SLOTS_OF_MARKS, into,
        )  # fmt: skip
        return into

    with ThreadPoolExecutor(len(cuts) - 1) as pool:
        return np.sum(list(pool.map(work, range(len(cuts) - 1))), axis=0)[:, None, None]


def _cuts(rows: Rows, span_rows: int) -> tuple[int, list[int]]:
    """Into how many spans of visitors rows are cut, and the first of them for each thread, with the end."""
    whole = rows.count
    # Each span looks at every run: not at so many that looking is what takes the time.
    looks = whole // (_LEAST_OF_RUN * len(rows.starts))
    spans = max(_threads(), min(whole // span_rows, looks))
    parts = min(_threads(), spans)
    return spans, [spans * number // parts for number in range(parts + 1)]


def _threads() -> int:
    return max(1, min(4, os.cpu_count() or 1))


def flat(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array, without a copy where it is one."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _coded(column: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    """A text column as numbers and what they mean; null has a number of its own."""
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column)
    elif column.num_chunks > 1:
        column = column.unify_dictionaries()
    coded = flat(column)
    if not len(coded):
        return np.empty(0, np.int32), pa.array([], pa.string())
    values = coded.dictionary.cast(pa.string())
    if not coded.indices.null_count:
        return coded.indices.to_numpy(), values
    codes = pc.fill_null(coded.indices, len(values)).to_numpy()
    return codes, pa.concat_arrays([values, pa.array([None], pa.string())])


_MOST_FLAGGED = 1 << 20


def _groups(table: pa.Table, group: str | tuple[str, ...] | None) -> tuple[np.ndarray, pa.Array]:
    """The group of each row as a number, and what the numbers mean."""
    if group is None:
        return _of_one(table.num_rows)
    if isinstance(group, str):
        return _coded(table[group])
    parts = [_coded(table[name]) for name in group]
    together = parts[0][0].astype(np.int64)
    for codes, values in parts[1:]:
        together = together * max(len(values), 1) + codes
    # Few of the groups that there might be occur.
    whole = int(np.prod([max(len(values), 1) for _codes, values in parts]))
    if whole <= _MOST_FLAGGED:
        occurs = np.zeros(whole, bool)
        occurs[together] = True
        found = np.flatnonzero(occurs)
        numbers = np.cumsum(occurs, dtype=np.int32)[together] - np.int32(1)
    else:
        found, numbers = np.unique(together, return_inverse=True)
        numbers = numbers.astype(np.int32)
    columns = []
    for _codes, values in reversed(parts):
        size = max(len(values), 1)
        columns.append(values.take(pa.array(found % size)).to_pylist() if len(values) else [])
        found = found // size
    told = [json.dumps(one) for one in zip(*reversed(columns), strict=True)]
    return numbers, pa.array(told, pa.string())


def _apart(value: Any, keys: Sequence[str]) -> list[Any]:
    """The values of a group's columns, as `visits` have them."""
    return [
        one if one is None or key != "is_paid" else one == "true"
        for one, key in zip(json.loads(value), keys, strict=True)
    ]


def _of_one(rows: int) -> tuple[np.ndarray, pa.Array]:
    """The same of rows that are all of one group."""
    return np.broadcast_to(np.int32(0), rows), pa.array([""])


def _meanings(lists: Sequence[pa.Array]) -> tuple[np.ndarray, list[Any]]:
    """Which value each piece's numbers mean, one after the other, and the values."""
    if not any(len(one) for one in lists):
        return np.empty(0, np.int64), []
    whole = pc.dictionary_encode(pa.concat_arrays(lists), null_encoding="encode")
    return whole.indices.to_numpy().astype(np.int64), whole.dictionary.to_pylist()


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64)
