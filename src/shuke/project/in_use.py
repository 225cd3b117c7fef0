"""One home, one supervisor, and no restore under anybody's feet.

Whoever supervises holds one lock alone; every part that writes shares another. A restore needs both for itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from shuke.kernel.durable import FileLock, LockHeld
from shuke.kernel.errors import Conflict
from shuke.records.backup import require_whole


class HomeInUse(Conflict):
    code = "home_in_use"
    words = _("This home is in use by another process.")
    remedy = _("End that one first, or choose another home by SHUKE_HOME.")


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Supervise the home while inside; its parts may run. Raises HomeInUse.

    The kernel frees the lock when the process ends, however it ends; so with the others below.
    """
    with _held("served.lock"):
        yield


@contextlib.contextmanager
def taking_part() -> Iterator[None]:
    """Work in the home beside others while inside. Raises HomeInUse during a restore, HalfRestored after half of one."""
    with _held("parts.lock", is_shared=True):
        require_whole()
        yield


@contextlib.contextmanager
def emptied() -> Iterator[None]:
    """Have the home wholly for oneself, as a restore must. Raises HomeInUse."""
    with alone(), _held("parts.lock"):
        yield


@contextlib.contextmanager
def _held(name: str, *, is_shared: bool = False) -> Iterator[None]:
    lock = FileLock(Path(settings.HOME) / name, wait=0, is_shared=is_shared)
    try:
        lock.__enter__()
    except LockHeld:
        raise HomeInUse(field="home", value=settings.HOME) from None
    try:
        yield
    finally:
        lock.__exit__(None, None, None)
