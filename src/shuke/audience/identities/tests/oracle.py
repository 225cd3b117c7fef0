"""Who is one customer, counted slowly: every rule applied to the whole shop, ring by ring, over plain sets."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple


class Statement(NamedTuple):
    """That two names are one customer. `kind` and `ref` of both, whether hands said it, and when first."""

    one: tuple[str, str]
    other: tuple[str, str]
    is_hand: bool
    at: datetime


def recount(
    statements: Iterable[Statement],
    *,
    most_of_person: int,
    most_of_other: int,
    ids: dict[tuple[str, str], int],
) -> dict[tuple[str, str], tuple[str, str]]:
    """Name -> the name that leads its customer, of every name in a statement."""
    statements = list(statements)
    names = {name for s in statements for name in (s.one, s.other)}
    near_said = {
        name: {_far(s, name) for s in statements if not s.is_hand and name in s[:2]} for name in names
    }
    crowd = {
        name
        for name in names
        if len(near_said[name]) > (most_of_person if name[0] == "person" else most_of_other)
    }
    counted = [s for s in statements if s.is_hand or (s.one not in crowd and s.other not in crowd)]
    groups = _components(names, [s[:2] for s in counted if s.is_hand])
    group_of = {name: group for group in groups for name in group}
    owner = {group: group for group in groups if any(kind == "person" for kind, _ in group)}
    nobody: set[frozenset] = set()
    while True:
        claims: dict[frozenset, set[frozenset]] = {}
        for s in counted:
            for here, there in ((s.one, s.other), (s.other, s.one)):
                group, source = group_of[here], group_of[there]
                if group not in owner and group not in nobody and source in owner:
                    claims.setdefault(group, set()).add(owner[source])
        if not claims:
            break
        for group, wanted in claims.items():
            if len(wanted) == 1:
                owner[group] = next(iter(wanted))
            else:
                nobody.add(group)
    loose = [group for group in groups if group not in owner and group not in nobody]
    between = [
        (group_of[s.one], group_of[s.other])
        for s in counted
        if group_of[s.one] in loose and group_of[s.other] in loose
    ]
    customers: list[set] = [set(group) for group in nobody]
    customers += [set().union(*part) for part in _components(loose, between)]
    for home in set(owner.values()):
        customers.append(set().union(*(group for group, whose in owner.items() if whose == home)))

    def first(name: tuple[str, str]) -> datetime:
        return min(
            (s.at for s in counted if name in s[:2]), default=datetime.max.replace(tzinfo=_zone(statements))
        )

    led: dict[tuple[str, str], tuple[str, str]] = {}
    for customer in customers:
        lead = min(customer, key=lambda n: (n[0] != "person", first(n), ids[n]))
        led.update(dict.fromkeys(customer, lead))
    return led


def _zone(statements: list[Statement]):
    return statements[0].at.tzinfo


def _far(statement: Statement, name: tuple[str, str]) -> tuple[str, str]:
    return statement.other if statement.one == name else statement.one


def _components(nodes, pairs) -> list[frozenset]:
    parts = [{node} for node in nodes]
    for one, other in pairs:
        here = next(p for p in parts if one in p)
        there = next(p for p in parts if other in p)
        if here is not there:
            parts.remove(there)
            here |= there
    return [frozenset(p) for p in parts]
