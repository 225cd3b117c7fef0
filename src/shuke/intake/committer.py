"""The committer: journal records become facts, once a second, each exactly once.

In one transaction the warehouse lists the facts, the journal's positions move, what was set aside is stored and the new
message ids become valid. A kill before it leaves everything to be read again; a kill after it leaves files that the next
start removes. One process does this, under the lock `committer`; should the lock ever fail, a second one is stopped by
the positions, which move only from where it believed them to be.
"""

from __future__ import annotations

import bisect
import contextlib
import gc
import itertools
import logging
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
from django.conf import settings
from django.db import connection
from django_scopes import scopes_disabled

from shuke.intake.erased import SETTING_ASIDE, ErasedMeanwhile, Erasures
from shuke.intake.events_of import Decoded, Reader, ShopFacts
from shuke.intake.journal import Series, list_series, read_records
from shuke.intake.models import JournalPosition, Quarantined
from shuke.intake.models.quarantine import API
from shuke.intake.moments import moment_of
from shuke.intake.remembered import Remembered
from shuke.intake.second_core import SecondCore, Share
from shuke.intake.set_aside import Sent, SetAside, unreadable
from shuke.intake.shops_of_day import ShopsOfDay
from shuke.kernel import clock
from shuke.kernel.surrogates import surrogate
from shuke.records.locks import LockHeld, exclusive
from shuke.rulebook import reads as rulebook

log = logging.getLogger("intake.committer")

LOCK = "committer"
_AT_MOST_BYTES = 16 << 20  # of journal in one commit: memory stays flat whatever has piled up
_SECONDS = 1.0
_SOON_BYTES = 8 << 20  # when so much waits, the second is not waited out
_LOOK_SECONDS = 0.1
_RETRY_SECONDS = 2.0
_LOCK_SECONDS = 1.0
_READ_BYTES = 4 << 20
_ASIDE_AT_ONCE = 1_000  # rows of quarantine in one transaction
_SMALLEST_SHARE = 64 << 10
_WORTH_SHARING = 4 << 20  # bytes of a batch; below, handing over takes longer than it saves
_SHARE = 0.5  # of a batch's bytes for the second core
_SHARE_AHEAD = 0.6  # more, when it decodes while this process stores the batch before


class Append(Protocol):
    def __call__(
        self, *, facts: Mapping[str, pa.Table], within: Callable[[], None] | None = None
    ) -> int | None: ...


class CommitterOvertaken(RuntimeError):
    """Another committer has moved the journal's positions; nothing of this commit was stored."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What one run did. `waits`: more lies in the journal."""

    events: int = 0
    repeated: int = 0
    set_aside: int = 0
    waits: bool = False
    oldest_us: int | None = None  # when the oldest of these requests came


@dataclass
class _Gathered:
    records: list[Sent]
    positions: dict[str, tuple[int, int]]
    waits: bool = False


@dataclass
class _Begun:
    """A batch on its way to facts: which records this process decodes and which the second core has."""

    gathered: _Gathered
    shops: dict[int, ShopFacts]
    own: list[Sent]
    shared: list[Sent]

    @property
    def is_shared(self) -> bool:
        return bool(self.shared)


class Committer:
    """`run_once` commits what lies in the journal, up to a bound. `append` is the warehouse's, given apart for tests.

    With a `second` core a large batch is decoded by two processes, and the next one begins while this one is stored.
    """

    def __init__(
        self,
        folder: Path,
        *,
        append: Append | None = None,
        at_most_bytes: int = _AT_MOST_BYTES,
        second: SecondCore | None = None,
    ) -> None:
        if append is None:
            from shuke.warehouse import actions as warehouse

            append = warehouse.append
        self.folder = folder
        self._append: Append = append
        self._at_most_bytes = at_most_bytes
        self._second = second
        self._ahead: _Begun | None = None
        self._reader = Reader()
        self._erasures = Erasures()
        self._shops = ShopsOfDay()
        self._remembered = Remembered(folder.parent / "remembered")
        self._positions = {row.writer: (row.number, row.offset) for row in JournalPosition.objects.all()}

    def run_once(self) -> Committed:
        """Commit waiting records. What the database or disk raises comes through, and this committer is spent then:

        nothing is lost, a new one reads anew what is stored. So it is with ErasedMeanwhile.
        """
        begun = self._ahead or self._begin(self._gather(self._positions))
        self._ahead = None
        gathered = begun.gathered
        if gathered.positions == self._positions:
            return Committed()
        decoded = self._finish(begun)
        if begun.is_shared and gathered.waits:
            self._ahead = self._begin(self._gather(gathered.positions), share=_SHARE_AHEAD)
        with exclusive(SETTING_ASIDE) if decoded.set_aside else contextlib.nullcontext():
            return self._commit(gathered, decoded)

    def _commit(self, gathered: _Gathered, decoded: Decoded) -> Committed:
        self._erasures.load()
        table, aside = self._erasures.without(decoded.table, decoded.set_aside)
        table, repeated = self._new_only(table)
        set_aside = len(aside)
        while len(aside) > _ASIDE_AT_ONCE:
            # More than one short transaction holds. Setting aside is repeatable, so most of it may come before.
            _store_aside(aside[:_ASIDE_AT_ONCE])
            aside = aside[_ASIDE_AT_ONCE:]
        change = self._remembered.add(
            table["event_id"].to_numpy() if table.num_rows else np.empty(0, np.int64),
            _this_hour(),
        )

        def within() -> None:
            self._erasures.require_unchanged()
            self._move_positions(gathered.positions)
            change.save()
            _store_aside(aside)

        self._append(facts={"events": table}, within=within)
        self._positions = gathered.positions
        self._remembered.keep(change)
        self._remove_committed()
        return Committed(
            events=table.num_rows,
            repeated=repeated,
            set_aside=set_aside,
            waits=gathered.waits,
            oldest_us=min((record.received_us for record in gathered.records), default=None),
        )

    def tidy(self) -> None:
        """What need not be done within a commit; call it between two."""
        self._remembered.tidy(_this_hour())

    def waiting_bytes(self) -> int:
        """Bytes of the journal that are not committed yet."""
        total = 0
        for series in list_series(self.folder):
            number, offset = self._positions.get(series.writer, (0, 0))
            for one in series.numbers:
                if one >= number:
                    total += _size(series.path(one)) - (offset if one == number else 0)
        return max(0, total)

    # Reading the journal

    def _gather(self, since: Mapping[str, tuple[int, int]]) -> _Gathered:
        """Read on from the positions `since`."""
        found = _Gathered([], {})
        every = list(list_series(self.folder))
        room = self._at_most_bytes
        for place, series in enumerate(every):
            # Each writer gets its share, so that none waits behind a backlog of another.
            share = max(_SMALLEST_SHARE, room // (len(every) - place))
            found.positions[series.writer], used = self._gather_series(
                series, since.get(series.writer, (1, 0)), share, found
            )
            room = max(0, room - used)
        return found

    def _gather_series(
        self, series: Series, since: tuple[int, int], share: int, found: _Gathered
    ) -> tuple[tuple[int, int], int]:
        """Read on in one series, at most `share` bytes; its new position, and the bytes read."""
        number, offset = since
        used = 0
        for one in series.numbers:
            if one < number:
                continue
            if one > number:
                number, offset = one, 0
            path = series.path(one)
            while True:
                if used >= share:
                    found.waits = True
                    return (number, offset), used
                records, end = read_records(path, offset, min(share - used, _READ_BYTES))
                if end == offset:
                    break
                found.records += [
                    Sent(r.shop_id, r.received_us, r.kind, r.body, f"{series.writer}/{one}/{r.offset}")
                    for r in records
                ]
                used += end - offset
                offset = end
            if series.is_ended or one != series.numbers[-1]:  # nothing can be added to this file
                torn = _size(path) - offset
                if torn > 0:
                    log.warning("journal.torn_tail writer=%s file=%s bytes=%s", series.writer, one, torn)
                number, offset = one + 1, 0
        return (number, offset), used

    def _remove_committed(self) -> None:
        for series in list_series(self.folder):
            position = self._positions.get(series.writer)
            if position is None:
                continue
            for number in series.numbers:
                if number < position[0]:
                    series.path(number).unlink(missing_ok=True)
            if series.is_ended and all(number < position[0] for number in series.numbers):
                shutil.rmtree(series.folder, ignore_errors=True)

    # Making facts of it

    def _begin(self, gathered: _Gathered, *, share: float = _SHARE) -> _Begun:
        """Find the records' shops; of a large batch, hand the later `share` of its bytes to the second core."""
        records = gathered.records
        wanted = {record.shop_id for record in records}
        shops = self._shops.of(wanted, clock.now())
        if unknown := wanted - shops.keys():
            log.error("committer.unknown_shops shops=%s", sorted(unknown))
            records = [record for record in records if record.shop_id in shops]
        if self._second is not None:
            sizes = list(itertools.accumulate(len(record.body) for record in records))
            if sizes and sizes[-1] >= _WORTH_SHARING:
                cut = bisect.bisect_left(sizes, sizes[-1] * (1 - share)) + 1
                day = clock.now().date()
                if self._second.ask(Share(records[cut:], shops, day, future_tolerance_minutes(day))):
                    return _Begun(gathered, shops, records[:cut], records[cut:])
        return _Begun(gathered, shops, records, [])

    def _finish(self, begun: _Begun) -> Decoded:
        own = self._decoded(begun.own, begun.shops)
        if self._second is None or not begun.is_shared:
            return own
        other = self._second.answer() or self._decoded(begun.shared, begun.shops)
        return Decoded(pa.concat_tables([own.table, other.table]), own.set_aside + other.set_aside)

    def _decoded(self, records: list[Sent], shops: dict[int, ShopFacts]) -> Decoded:
        try:
            return self._read(records, shops)
        except Exception:
            # Ours, not the sender's. One record that we can not read must not hold up all others for ever.
            log.exception("committer.unreadable")
        self._reader = Reader()
        tables, aside = [self._read([], shops).table], []
        for record in records:
            try:
                decoded = self._read([record], shops)
            except Exception:
                self._reader = Reader()
                aside.append(unreadable(record))
                continue
            tables.append(decoded.table)
            aside += decoded.set_aside
        return Decoded(pa.concat_tables(tables).combine_chunks(), aside)

    def _read(self, records: list[Sent], shops: dict[int, ShopFacts]) -> Decoded:
        day = clock.now().date()
        return self._reader.read(
            records, shops, day=day, future_tolerance_minutes=future_tolerance_minutes(day)
        )

    def _new_only(self, table: pa.Table) -> tuple[pa.Table, int]:
        """Rows whose message counts for the first time, and how many repeats were left out."""
        if not table.num_rows:
            return table, 0
        ids = table["event_id"].to_numpy()
        unique, first = np.unique(ids, return_index=True)
        keep = np.zeros(len(ids), bool)
        keep[first[~self._remembered.known(unique)]] = True
        repeated = len(ids) - int(keep.sum())
        return (table.filter(pa.array(keep)) if repeated else table), repeated

    # In the transaction of the facts

    def _move_positions(self, positions: dict[str, tuple[int, int]]) -> None:
        for writer in self._positions.keys() | positions.keys():
            before, after = self._positions.get(writer), positions.get(writer)
            if before == after:
                continue
            if before is None:
                number, offset = positions[writer]
                JournalPosition.objects.create(writer=writer, number=number, offset=offset)
                continue
            stored = JournalPosition.objects.filter(writer=writer, number=before[0], offset=before[1])
            moved = stored.delete()[0] if after is None else stored.update(number=after[0], offset=after[1])
            if moved != 1:
                raise CommitterOvertaken(writer)


def _this_hour() -> int:
    return int(clock.now().timestamp()) // 3600


def future_tolerance_minutes(day: date) -> int:
    """By how much an event may seem to lie ahead of its arrival."""
    return int(rulebook.value("common.visits.future_tolerance_minutes", day).value)


def _store_aside(set_aside: list[SetAside]) -> None:
    """What was set aside, once each, however often it is sent."""
    with scopes_disabled():
        Quarantined.objects.bulk_create(
            [
                Quarantined(
                    shop_id=one.shop_id,
                    key=surrogate(one.shop_id, "message", f"set aside\x1f{one.message_ref}"),
                    origin=API,
                    column=one.column[:200],
                    reason=one.reason,
                    params=one.params,
                    payload=one.payload,
                    received_at=moment_of(one.received_us),
                )
                for one in set_aside
            ],
            batch_size=500,
            ignore_conflicts=True,
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def run_committer(stop: threading.Event | None = None) -> None:
    """Commit until `stop` is set or the process is told to end. While another committer runs, this one waits."""
    stop = stop or _stop_on_signals()
    is_told = False
    while not stop.is_set():
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(exclusive(LOCK, wait=_LOCK_SECONDS))
            except LockHeld:
                if not is_told:
                    log.warning(
                        "committer.waits another committer is running; this one takes over when it ends"
                    )
                    is_told = True
                continue
            log.info("committer.started")
            _run(stop)


def _run(stop: threading.Event) -> None:
    second = SecondCore() if (os.cpu_count() or 1) > 1 else None
    try:
        _run_with(second, stop)
    finally:
        if second is not None:
            second.close()


def _run_with(second: SecondCore | None, stop: threading.Event) -> None:
    committer: Committer | None = None
    # What was imported stays for ever: not looking through it again keeps the collector of cycles from pausing a commit.
    gc.collect()
    gc.freeze()
    while not stop.is_set():
        began = time.monotonic()
        try:
            _sync_each_commit()
            if committer is None:
                if second is not None:
                    second.close()  # it may hold an answer that nobody waits for any more
                committer = Committer(Path(settings.JOURNAL), second=second)
            if committer.run_once().waits:
                continue
            committer.tidy()
            while time.monotonic() - began < _SECONDS and committer.waiting_bytes() < _SOON_BYTES:
                if stop.wait(_LOOK_SECONDS):
                    return
        except ErasedMeanwhile:
            log.info("committer.erased_meanwhile the batch is made anew")
            committer = None
        except CommitterOvertaken:
            log.error("committer.overtaken another committer works without the lock; this one begins anew")
            committer = None
            stop.wait(_RETRY_SECONDS)
        except Exception:
            log.exception("committer.failed")
            committer = None
            connection.close()
            stop.wait(_RETRY_SECONDS)


def _sync_each_commit() -> None:
    """Journal files go after the commit, so the commit must be on the disk: in WAL mode NORMAL does not promise that."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=FULL")


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
