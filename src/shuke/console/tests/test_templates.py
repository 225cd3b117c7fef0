"""What the strict policy asks of templates, and that what they name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOMS = Path(__file__).resolve().parents[2]
TEMPLATES = sorted(ROOMS.glob("*/templates/**/*.html"))
COPIED = ROOMS.parents[1] / "browser" / "copy.py"
ICON = re.compile(r"""{% icon "([\w-]+)" %}""")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOMS)))
def test_template__strict_policy__holds_nothing_inline(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle\s*=", text)
    assert not re.search(r"\son[a-z]+\s*=", text)
    assert not re.search(r"\shx-on", text)
    assert not re.search(r"=\s*[\"']\s*j(avascript|s):", text)
    assert "<style" not in text
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert not re.search(r"""(src|href)=["']https?://""", text)


def test_icons__named_in_templates_and_registries__are_copied() -> None:
    from shuke.project import urls  # noqa: F401  (pages register their entries when they are imported)
    from shuke.shops import navigation

    listed = set(re.findall(r'^    "([a-z0-9-]+)",$', COPIED.read_text(), re.MULTILINE))
    named = {name for path in TEMPLATES for name in ICON.findall(path.read_text())}
    named |= {entry.icon for entry in navigation.entries()}
    assert named <= listed, named - listed
