"""A derived kind over several stretches of days at once: this month, the month before and the same days last year as one
table, each row with the number of its stretch. So one question answers for all of them, from one snapshot.

Which day belongs to which stretch, and where it is cut, stands in a small table of its own. The question's words are then
the same from day to day and from shop to shop, and its translation is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial, reduce

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from shuke.kernel.periods import ONE_DAY, Period, day_start, local_day
from shuke.warehouse import at_hand, derivations, lake, schemas
from shuke.warehouse.remembering import remembered
from shuke.warehouse.snapshots import Snapshot, naive_utc

# What a row says of its stretch: its number, whether its day lies in the days before it, and (for hours) the stretch's
# first midnight in seconds since 1970.
COLUMNS = (
    pa.field("stretch", pa.int64()),
    pa.field("is_before", pa.int64()),
    pa.field("midnight", pa.int64()),
)
_DAYS = pa.schema([("shop_id", pa.int64()), ("local_day", pa.date32()), ("part", pa.int64()), *COLUMNS])
_WHOLE = 0
_MOST_HELD = 300_000
_FEW_HELD = 20_000


@dataclass(frozen=True)
class Stretch:
    """Days of a period, and `days_before` in front of it; `until`: as the facts stood before that (aware) moment."""

    period: Period
    until: datetime | None = None
    days_before: int = 0

    @property
    def whole(self) -> Period:
        return Period(self.period.start - ONE_DAY * self.days_before, self.period.end)


def hull(stretches: Collection[Stretch]) -> Period:
    """The period that a snapshot must have to hold them all."""
    return Period(min(s.whole.start for s in stretches), max(s.whole.end for s in stretches))


Build = Callable[[Mapping[str, ibis.Table]], ibis.Table]
_asked: dict[Hashable, tuple[str, pa.Schema]] = {}
_MOST_ASKED = 5000


@dataclass(frozen=True)
class Piece:
    """Rows of a kind, read when they are wanted, by any thread; texts may come as dictionaries."""

    rows: int
    read: Callable[[], pa.Table]


def pieces_of_files(files: Sequence[str], names: Sequence[str]) -> list[Piece]:
    """The row groups of Parquet files. Most are in the kind's order; one need not follow the other in it."""
    found = []
    for name in files:
        with pq.ParquetFile(name) as file:
            known = file.metadata
        for group in range(known.num_row_groups):
            read = partial(_read_group, name, known, group, tuple(names))
            found.append(Piece(known.row_group(group).num_rows, read))
    return found


def _pieces_of_days(narrow: Snapshot, kind: str, days: Sequence[date], names: Sequence[str]) -> list[Piece]:
    """The sealed pieces of some days; small files of numbers are kept at hand."""
    schema = pa.schema([schemas.ALL[kind].field(name) for name in names])
    are_numbers = not any(pa.types.is_string(one.type) for one in schema)
    found, others = [], []
    for day in days:
        files, rows = narrow.sealed_files(kind, [day]), narrow.plan.rows.get(day, {}).get(kind, 0)
        if are_numbers and len(files) == 1 and 0 < rows <= _FEW_HELD:
            found.append(Piece(rows, partial(at_hand.rows_of, tuple(files), schema)))
        else:
            others += files
    return found + pieces_of_files(others, names)


def _read_group(name: str, known: pq.FileMetaData, group: int, names: Sequence[str]) -> pa.Table:
    schema = known.schema.to_arrow_schema()
    texts = [one for one in names if pa.types.is_string(schema.field(one).type)]
    with pq.ParquetFile(name, metadata=known, read_dictionary=texts) as file:
        return file.read_row_group(group, columns=list(names), use_threads=False)


def _itself(table: pa.Table) -> pa.Table:
    return table


class LaidOut:
    """Derived kinds of several stretches, for one question of one snapshot."""

    def __init__(self, snapshot: Snapshot, stretches: Sequence[Stretch]) -> None:
        self._snapshot = snapshot
        self._stretches = tuple(stretches)
        self._placed: dict[str, _Placed] = {}
        self._cut: dict[str, list[ibis.Table]] = {}

    def answer(
        self,
        kinds: Mapping[str, Sequence[str] | None],
        key: Hashable,
        build: Build,
        *,
        is_kept: bool,
        given: Mapping[str, pa.Table] | None = None,
    ) -> pa.Table:
        """The answer to `build`, which gets a table of each kind: all of its columns (None) or those named, and COLUMNS.

        Named columns: the rows of whole days are held at hand when they are few, since they are looked at several times.
        `key` tells apart what the expression depends on besides the kinds. `is_kept`: remember the answer until a fact
        of these days changes. `given`: small tables of what the question is asked with (a moment, a name), so that its
        words stay the same and its translation is kept; never together with `is_kept`.
        """
        assert not (given and is_kept)
        columns = {kind: tuple(names or schemas.ALL[kind].names) for kind, names in kinds.items()}

        def ask() -> pa.Table:
            laid = {
                kind: self._lay_out(kind, columns[kind], names is not None) for kind, names in kinds.items()
            }
            held = {name: self._snapshot.holding(name, table) for name, table in (given or {}).items()}
            shape: tuple[Hashable, ...] = tuple(
                (kind, columns[kind], one.names) for kind, one in laid.items()
            )
            shape += tuple((name, table.get_name()) for name, table in held.items())
            sql, schema = self._translated(
                (shape, key),
                lambda: build({kind: one.table(columns[kind]) for kind, one in laid.items()} | held),
            )
            # An engine widens a sum (to 128 bits); the expression says what it is.
            return self._snapshot.engine.answer(sql).cast(schema)

        if not is_kept:
            return ask()
        depends = tuple((kind, self._placed_of(kind).identity(self._snapshot, kind)) for kind in kinds)
        return remembered(("stretches", self._stretches, depends, tuple(columns.items()), key), ask)

    def sealed_rows(self, kind: str) -> int:
        """How many sealed rows of a kind the stretches have, each counted as often as it is looked at."""
        found = self._snapshot.plan.rows
        return sum(found.get(day, {}).get(kind, 0) for _stretch, day, _part in self._placed_of(kind).places)

    def pieces(self, kind: str, stretch: int, names: Sequence[str]) -> list[Piece]:
        """Some columns of a kind's rows in one stretch, for a kernel that reads them piece by piece; only for an engine in
        this process over a lake on this machine (`has_columns`). Most sealed pieces are in the kind's order."""
        snapshot, placed = self._snapshot, self._placed_of(kind)
        own = [(day, part) for number, day, part in placed.places if number == stretch]
        whole = [day for day, part in own if part == _WHOLE]
        narrow = snapshot.narrowed(whole, f"{kind}k{stretch}")
        unsettled = set(narrow.unsettled_days(kind))
        found = _pieces_of_days(narrow, kind, [day for day in whole if day not in unsettled], names)
        tables = []
        if unsettled:
            fresh = snapshot.narrowed(unsettled, f"{kind}u{stretch}").derived(kind)
            tables.append(_chosen(fresh, names, snapshot))
        for number, cut in enumerate(self._cut_parts(kind), start=1):
            days = [ibis.date(day) for day, part in own if part == number]
            if days:
                tables.append(_chosen(cut.filter(cut.local_day.isin(days)), names, snapshot))
        return found + [Piece(table.num_rows, partial(_itself, table)) for table in tables]

    def lacks(self, kind: str) -> bool:
        """Whether a sealed day of the stretches has none of a kind: one that is newer than it, or that follows later. Such
        days are computed anew by whoever asks."""
        plan = self._snapshot.plan
        return any(
            part == _WHOLE and day in plan.through and not plan.has(day, kind)
            for _stretch, day, part in self._placed_of(kind).places
        )

    @property
    def has_columns(self) -> bool:
        return self._snapshot.engine.is_in_process and not lake.is_remote()

    def kept(self, kind: str, key: Hashable, compute: Callable[[], pa.Table]) -> pa.Table:
        """What was computed of a kind's rows in these stretches, remembered until one of them changes."""
        identity = self._placed_of(kind).identity(self._snapshot, kind)
        return remembered(("kept", self._stretches, kind, identity, key), compute)

    def _translated(self, key: Hashable, built: Callable[[], ibis.Table]) -> tuple[str, pa.Schema]:
        known = (self._snapshot.engine.name, self._snapshot.slot, key)
        if known not in _asked:
            if len(_asked) >= _MOST_ASKED:
                _asked.clear()
            made = built()
            _asked[known] = self._snapshot.engine.sql_of(made), made.schema().to_pyarrow()
        return _asked[known]

    def _placed_of(self, kind: str) -> _Placed:
        if kind not in self._placed:
            self._placed[kind] = _Placed.of(self._snapshot, kind, self._stretches)
        return self._placed[kind]

    def _cut_parts(self, kind: str) -> list[ibis.Table]:
        """The groups of days that are cut, in their order."""
        if kind not in self._cut:
            cuts = enumerate(self._placed_of(kind).cuts, start=1)
            groups = [(f"{kind}c{number}", group) for number, group in cuts]
            self._cut[kind] = self._snapshot.cut_apart(kind, groups)
        return self._cut[kind]

    def _lay_out(self, kind: str, names: Sequence[str], is_held: bool) -> _Laid:
        snapshot, placed = self._snapshot, self._placed_of(kind)
        # Also where there are no facts: what a question says does not depend on what is known, so it can be translated
        # before there is anything to ask about.
        narrow = placed.narrow(snapshot, kind)
        is_held = is_held or _are_few(narrow, kind)
        parts = [(_WHOLE, _whole(narrow, kind, names if is_held else None))]
        parts += enumerate(self._cut_parts(kind), start=1)
        days = snapshot.holding(f"{kind}_days", pa.Table.from_pylist(placed.rows, schema=_DAYS))
        return _Laid(kind, tuple(parts), days)


@dataclass(frozen=True)
class _Laid:
    """One kind laid out: its parts by number, and the days with the part and stretch of each."""

    kind: str
    parts: tuple[tuple[int, ibis.Table], ...]
    days: ibis.Table

    @property
    def names(self) -> Hashable:
        return (self.days.get_name(), *((number, table.get_name()) for number, table in self.parts))

    def table(self, names: Sequence[str]) -> ibis.Table:
        """A join, so that whatever is asked of it begins with it, and an engine reads its files once."""
        schema = pa.schema([*(schemas.ALL[self.kind].field(n) for n in names), *COLUMNS])
        rows = [table.select(*names, part=ibis.literal(number, "int64")) for number, table in self.parts]
        both = reduce(lambda a, b: a.union(b, distinct=False), rows)
        return both.join(self.days, ["shop_id", "local_day", "part"]).select(*schema.names)


def _chosen(table: ibis.Table, names: Sequence[str], snapshot: Snapshot) -> pa.Table:
    schema = pa.schema([table.schema().to_pyarrow().field(name) for name in names])
    return snapshot.engine.run(table.select(*names)).cast(schema)


def _are_few(narrow: Snapshot, kind: str) -> bool:
    """Whether the rows of whole days are better at hand: few in many small files, each of which takes longer to open than to
    read, and that once for each part of a question."""
    plan = narrow.plan
    return sum(plan.rows.get(day, {}).get(kind, 0) for day in plan.through) <= _FEW_HELD


def _whole(narrow: Snapshot, kind: str, held: Sequence[str] | None) -> ibis.Table:
    """The rows of whole days under one name."""
    name = f"s{narrow.slot}{narrow.tag}_{kind}_whole"
    is_open = bool(narrow.unsettled_days(kind))
    if held is None:
        if not is_open:
            return narrow.engine.table(
                name, schemas.ALL[kind], narrow.sealed_files(kind, narrow.plan.through)
            )
        return narrow.engine.define(name, schemas.ALL[kind], narrow.derived(kind))
    schema = pa.schema([schemas.ALL[kind].field(n) for n in held])

    def rows() -> pa.Table:
        if is_open:
            return narrow.engine.run(narrow.derived(kind).select(*held)).cast(schema)
        if narrow.engine.is_in_process and not lake.is_remote() and _are_few(narrow, kind):
            return at_hand.rows_of(narrow.sealed_files(kind, sorted(narrow.plan.through)), schema)
        sealed = narrow.sealed_view(kind)
        sql = narrow.kept_sql(("held", tuple(held), sealed.get_name()), lambda: sealed.select(*held))
        return narrow.engine.answer(sql).cast(schema)

    found = remembered(("held", kind, tuple(held), *narrow.identity(kind)), rows, most=_MOST_HELD)
    return narrow.engine.hold(name, found)


@dataclass(frozen=True)
class _Placed:
    """Where each stretch finds each of its days: among the whole days, or in a group of days that are cut."""

    rows: list[dict[str, object]]
    places: list[tuple[int, date, int]]  # stretch, day and part of each row
    whole: frozenset[date]
    cuts: tuple[Mapping[date, datetime], ...]

    def narrow(self, snapshot: Snapshot, kind: str) -> Snapshot:
        return snapshot.narrowed(self.whole, f"{kind}w")

    def identity(self, snapshot: Snapshot, kind: str) -> Hashable:
        """Equal identities, equal rows."""
        return (
            self.narrow(snapshot, kind).identity(kind),
            *(snapshot.narrowed(cuts, "c", cuts).identity(kind) for cuts in self.cuts),
        )

    @classmethod
    def of(cls, snapshot: Snapshot, kind: str, stretches: Sequence[Stretch]) -> _Placed:
        zone = snapshot.shop.zone
        known = {*snapshot.plan.through, *snapshot.plan.open_days(derivations.roots(kind))}
        pairs = {
            (local_day(s.until, zone), naive_utc(s.until))
            for s in stretches
            if s.until is not None and local_day(s.until, zone) in s.whole
        }
        cuts = _grouped(pairs)
        known.update(day for group in cuts for day in group)
        part_of = {pair: number for number, group in enumerate(cuts, start=1) for pair in group.items()}
        rows: list[dict[str, object]] = []
        places = []
        whole = set()
        for number, stretch in enumerate(stretches):
            until = stretch.until
            last = local_day(until, zone) if until is not None else None
            midnight = int(day_start(stretch.period.start, zone).timestamp())
            for day in sorted(d for d in known if d in stretch.whole):
                part: int | None = _WHOLE
                if last is not None and until is not None and day >= last:
                    part = part_of.get((day, naive_utc(until))) if day == last else None
                if part is None:
                    continue
                if part == _WHOLE:
                    whole.add(day)
                places.append((number, day, part))
                rows.append(
                    {
                        "shop_id": snapshot.shop.id,
                        "local_day": day,
                        "part": part,
                        "stretch": number,
                        "is_before": int(day < stretch.period.start),
                        "midnight": midnight,
                    }
                )
        return cls(rows, places, frozenset(whole), cuts)


def _grouped(pairs: Iterable[tuple[date, datetime]]) -> tuple[Mapping[date, datetime], ...]:
    """Cut days in groups that are computed together. The newest stands alone: it changes with every segment, while the
    others are computed once for all who look in the same minute. A day that is cut twice is in two groups."""
    ordered = sorted(pairs, key=lambda pair: pair[1], reverse=True)
    if not ordered:
        return ()
    newest, *others = ordered
    groups: list[dict[date, datetime]] = []
    for day, moment in others:
        free = next((group for group in groups if day not in group), None)
        if free is None:
            groups.append(free := {})
        free[day] = moment
    return ({newest[0]: newest[1]}, *groups)
