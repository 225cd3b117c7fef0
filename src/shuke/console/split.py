"""The change of the amount as visitors x conversion x value per buyer, drawn as bars from a common middle."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext

from shuke.console import figures, words
from shuke.traffic.reads import AmountSplit

MIDDLE, HALF = 50.0, 48.0  # of a drawing 100 wide


@dataclass(frozen=True)
class Part:
    """One factor: its contribution in words, and its bar's place."""

    title: str
    words: str
    x: float
    width: float
    is_up: bool


@dataclass(frozen=True)
class DrawnSplit:
    """The factors and their sum; `reason` says why the change can not be split, or why one factor took all of it."""

    parts: tuple[Part, ...]
    total: str
    reason: str


def drawn_split(split: AmountSplit, currency: str) -> DrawnSplit:
    """Bars to one scale; the parts add up to the total exactly."""
    reason = figures.reason_text(split.reason) if split.reason is not None else ""
    if split.visitors_minor is None or split.conversion_minor is None or split.value_minor is None:
        return DrawnSplit((), _signed(split.total_minor, currency), reason)
    parts = (
        (gettext("Visitors"), split.visitors_minor),
        (gettext("Conversion"), split.conversion_minor),
        (gettext("Value per buyer"), split.value_minor),
    )
    most = max(abs(value) for _title, value in parts) or 1
    drawn = []
    for title, value in parts:
        width = round(HALF * abs(value) / most, 2)
        x = MIDDLE if value >= 0 else MIDDLE - width
        drawn.append(Part(title, _signed(value, currency), x, width, value >= 0))
    return DrawnSplit(tuple(drawn), _signed(split.total_minor, currency), reason)


def _signed(minor: int, currency: str) -> str:
    return ("+" if minor > 0 else "") + words.money(minor, currency, is_short=True)
