"""Translations are compiled without any tool but Babel."""

from __future__ import annotations

import gettext
import os
from pathlib import Path

from shuke.project import messages

PO = """msgid ""
msgstr ""
"Language: zh_Hans\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

msgid "Visitors"
msgstr "访客数"

msgctxt "deed"
msgid "Search"
msgstr "搜索"

#, fuzzy
msgid "Guess"
msgstr "猜"
"""


def test_messages__new_source__is_compiled_once(tmp_path: Path, monkeypatch) -> None:
    source = tmp_path / "room" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
    source.parent.mkdir(parents=True)
    source.write_text(PO)
    monkeypatch.setattr(messages, "SOURCES", tmp_path)

    assert messages.compile_messages() == [source.with_suffix(".mo")]
    assert messages.compile_messages() == []

    with source.with_suffix(".mo").open("rb") as file:
        catalogue = gettext.GNUTranslations(file)
    assert catalogue.gettext("Visitors") == "访客数"
    assert catalogue.pgettext("deed", "Search") == "搜索"
    assert catalogue.gettext("Guess") == "Guess"

    os.utime(source, (source.stat().st_atime, source.stat().st_mtime + 60))
    assert messages.compile_messages() == [source.with_suffix(".mo")]
