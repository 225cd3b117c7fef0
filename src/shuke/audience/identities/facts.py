"""What new facts of a shop's day say of identities: asked of the warehouse, read, and no more than that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import ibis
import pyarrow as pa

from shuke.audience.identities.errors import BadEmail, BadPhone, BadRef
from shuke.audience.identities.kinds import Kind, Origin, Relation
from shuke.audience.identities.names import LONGEST, Name, name_of
from shuke.audience.identities.storing import Said, Unread
from shuke.audience.identities.traits import read_traits
from shuke.kernel.periods import ONE_DAY, Period
from shuke.kernel.surrogates import surrogate
from shuke.records.erasures import Erasure
from shuke.shops.reads import ShopView
from shuke.warehouse import reads as warehouse

_IMPORT = "import:"


@dataclass(frozen=True, slots=True)
class Related:
    """What an identity is to the shop, from a moment on."""

    name: Name
    relation: Relation
    holds: bool
    at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Renamed:
    """That `now` was called `before`: two people, if `before` is one."""

    before: Name
    now: Name
    at: datetime
    source: str


@dataclass
class Told:
    """What facts of a day say. `people`: everybody whom they name, id -> (reference, first, last)."""

    said: list[Said] = field(default_factory=list)
    renamed: list[Renamed] = field(default_factory=list)
    related: list[Related] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    people: dict[int, tuple[str, datetime, datetime]] = field(default_factory=dict)


def told_by(shop: ShopView, day: date, after: int, erased: Iterable[Erasure]) -> Told:
    """What the facts of a day say that came after a segment, perhaps with some that came before. Nothing of an erased person
    that came before the erasure is among it."""
    gone = _erased_table(erased)
    period = Period(day, day + ONE_DAY)

    def question(snapshot: warehouse.Snapshot) -> list[pa.Table | None]:
        events = snapshot.since("events", after)
        lines = snapshot.since("order_lines", after)
        return [
            None if events is None else snapshot.engine.run(_pairs(_without(events, gone))),
            None if events is None else snapshot.engine.run(_traits(_without(events, gone))),
            None if events is None else snapshot.engine.run(_people(_without(events, gone), "person")),
            None if lines is None else snapshot.engine.run(_people(lines, "buyer")),
        ]

    pairs, traits, people, buyers = warehouse.ask(shop, period, question, by="duckdb")
    told = Told()
    for row in _rows(pairs):
        _read_pair(shop, row, told)
    for row in _rows(traits):
        _read_traits(shop, row, told)
    for row in [*_rows(people), *_rows(buyers)]:
        told.people[row["id"]] = (row["ref"], _aware(row["first"]), _aware(row["last"]))
    return told


def _rows(table: pa.Table | None) -> Iterable[dict]:
    if table is None:
        return
    for batch in table.to_batches(max_chunksize=5_000):
        yield from batch.to_pylist()


def _erased_table(erased: Iterable[Erasure]) -> pa.Table | None:
    until: dict[int, datetime] = {}
    for one in erased:
        at = datetime.fromisoformat(one.at).astimezone(UTC).replace(tzinfo=None)
        for id_ in (*one.person_ids, *one.visitor_ids):
            until[id_] = max(at, until.get(id_, at))
    if not until:
        return None
    return pa.table(
        {
            "gone_id": pa.array(list(until), pa.int64()),
            "until": pa.array(list(until.values()), pa.timestamp("us")),
        }
    )


def _without(events: ibis.Table, gone: pa.Table | None) -> ibis.Table:
    if gone is None:
        return events
    for column in ("visitor_id", "person_id"):
        erased = ibis.memtable(gone)
        events = events.anti_join(
            erased, [events[column] == erased.gone_id, events.received_at <= erased.until]
        )
    return events


def _pairs(events: ibis.Table) -> ibis.Table:
    both = events.filter(events.anonymous_ref.notnull(), events.person_ref.notnull())
    return both.group_by(both.visitor_id, both.person_id, both.source, is_alias=both.type == "alias").agg(
        anonymous_ref=both.anonymous_ref.min(),
        person_ref=both.person_ref.min(),
        first=both["at"].min(),
        last=both["at"].max(),
    )


def _traits(events: ibis.Table) -> ibis.Table:
    # Pages say the same of the same person again and again: once each is enough.
    told = events.filter(events.type == "identify", events.properties.notnull())
    return told.group_by(
        "visitor_id", "person_id", "anonymous_ref", "person_ref", "properties", "source"
    ).agg(first=told["at"].min(), last=told["at"].max())


def _people(rows: ibis.Table, who: str) -> ibis.Table:
    """Whoever is named and joined to nothing by it: a buyer of a file, a user of whom a server tells."""
    known = rows.filter(rows[f"{who}_ref"].notnull())
    if who == "person":
        known = known.filter(known.anonymous_ref.isnull())
    return known.group_by(id=known[f"{who}_id"]).agg(
        ref=known[f"{who}_ref"].min(), first=known["at"].min(), last=known["at"].max()
    )


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def _name(id_: int, kind: Kind, ref: str) -> Name:
    """As facts name it: the surrogate stands beside it."""
    return Name(id_, kind, ref[:LONGEST], ref[:LONGEST])


def _read_pair(shop: ShopView, row: dict, told: Told) -> None:
    first, last, source = _aware(row["first"]), _aware(row["last"]), row["source"]
    person = _name(row["person_id"], Kind.PERSON, row["person_ref"])
    device = _name(row["visitor_id"], Kind.VISITOR, row["anonymous_ref"])
    origin = Origin.ALIAS if row["is_alias"] else Origin.IDENTIFY
    if source.startswith(_IMPORT):
        origin = Origin.IMPORT
    told.said.append(Said(device, person, origin, source, first, last))
    if row["is_alias"] and row["anonymous_ref"] != row["person_ref"]:
        before = surrogate(shop.id, Kind.PERSON.value, row["anonymous_ref"])
        told.renamed.append(Renamed(_name(before, Kind.PERSON, row["anonymous_ref"]), person, first, source))


def _read_traits(shop: ShopView, row: dict, told: Told) -> None:
    names, relations = read_traits(row["properties"])
    if not names and not relations:
        return
    first, last, source = _aware(row["first"]), _aware(row["last"]), row["source"]
    if row["person_ref"] is not None:
        anchor = _name(row["person_id"], Kind.PERSON, row["person_ref"])
    else:
        anchor = _name(row["visitor_id"], Kind.VISITOR, row["anonymous_ref"])
    origin = Origin.IMPORT if source.startswith(_IMPORT) else Origin.IDENTIFY
    for kind, text in names:
        try:
            name = name_of(shop, kind, text)
        except (BadPhone, BadEmail, BadRef) as error:
            value_id = surrogate(shop.id, "kept_out", text)
            told.unread.append(Unread(anchor.id, kind.value, error.code, value_id, source, first))
        else:
            told.said.append(Said(anchor, name, origin, source, first, last))
    for relation, holds in relations:
        told.related.append(Related(anchor, relation, holds, first, source))
