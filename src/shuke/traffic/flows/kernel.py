"""Page flows without SQL: the same sums as `ways.page_flows`, as array operations over the events of one machine.

Why beside the expression: a day of two million events is sealed in pieces, and what each piece's visits did lies at hand
then; the windows of the expression would sort the day once more. Texts stay codes from the events to the sums. The
expression stays the meaning (and the way on a cluster); one set of cases and one law hold both to each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shuke.traffic.flows.ways import DIMENSIONS, LAST_STEP, LEVELS, SUMS
from shuke.traffic.kernel import Codes, in_order, integers
from shuke.traffic.sessions import VIEWS
from shuke.warehouse import schemas

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "events": (
        "shop_id", "event_id", "visitor_id", "type", "at", "ord", "local_day", "page_path", "page_type",
    ),
    "visits": ("visit_id", "channel", "orders"),
}  # fmt: skip
KINDS = ("entry", "move", "exit", "order")
_ENTRY, _MOVE, _EXIT, _ORDER = range(len(KINDS))
_TEXTS = ("channel", "from_type", "from_path", "to_type", "to_path")
_MICROSECONDS = 1_000_000
# As many cells are counted without sorting, by one array of them.
_MOST_CELLS = 4_000_000


def moves(
    inputs: Mapping[str, pa.Table], is_wanted: pa.ChunkedArray | None = None, *, with_visits: bool = False
) -> pa.Table:
    """One row a move (ways.moves), texts as codes ('' for none): of any whole visitors' days, to be added up.

    `is_wanted`: of which visits; all of them have to be given, since they tell each other apart. `with_visits`: each move
    with its visit_id.
    """
    events, visits = in_order(inputs["events"]), inputs["visits"]
    ids = visits["visit_id"].to_numpy()
    by_id = np.argsort(ids)
    of_event = events["event_id"].to_numpy()
    opens = np.isin(of_event, ids)
    is_view = pc.is_in(events["type"].cast(pa.string()), value_set=pa.array(VIEWS)).to_numpy(
        zero_copy_only=False
    )
    visit_of_opener = by_id[np.searchsorted(ids, of_event[opens], sorter=by_id)]
    views = np.flatnonzero(is_view)
    visit = visit_of_opener[np.cumsum(opens)[views] - 1]
    if is_wanted is not None:
        keep = is_wanted.to_numpy()[visit]
        views, visit = views[keep], visit[keep]
    return _moves_of(events, visits, views, visit, with_visits)


def _moves_of(
    events: pa.Table, visits: pa.Table, views: np.ndarray, visit: np.ndarray, with_visits: bool
) -> pa.Table:
    """`views` are the rows of views in order, `visit` the row of each one's visit."""
    count = len(views)
    number = np.arange(count)
    is_first = np.ones(count, dtype=bool)
    is_first[1:] = visit[1:] != visit[:-1]
    is_last = np.ones(count, dtype=bool)
    is_last[:-1] = is_first[1:]
    first = np.maximum.accumulate(np.where(is_first, number, 0))
    step = np.minimum(number - first + 1, LAST_STEP)
    is_ordered = visits["orders"].to_numpy()[visit] > 0
    second = integers(events["at"])[views] // _MICROSECONDS
    stay = np.zeros(count, dtype=np.int64)
    stay[:-1] = np.where(is_last[:-1], 0, second[1:] - second[:-1])
    kind = np.where(is_last, np.where(is_ordered, _ORDER, _EXIT), _MOVE)
    following = np.minimum(number + 1, max(count - 1, 0))
    entries = np.flatnonzero(is_first)
    # Entries first, then each view's own move.
    rows = np.concatenate([entries, number])
    page_type, page_path, channel = (
        _Text(column) for column in (events["page_type"], events["page_path"], visits["channel"])
    )
    none_type, none_path = page_type.none, page_path.none
    types, paths = page_type.codes[views], page_path.codes[views]
    none = np.full(len(entries), 0)
    codes = {
        "channel": (channel.texts, channel.codes[visit][rows]),
        "from_type": (page_type.texts, np.concatenate([none + none_type, types])),
        "from_path": (page_path.texts, np.concatenate([none + none_path, paths])),
        "to_type": (
            page_type.texts,
            np.concatenate([types[entries], np.where(is_last, none_type, types[following])]),
        ),
        "to_path": (
            page_path.texts,
            np.concatenate([paths[entries], np.where(is_last, none_path, paths[following])]),
        ),
    }
    columns: dict[str, pa.Array] = {
        "shop_id": events["shop_id"].take(pa.array(views[rows])),
        "local_day": events["local_day"].take(pa.array(views[rows])),
        "kind": pa.array(np.concatenate([none + _ENTRY, kind]).astype(np.int8)),
        "step": pa.array(np.concatenate([none, step]).astype(np.int8)),
        "is_ordered": pa.array(is_ordered[rows]),
        "stay_seconds": pa.array(np.concatenate([none, stay]).astype(np.int32)),
    }
    if with_visits:
        columns["visit_id"] = visits["visit_id"].take(pa.array(visit[rows]))
    for name, (texts, numbers) in codes.items():
        indices = pa.array(numbers.astype(np.int32))
        columns[name] = pa.DictionaryArray.from_arrays(indices, texts.cast(pa.string()))
    return pa.table(columns)


def added_up(moved: pa.Table, levels: Sequence[str] = tuple(LEVELS)) -> pa.Table:
    """The rows of schemas.PAGE_FLOWS from moves, of one piece or of several put together; all of one shop."""
    if moved.num_rows == 0:
        return schemas.PAGE_FLOWS.empty_table()
    texts = {name: _Text(moved[name]) for name in _TEXTS}
    day = integers(moved["local_day"])
    first_day = int(day.min())
    day = day - first_day
    told = {name: _Column(one.codes, len(one.texts)) for name, one in texts.items()}
    told["step"] = _Column(moved["step"].to_numpy().astype(np.int64), LAST_STEP + 1)
    for side in ("from", "to"):
        # A page's type and path together: far fewer occur than could.
        told[f"{side}_page"] = _together([told[f"{side}_type"], told[f"{side}_path"]])
    kinds = _Column(moved["kind"].to_numpy().astype(np.int64), len(KINDS))
    shared = _together([_Column(day, int(day.max()) + 1), kinds])
    ordered = moved["is_ordered"].to_numpy().astype(np.float64)
    stay = moved["stay_seconds"].to_numpy().astype(np.float64)
    parts = []
    for level in levels:
        names = _BY[level]
        groups = _together([shared, *(told[name] for name in names)])
        example = groups.examples()
        columns: dict[str, pa.Array] = {
            "shop_id": pa.repeat(moved["shop_id"][0], len(example)),
            "local_day": pa.array((day[example] + first_day).astype("datetime64[D]")),
            "level": pa.repeat(pa.scalar(level), len(example)),
            "kind": pa.array(KINDS).take(moved["kind"].combine_chunks().take(pa.array(example))),
        }
        for name in DIMENSIONS:
            if name not in LEVELS[level]:
                columns[name] = pa.nulls(len(example), schemas.PAGE_FLOWS.field(name).type)
            elif name == "step":
                columns[name] = pa.array(told["step"].codes[example])
            else:
                columns[name] = texts[name].at(example)
        for name, weights in zip(SUMS, (None, ordered, stay), strict=True):
            columns[name] = pa.array(groups.added(weights))
        parts.append(pa.table([columns[f.name].cast(f.type) for f in schemas.PAGE_FLOWS], schemas.PAGE_FLOWS))
    return pa.concat_tables(parts)


# A page's type and path are told by one column.
_BY: dict[str, tuple[str, ...]] = {
    "page": ("from_page", "to_page"),
    "type": ("channel", "step", "from_type", "to_type"),
    "into": ("step", "from_type", "to_page"),
    "out": ("step", "from_page", "to_type"),
}


class _Text:
    """A text column as codes, with a code for '' (`none`) whether it occurs or not; null is ''."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        coded = Codes(column)
        self.codes = coded.codes
        self.texts = coded.texts.cast(pa.string())
        self.none = coded.code_of("")
        if self.none < 0:
            self.none = len(self.texts)
            self.texts = pa.concat_arrays([self.texts, pa.array([""], pa.string())])

    def at(self, rows: np.ndarray) -> pa.Array:
        """The texts of some rows, null for ''."""
        codes = self.codes[rows]
        return self.texts.take(pa.array(codes, mask=codes == self.none))


@dataclass(frozen=True)
class _Column:
    """Codes from 0 to below `size`, a row each."""

    codes: np.ndarray
    size: int

    def examples(self) -> np.ndarray:
        """A row of each code, where every code occurs."""
        found = np.empty(self.size, dtype=np.int64)
        found[self.codes] = np.arange(len(self.codes))
        return found

    def added(self, weights: np.ndarray | None) -> np.ndarray:
        """Per code, how many rows there are, or what their weights add up to (whole numbers below 2 ** 53)."""
        return np.bincount(self.codes, weights, minlength=self.size).astype(np.int64)


def _together(columns: Sequence[_Column]) -> _Column:
    """Several columns as one, numbered without gaps by what occurs."""
    found = columns[0]
    for column in columns[1:]:
        if found.size * column.size >= 1 << 62:
            found = _without_gaps(found)
        codes = found.codes * column.size
        codes += column.codes
        found = _Column(codes, found.size * column.size)
    return _without_gaps(found)


def _without_gaps(column: _Column) -> _Column:
    """Few cells are counted, more are sorted."""
    if column.size > _MOST_CELLS:
        occurring, codes = np.unique(column.codes, return_inverse=True)
        return _Column(codes, len(occurring))
    occurs = np.zeros(column.size, dtype=bool)
    occurs[column.codes] = True
    number = np.cumsum(occurs)
    if number[-1] == column.size:
        return column
    number -= 1
    return _Column(number[column.codes], int(number[-1]) + 1)
