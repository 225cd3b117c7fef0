"""A snapshot: what a reader holds for one question. The ledger first, then the open list, then the sealed tables at the
versions that the ledger names; open rows count after the ledger's `through`. So no fact is seen twice or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import partial, reduce
from operator import or_

import ibis
import pyarrow as pa
import pyarrow.compute as pc
from django.conf import settings
from django_scopes import scope

from shuke.kernel.periods import ONE_DAY, Period, local_day
from shuke.shops.reads import ShopView
from shuke.warehouse import derivations, open_tier, schemas, sealed_tier
from shuke.warehouse.engine import Engine, with_segment
from shuke.warehouse.models import SealedDay
from shuke.warehouse.remembering import is_known, keep, remembered

# Cut days of more raw rows are computed one after the other.
_TOGETHER_ROWS = 300_000
_translated: dict[Hashable, str] = {}
_tokens: dict[Hashable, Hashable] = {}
_NEVER = datetime(9999, 1, 1)  # noqa: DTZ001 (facts hold naive UTC)
_WANTED = pa.schema(
    [
        ("shop_id", pa.int64()),
        ("local_day", pa.date32()),
        ("through", pa.int64()),
        ("ends", pa.timestamp("us")),
    ]
)


def _token_of(value: Hashable) -> Hashable:
    """Equal values, the same token: rules are long, and what stands for them is looked up many times a question."""
    if len(_tokens) > 5000:
        _tokens.clear()
    return _tokens.setdefault(value, object())


@dataclass(frozen=True)
class Plan:
    """Which files answer: per kind the version of the sealed table, per day `through`, and the open files of the shop."""

    shop_id: int
    period: Period
    through: Mapping[date, int]
    versions: Mapping[str, int]
    open_files: Mapping[str, tuple[open_tier.OpenFile, ...]]
    # Of the period only these (stretches.py); None: all.
    days: frozenset[date] | None = None
    # Which kinds the ledger has of a sealed day: one that was sealed before a kind existed holds none of it, nor does one
    # that waits for its later kinds. A day that is not named here has all.
    kinds: Mapping[date, frozenset[str]] = field(default_factory=dict)
    # How many sealed rows of each kind a day has.
    rows: Mapping[date, Mapping[str, int]] = field(default_factory=dict)

    def holds(self, day: date) -> bool:
        return day in self.period and (self.days is None or day in self.days)

    def has(self, day: date, kind: str) -> bool:
        """Whether the sealed rows of a kind are those of the day. A table may still hold some from an earlier sealing."""
        return day in self.through and (day not in self.kinds or kind in self.kinds[day])

    def open_days(self, kinds: Sequence[str]) -> tuple[date, ...]:
        """Days of which some fact of these kinds is not sealed (or may not be, in a merged file)."""
        days = {
            day
            for kind in kinds
            for file in self.open_files.get(kind, ())
            for day, span in file.spans[self.shop_id].items()
            if self.holds(day) and span.last > self.through.get(day, 0)
        }
        return tuple(sorted(days))

    @property
    def last_segment(self) -> int:
        """The newest segment that this snapshot sees."""
        newest = [f.last for files in self.open_files.values() for f in files]
        return max([*newest, *self.through.values(), 0])


def plan(shop_id: int, period: Period) -> Plan:
    """Take the snapshot's lists, in the order that keeps it exact."""
    with scope(shop=shop_id):
        sealed = list(SealedDay.objects.filter(shop_id=shop_id))
    versions: dict[str, int] = {}
    for row in sealed:
        # Days change one fill at a time (sealing.py), so the newest version holds every day as the ledger says.
        for kind, version in row.versions.items():
            versions[kind] = max(version, versions.get(kind, 0))
    files: dict[str, list[open_tier.OpenFile]] = {}
    for file in open_tier.listed():
        spans = file.spans.get(shop_id)
        if spans and any(day in period for day in spans):
            files.setdefault(file.kind, []).append(file)
    known = derivations.in_order()
    return Plan(
        shop_id,
        period,
        {row.day: row.through for row in sealed if row.day in period},
        versions,
        {kind: tuple(found) for kind, found in files.items()},
        kinds={row.day: kinds_held(row, known) for row in sealed if row.day in period},
        rows={row.day: row.rows for row in sealed if row.day in period},
    )


def kinds_held(row: SealedDay, known: Sequence[derivations.Derivation] | None = None) -> frozenset[str]:
    """The kinds that the ledger has of a day, also those of which the day has no row. What comes of nothing is nothing, and
    has perhaps no table."""
    held = frozenset(row.versions).union(row.rows)
    nothing: set[str] = set()
    for one in known if known is not None else derivations.in_order():
        if all(
            name in nothing or (row.rows.get(name, 0 if name in schemas.RAW else None) == 0)
            for name in one.inputs
        ):
            nothing.add(one.kind)
    return held | nothing


def naive_utc(moment: datetime) -> datetime:
    """A moment as facts hold it."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


@dataclass
class Snapshot:
    """One shop's facts of a period, for one question. Made by `reads.ask`; its tables live as long as the question."""

    shop: ShopView
    plan: Plan
    engine: Engine
    slot: int
    until: datetime | None = None
    # Each of these days as it stood before its own moment (naive UTC); then nothing else is asked of the snapshot.
    cuts: Mapping[date, datetime] = field(default_factory=dict)
    # Tells apart what else its answers depend on.
    basis: tuple[Hashable, ...] = ()
    # Tells the names of a narrowed snapshot from those of the whole.
    tag: str = ""
    # Files that a fill has just written, by kind (sealing.py).
    offered: dict[str, list[str]] = field(default_factory=dict)
    _tables: dict[str, ibis.Table] = field(default_factory=dict)
    _kept: list[tuple[str, pa.Table]] = field(default_factory=list)
    # Asked of the database once per question; narrowed snapshots share them.
    _variants: dict[tuple[str, Period], tuple[Hashable, ...]] = field(default_factory=dict)

    @property
    def period(self) -> Period:
        return self.plan.period

    def cut(self, until: datetime) -> Snapshot:
        """The same facts as they stood before a moment: derived kinds are computed from raw facts before it."""
        return replace(self, until=naive_utc(until))

    def _view(self, name: str, schema: pa.Schema, files: Sequence[str]) -> ibis.Table:
        full = f"s{self.slot}{self.tag}_{name}"
        if full not in self._tables:
            self._tables[full] = self.engine.table(full, schema, files)
        return self._tables[full]

    def _sealed(self, kind: str) -> ibis.Table:
        """The sealed rows of the period, as the ledger says."""
        return self._scoped(self.sealed_view(kind))

    def sealed_view(self, kind: str) -> ibis.Table:
        """The sealed files of the ledger's days, as they lie."""
        return self._view(f"{kind}_sealed", schemas.ALL[kind], self.sealed_files(kind, self.plan.through))

    def sealed_files(self, kind: str, days: Iterable[date]) -> list[str]:
        """The files that hold these days at the ledger's version, as far as they are sealed."""
        version = self.plan.versions.get(kind)
        if version is None:
            return []
        by_day = sealed_tier.files_by_day(self.shop.id, kind, version, self.lake)
        return [name for day in days if self.plan.has(day, kind) for name in by_day.get(day, ())]

    def _scoped(self, table: ibis.Table) -> ibis.Table:
        # The shop stays in the expression although the lists are the shop's: a wrong list must not show another's facts.
        return table.filter(
            table.shop_id == self.shop.id,
            table.local_day >= self.period.start,
            table.local_day < self.period.end,
        )

    def _open(self, kind: str, last: int | None = None, *, after: int = 0) -> ibis.Table | None:
        """Rows after `through` (and after segment `after`, up to segment `last`); None when there are none to look at."""
        days = self.plan.open_days([kind])
        files = [f.path for f in self.plan.open_files.get(kind, ())]
        if not days or not files:
            return None
        table = self._scoped(self._view(f"{kind}_open", with_segment(kind), files))
        by_through: dict[int, list[date]] = {}
        for day in days:
            by_through.setdefault(self.plan.through.get(day, 0), []).append(day)
        wanted = [
            table.local_day.isin([ibis.date(d) for d in group]) & (table.segment > through)
            for through, group in by_through.items()
        ]
        if last is not None:
            table = table.filter(table.segment <= last)
        if after:
            table = table.filter(table.segment > after)
        return table.filter(reduce(or_, wanted)).drop("segment")

    @property
    def lake(self) -> str:
        return str(settings.LAKE)

    def raw_until_segment(self, kind: str, last: int) -> ibis.Table:
        """All facts of a raw kind that came in segments up to `last`: what a fill seals."""
        sealed, still_open = self._sealed(kind), self._open(kind, last)
        return sealed if still_open is None else sealed.union(still_open, distinct=False)

    def since(self, kind: str, segment: int) -> ibis.Table | None:
        """The facts of a raw kind that came after a segment, perhaps with others: of a day that was sealed with later ones the
        whole, since sealed rows no longer tell when they came. None: there are none. For followers, whose work is repeatable."""
        days = [
            day for day, through in self.plan.through.items() if through > segment and self.plan.holds(day)
        ]
        files = self.sealed_files(kind, days)
        sealed = self._scoped(self._view(f"{kind}_since", schemas.ALL[kind], files)) if files else None
        came = self._open(kind, after=segment)
        parts = [part for part in (sealed, came) if part is not None]
        return reduce(lambda a, b: a.union(b, distinct=False), parts) if parts else None

    def raw(self, kind: str) -> ibis.Table:
        """All facts of a raw kind in the period, open ones included, each once."""
        sealed, still_open = self._sealed(kind), self._open(kind)
        table = sealed if still_open is None else sealed.union(still_open, distinct=False)
        if self.cuts:
            return table.filter(
                reduce(
                    or_,
                    [(table.local_day == ibis.date(d)) & (table.at < end) for d, end in self.cuts.items()],
                )
            )
        return table if self.until is None else table.filter(table.at < self.until)

    def derived(self, kind: str) -> ibis.Table:
        """A derived kind over the period, exact: what is sealed, and computed afresh for the keys with open facts."""
        roots = derivations.roots(kind)
        if self.until is not None:
            return self._derived_until(kind)
        key = derivations.derivation(kind).key
        if derivations.derivation(kind).sums:
            return self._derived_sums(kind)
        if key is None:
            return self._derived_by_day(kind)
        lacking = self._sealed_without(kind)
        days = [day for day in self.plan.open_days(roots) if day not in lacking]
        found = self._sealed(kind)
        if days:
            touched = self._touched(roots, key, days)
            fresh = self._fresh(kind, days, touched)
            pairs = self.holding(f"{key}_touched", touched)
            found = found.anti_join(pairs, ["local_day", key]).union(fresh, distinct=False)
        # After what is touched was taken out: of a day that lacks the kind everything was computed, its open facts too.
        return found.union(self._fresh(kind, lacking, None), distinct=False) if lacking else found

    def _derived_by_day(self, kind: str) -> ibis.Table:
        """A kind without a key: the sealed days as they lie, the others computed from their inputs, which are exact."""
        unsettled = self.unsettled_days(kind)
        if not unsettled:
            return self._sealed(kind)
        settled = self.sealed_files(kind, [day for day in self.plan.through if day not in unsettled])
        sealed = self._scoped(self._view(f"{kind}_settled", schemas.ALL[kind], settled))
        narrow = self.narrowed(unsettled, f"{kind}d")
        derivation = derivations.derivation(kind)

        def compute() -> pa.Table:
            inputs = {source: narrow.derived(source) for source in derivation.inputs}
            for source, table in inputs.items():
                narrow.engine.define(narrow.input_name(source), schemas.ALL[source], table)
            return narrow.made(kind)

        made = remembered((f"{kind}_by_day", *narrow.identity(kind)), compute)
        return sealed.union(self.holding(f"{kind}_by_day", made), distinct=False)

    def _derived_sums(self, kind: str) -> ibis.Table:
        """A kind of sums over keys: of a day with open facts, what the touched keys had added is taken out, and what they
        add now is put in; so an open day costs what its touched keys cost."""
        unsettled = self.unsettled_days(kind)
        if not unsettled:
            return self._sealed(kind)
        derivation = derivations.derivation(kind)
        assert derivation.key is not None
        held = [day for day in unsettled if day in self.plan.through and kind in self.plan.kinds.get(day, ())]
        whole = [day for day in unsettled if day not in held]
        settled = self.sealed_files(kind, [day for day in self.plan.through if day not in unsettled])
        found = self._scoped(self._view(f"{kind}_settled", schemas.ALL[kind], settled))
        if whole:
            # Made by the narrowed snapshot, held by this one, whose question it is.
            rows = self.narrowed(whole, f"{kind}w").computed(kind, whole, None)
            found = found.union(self.holding(f"{kind}_whole", rows), distinct=False)
        if held:
            rows = self._moved_sums(kind, held)
            found = found.union(self.holding(f"{kind}_held", rows), distinct=False)
        return found

    def _moved_sums(self, kind: str, days: Sequence[date]) -> pa.Table:
        """The sums of sealed days with open facts."""
        derivation = derivations.derivation(kind)
        roots, key = derivations.roots(kind), derivation.key
        assert key is not None
        narrow = self.narrowed(days, f"{kind}h")
        touched = narrow._touched(roots, key, days)
        files = tuple(f.path for found in narrow.plan.open_files.values() for f in found)
        before = replace(
            narrow,
            plan=replace(narrow.plan, open_files={}),
            tag=f"{narrow.tag}b",
            basis=("before", files),
            _tables={},
            _kept=[],
        )

        def compute() -> pa.Table:
            now = narrow.holding(f"{kind}_now", narrow.computed(kind, days, touched))
            then = narrow.holding(f"{kind}_then", before.computed(kind, days, touched))
            less = then.mutate(**{name: -then[name] for name in derivation.sums})
            parts = narrow._sealed(kind).union(now, less.select(*now.columns), distinct=False)
            told = [name for name in parts.columns if name not in derivation.sums]
            added = parts.group_by(told).aggregate(**{name: parts[name].sum() for name in derivation.sums})
            return self.engine.run(conformed(added.filter(added[derivation.sums[0]] != 0), kind)).cast(
                schemas.ALL[kind]
            )

        return remembered((f"{kind}_moved", *narrow.identity(kind)), compute)

    def unsettled_days(self, kind: str) -> tuple[date, ...]:
        """The days whose sealed rows of a derived kind are not what an answer needs: there are open facts, or (of a kind
        of whole days) they were sealed before the kind existed."""
        days = set(self.plan.open_days(derivations.roots(kind)))
        days.update(self._sealed_without(kind))
        return tuple(sorted(days))

    def _sealed_without(self, kind: str) -> list[date]:
        """The days that were sealed before the kind existed."""
        held = self.plan.kinds
        return sorted(d for d in self.plan.through if self.plan.holds(d) and kind not in held.get(d, ()))

    def _touched(self, roots: Sequence[str], key: str, days: Sequence[date]) -> pa.Table:
        """The (day, key) pairs that have open facts."""

        def compute() -> pa.Table:
            found = []
            for root in roots:
                rows = self._open(root)
                if rows is not None:
                    found.append(rows.filter(rows[key].notnull()).select("local_day", key))
            return self.engine.run(reduce(lambda a, b: a.union(b, distinct=False), found).distinct())

        return remembered(("touched", key, *self._identity(roots, days)), compute)

    def _fresh(self, kind: str, days: Sequence[date], touched: pa.Table | None) -> ibis.Table:
        """A kind of some days computed from raw facts, of the touched keys only or (None) of all."""
        name = f"{kind}_{'cut' if self.is_cut else 'fresh'}"
        return self.holding(name, self.computed(kind, days, touched))

    def computed(self, kind: str, days: Sequence[date], touched: pa.Table | None) -> pa.Table:
        """The rows of `_fresh`, remembered."""
        return remembered(self._computed_key(kind, days), lambda: self._compute(kind, days, touched))

    def _computed_key(self, kind: str, days: Sequence[date]) -> Hashable:
        name = f"{kind}_{'cut' if self.is_cut else 'fresh'}"
        return (name, *self._variant(kind), *self._identity(derivations.roots(kind), days))

    def _compute(self, kind: str, days: Sequence[date], touched: pa.Table | None) -> pa.Table:
        derivation = derivations.derivation(kind)
        assert touched is None or derivation.key is not None
        for source in derivation.inputs:
            name = self.input_name(source)
            if source not in schemas.RAW:
                made = self._fresh(source, days, touched)
                same = self.kept_sql(
                    ("same", made.get_name()), partial(ibis.Table.select, made, made.columns)
                )
                self.engine.define(name, schemas.ALL[source], same)
                continue
            pairs = None if touched is None else self.holding(f"{derivation.key}_touched", touched)
            self.engine.define(name, schemas.ALL[source], self._rows_to_derive(source, days, pairs))
        return self.made(kind)

    def _rows_to_derive(self, source: str, days: Sequence[date], pairs: ibis.Table | None) -> str:
        """Raw rows of some days (and of the touched keys) as a question whose words stay the same whatever the days: shop,
        days and moments stand in a table of their own, so that the translation can be kept."""
        ends = {day: self.cuts.get(day, self.until) for day in days}
        rows = [
            {
                "shop_id": self.shop.id,
                "local_day": day,
                "through": self.plan.through.get(day, 0),
                "ends": end or _NEVER,
            }
            for day, end in ends.items()
        ]
        wanted = self.holding(f"{source}_wanted", pa.Table.from_pylist(rows, schema=_WANTED))
        sealed = self.sealed_view(source)
        files = (
            [f.path for f in self.plan.open_files.get(source, ())] if self.plan.open_days([source]) else []
        )
        still_open = self._view(f"{source}_open", with_segment(source), files)

        def built() -> ibis.Table:
            came = still_open.join(wanted, ["shop_id", "local_day"])
            parts = [
                sealed.join(wanted, ["shop_id", "local_day"]),
                came.filter(came.segment > came.through),
            ]
            columns = schemas.ALL[source].names
            found = reduce(
                lambda a, b: a.union(b, distinct=False),
                [part.filter(part["at"] < part.ends).select(*columns) for part in parts],
            )
            if pairs is None:
                return found
            return found.semi_join(pairs, [name for name in pairs.columns if name in columns])

        named = (wanted, sealed, still_open, pairs)
        return self.kept_sql(("rows", source, *(t is not None and t.get_name() for t in named)), built)

    def kept_sql(self, key: tuple[Hashable, ...], build: Callable[[], ibis.Table]) -> str:
        """The translation of a question, kept: it takes far longer than the answer over a small shop's days."""
        known = (self.engine.name, *key)
        if known not in _translated:
            if len(_translated) > 2000:
                _translated.clear()
            _translated[known] = self.engine.sql_of(build())
        return _translated[known]

    def made(self, kind: str) -> pa.Table:
        """A derived kind from the inputs that are defined under `input_name`: by its kernel, else by its expression."""
        derivation = derivations.derivation(kind)
        kernel = derivation.kernel
        if kernel is None or not (self.engine.is_in_process or kernel.is_alone):
            return self.engine.answer(self.sql(kind)).cast(schemas.ALL[kind])
        inputs = {
            # What was just sealed lies in order, and a kernel need not sort what is read in that order.
            source: self.engine.columns_of_files(self.offered[source], columns)
            if self.offered.get(source)
            else self.engine.columns(self.input_name(source), columns)
            for source, columns in kernel.columns.items()
        }
        found = kernel.prepare(derivations.Context(self.shop, self.period))(inputs)
        return found if kernel.fold is None else kernel.fold(found)

    def input_name(self, source: str) -> str:
        """The name under which an expression of this snapshot finds its input."""
        return f"s{self.slot}{self.tag}_{source}_{'cut' if self.is_cut else 'fresh'}_input"

    def _variant(self, kind: str) -> tuple[Hashable, ...]:
        known = (kind, self.period)
        if known not in self._variants:
            context = derivations.Context(self.shop, self.period)
            derivation = derivations.derivation(kind)
            inputs = [i for i in derivation.inputs if i not in schemas.RAW]
            self._variants[known] = (
                _token_of(derivation.variant(context)),
                *(v for i in inputs for v in self._variant(i)),
            )
        return self._variants[known]

    def sql(self, kind: str) -> str:
        """The expression of a kind over this snapshot's inputs."""
        derivation = derivations.derivation(kind)

        def built() -> ibis.Table:
            inputs = {
                i: ibis.table(ibis.Schema.from_pyarrow(schemas.ALL[i]), name=self.input_name(i))
                for i in derivation.inputs
            }
            assert derivation.expression is not None
            made = derivation.expression(inputs, derivations.Context(self.shop, self.period))
            return conformed(made, kind)

        names = tuple(self.input_name(i) for i in derivation.inputs)
        return self.kept_sql((kind, self._variant(kind), names), built)

    def holding(self, name: str, answer: pa.Table) -> ibis.Table:
        """An answer at hand under a name of this snapshot; the same answer again, the same name."""
        key = f"{name} {id(answer)}"
        if key not in self._tables:
            # Numbered: two cuts of one question must not share a name.
            number = sum(known == name for known, _ in self._kept)
            self._tables[key] = self.engine.hold(f"s{self.slot}{self.tag}_{name}_{number}", answer)
            self._kept.append((name, answer))
        return self._tables[key]

    def identity(self, kind: str) -> tuple[Hashable, ...]:
        """What a derived kind's answer over the days of this snapshot depends on: equal identities, equal answers."""
        days = sorted({*self.plan.through, *self.plan.open_days(derivations.roots(kind))})
        kinds = (kind, *derivations.roots(kind))
        return (*self._variant(kind), *self._identity(kinds, days))

    def as_cut(self, kind: str) -> ibis.Table:
        """A derived kind of the days of `cuts`, each as it stood at its moment."""
        return self._fresh(kind, sorted(self.cuts), None)

    def cut_apart(self, kind: str, groups: Sequence[tuple[str, Mapping[date, datetime]]]) -> list[ibis.Table]:
        """`as_cut` of several groups of days, each with a tag. Small days that are not known yet are computed together, which
        costs little more than one of them, and are remembered apart."""
        each = [self.narrowed(cuts, tag, cuts) for tag, cuts in groups]
        lacking = {one._computed_key(kind, sorted(one.cuts)): one for one in each}
        lacking = {key: one for key, one in lacking.items() if not is_known(key)}
        days = [day for one in lacking.values() for day in one.cuts]
        if 1 < len(days) == len(set(days)) and self._raw_rows(kind, days) <= _TOGETHER_ROWS:
            cuts = {day: moment for one in lacking.values() for day, moment in one.cuts.items()}
            made = self.narrowed(cuts, f"{kind}t", cuts).computed(kind, sorted(cuts), None)
            for key, one in lacking.items():
                own = made.filter(pc.is_in(made["local_day"], pa.array(sorted(one.cuts), pa.date32())))
                keep(key, own)
        return [one.as_cut(kind) for one in each]

    def _raw_rows(self, kind: str, days: Collection[date]) -> int:
        """How many raw facts of a derived kind these days have, sealed or not."""
        count = 0
        for root in derivations.roots(kind):
            count += sum(self.plan.rows.get(day, {}).get(root, 0) for day in days)
            for file in self.plan.open_files.get(root, ()):
                spans = file.spans[self.shop.id]
                count += sum(spans[day].rows for day in days if day in spans)
        return count

    def _identity(self, roots: Sequence[str], days: Sequence[date]) -> tuple[Hashable, ...]:
        """What an answer about some days depends on: equal identities, equal answers."""
        sealed = tuple((d, self.plan.through.get(d, 0)) for d in days)
        files = tuple(f.path for root in roots for f in self.plan.open_files.get(root, ()))
        versions = tuple((root, self.plan.versions.get(root)) for root in roots)
        cuts = tuple(sorted(self.cuts.items()))
        return (self.lake, self.shop, sealed, files, versions, self.until, cuts, self.basis)

    def _derived_until(self, kind: str) -> ibis.Table:
        assert self.until is not None
        cut_day = local_day(self.until.replace(tzinfo=UTC), self.shop.zone)
        uncut = replace(self, until=None)
        # Under the name that other questions about that day at that moment have for it.
        cut = uncut.narrowed([cut_day], f"{kind}u", {cut_day: self.until})
        if cut_day == self.period.start:
            return cut.as_cut(kind)
        whole = uncut.derived(kind)
        if cut_day >= self.period.end:
            return whole
        earlier = whole.filter(whole.local_day < ibis.date(cut_day))
        if cut_day < self.period.start:
            return earlier
        return earlier.union(cut.as_cut(kind), distinct=False)

    def narrowed(
        self, days: Collection[date], tag: str, cuts: Mapping[date, datetime] | None = None
    ) -> Snapshot:
        """Of some days only, neighbours or not, each cut at its moment of `cuts`; its tables have names of their own."""
        wanted = frozenset(days)
        through = {day: last for day, last in self.plan.through.items() if day in wanted}
        files = {
            kind: tuple(
                file
                for file in found
                if any(
                    day in wanted and span.last > through.get(day, 0)
                    for day, span in file.spans[self.shop.id].items()
                )
            )
            for kind, found in self.plan.open_files.items()
        }
        first, last = min(wanted, default=self.period.start), max(wanted, default=self.period.start)
        period = Period(first, last + ONE_DAY)
        narrow = replace(self.plan, period=period, through=through, open_files=files, days=wanted)
        return replace(
            self, plan=narrow, cuts=dict(cuts or {}), tag=f"{self.tag}{tag}", _tables={}, _kept=[], offered={}
        )

    @property
    def is_cut(self) -> bool:
        return self.until is not None or bool(self.cuts)

    def of_days(self, days: Sequence[date]) -> Snapshot:
        """Narrowed to neighbouring days of the period."""
        period = Period(min(days), max(days) + ONE_DAY)
        return replace(self, plan=replace(self.plan, period=period))


def conformed(table: ibis.Table, kind: str) -> ibis.Table:
    """The kind's columns in order and type; a column that an expression forgot is an error here, not a wrong file."""
    wanted = ibis.Schema.from_pyarrow(schemas.ALL[kind])
    return table.select(**{name: table[name].cast(dtype) for name, dtype in wanted.items()})
