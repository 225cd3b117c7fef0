"""The warehouse's own processes: the sealer and the cleaner, each a loop that may be killed at any line.

A second one started by mistake does no harm: each step holds its tier's one lock.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from datetime import date, timedelta

from django.db import OperationalError, close_old_connections
from django_scopes import scope, scopes_disabled

from shuke.kernel import clock
from shuke.records.locks import exclusive
from shuke.shops.reads import list_shops
from shuke.warehouse import open_tier, schemas, sealed_tier
from shuke.warehouse.erasure import finish_begun
from shuke.warehouse.later import derive_all_later
from shuke.warehouse.models import ErasureBegun, Fill, SealedDay
from shuke.warehouse.sealing import follow, seal_due

log = logging.getLogger("warehouse")

SEAL_EVERY = 2.0
CLEAN_EVERY = 5.0
VACUUM_EVERY_ROUNDS = 120
UNLIST_AFTER = timedelta(seconds=60)


def stopped_by_signal() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _loop(name: str, every: float, step: Callable[[int], None], stop: threading.Event) -> None:
    rounds = 0
    log.info("%s.started", name)
    while not stop.is_set():
        try:
            with scopes_disabled():
                step(rounds)
        except OperationalError:
            # The database was busy or away: nothing was half done, so the next round does it.
            log.warning("%s.waits_for_database", name, exc_info=True)
        except Exception:
            log.exception("%s.failed", name)
        close_old_connections()
        rounds += 1
        stop.wait(every)
    log.info("%s.ended", name)


def run_sealer(stop: threading.Event | None = None) -> None:
    """Seal days as they fall due, until told to stop."""
    _loop("sealer", SEAL_EVERY, lambda _: seal_once(), stop or stopped_by_signal())


def seal_once() -> None:
    """Finish erasures that were killed, then seal what is due, then derive what large days still lack."""
    for shop in list_shops():
        try:
            finish_begun(shop.id)
        except OperationalError:
            raise
        except Exception:
            # One shop must not keep the others from being sealed.
            log.exception("erasure.failed shop=%s", shop.id)
    try:
        seal_due(clock.now())
    finally:
        derive_all_later()


def clean_once(rounds: int = 0) -> None:
    """Merge small open files, unlist what is sealed, remove what has been unlisted for the grace, and vacuum."""
    open_tier.merge()
    unlist_sealed()
    open_tier.clean()
    if rounds % VACUUM_EVERY_ROUNDS == VACUUM_EVERY_ROUNDS - 1:
        vacuum_all()


def unlist_sealed(*, grace: timedelta = UNLIST_AFTER) -> int:
    """Unlist open files of which every row is sealed; returns how many."""
    # A reader takes the ledger, then the list. Unlisting waits a grace after sealing, so that a reader who saw the ledger
    # from before the seal still finds the open files that the seal took in.
    with scopes_disabled():
        old = SealedDay.objects.filter(sealed_at__lte=clock.now() - grace)
        sealed: dict[tuple[int, date], int] = {
            (shop_id, day): through for shop_id, day, through in old.values_list("shop_id", "day", "through")
        }
    done = [
        file.path.rsplit("/", 1)[-1]
        for file in open_tier.listed()
        if all(
            sealed.get((shop_id, day), 0) >= span.last
            for shop_id, days in file.spans.items()
            for day, span in days.items()
        )
    ]
    return open_tier.unlist(done)


def vacuum_all() -> None:
    """Remove files of the sealed tables that no reader can still hold."""
    for shop in list_shops():
        with exclusive(sealed_tier.LOCK), scope(shop=shop.id):
            if Fill.objects.filter(done_at=None).exists() or ErasureBegun.objects.exists():
                continue
            kinds = [kind for kind in schemas.ALL if sealed_tier.vacuum(shop.id, kind)]
            if kinds:
                # The log goes only after the ledger has gone on: it may be all that tells of the version it named.
                follow(shop.id)
                for kind in kinds:
                    sealed_tier.clean_log(shop.id, kind)


def run_cleaner(stop: threading.Event | None = None) -> None:
    """Merge and clean, until told to stop."""
    _loop("cleaner", CLEAN_EVERY, clean_once, stop or stopped_by_signal())
