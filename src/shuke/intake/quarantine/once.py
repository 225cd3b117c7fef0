"""Events sent again count once, however long a mend lay still.

Collection knows a repeat by its messageId for 48 hours only. So before an event is sent again, the facts themselves are
asked where that may not be enough: for entries that came long ago (the same event may have come in good shape since), and
for those that a mend was about to send when it died. Which those are is noted on them before they are sent; what then
still lies in the journal is waited for, so that it is among the facts or was never sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import ibis
import msgspec
import pyarrow as pa
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from shuke.intake.journal import list_series
from shuke.intake.models import JournalPosition
from shuke.intake.models.quarantine import Quarantined
from shuke.intake.segment_spec import Event, Kind
from shuke.intake.set_aside import UNREADABLE
from shuke.kernel import clock
from shuke.kernel.errors import ShukeError
from shuke.kernel.surrogates import surrogate
from shuke.shops.reads import ShopView
from shuke.warehouse import reads as warehouse

# An entry that came later is sent well within the hours for which the ids of its neighbours in time are remembered.
LONG_AGO = timedelta(hours=1)
WAIT_SECONDS = 5.0
_LOOK_SECONDS = 0.1
_AT_ONCE = 500
_MOST_NAMED = 750 << 10  # bytes of a request; the journal takes records of 1 MB
_FIELDS = dict[str, msgspec.Raw]


class CollectionBehind(ShukeError):
    code = "collection_behind"
    status = 503
    words = _("Events that were sent before an interruption still lie in the journal.")
    remedy = _(
        "Nothing is lost. Resume when collection has caught up; if it does not, look whether the committer runs."
    )


class Asked:
    """What the facts said of many entries at once: a question costs the shop's whole life, however few it asks for.

    An answer is good for an hour. What became a fact since then is remembered by collection, for far longer.
    """

    GOOD_FOR = timedelta(hours=1)

    def __init__(self, shop: ShopView, ahead: Callable[[], Iterable[Quarantined]]) -> None:
        """`ahead`: entries that are likely to be asked for next."""
        self._shop, self.ahead = shop, ahead
        self._asked: set[int] = set()
        self._counted: set[int] = set()
        self._until: datetime | None = None
        self._is_worth_it = (
            True  # where a rule changes the ids of events, none is asked for before it is known
        )

    def counted(self, ids: Iterable[int]) -> set[int]:
        """Which of these event ids are facts."""
        wanted, now = set(ids), clock.now()
        if self._until is None or now >= self._until:
            self._asked, self._counted, self._until = set(), set(), now + self.GOOD_FOR
        elif not wanted.isdisjoint(self._asked):
            self._is_worth_it = True
        missing = wanted - self._asked
        if missing:
            rows = self.ahead() if self._is_worth_it else ()
            asked = missing.union(*(_ids_as_they_came(self._shop, row) for row in rows))
            self._is_worth_it = False  # until one of them is asked for
            self._counted |= counted_ids(self._shop, list(asked))
            self._asked |= asked
        return wanted & self._counted


def to_send(
    shop: ShopView,
    rows: Sequence[Quarantined],
    bodies: dict[int, bytes],
    *,
    wait_seconds: float | None = None,
    known: Asked | None = None,
) -> dict[int, bytes]:
    """What of checked bodies (by entry) is to be sent: what counts already is left out. Notes what is about to be sent.

    `known`: answers that whoever sends many keeps. Entries that a mend was about to send when it died are asked anew.
    Outside of a transaction, under the shop's lock of mends. Raises CollectionBehind.
    """
    now = clock.now()
    begun = [row for row in rows if row.laid_at is not None]
    if begun:
        _wait_for_journal(WAIT_SECONDS if wait_seconds is None else wait_seconds)
    old = [row for row in rows if row.laid_at is None and row.received_at < now - LONG_AGO]
    found = {row.pk: bodies[row.pk] for row in rows if row.pk in bodies}
    for asked, of in ((begun, None), (old, known)):
        if asked:
            found |= _uncounted(shop, [(row, found[row.pk]) for row in asked if row.pk in found], of)
    found = {pk: body for pk, body in found.items() if body}
    fresh = [row.pk for row in rows if row.pk in found and row.laid_at is None]
    for start in range(0, len(fresh), _AT_ONCE):
        Quarantined.objects.filter(id__in=fresh[start : start + _AT_ONCE]).update(laid_at=now)
    return found


def _uncounted(
    shop: ShopView, asked: Sequence[tuple[Quarantined, bytes]], known: Asked | None
) -> dict[int, bytes]:
    """Each body without the events that are facts; b"" when all are."""
    events = {row.pk: _events(row, body) for row, body in asked}
    ids = {row.pk: [_event_id(shop, one) for one in events[row.pk]] for row, _body in asked}
    wanted = [one for found in ids.values() for one in found if one is not None]
    counted = counted_ids(shop, wanted) if known is None else known.counted(wanted)
    left: dict[int, bytes] = {}
    for row, body in asked:
        is_left = [one not in counted for one in ids[row.pk]]
        if all(is_left):
            left[row.pk] = body
        elif not any(is_left):
            left[row.pk] = b""
        else:
            kept = [one for one, is_kept in zip(events[row.pk], is_left, strict=True) if is_kept]
            left[row.pk] = _with_batch(body, kept)
    return left


def already_sent(shop: ShopView, rows: Sequence[Quarantined]) -> set[int]:
    """Which entries count although they wait, because the mend that sent them died before it noted so.

    Told by the id that each stated when it came: one that a mend gave another id is not found. Outside of a transaction,
    under the shop's lock of mends. Raises CollectionBehind.
    """
    begun = [row for row in rows if row.laid_at is not None]
    if not begun:
        return set()
    _wait_for_journal(WAIT_SECONDS)
    ids = {row.pk: _ids_as_they_came(shop, row) for row in begun}
    counted = counted_ids(shop, [one for found in ids.values() for one in found])
    return {pk for pk, found in ids.items() if not counted.isdisjoint(found)}


def _ids_as_they_came(shop: ShopView, row: Quarantined) -> list[int]:
    """Under which ids the events of an entry were sent. Their texts need not be events yet."""
    found = []
    for number, event in enumerate(_events(row, row.payload.encode("utf-8", "surrogatepass"))):
        own = f"quarantine:{row.pk}/{number}" if row.reason == UNREADABLE else f"quarantine:{row.pk}"
        try:
            stated = msgspec.json.decode(event, type=_FIELDS).get("messageId", msgspec.Raw(b"null"))
            message = msgspec.json.decode(stated)
        except (ValueError, RecursionError):
            continue
        found.append(surrogate(shop.id, "message", own if message in (None, "") else str(message)))
    return found


def counted_ids(shop: ShopView, ids: Sequence[int]) -> set[int]:
    """Which of these event ids are facts of the shop, on any day. Asked in this process, whatever the engine."""
    period = warehouse.whole_life(shop.id) if ids else None
    if period is None:
        return set()
    wanted = ibis.memtable(pa.table({"event_id": pa.array(sorted(set(ids)), pa.int64())}))

    def question(snapshot: warehouse.Snapshot) -> pa.Table:
        events = snapshot.raw("events")
        return snapshot.engine.run(events.semi_join(wanted, "event_id").select("event_id"))

    found: pa.Table = warehouse.ask(shop, period, question, by="duckdb")
    return set(found["event_id"].to_pylist())


def _events(row: Quarantined, body: bytes) -> list[bytes]:
    """The events of a body: one, or those of a whole request."""
    if row.reason != UNREADABLE or _kind(row) != Kind.BATCH:
        return [body]
    try:
        fields = msgspec.json.decode(body, type=_FIELDS)
        return [bytes(one) for one in msgspec.json.decode(fields["batch"], type=list[msgspec.Raw])]
    except (ValueError, KeyError, RecursionError):
        return [body]


def _event_id(shop: ShopView, event: bytes) -> int | None:
    """Under which id an event counts; None where it can not be read, or states none and gets one from the journal."""
    try:
        message = msgspec.json.decode(event, type=Event).messageId
    except (ValueError, RecursionError):
        return None
    if message is None or message == "":
        return None
    return surrogate(shop.id, "message", message if isinstance(message, str) else str(message))


def named(body: bytes, message_id: str) -> bytes:
    """The event with a messageId, so that sending it twice counts once."""
    if msgspec.json.decode(body, type=Event).messageId not in (None, ""):
        return body
    fields = msgspec.json.decode(body, type=_FIELDS)
    fields["messageId"] = msgspec.Raw(msgspec.json.encode(message_id))
    return msgspec.json.encode(fields)


def named_request(row: Quarantined, body: bytes) -> bytes:
    """A whole request with a messageId in each of its events; as it came where it is no JSON or would grow too large."""
    events = _events(row, body)
    given = []
    for number, event in enumerate(events):
        try:
            given.append(named(event, f"quarantine:{row.pk}/{number}"))
        except (ValueError, RecursionError):
            given.append(event)
    if given == events:
        return body
    whole = given[0] if _kind(row) != Kind.BATCH else _with_batch(body, given)
    return whole if len(whole) <= _MOST_NAMED else body


def _with_batch(body: bytes, events: Sequence[bytes]) -> bytes:
    fields = msgspec.json.decode(body, type=_FIELDS)
    return msgspec.json.encode(fields | {"batch": msgspec.Raw(b"[" + b",".join(events) + b"]")})


def _kind(row: Quarantined) -> Kind:
    return Kind(row.params.get("kind", Kind.BATCH))


def _wait_for_journal(seconds: float) -> None:
    """Until what lies in the journal now is committed; how long it lay there is no matter then."""
    ends = _ends()
    until = time.monotonic() + seconds
    while not _is_committed(ends):
        if time.monotonic() >= until:
            raise CollectionBehind
        time.sleep(_LOOK_SECONDS)


def _ends() -> dict[str, tuple[int, int]]:
    """Where each writer's series ends: the number of its last file, and its bytes."""
    found = {}
    for series in list_series(Path(settings.JOURNAL)):
        for number in series.numbers[-1:]:
            try:
                found[series.writer] = (number, series.path(number).stat().st_size)
            except FileNotFoundError:
                continue  # committed and removed meanwhile
    return found


def _is_committed(ends: dict[str, tuple[int, int]]) -> bool:
    """Whether the committer has come so far. A series that is gone was committed whole."""
    living = {series.writer for series in list_series(Path(settings.JOURNAL))}
    positions = {row.writer: (row.number, row.offset) for row in JournalPosition.objects.all()}
    return all(writer not in living or positions.get(writer, (1, 0)) >= end for writer, end in ends.items())
