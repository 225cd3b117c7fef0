"""Events sent again: checked as collection would check them, then through the journal, like any event.

An event keeps its messageId, or gets one of its entry, so it counts once however often it is sent within the hours for
which ids are remembered. A mend that is killed between the journal and its own note sends again; the id answers that, and
after these hours the facts (`once.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

import msgspec

from shuke.intake.committer import future_tolerance_minutes
from shuke.intake.errors import EventTooLarge
from shuke.intake.events_of import Reader, ShopFacts
from shuke.intake.models.quarantine import Quarantined
from shuke.intake.moments import microseconds
from shuke.intake.own_journal import own_journal
from shuke.intake.quarantine.once import named, named_request
from shuke.intake.reasons import Refusal
from shuke.intake.segment_spec import LARGEST_BATCH, LARGEST_EVENT, Kind
from shuke.intake.set_aside import UNREADABLE, Sent
from shuke.intake.shops_of_day import facts_of_shop
from shuke.kernel import clock
from shuke.kernel.errors import ShukeError
from shuke.kernel.periods import local_day
from shuke.shops.reads import ShopView

log = logging.getLogger("intake.quarantine")

AT_ONCE = 32  # records laid side by side, so that they share a sync of the journal
_LARGEST_BODY = LARGEST_BATCH - (4 << 10)
_FIELDS = dict[str, msgspec.Raw]


@dataclass
class Checked:
    """What events would become: the bodies that can be sent, by entry, and why others can not."""

    bodies: dict[int, bytes] = field(default_factory=dict)
    refused: dict[int, Refusal | ShukeError] = field(default_factory=dict)


@dataclass(frozen=True)
class _Rules:
    """By what events are checked now."""

    facts: ShopFacts
    day: date
    tolerance: int


def check(shop: ShopView, rows: Sequence[tuple[Quarantined, str]]) -> Checked:
    """Check entries of the API with these texts. Nothing is sent."""
    day = clock.now().date()
    rules = _Rules(facts_of_shop(shop, local_day(clock.now(), shop.zone)), day, future_tolerance_minutes(day))
    found = Checked()
    together: list[tuple[Quarantined, bytes]] = []
    for row, text in rows:
        body = text.encode("utf-8", "surrogatepass").strip()
        limit = LARGEST_BATCH if row.reason == UNREADABLE else LARGEST_EVENT
        if len(body) > limit:
            found.refused[row.pk] = EventTooLarge(field="payload", value=len(body), limit=limit)
        else:
            together.append((row, body))
    plain = [(row, body) for row, body in together if row.reason != UNREADABLE]
    alone = [(row, body) for row, body in together if row.reason == UNREADABLE]
    if len(plain) > 1:
        unsure = _check_together(rules, plain, found)
        alone += unsure
    else:
        alone += plain
    for row, body in alone:
        try:
            found.bodies[row.pk] = _checked_alone(rules, row, body)
        except Refusal as refusal:
            found.refused[row.pk] = refusal
    return found


def _checked_alone(rules: _Rules, row: Quarantined, body: bytes) -> bytes:
    received_us = microseconds(row.received_at)
    if row.reason == UNREADABLE:  # the whole of a request, not one event
        _require_readable(Sent(row.shop_id, received_us, _kind(row), body, "check"), rules)
        return named_request(row, body)
    Reader().check(rules.facts, body, received_us, day=rules.day, tolerance=rules.tolerance)
    return named(body, f"quarantine:{row.pk}")


def _check_together(
    rules: _Rules, rows: list[tuple[Quarantined, bytes]], found: Checked
) -> list[tuple[Quarantined, bytes]]:
    """Check many at once, each under an id of its own; returns those that only a look at each alone can judge."""
    records: list[Sent] = []
    asked: list[tuple[Quarantined, bytes]] = []
    unsure: list[tuple[Quarantined, bytes]] = []
    for row, body in rows:
        try:
            fields = msgspec.json.decode(body, type=_FIELDS)
            message = msgspec.json.decode(fields.get("messageId", msgspec.Raw(b"null")))
        except (ValueError, RecursionError):
            unsure.append((row, body))
            continue
        if not (message is None or isinstance(message, str)):
            unsure.append((row, body))
            continue
        fields.pop("messageId", None)
        # First in the text: where the event can not be read, its id is the first that is found there.
        own = msgspec.json.encode(f"check:{len(asked)}")
        text = msgspec.json.encode({"messageId": msgspec.Raw(own)} | fields)
        records.append(
            Sent(
                rules.facts.id,
                microseconds(row.received_at),
                Kind.BATCH,
                b'{"batch":[' + text + b"]}",
                f"check:{len(asked)}",
            )
        )
        asked.append((row, body))
    if not asked:
        return unsure
    decoded = Reader().read(
        records, {rules.facts.id: rules.facts}, day=rules.day, future_tolerance_minutes=rules.tolerance
    )
    if len(decoded.set_aside) + decoded.table.num_rows != len(asked):
        return rows  # an event that became neither: each is looked at alone
    refused: dict[int, Refusal] = {}
    for one in decoded.set_aside:
        number = one.message_ref.removeprefix("journal:").removesuffix("/0").removeprefix("check:")
        if not number.isdigit() or int(number) >= len(asked) or int(number) in refused:
            return rows
        params = {k: v for k, v in one.params.items() if k != "field"}
        refused[int(number)] = Refusal(one.reason, one.column, **params)
    for i, (row, body) in enumerate(asked):
        if i in refused:
            found.refused[row.pk] = refused[i]
        else:
            found.bodies[row.pk] = named(body, f"quarantine:{row.pk}")
    return unsure


def send(shop: ShopView, rows: Sequence[Quarantined], bodies: dict[int, bytes]) -> None:
    """Lay bodies into the journal, those that `once.to_send` gave; synced when this returns. Raises JournalFull: some

    may lie there already, and are known when all are sent again.
    """
    journal = own_journal()
    records: list[tuple[int, int, bytes]] = []
    whole = [row for row in rows if row.pk in bodies and row.reason == UNREADABLE]
    events = [row for row in rows if row.pk in bodies and row.reason != UNREADABLE]
    for row in whole:
        records.append((microseconds(row.received_at), _kind(row), bodies[row.pk]))
    for received, alike in groupby(events, key=lambda row: row.received_at):
        part: list[bytes] = []
        size = 0
        for row in alike:
            body = bodies[row.pk]
            if part and size + len(body) > _LARGEST_BODY:
                records.append((microseconds(received), Kind.BATCH, _batch(part)))
                part, size = [], 0
            part.append(body)
            size += len(body) + 1
        if part:
            records.append((microseconds(received), Kind.BATCH, _batch(part)))

    def lay(record: tuple[int, int, bytes]) -> None:
        received_us, kind, body = record
        journal.append(shop_id=shop.id, received_us=received_us, kind=kind, body=body)

    if len(records) == 1:
        lay(records[0])
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _done in pool.map(lay, records):
            pass


def _batch(events: list[bytes]) -> bytes:
    return b'{"batch":[' + b",".join(events) + b"]}"


def _kind(row: Quarantined) -> Kind:
    return Kind(row.params.get("kind", Kind.BATCH))


def _require_readable(request: Sent, rules: _Rules) -> None:
    """Raises Refusal while our code still fails on it, or when none of its events would become a fact."""
    shop = rules.facts
    try:
        decoded = Reader().read(
            [request], {shop.id: shop}, day=rules.day, future_tolerance_minutes=rules.tolerance
        )
    except Exception:
        log.exception("quarantine.unreadable")
        raise Refusal(UNREADABLE) from None
    if decoded.set_aside and not decoded.table.num_rows:
        first = decoded.set_aside[0]
        raise Refusal(first.reason, first.column, **first.params)
