"""Both languages are complete: every message of every room has its Chinese, and none is written in Chinese itself."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from babel.messages.extract import extract_python
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

ROOMS = Path(__file__).resolve().parents[2]
HAN = re.compile(r"[\u3400-\u9fff]")
PLACEHOLDER = re.compile(r"%\((\w+)\)|\{(\w+)\}")
PLURAL = {"ngettext", "ngettext_lazy"}
CONTEXT = {"pgettext", "pgettext_lazy"}
PLAIN = {"gettext", "gettext_lazy", "gettext_noop", "_"}
BOTH = {"npgettext", "npgettext_lazy"}

Key = tuple[str | None, str, str]


def _files() -> Iterator[Path]:
    for path in sorted([*ROOMS.rglob("*.py"), *ROOMS.rglob("*.html")]):
        if not {"tests", "migrations", "vendor"} & set(path.parts):
            yield path


@lru_cache
def _messages() -> dict[Key, str]:
    """(context, message, plural or "") -> the place where it first stands."""
    found: dict[Key, str] = {}
    keywords = [*PLAIN, *PLURAL, *CONTEXT, *BOTH]
    for path in _files():
        text = path.read_text()
        source = templatize(text, origin=str(path)) if path.suffix == ".html" else text
        for line, function, given, _comments in extract_python(io.BytesIO(source.encode()), keywords, [], {}):
            parts = list([given] if isinstance(given, str) else given)
            context = parts.pop(0) if function in CONTEXT | BOTH else None
            plural = parts[1] if function in PLURAL | BOTH and len(parts) > 1 else ""
            if parts and parts[0]:
                found.setdefault((context, parts[0], plural or ""), f"{path.relative_to(ROOMS)}:{line}")
    return found


@lru_cache
def _translations() -> dict[Key, dict[Path, str]]:
    found: dict[Key, dict[Path, str]] = {}
    for path in sorted(ROOMS.glob("**/locale/zh_Hans/LC_MESSAGES/django.po")):
        with path.open("rb") as file:
            for message in read_po(file):
                ids = message.id if isinstance(message.id, tuple) else (message.id, "")
                words = message.string if isinstance(message.string, tuple) else (message.string,)
                if ids[0] and all(words) and not message.fuzzy:
                    found.setdefault((message.context, ids[0], ids[1]), {})[path] = words[0]
    return found


def test_messages__every_room__have_their_chinese() -> None:
    known = _translations()
    missing = [f"{place}: {key[1]}" for key, place in _messages().items() if key not in known]
    assert not missing, "\n".join(missing)


def test_messages__every_room__are_english() -> None:
    wrong = [f"{place}: {key[1]}" for key, place in _messages().items() if HAN.search(key[1] + key[2])]
    assert not wrong, "\n".join(wrong)


def test_translations__every_room__name_the_same_facts() -> None:
    def names(text: str) -> set[str]:
        return {a or b for a, b in PLACEHOLDER.findall(text)}

    wrong = [
        f"{key[1]} -> {words}"
        for key, places in _translations().items()
        for words in places.values()
        if names(words) != names(key[2] or key[1])
    ]
    assert not wrong, "\n".join(wrong)


def test_translations__same_message_in_two_rooms__say_the_same() -> None:
    """Catalogues are merged, so of two translations of one message only one would ever be seen."""
    wrong = [
        f"{key}: {sorted(set(places.values()))}"
        for key, places in _translations().items()
        if key in _messages() and len(set(places.values())) > 1
    ]
    assert not wrong, "\n".join(wrong)
