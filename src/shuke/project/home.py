"""Making an installation's home ready: folders, translations, database, static files. Safe to repeat, quick when done."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext_lazy as _

from shuke.kernel.durable import write_atomically
from shuke.kernel.errors import ShukeError
from shuke.project.messages import compile_messages
from shuke.project.static_files import IGNORED

log = logging.getLogger("project.home")


class HomeNotReady(ShukeError):
    code = "home_not_ready"
    words = _("The installation in %(value)s is not set up for this version.")
    remedy = _("Run `shuke setup`. If it should be another one, say where it is by SHUKE_HOME.")


def lacks_set_up() -> bool:
    """Whether the database lacks tables or columns that this version knows."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def set_up_home() -> None:
    """Bring the home to the state that this version of the code needs."""
    for folder in (settings.JOURNAL, settings.LAKE, settings.OPEN_TIER, settings.LOCKS, settings.UPLOADS):
        if isinstance(folder, Path):  # an object store needs none made
            folder.mkdir(parents=True, exist_ok=True)
    compile_messages()
    call_command("migrate", interactive=False, verbosity=0)
    _collect_static()


def _collect_static() -> None:
    """Copy and compress static files, unless the very same ones were collected before (compressing takes seconds)."""
    digest = hashlib.sha256()
    for finder in finders.get_finders():
        for path, storage in finder.list(IGNORED):
            changed = storage.get_modified_time(path).timestamp()
            digest.update(f"{path} {storage.size(path)} {changed}\n".encode())
    stamp = settings.STATIC_ROOT / ".collected"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    call_command("collectstatic", interactive=False, verbosity=0, clear=True, ignore_patterns=IGNORED)
    write_atomically(stamp, digest.hexdigest().encode())
