"""What the links come to for those whom a change touches, written beside them.

After each commit the rows of Identity say what `decisions.fold` says of all links of the shop. Only what a change can reach
is folded again: the customers that it touches and their neighbours, up to identities that were shared before and still are,
since nothing passes those; so a tablet of fifty people does not draw fifty customers into every change of one.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from django.db import connection, models

from shuke.audience.identities.decisions import Crowd, Edge, Folded, crowded_among, fold, suggested
from shuke.audience.identities.kinds import SUGGESTING, Kind, Origin
from shuke.audience.identities.models import Identity, Link, Register, Suggestion

_AT_ONCE = 400


def chunks(ids: Iterable[object]) -> Iterator[list]:
    """Pieces of a size that every database takes in one statement."""
    waiting = iter(ids)
    while part := list(islice(waiting, _AT_ONCE)):
        yield part


def update_rows(model: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write columns of rows that are there: each row the columns' values in their order, and its key last. As plain statements:
    Django's own way builds one large expression, which takes it twenty times as long."""
    table: Any = model._meta
    quote = connection.ops.quote_name
    fields = [table.get_field(name) for name in columns]
    sets = ", ".join(f"{quote(field.column)} = %s" for field in fields)
    sql = f"UPDATE {quote(table.db_table)} SET {sets} WHERE {quote(table.pk.column)} = %s"  # noqa: S608 (our own names)
    values = [
        [*(f.get_db_prep_save(v, connection) for f, v in zip(fields, row, strict=False)), row[-1]]
        for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(sql, values)


class _Row(NamedTuple):
    """Of an identity what folding needs; many are read, and models are slow to make."""

    id: int
    kind: str
    customer_id: int
    is_shared: bool
    is_crowded: bool
    version: int


def _rows(**which: object) -> dict[int, _Row]:
    return {row[0]: _Row(*row) for row in Identity.objects.filter(**which).values_list(*_Row._fields)}


@dataclass
class _Region:
    """What was read of the shop: rows by id, the links among them by key, whose links are all here (`inner`)."""

    crowd: Crowd
    rows: dict[int, _Row] = field(default_factory=dict)
    edges: dict[int, Edge] = field(default_factory=dict)
    near: dict[int, dict[int, bool]] = field(default_factory=dict)  # -> neighbour -> is by hand
    inner: set[int] = field(default_factory=set)
    crowded: set[int] = field(default_factory=set)  # of which not all links were read

    def kind(self, node: int) -> str:
        return self.rows[node].kind

    def limit(self, node: int) -> int:
        return self.crowd.of_person if self.kind(node) == Kind.PERSON else self.crowd.of_other

    def read_rows(self, ids: Iterable[int]) -> None:
        for part in chunks(one for one in ids if one not in self.rows):
            self.rows |= _rows(id__in=part)

    def read_links(self, ids: Collection[int], *, by_hand_only: bool = False) -> None:
        found: list[tuple[int, int, int, str, datetime]] = []
        columns = ("id", "one_id", "other_id", "origin", "at")
        live = Link.objects.filter(undone_at=None)
        if by_hand_only:
            live = live.filter(origin=Origin.HAND)
        for part in chunks(ids):
            found += live.filter(one_id__in=part).values_list(*columns)
            found += live.filter(other_id__in=part).values_list(*columns)
        for key, one, other, origin, at in found:
            is_hand = origin == Origin.HAND
            self.edges[key] = Edge(one, other, is_hand, at)
            for node, next_ in ((one, other), (other, one)):
                here = self.near.setdefault(node, {})
                here[next_] = here.get(next_, False) or is_hand
        self.read_rows({node for _, one, other, _, _ in found for node in (one, other)})


def refold(register: Register, touched: Collection[int], crowd: Crowd, *, went: Collection[int] = ()) -> None:
    """Fold what a change of these identities can reach, and write what is different. Within the register's transaction.

    `went`: customers of whom some identity is no more.
    """
    region = _Region(crowd)
    region.read_rows(touched)
    homes = {row.customer_id for row in region.rows.values()} | set(went)
    for part in chunks(homes):
        region.rows |= _rows(shop_id=register.shop_id, customer_id__in=part)
    _read_around(region, set(region.rows))
    kinds = {node: row.kind for node, row in region.rows.items()}
    folded = fold(kinds, region.edges.values(), crowd, known_crowded=region.crowded)
    _write(register, region, folded)
    _write_suggestions(register.shop_id, region, folded)


def _read_around(region: _Region, frontier: set[int]) -> None:
    edge_of_region: set[int] = set()
    while frontier:
        crowded = {n for n in frontier if region.rows[n].is_crowded and _is_still_crowded(region, n)}
        region.crowded |= crowded
        region.read_links(frontier - crowded)
        region.read_links(crowded, by_hand_only=True)
        region.inner |= frontier
        reached: set[int] = set()
        stopping = {n for n in frontier if region.rows[n].is_shared}
        units = _units_around(region, stopping)
        for node in frontier:
            near = region.near.get(node, {})
            if node in stopping and len(_claims(region, node, units)) >= 2:
                edge_of_region |= near.keys()
            else:
                reached |= near.keys()
        frontier = reached - region.inner
    # Of those beyond, only what is known of them: whether they are crowded, and whom hands joined them to.
    beyond = edge_of_region - region.inner
    region.crowded |= {n for n in beyond if region.rows[n].is_crowded}
    _read_hands(region, beyond)
    region.crowded |= {n for n in set(region.rows) - region.inner if region.rows[n].is_crowded}


def _is_still_crowded(region: _Region, node: int) -> bool:
    limit = region.limit(node)
    live = Link.objects.filter(undone_at=None).exclude(origin=Origin.HAND)
    count = len(live.filter(one_id=node).values_list("id", flat=True)[: limit + 1])
    if count <= limit:
        count += len(live.filter(other_id=node).values_list("id", flat=True)[: limit + 1 - count])
    return count > limit


def _read_hands(region: _Region, nodes: set[int]) -> None:
    """Whom hands joined these to, however far."""
    seen: set[int] = set()
    waiting = set(nodes)
    while waiting:
        region.read_links(waiting, by_hand_only=True)
        seen |= waiting
        waiting = {
            other
            for node in waiting
            for other, is_hand in region.near.get(node, {}).items()
            if is_hand and other not in seen
        }


def _units_around(region: _Region, nodes: set[int]) -> dict[int, int]:
    """Person -> the smallest of those that hands joined to him, for the people near these."""
    people = {
        other
        for node in nodes
        for other in region.near.get(node, {})
        if region.kind(other) == Kind.PERSON and not region.rows[other].is_crowded
    }
    _read_hands(region, people)
    unit: dict[int, int] = {}
    for start in people:
        together, waiting = {start}, [start]
        while waiting:
            for other, is_hand in region.near.get(waiting.pop(), {}).items():
                if is_hand and other not in together:
                    together.add(other)
                    waiting.append(other)
        unit[start] = min(together)
    return unit


def _claims(region: _Region, node: int, units: dict[int, int]) -> set[int]:
    """The customers of people that facts link to this identity."""
    said = _said_near(region, node)
    is_joined = any(region.near.get(node, {}).values())  # by hand: perhaps to a person, and then it is his
    if is_joined or node in region.crowded or len(said) > region.limit(node):
        return set()
    # A person who became crowded by this very change stands in the first ring, so his links are all here.
    return {
        units[other]
        for other in said
        if other in units and len(_said_near(region, other)) <= region.crowd.of_person
    }


def _said_near(region: _Region, node: int) -> list[int]:
    return [edge for edge, is_hand in region.near.get(node, {}).items() if not is_hand]


def _write(register: Register, region: _Region, folded: Folded) -> None:
    changed: list[tuple[int, bool, bool, int, int]] = []
    for node in region.inner:
        row = region.rows[node]
        now = (folded.customers[node], node in folded.shared, node in folded.crowded)
        if now != (row.customer_id, row.is_shared, row.is_crowded) or row.version < 0:
            is_moved = row.customer_id != now[0] or row.version < 0
            changed.append((*now, register.version + 1 if is_moved else row.version, node))
    if changed:
        columns = ("customer_id", "is_shared", "is_crowded", "version")
        update_rows(Identity, columns, changed)
        register.version += 1
        register.save(update_fields=["version"])


def _write_suggestions(shop_id: int, region: _Region, folded: Folded) -> None:
    names = [n for n in region.inner if region.kind(n) in SUGGESTING]
    if not names:
        return
    kinds = {node: row.kind for node, row in region.rows.items()}
    effective = [e for e in region.edges.values() if not {e.one, e.other} & folded.crowded]
    wanted = suggested(kinds, effective, names, region.crowd)
    stale: list[int] = []
    for part in chunks(names):
        for row in Suggestion.objects.filter(via_id__in=part):
            since = wanted.pop((row.one_id, row.other_id, row.reason, row.via_id), None)
            if since is None and row.refused_at is None:
                stale.append(row.pk)
            elif since is not None and since != row.at:
                Suggestion.objects.filter(pk=row.pk).update(at=since)
    Suggestion.objects.filter(pk__in=stale).delete()
    Suggestion.objects.bulk_create(
        [
            Suggestion(shop_id=shop_id, one_id=one, other_id=other, reason=reason, via_id=via, at=since)
            for (one, other, reason, via), since in wanted.items()
        ],
        batch_size=80,
    )


def forget_map(register: Register) -> None:
    """Rows went: whoever remembers the map reads it whole."""
    register.epoch = secrets.token_hex(8)
    register.save(update_fields=["epoch"])


__all__ = ["chunks", "crowded_among", "forget_map", "refold", "update_rows"]
