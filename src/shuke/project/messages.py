"""Compiled translations: every room's django.po to django.mo beside it, by Babel, so that no gettext tools are needed."""

from __future__ import annotations

from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from shuke.kernel.durable import written_atomically

SOURCES = Path(__file__).resolve().parent.parent


def compile_messages() -> list[Path]:
    """Write what is missing or older than its source; returns the files written. Fuzzy entries are left out."""
    written = []
    for source in sorted(SOURCES.glob("**/locale/*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as file:
            catalogue = read_po(file, locale=source.parent.parent.name, domain=source.stem)
        with written_atomically(target) as path, path.open("wb") as file:
            write_mo(file, catalogue)
        written.append(target)
    return written
