"""This process's journal: one series for all that this process takes, opened on first use."""

from __future__ import annotations

import os
import threading

from django.conf import settings

from shuke.intake.journal import JournalWriter

_journals: dict[int, JournalWriter] = {}
_opening = threading.Lock()


def own_journal() -> JournalWriter:
    """The series of this process. A forked child gets one of its own."""
    journal = _journals.get(os.getpid())
    if journal is None or journal.folder != settings.JOURNAL:
        with _opening:
            journal = _journals.get(os.getpid())
            if journal is None or journal.folder != settings.JOURNAL:
                journal = JournalWriter(settings.JOURNAL, bound_bytes=settings.JOURNAL_BYTES)
                _journals.clear()
                _journals[os.getpid()] = journal
    return journal
