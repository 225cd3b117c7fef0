"""A snapshot: what a reader holds for one question. The ledger first, then the open list, then the sealed tables at the
versions that the ledger names; open rows count after the ledger's `through`. So no fact is seen twice or not at all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import reduce
from operator import or_
from threading import Lock

import ibis
import pyarrow as pa
from django.conf import settings
from django_scopes import scope

from shuke.kernel.periods import ONE_DAY, Period, local_day
from shuke.shops.reads import ShopView
from shuke.warehouse import derivations, open_tier, schemas, sealed_tier
from shuke.warehouse.engine import DuckDBEngine, with_segment
from shuke.warehouse.models import SealedDay

# Answers about the open part, by all that they depend on: a page asks several questions of the same few facts, and the next
# reader asks again before the next segment comes. Bounded by rows; entries are never changed.
_answers: OrderedDict[Hashable, pa.Table] = OrderedDict()
_answers_lock = Lock()
_ANSWER_ROWS = 2_000_000
_translated: dict[Hashable, str] = {}


def _remembered(key: Hashable, compute: Callable[[], pa.Table]) -> pa.Table:
    with _answers_lock:
        if key in _answers:
            _answers.move_to_end(key)
            return _answers[key]
    answer = compute()
    with _answers_lock:
        _answers[key] = answer
        while len(_answers) > 1 and (
            len(_answers) > 200 or sum(a.num_rows for a in _answers.values()) > _ANSWER_ROWS
        ):
            _answers.popitem(last=False)
    return answer


@dataclass(frozen=True)
class Plan:
    """Which files answer: per kind the version of the sealed table, per day `through`, and the open files of the shop."""

    shop_id: int
    period: Period
    through: Mapping[date, int]
    versions: Mapping[str, int]
    open_files: Mapping[str, tuple[open_tier.OpenFile, ...]]

    def open_days(self, kinds: Sequence[str]) -> tuple[date, ...]:
        """Days of which some fact of these kinds is not sealed (or may not be, in a merged file)."""
        days = {
            day
            for kind in kinds
            for file in self.open_files.get(kind, ())
            for day, span in file.spans[self.shop_id].items()
            if day in self.period and span.last > self.through.get(day, 0)
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
    return Plan(
        shop_id,
        period,
        {row.day: row.through for row in sealed if row.day in period},
        versions,
        {kind: tuple(found) for kind, found in files.items()},
    )


def naive_utc(moment: datetime) -> datetime:
    """A moment as facts hold it."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


@dataclass
class Snapshot:
    """One shop's facts of a period, for one question. Made by `reads.ask`; its tables live as long as the question."""

    shop: ShopView
    plan: Plan
    engine: DuckDBEngine
    slot: int
    until: datetime | None = None
    # Files that a fill has just written, by kind (sealing.py).
    offered: dict[str, list[str]] = field(default_factory=dict)
    _tables: dict[str, ibis.Table] = field(default_factory=dict)
    _kept: list[pa.Table] = field(default_factory=list)

    @property
    def period(self) -> Period:
        return self.plan.period

    def cut(self, until: datetime) -> Snapshot:
        """The same facts as they stood before a moment: derived kinds are computed from raw facts before it."""
        return replace(self, until=naive_utc(until))

    def _view(self, name: str, schema: pa.Schema, files: Sequence[str]) -> ibis.Table:
        full = f"s{self.slot}_{name}"
        if full not in self._tables:
            self._tables[full] = self.engine.table(full, schema, files)
        return self._tables[full]

    def _sealed(self, kind: str) -> ibis.Table:
        """The sealed rows of the period, as the ledger says."""
        version = self.plan.versions.get(kind)
        files: list[str] = []
        if version is not None and self.plan.through:
            by_day = sealed_tier.files_by_day(self.shop.id, kind, version, self.lake)
            files = [name for day in self.plan.through for name in by_day.get(day, ())]
        table = self._view(f"{kind}_sealed", schemas.ALL[kind], files)
        return self._scoped(table)

    def _scoped(self, table: ibis.Table) -> ibis.Table:
        # The shop stays in the expression although the lists are the shop's: a wrong list must not show another's facts.
        return table.filter(
            table.shop_id == self.shop.id,
            table.local_day >= self.period.start,
            table.local_day < self.period.end,
        )

    def _open(self, kind: str, last: int | None = None) -> ibis.Table | None:
        """Rows after `through` (and up to segment `last`); None when there are none to look at."""
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
        return table.filter(reduce(or_, wanted)).drop("segment")

    @property
    def lake(self) -> str:
        return str(settings.LAKE)

    def raw_until_segment(self, kind: str, last: int) -> ibis.Table:
        """All facts of a raw kind that came in segments up to `last`: what a fill seals."""
        sealed, still_open = self._sealed(kind), self._open(kind, last)
        return sealed if still_open is None else sealed.union(still_open, distinct=False)

    def raw(self, kind: str) -> ibis.Table:
        """All facts of a raw kind in the period, open ones included, each once."""
        sealed, still_open = self._sealed(kind), self._open(kind)
        table = sealed if still_open is None else sealed.union(still_open, distinct=False)
        return table if self.until is None else table.filter(table.at < self.until)

    def derived(self, kind: str) -> ibis.Table:
        """A derived kind over the period, exact: what is sealed, and computed afresh for the keys with open facts."""
        roots = derivations.roots(kind)
        if self.until is not None:
            return self._derived_until(kind)
        days = self.plan.open_days(roots)
        sealed = self._sealed(kind)
        if not days:
            return sealed
        key = derivations.derivation(kind).key
        touched = self._touched(roots, key, days)
        fresh = self._fresh(kind, days, touched)
        pairs = self._holding(f"{key}_touched", touched)
        return sealed.anti_join(pairs, ["local_day", key]).union(fresh, distinct=False)

    def _touched(self, roots: Sequence[str], key: str, days: Sequence[date]) -> pa.Table:
        """The (day, key) pairs that have open facts."""

        def compute() -> pa.Table:
            found = []
            for root in roots:
                rows = self._open(root)
                if rows is not None:
                    found.append(rows.filter(rows[key].notnull()).select("local_day", key))
            return self.engine.run(reduce(lambda a, b: a.union(b, distinct=False), found).distinct())

        return _remembered(("touched", key, *self._identity(roots, days)), compute)

    def _fresh(self, kind: str, days: Sequence[date], touched: pa.Table | None) -> ibis.Table:
        """A kind of some days computed from raw facts, of the touched keys only or (None) of all."""
        name = f"{kind}_{'cut' if self.until else 'fresh'}"
        answer = _remembered(
            (name, *self._variant(kind), *self._identity(derivations.roots(kind), days)),
            lambda: self._compute(kind, days, touched),
        )
        return self._holding(name, answer)

    def _compute(self, kind: str, days: Sequence[date], touched: pa.Table | None) -> pa.Table:
        derivation = derivations.derivation(kind)
        for source in derivation.inputs:
            name = self.input_name(source)
            if source not in schemas.RAW:
                made = self._fresh(source, days, touched)
                self.engine.define(name, schemas.ALL[source], made)
                continue
            rows = self.raw(source)
            rows = rows.filter(rows.local_day.isin([ibis.date(d) for d in days]))
            if touched is not None:
                pairs = self._holding(f"{derivation.key}_touched", touched)
                rows = rows.semi_join(pairs, ["local_day", derivation.key])
            self.engine.define(name, schemas.ALL[source], rows)
        return self.made(kind)

    def made(self, kind: str) -> pa.Table:
        """A derived kind from the inputs that are defined under `input_name`: by its kernel, else by its expression."""
        derivation = derivations.derivation(kind)
        if derivation.kernel is None or not self.engine.is_in_process:
            return self.engine.answer(self.sql(kind)).cast(schemas.ALL[kind])
        inputs = {
            # What was just sealed lies in order, and a kernel need not sort what is read in that order.
            source: self.engine.columns_of_files(self.offered[source], columns)
            if self.offered.get(source)
            else self.engine.columns(self.input_name(source), columns)
            for source, columns in derivation.kernel.columns.items()
        }
        return derivation.kernel.run(inputs, derivations.Context(self.shop, self.period))

    def input_name(self, source: str) -> str:
        """The name under which an expression of this snapshot finds its input."""
        return f"s{self.slot}_{source}_{'cut' if self.until else 'fresh'}_input"

    def _variant(self, kind: str) -> tuple[Hashable, ...]:
        context = derivations.Context(self.shop, self.period)
        derivation = derivations.derivation(kind)
        inputs = [i for i in derivation.inputs if i not in schemas.RAW]
        return (derivation.variant(context), *(v for i in inputs for v in self._variant(i)))

    def sql(self, kind: str) -> str:
        """The expression of a kind over this snapshot's inputs. Translating it takes far longer than answering it over a
        day of a small shop, so the translation is kept."""
        derivation = derivations.derivation(kind)
        known = (kind, self._variant(kind), tuple(self.input_name(i) for i in derivation.inputs))
        if known not in _translated:
            inputs = {
                i: ibis.table(ibis.Schema.from_pyarrow(schemas.ALL[i]), name=self.input_name(i))
                for i in derivation.inputs
            }
            made = derivation.expression(inputs, derivations.Context(self.shop, self.period))
            if len(_translated) > 500:
                _translated.clear()
            _translated[known] = self.engine.sql_of(conformed(made, kind))
        return _translated[known]

    def _holding(self, name: str, answer: pa.Table) -> ibis.Table:
        # Numbered within the snapshot: two cuts of one question must not share a name.
        key = f"{name} {id(answer)}"
        if key not in self._tables:
            self._tables[key] = self.engine.hold(f"s{self.slot}_{name}_{len(self._kept)}", answer)
            self._kept.append(answer)
        return self._tables[key]

    def _identity(self, roots: Sequence[str], days: Sequence[date]) -> tuple[Hashable, ...]:
        """What an answer about some days depends on: equal identities, equal answers."""
        sealed = tuple((d, self.plan.through.get(d, 0)) for d in days)
        files = tuple(f.path for root in roots for f in self.plan.open_files.get(root, ()))
        versions = tuple((root, self.plan.versions.get(root)) for root in roots)
        return (self.lake, self.shop, sealed, files, versions, self.until)

    def _derived_until(self, kind: str) -> ibis.Table:
        assert self.until is not None
        cut_day = local_day(self.until.replace(tzinfo=UTC), self.shop.zone)
        whole = replace(self, until=None).derived(kind)
        if cut_day >= self.period.end:
            return whole
        earlier = whole.filter(whole.local_day < ibis.date(cut_day))
        if cut_day < self.period.start:
            return earlier
        return earlier.union(self._fresh(kind, [cut_day], None), distinct=False)

    def of_days(self, days: Sequence[date]) -> Snapshot:
        """Narrowed to neighbouring days of the period."""
        period = Period(min(days), max(days) + ONE_DAY)
        narrowed = Plan(self.shop.id, period, self.plan.through, self.plan.versions, self.plan.open_files)
        return replace(self, plan=narrowed)


def conformed(table: ibis.Table, kind: str) -> ibis.Table:
    """The kind's columns in order and type; a column that an expression forgot is an error here, not a wrong file."""
    wanted = ibis.Schema.from_pyarrow(schemas.ALL[kind])
    return table.select(**{name: table[name].cast(dtype) for name, dtype in wanted.items()})
