"""One home, one supervisor: whoever serves holds a lock that a restore, or a second supervisor, runs into."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from shuke.kernel.durable import FileLock, LockHeld
from shuke.kernel.errors import Conflict


class HomeInUse(Conflict):
    code = "home_in_use"
    words = _("This home is being served by another process.")
    remedy = _("End that one first, or choose another home by SHUKE_HOME.")


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Hold the home while inside. Raises HomeInUse. The kernel frees it when the process ends, however it ends."""
    lock = FileLock(Path(settings.HOME) / "served.lock", wait=0)
    try:
        lock.__enter__()
    except LockHeld:
        raise HomeInUse(field="home", value=settings.HOME) from None
    try:
        yield
    finally:
        lock.__exit__(None, None, None)
