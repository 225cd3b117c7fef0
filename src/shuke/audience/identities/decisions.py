"""Who is one customer: a fold over links, and nothing else. No database, no clock.

1. People join only by hand. What hands joined is a *unit*; one with a person in it is an identified customer.
2. A device, a phone, an open id belongs to the unit that links to it. Where two units do, it is shared and joins nobody:
   a family's tablet. It leads nowhere, and is by itself.
3. What no unit links to belongs where the nearest of its neighbours belong, if they agree; if not, it is shared too.
4. What is left is joined by its links: a device with its e-mail, before anybody said who it is.
5. Who is named with too many others (`crowd`) says nothing of who somebody is: a shop's own tablet, the user id `guest`. What
   facts say of it joins nobody; what hands say does.

A customer's id is that of the identity that leads: a person before all others, then whose earliest link came first, then
the smaller id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from shuke.audience.identities.kinds import SUGGESTING, Kind

_NEVER = datetime.max.replace(tzinfo=UTC)


class Edge(NamedTuple):
    """A link that holds."""

    one: int
    other: int
    is_hand: bool
    at: datetime


@dataclass(frozen=True)
class Crowd:
    """From how many links that facts say on an identity says nothing: `of_person` for people, `of_other` for the rest.
    `suggests`: up to how many people one name suggests that they are one."""

    of_person: int
    of_other: int
    suggests: int


@dataclass(frozen=True)
class Folded:
    """Identity -> customer; which identities are shared, and which are crowded."""

    customers: Mapping[int, int]
    shared: frozenset[int]
    crowded: frozenset[int]


def crowded_among(kinds: Mapping[int, str], edges: Iterable[Edge], crowd: Crowd) -> frozenset[int]:
    """The identities with more links that facts say than `crowd` allows."""
    degree: dict[int, int] = {}
    for edge in edges:
        if not edge.is_hand:
            degree[edge.one] = degree.get(edge.one, 0) + 1
            degree[edge.other] = degree.get(edge.other, 0) + 1
    return frozenset(
        node
        for node, count in degree.items()
        if count > (crowd.of_person if kinds[node] == Kind.PERSON else crowd.of_other)
    )


def fold(
    kinds: Mapping[int, str], edges: Iterable[Edge], crowd: Crowd, *, known_crowded: Iterable[int] = ()
) -> Folded:
    """`kinds`: identity -> kind, of both ends of every edge. `known_crowded`: of which not all edges are given."""
    edges = list(edges)
    crowded = crowded_among(kinds, edges, crowd).union(known_crowded)
    edges = [e for e in edges if e.is_hand or not (e.one in crowded or e.other in crowded)]
    unit = _units(kinds, edges)
    said = {(unit[e.one], unit[e.other]) for e in edges if not e.is_hand and unit[e.one] != unit[e.other]}
    near: dict[int, set[int]] = {}
    for one, other in said:
        near.setdefault(one, set()).add(other)
        near.setdefault(other, set()).add(one)
    identified = {unit[node] for node, kind in kinds.items() if kind == Kind.PERSON}
    belongs, shared = _spread(near, identified)
    left = {one for one in set(unit.values()) if one not in belongs and one not in shared}
    belongs.update(_joined(left, near))
    members: dict[int, list[int]] = {}
    for node in kinds:
        home = unit[node]
        members.setdefault(belongs.get(home, home), []).append(node)
    first = _earliest(edges)
    customers: dict[int, int] = {}
    for together in members.values():
        lead = min(together, key=lambda n: (kinds[n] != Kind.PERSON, first.get(n, _NEVER), n))
        customers.update(dict.fromkeys(together, lead))
    return Folded(customers, frozenset(n for n in kinds if unit[n] in shared), crowded)


def _earliest(edges: Iterable[Edge]) -> dict[int, datetime]:
    first: dict[int, datetime] = {}
    for edge in edges:
        for node in (edge.one, edge.other):
            if node not in first or edge.at < first[node]:
                first[node] = edge.at
    return first


def _units(kinds: Mapping[int, str], edges: Iterable[Edge]) -> dict[int, int]:
    """Identity -> the smallest id of those that hands joined to it."""
    hand: dict[int, set[int]] = {}
    for edge in edges:
        if edge.is_hand:
            hand.setdefault(edge.one, set()).add(edge.other)
            hand.setdefault(edge.other, set()).add(edge.one)
    return {node: node for node in kinds} | _joined(set(hand), hand)


def _joined(nodes: set[int], near: Mapping[int, set[int]]) -> dict[int, int]:
    """Node -> the smallest of those that it is connected with inside `nodes`."""
    found: dict[int, int] = {}
    for start in sorted(nodes):
        if start in found:
            continue
        waiting = [start]
        found[start] = start
        while waiting:
            for other in near.get(waiting.pop(), ()):
                if other in nodes and other not in found:
                    found[other] = start
                    waiting.append(other)
    return found


def _spread(near: Mapping[int, set[int]], identified: set[int]) -> tuple[dict[int, int], set[int]]:
    """From the identified units outwards, ring by ring: where each belongs, and which are shared."""
    belongs = {one: one for one in identified}
    shared: set[int] = set()
    ring = set(identified)
    while ring:
        claims: dict[int, set[int]] = {}
        for one in ring:
            for other in near.get(one, ()):
                if other not in belongs and other not in shared:
                    claims.setdefault(other, set()).add(belongs[one])
        ring = set()
        for other, wanted in claims.items():
            if len(wanted) == 1:
                belongs[other] = wanted.pop()
                ring.add(other)
            else:
                shared.add(other)
    return belongs, shared


def suggested(
    kinds: Mapping[int, str], edges: Iterable[Edge], via: Iterable[int], crowd: Crowd
) -> dict[tuple[int, int, str, int], datetime]:
    """(one, other, reason, via) -> since when, for the names in `via`: people who share one of them, two by two."""
    holders: dict[int, dict[int, datetime]] = {node: {} for node in via if kinds[node] in SUGGESTING}
    for edge in edges:
        if edge.is_hand:
            continue
        for name, person in ((edge.one, edge.other), (edge.other, edge.one)):
            if name in holders and kinds[person] == Kind.PERSON:
                holders[name][person] = min(edge.at, holders[name].get(person, edge.at))
    found: dict[tuple[int, int, str, int], datetime] = {}
    for name, people in holders.items():
        if not 2 <= len(people) <= crowd.suggests:
            continue
        reason = SUGGESTING[Kind(kinds[name])].value
        ordered = sorted(people)
        for place, one in enumerate(ordered):
            for other in ordered[place + 1 :]:
                found[(one, other, reason, name)] = max(people[one], people[other])
    return found


def sides(members: Iterable[int], hands: Iterable[tuple[int, int]]) -> list[frozenset[int]]:
    """The parts into which members fall when only these pairs join them."""
    near: dict[int, set[int]] = {node: set() for node in members}
    for one, other in hands:
        near[one].add(other)
        near[other].add(one)
    parts: dict[int, set[int]] = {}
    for node, part in _joined(set(near), near).items():
        parts.setdefault(part, set()).add(node)
    return [frozenset(part) for _, part in sorted(parts.items())]


__all__ = ["Crowd", "Edge", "Folded", "crowded_among", "fold", "sides", "suggested"]
