"""The first line of the overview: what happened, why, and where to look. Pure: from figures to parts of a sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from shuke.console import figures, words
from shuke.traffic.reads import AmountSplit, FigureRow

LARGE_SHARE = Decimal("0.5")  # a source that carries half of a change is named


@dataclass(frozen=True)
class Cause:
    """The source whose visitors changed most: its name, the difference, and its share of all moves in that direction."""

    name: str
    difference: int
    share: Decimal


def sentence(
    *,
    amount: FigureRow | None,
    visitors: FigureRow | None,
    against: str,
    split: AmountSplit | None,
    currency: str,
) -> SafeString:
    """Amount and its change, and the factor that moved it most. Empty when nothing is known."""
    parts = [_headline(amount, visitors, against, currency), _factor(split, amount, currency)]
    # Chinese sentences stand without a blank between them.
    glue = "" if words.locale().language == "zh" else " "
    return SafeString(glue.join(part for part in parts if part))


def _headline(
    amount: FigureRow | None, visitors: FigureRow | None, against: str, currency: str
) -> SafeString:
    row = amount if amount is not None and amount.now.value is not None else visitors
    if row is None or row.now.value is None:
        return SafeString("")
    name = figures.title(row.metric)
    value = format_html("<b>{}</b>", figures.value_words(row.now, currency, is_short=True))
    first = row.against[0] if row.against else None
    change = figures.change_words(row, first, against, currency) if first is not None else None
    if first is None or change is None:
        return format_html(gettext("{name}: {value}."), name=name, value=value)
    difference = _kept_together(_difference(row, first, currency))
    share = format_html('<span class="{}">{}</span>', change.tone, change.text)
    pattern = {
        "up": gettext("{name} is {value}, {share} more than {against} ({difference})."),
        "down": gettext("{name} is {value}, {share} less than {against} ({difference})."),
        "same": gettext("{name} is {value}, as much as {against}."),
    }[change.direction]
    return format_html(pattern, name=name, value=value, share=share, against=against, difference=difference)


def _kept_together(text: str) -> SafeString:
    """A sign and its number stay on one line."""
    return format_html('<span class="nowrap">{}</span>', text)


def _difference(row: FigureRow, against: Any, currency: str) -> str:
    value = row.now.value - against.figure.value
    sign = "+" if value > 0 else ""
    return sign + words.by_unit(value, row.metric.unit, currency, is_short=True)


def _factor(split: AmountSplit | None, amount: FigureRow | None, currency: str) -> SafeString:
    first = amount.against[0] if amount is not None and amount.against else None
    if split is None or not split.total_minor or first is None or not first.figure.value:
        return SafeString("")
    parts = {
        "visitors": split.visitors_minor or 0,
        "conversion": split.conversion_minor or 0,
        "value": split.value_minor or 0,
    }
    if not any(part * split.total_minor > 0 for part in parts.values()):
        return SafeString("")
    is_same_way: Callable[[int], bool] = lambda part: part * split.total_minor > 0  # noqa: E731
    name = max(parts, key=lambda key: abs(parts[key]) if is_same_way(parts[key]) else -1)
    part = words.money(parts[name], currency, is_short=True)
    patterns = {
        ("visitors", True): gettext("Mainly more visitors came ({part})."),
        ("visitors", False): gettext("Mainly fewer visitors came ({part})."),
        ("conversion", True): gettext("Mainly a larger share of visitors bought ({part})."),
        ("conversion", False): gettext("Mainly a smaller share of visitors bought ({part})."),
        ("value", True): gettext("Mainly each buyer spent more ({part})."),
        ("value", False): gettext("Mainly each buyer spent less ({part})."),
    }
    sign = "+" if parts[name] > 0 else ""
    return format_html(patterns[name, parts[name] > 0], part=_kept_together(sign + part))


def cause_words(cause: Cause | None) -> SafeString:
    """The source behind the change of visitors; empty where none carries half of it."""
    if cause is None or cause.share < LARGE_SHARE:
        return SafeString("")
    pattern = (
        gettext("{share} of the additional visitors came through {name} (+{count}).")
        if cause.difference > 0
        else gettext("{share} of the missing visitors would have come through {name} (−{count}).")
    )
    return format_html(
        pattern,
        share=words.percent(cause.share, 0),
        name=format_html("<b>{}</b>", cause.name),
        count=words.count(abs(cause.difference)),
    )


def largest_cause(rows: Sequence[tuple[str, int, int]], total_difference: int) -> Cause | None:
    """From (source, visitors now, visitors then): the source that moved most in the direction of the whole."""
    moves = [(name, now - then) for name, now, then in rows if (now - then) * total_difference > 0]
    if not moves:
        return None
    name, difference = max(moves, key=lambda move: abs(move[1]))
    whole = sum(abs(move[1]) for move in moves)
    return Cause(name, difference, Decimal(abs(difference)) / Decimal(whole))
