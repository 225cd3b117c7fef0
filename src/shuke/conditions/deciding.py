"""Which facts decide: take the named ones away, and the verdict flips.

A condition is in or out because of facts. `decisive` names few of them whose removal (an unknown field, a dated fact that
never was, a group left) turns the answer round; what it names is tried out before it is named. Of an answer that nothing
taken away can turn (nobody bought, so nobody is in) it names none: then something is missing, and the reasons say what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any as Anything

from .matching import Fact, Known, counted, holds, pairs
from .nodes import All, Any, Compare, Measure, Member, Node, None_, Tally, Then
from .windows import AsOf

_MOST_WAYS = 6
_MOST_TRIED = 64
_MOST_ALONE = 200
_FEW = 8


@dataclass(frozen=True, order=True)
class Removal:
    """One thing taken away: `kind` field, fact or group; `name` of the field, series or group; of a fact its `fact_id`."""

    kind: str
    name: str
    fact_id: Anything = None


Way = frozenset[Removal]


def without(known: Known, removals: Iterable[Removal]) -> Known:
    """What would be known if these had never been."""
    gone = set(removals)
    fields = {name: fact for name, fact in known.fields.items() if Removal("field", name) not in gone}
    series = {
        name: [fact for fact in facts if Removal("fact", name, fact["fact_id"]) not in gone]
        for name, facts in known.series.items()
    }
    groups = frozenset(one for one in known.groups if Removal("group", one) not in gone)
    return Known(fields, series, groups)


def decisive(node: Node, known: Known, as_of: AsOf) -> tuple[Removal, ...]:
    """Few removals that together flip the verdict, in order; empty: no removal that was tried does.

    Where a single one is enough, a single one is found.
    """
    is_met = holds(node, known, as_of)

    def flips(way: Iterable[Removal]) -> bool:
        return holds(node, without(known, way), as_of) != is_met

    ways = sorted(_ways(node, known, as_of), key=lambda way: (len(way), sorted(map(repr, way))))
    found = next((way for way in ways if flips(way)), None)
    if found is None or len(found) > 1:
        alone = islice(_everything(known), _MOST_ALONE)
        found = next((frozenset([one]) for one in alone if flips([one])), found)
    return tuple(sorted(found, key=repr)) if found else ()


def _everything(known: Known) -> Iterator[Removal]:
    yield from (Removal("field", name) for name, fact in known.fields.items() if fact is not None)
    yield from (
        Removal("fact", name, one["fact_id"]) for name, facts in known.series.items() for one in facts
    )
    yield from (Removal("group", name) for name in sorted(known.groups))


def _ways(node: Node, known: Known, as_of: AsOf) -> list[Way]:
    """Sets of removals that flip this node, looked at by itself; the smallest first, and only some."""
    if isinstance(node, (All, Any, None_)):
        return _ways_of_group(node, known, as_of)
    if isinstance(node, Compare):
        tried: Iterable[Sequence[Removal]] = [[Removal("field", node.field)]]
    elif isinstance(node, Member):
        tried = [[Removal("group", node.group)]]
    elif isinstance(node, Then):
        tried = _orders_of_pairs(node, known, as_of)
    else:
        tried = _orders_of_facts(node, known, as_of)
    is_met = holds(node, known, as_of)

    def flips(way: Sequence[Removal]) -> bool:
        return holds(node, without(known, way), as_of) != is_met

    return _smallest(way for order in tried if (way := _first_that_flips(order, flips)) is not None)


def _first_that_flips(order: Sequence[Removal], flips: Callable[[Sequence[Removal]], bool]) -> Way | None:
    """A short beginning of an order of removals that flips: the shortest of few; of many it is looked for by doubling and
    halving, which finds the shortest where more removals never flip back."""
    few = min(len(order), _FEW)
    for length in range(1, few + 1):
        if flips(order[:length]):
            return frozenset(order[:length])
    low = high = few
    while high < len(order):
        low, high = high, min(2 * high, len(order))
        if flips(order[:high]):
            break
    else:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if flips(order[:middle]) else (middle, high)
    return frozenset(order[:high])


def _ways_of_group(node: All | Any | None_, known: Known, as_of: AsOf) -> list[Way]:
    parts = [(part, holds(part, known, as_of)) for part in node.parts]
    # One part is enough to turn these; of the others every part that holds them must turn.
    is_enough = isinstance(node, All) == all(met for _part, met in parts)
    ways = [_ways(part, known, as_of) for part, met in parts if is_enough or met != isinstance(node, All)]
    if is_enough:
        return _smallest(way for some in ways for way in some)
    if not ways or not all(ways):
        return []
    chosen = islice(product(*ways), _MOST_TRIED)
    return _smallest(frozenset().union(*some) for some in chosen)


def _smallest(ways: Iterable[Way]) -> list[Way]:
    return sorted(set(ways), key=lambda way: (len(way), sorted(map(repr, way))))[:_MOST_WAYS]


def _orders_of_pairs(node: Then, known: Known, as_of: AsOf) -> list[list[Removal]]:
    found = pairs(node, known, as_of)
    firsts = {first["fact_id"]: Removal("fact", node.first.series, first["fact_id"]) for first, _ in found}
    thens = [Removal("fact", node.then.series, then["fact_id"]) for _, then in found]
    return [thens, thens[::-1], list(firsts.values())]


def _orders_of_facts(node: Tally, known: Known, as_of: AsOf) -> list[list[Removal]]:
    """The facts that count, in the orders in which taking them away may turn a measure soonest."""
    facts = counted(node, known, as_of)
    newest = sorted(facts, key=lambda one: (one["at"], repr(one["fact_id"])), reverse=True)
    orders = [newest, newest[::-1]]
    if node.measure is Measure.SUM:
        assert node.field is not None
        name = node.field
        largest = sorted(newest, key=lambda one: one.get(name) or 0, reverse=True)
        orders += [largest, largest[::-1]]
    elif node.measure in (Measure.DAYS, Measure.DISTINCT):
        orders.append(_rarest_first(node, newest))
    return [[Removal("fact", node.series, one["fact_id"]) for one in order] for order in orders]


def _rarest_first(node: Tally, facts: Sequence[Fact]) -> list[Fact]:
    """Facts by what they share (a day, a value), the smallest company first: it is gone soonest."""
    name = "local_day" if node.measure is Measure.DAYS else node.field
    assert name is not None
    groups: dict[Anything, list[Fact]] = {}
    for fact in facts:
        groups.setdefault(fact.get(name), []).append(fact)
    return [fact for group in sorted(groups.values(), key=len) for fact in group]
