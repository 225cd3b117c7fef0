"""Sums of measures for several scenes at once: a period, those it is compared with, its course over days or hours.

All of them are one question to visits and one to orders, over one snapshot: a page then costs what its facts cost, and not
what a dozen questions do, and its numbers are of one moment.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import ibis
import pyarrow as pa

from shuke.conditions.reads import to_ibis
from shuke.traffic import distinct
from shuke.traffic import measures as m
from shuke.traffic.reads import asking
from shuke.traffic.reads.asking import (
    HIDDEN,
    HIDDEN_MEASURES,
    VISIT_KEYS,
    Group,
    Request,
    Scene,
    Sums,
    Tables,
)
from shuke.warehouse import reads as warehouse
from shuke.warehouse.reads import LaidOut, Stretch

_KEY_TYPES = {"is_paid": pa.bool_()}
_DAY_COLUMNS = ("of_day", "day_views", "day_visitors")


def sums(scene: Scene, names: Iterable[str], keys: Sequence[str] = ()) -> dict[Group, Sums]:
    """Measures by group; without keys the one group `()`, also where there are no facts."""
    return sums_of([Request(scene, tuple(names), tuple(keys))])[0]


def sums_of(requests: Sequence[Request]) -> list[dict[Group, Sums]]:
    """Several requests of one shop at once, each as `sums` answers it."""
    found: list[list[list[dict[str, Any]]]] = [[] for _ in requests]
    kinds = [(one.scene.condition, one.scene.counts_by_visit) for one in requests]
    for kind in dict.fromkeys(kinds):
        chosen = [i for i, one in enumerate(requests) if one.of_visits and kinds[i] == kind]
        _put(found, chosen, _visit_rows([requests[i] for i in chosen]))
    chosen = [i for i, one in enumerate(requests) if one.of_orders]
    _put(found, chosen, _order_rows([requests[i] for i in chosen]))
    return [_told(one, answers) for one, answers in zip(requests, found, strict=True)]


def _put(into: list[list[Any]], places: Sequence[int], answers: Sequence[Any]) -> None:
    for place, answer in zip(places, answers, strict=True):
        into[place].append(answer)


def _told(request: Request, answers: Iterable[list[dict[str, Any]]]) -> dict[Group, Sums]:
    found = asking.folded(answers, request.keys)
    if not request.keys:
        found.setdefault((), {})
    wanted = [*(one.name for one in request.used), *(HIDDEN if request.of_orders else ())]
    return {group: {name: got.get(name, 0) for name in wanted} for group, got in found.items()}


@dataclass(frozen=True)
class Block:
    """What is asked by the same keys: of which stretches, and which measures."""

    keys: tuple[str, ...]
    stretches: tuple[int, ...]
    used: tuple[m.Measure, ...]


@dataclass(frozen=True)
class Question:
    """Requests to one dataset as one question: its stretches, its blocks, and where each request finds its rows."""

    stretches: tuple[Stretch, ...]
    blocks: tuple[Block, ...]
    places: tuple[tuple[int, int], ...]  # (block, stretch) of each request

    @classmethod
    def of(
        cls,
        requests: Sequence[Request],
        used: Callable[[Request], Sequence[m.Measure]],
        stretch: Callable[[Scene], Stretch],
    ) -> Question:
        stretches = tuple(dict.fromkeys(stretch(one.scene) for one in requests))
        by_keys: dict[tuple[str, ...], list[Request]] = {}
        for one in requests:
            by_keys.setdefault(one.keys, []).append(one)
        blocks = [
            Block(
                keys,
                tuple(sorted({stretches.index(stretch(one.scene)) for one in asked})),
                tuple({(x.entity, x.name): x for one in asked for x in used(one)}.values()),
            )
            for keys, asked in by_keys.items()
        ]
        names = list(by_keys)
        places = [(names.index(one.keys), stretches.index(stretch(one.scene))) for one in requests]
        return cls(stretches, tuple(blocks), tuple(places))

    @property
    def is_over(self) -> bool:
        """Nothing in it is still running, so that the answer holds until a fact comes late."""
        return all(stretch.until is None for stretch in self.stretches)

    @property
    def key(self) -> Hashable:
        """What its expression depends on."""
        return tuple(
            (one.keys, one.stretches, tuple((x.entity, x.name) for x in one.used)) for one in self.blocks
        )

    def joined(self, part: Callable[[Block], ibis.Table]) -> ibis.Table:
        """The blocks as one table: `block`, `stretch`, all keys, all measures; null where a block has no such column."""
        parts = {number: part(block) for number, block in enumerate(self.blocks) if block.used}
        types = {name: dtype for table in parts.values() for name, dtype in table.schema().items()}
        padded = [
            table.select(
                block=ibis.literal(number, "int64"),
                **{
                    name: (table[name] if name in table.columns else ibis.null()).cast(dtype)
                    for name, dtype in types.items()
                },
            )
            for number, table in parts.items()
        ]
        return reduce(lambda a, b: a.union(b, distinct=False), padded)

    def shared(self, rows: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        """The rows of each request, with its own columns."""
        found: dict[tuple[int, int], list[dict[str, Any]]] = {}
        for row in rows:
            block = self.blocks[row["block"]]
            names = [*block.keys, *(one.name for one in block.used if one.weight is not None), *_DAY_COLUMNS]
            place = row["block"], row["stretch"]
            found.setdefault(place, []).append({name: row[name] for name in names if name in row})
        return [found.get(place, []) for place in self.places]


def _of_stretches(table: ibis.Table, question: Question, block: Block) -> ibis.Table:
    """The rows that a block is about."""
    if len(block.stretches) < len(question.stretches):
        table = table.filter(table.stretch.isin(list(block.stretches)))
    return table


def _with_hour(table: ibis.Table, moment: str) -> ibis.Table:
    """`hour`: whole hours since the stretch's first midnight, by elapsed time, so that no zone is needed."""
    elapsed = table[moment].truncate("s").epoch_seconds() - table.midnight
    return table.mutate(hour=(elapsed // 3600).cast("int64"))


# --- visits


def _visit_rows(requests: Sequence[Request]) -> list[list[dict[str, Any]]]:
    """Rows of `united` for requests under one condition."""
    if not requests:
        return []
    scene = requests[0].scene
    question = visit_question(requests)
    by_sums = _is_by_sums(question, scene)

    def asked(snapshot: warehouse.Snapshot) -> list[dict[str, Any]]:
        laid = LaidOut(snapshot, question.stretches)
        is_by_arrays = by_sums and laid.has_columns
        left, counted = _counted_apart(laid, question) if is_by_arrays else (question, [])
        if not any(block.used for block in left.blocks):
            return counted
        kinds = dict.fromkeys(visit_kinds(left, scene))
        key = ("visit sums", scene.condition, left.key)
        found = laid.answer(kinds, key, lambda t: visit_sums(t, left, scene), is_kept=question.is_over)
        return found.to_pylist() + counted

    return question.shared(warehouse.ask(scene.shop, warehouse.hull(question.stretches), asked))


def visit_question(requests: Sequence[Request]) -> Question:
    """What requests under one condition ask of visits."""
    return Question.of(requests, lambda one: one.of_visits, lambda one: Stretch(one.period, one.until))


def visit_kinds(question: Question, scene: Scene) -> tuple[str, ...]:
    """The kinds that a question about visits reads: the smallest that know enough."""
    found = {kind: None for block in question.blocks for kind in _kinds_of(question, scene, block)}
    return tuple(found)


def _kinds_of(question: Question, scene: Scene, block: Block) -> tuple[str, ...]:
    if not _is_by_sums(question, scene):
        is_plain = scene.condition is None and set(block.keys) <= {"local_day"}
        of_days = is_plain and any(one.entity in ("visitor_day", "day") for one in block.used)
        return ("visits", "visitor_days") if of_days else ("visits",)
    left = _of_several_days(block)
    kinds = [m.sums_kind(block.keys)] if len(left) < len(block.used) else []
    return (*kinds, _kind_of_visitors(block)) if left else tuple(kinds)


def _is_by_sums(question: Question, scene: Scene) -> bool:
    """Whether days may be added up from what was summed when they were sealed: all visits, by day and what they say of
    where they came from.

    Not for single days: their visits are few, and while a day runs they are computed anyway.
    """
    return (
        scene.condition is None
        and all(_is_summed(block) for block in question.blocks)
        and any(stretch.period.length > 1 for stretch in question.stretches)
    )


def _is_summed(block: Block) -> bool:
    if m.sums_kind(block.keys) == "channel_days":
        return True
    return set(block.keys) <= {"local_day", *VISIT_KEYS} and all(
        one.entity in ("visit", "visitor") for one in block.used
    )


def visit_sums(tables: Tables, question: Question, scene: Scene) -> ibis.Table:
    """From the kinds of `visit_kinds`, laid out by stretches, to the sums of all blocks."""
    met = dict(tables)
    if scene.condition is not None:
        visits = met["visits"]
        met["visits"] = visits.filter(to_ibis(scene.condition, visits, {"is_one_page": visits.views == 1}))
    by_sums = _is_by_sums(question, scene)

    def part(block: Block) -> ibis.Table:
        kinds = _kinds_of(question, scene, block)
        own = {kind: _of_stretches(met[kind], question, block) for kind in kinds}
        if "hour" in block.keys:
            own["visits"] = _with_hour(own["visits"], "started_at")
        keys = ("stretch", *block.keys)
        if by_sums:
            return _from_sums(own, block, keys)
        entities = m.visit_entities(own, [one.entity for one in block.used], keys)
        return asking.united(entities, block.used, keys)

    return question.joined(part)


def _counted_apart(laid: LaidOut, question: Question) -> tuple[Question, list[dict[str, Any]]]:
    """Of a question by sums: what is left of it, and rows of its visitors where arrays count them."""
    rows: list[dict[str, Any]] = []
    blocks = []
    asked: dict[tuple[int, tuple[str, ...]], list[tuple[int, tuple[str, ...]]]] = {}
    # Of all together they are counted beside those by a key, of the same rows.
    keyed = next((block.keys for block in question.blocks if block.keys and _of_several_days(block)), ())
    for number, block in enumerate(question.blocks):
        names = tuple(one.name for one in _of_several_days(block))
        is_by_source = set(block.keys) <= set(VISIT_KEYS)
        if (
            not names
            or not is_by_source
            or not distinct.is_worth_it(laid.sealed_rows(_kind_of_visitors(block)))
        ):
            blocks.append(block)
            continue
        blocks.append(replace(block, used=tuple(one for one in block.used if one.name not in names)))
        for stretch in block.stretches:
            asked.setdefault((stretch, block.keys or keyed), []).append((number, names))
    for (stretch, keys), wanted in asked.items():
        every = tuple(dict.fromkeys(name for _number, names in wanted for name in names))
        counting = _Counting(laid, stretch, keys, every)
        for number, names in wanted:
            found = counting.told(question.blocks[number].keys, names, is_kept=question.is_over)
            rows += [{"block": number, "stretch": stretch, **row} for row in found]
    return replace(question, blocks=tuple(blocks)), rows


class _Counting:
    """The visitors of one stretch for several blocks: by some keys and of all from `visits`, read once; of all alone from the
    fewer rows of `visitor_days`."""

    def __init__(self, laid: LaidOut, stretch: int, keys: tuple[str, ...], names: tuple[str, ...]) -> None:
        self._laid, self._stretch, self._keys, self._names = laid, stretch, keys, names
        self._kind = "visits" if keys else "visitor_days"
        self._rows: distinct.Rows | None = None

    def told(self, keys: Sequence[str], names: Sequence[str], *, is_kept: bool) -> list[dict[str, Any]]:
        def compute() -> pa.Table:
            fields = [
                *((key, _KEY_TYPES.get(key, pa.string())) for key in keys),
                *((n, pa.int64()) for n in names),
            ]
            return pa.Table.from_pylist(distinct.count(self._gathered(), names, keys), pa.schema(fields))

        if not is_kept:
            return compute().to_pylist()
        key = ("visitors", self._stretch, tuple(keys), tuple(names))
        return self._laid.kept(self._kind, key, compute).to_pylist()

    def _gathered(self) -> distinct.Rows:
        if self._rows is None:
            read = distinct.columns(self._names, self._keys)
            pieces = self._laid.pieces(self._kind, self._stretch, read)
            self._rows = distinct.of_visits(pieces, self._keys) if self._keys else distinct.of_days(pieces)
        return self._rows


def _of_several_days(block: Block) -> list[m.Measure]:
    """The measures of a block that sums of days do not tell."""
    return [one for one in block.used if m.day_sum(one, block.keys) is None and one.entity != "day"]


def _kind_of_visitors(block: Block) -> str:
    """Where visitors of several days are counted: by source only visits tell them apart."""
    return "visits" if block.keys else "visitor_days"


def _from_sums(own: Tables, block: Block, keys: Sequence[str]) -> ibis.Table:
    """A block from the sums of days, and visitors of several days from their own rows."""
    entities: dict[str, ibis.Table] = {}
    kind = m.sums_kind(block.keys)
    if kind in own:
        sums = own[kind]
        if kind == "channel_days":
            sums = sums.filter(sums.level == ("channel" if "channel" in keys else "day"))
        if any(one.entity == "day" for one in block.used):
            by = list(dict.fromkeys([*keys, "local_day"]))
            entities["day"] = sums.group_by(by).aggregate(
                views=sums.views.sum(), visitor_days=sums.visitors.sum()
            )
        if any(m.day_sum(one, block.keys) for one in block.used):
            entities["day_sum"] = sums
    for kind in ("visits", "visitor_days"):
        if kind in own:
            entities["visitor"] = m.visitors_seen(own[kind], keys)
    used = [m.day_sum(one, block.keys) or one for one in block.used]
    return asking.united(entities, used, keys)


# --- orders


def _order_rows(requests: Sequence[Request]) -> list[list[dict[str, Any]]]:
    """Rows of `united`. When one says that it met refunds of a whole order, those are resolved against the shop's whole
    life, where their sales stand (asking.py), one request after the other."""
    if not requests:
        return []
    shop = requests[0].scene.shop
    question = order_question(requests)

    def build(tables: Tables) -> ibis.Table:
        return order_sums(tables, question, shop.currency)

    def asked(snapshot: warehouse.Snapshot) -> list[dict[str, Any]]:
        laid = LaidOut(snapshot, question.stretches)
        key = ("order sums", shop.currency, question.key)
        found = laid.answer({"order_facts": m.ORDER_COLUMNS}, key, build, is_kept=question.is_over)
        return found.to_pylist()

    rows = warehouse.ask(shop, warehouse.hull(question.stretches), asked)
    if any(row["whole_refunds"] for row in rows):
        return asking.resolved_order_sums(requests)
    return question.shared(rows)


def order_question(requests: Sequence[Request]) -> Question:
    """What requests ask of orders: with the days before each stretch, where it matters who bought then."""
    reaches_back = any(one.name == "old_buyers" for request in requests for one in request.of_orders)
    days = m.LOOK_BACK_DAYS if reaches_back else 0
    return Question.of(
        requests,
        lambda one: [*one.of_orders, *HIDDEN_MEASURES],
        lambda one: Stretch(one.period, one.until, days),
    )


def order_sums(tables: Tables, question: Question, currency: str) -> ibis.Table:
    """From `order_facts` of stretches to the sums of all blocks."""
    movements = m.movements(asking.with_whole_refunds(tables["order_facts"]), currency)

    def part(block: Block) -> ibis.Table:
        found = _of_stretches(movements, question, block)
        now = found.filter(found.is_before == 0)
        if "hour" in block.keys:
            now = _with_hour(now, "at")
        own = {"now": now, "before": found.filter(found.is_before == 1)}
        keys = ("stretch", *block.keys)
        return asking.united(
            m.order_entities(own, [one.entity for one in block.used], keys), block.used, keys
        )

    return question.joined(part)
