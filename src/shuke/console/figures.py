"""Metrics as people read them: a value with its unit, a change with its direction, and whether the change says anything.

Good and bad are shown only for a judged change: one larger than the usual scatter of such a number, of a metric that has
a better direction. The measure of scatter is ours: for counts the square root of the two counts (1.96 of them), for
shares the two-proportion z at 1.96 by the cases behind them, for the rest a tenth of the value and 30 cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import sqrt
from typing import Any

from django.utils.translation import gettext, ngettext

from shuke.console import words
from shuke.kernel.verdicts import Reason
from shuke.rulebook import reads as rulebook
from shuke.traffic.reads import Against, Figure, FigureRow

Z = 1.96
LEAST_CASES = 30
LEAST_SHARE = Decimal("0.10")


@dataclass(frozen=True)
class Change:
    """A change as shown. `direction` is up, down or same; `tone` good, bad or empty; `hint` what stands behind it."""

    text: str
    direction: str
    tone: str
    against: str
    spoken: str
    hint: str


@dataclass(frozen=True)
class FigureWithChange:
    """A cell of a table: the value of now, and its change beside it."""

    now: Figure
    change: Change | None


def as_figure(value: Any) -> Figure:
    """The Figure inside; raises TypeError for anything that is not one, above all for a bare number."""
    if isinstance(value, FigureRow):
        return value.now
    if isinstance(value, Figure):
        return value
    raise TypeError(
        f"a page shows a metric only as a Figure with its id and version, not {type(value).__name__}"
    )


def title(metric: Any, *, is_short: bool = True) -> str:
    """A metric's name in the reader's language, with its version where it is not the default."""
    definition = rulebook.metric_definition(metric.id, metric.version)
    name = str(definition.short_title if is_short else definition.title)
    if not metric.is_default:
        name = gettext("%(name)s (definition %(version)s)") % {"name": name, "version": metric.version}
    return name


def value_words(figure: Figure, currency: str, *, is_short: bool = False) -> str:
    """The value with its unit, or the dash of what can not be computed."""
    if figure.value is None:
        return words.UNKNOWN
    return words.by_unit(figure.value, figure.metric.unit, currency, is_short=is_short)


def reason_words(figure: Figure) -> str:
    """Why there is no value."""
    return reason_text(figure.reason) if figure.value is None else ""


def reason_text(reason: Reason | None) -> str:
    return reason.text() if reason is not None else gettext("Not computable from the facts that there are.")


def few_words(figure: Figure) -> str:
    """A warning where a share or mean rests on few cases."""
    if figure.value is None or figure.metric.unit == "count" or figure.cases >= LEAST_CASES:
        return ""
    return ngettext(
        "only %(count)s case, too few to judge", "only %(count)s cases, too few to judge", figure.cases
    ) % {"count": words.count(figure.cases)}


def change_words(row: FigureRow, against: Against, name: str, currency: str) -> Change | None:
    """The change against one comparison; None where either side is unknown or the base is zero."""
    return change_between(row.now, against.figure, name, currency)


def change_between(now: Figure, then: Figure, name: str, currency: str) -> Change | None:
    """The change from `then` to `now`, judged."""
    if now.value is None or then.value is None:
        return None
    before, after = Decimal(then.value), Decimal(now.value)
    if before == 0:
        return None
    share = (after - before) / abs(before)
    direction = "same" if abs(share) < Decimal("0.0005") else "up" if share > 0 else "down"
    is_judged = is_more_than_scatter(now, then)
    metric = now.metric
    tone = ""
    if is_judged and direction != "same" and metric.better:
        tone = "good" if direction == metric.better else "bad"
    text = words.percent(abs(share), 1)
    spoken = {
        "up": gettext("%(share)s more than %(against)s"),
        "down": gettext("%(share)s less than %(against)s"),
        "same": gettext("the same as %(against)s"),
    }[direction] % {"share": text, "against": name}
    hint = gettext("%(then)s %(against)s") % {"then": value_words(then, currency), "against": name}
    if not is_judged:
        hint += " · " + gettext("within the usual scatter")
    return Change(text, direction, tone, name, spoken, hint)


def arrow_words(change: Change | None) -> str:
    """A change as an arrow and per cent, for a terminal; empty for none."""
    if change is None:
        return ""
    arrow = {"up": "▲", "down": "▼", "same": "="}[change.direction]
    return f"{arrow} {change.text}"


def with_change(now: Figure, then: Figure | None, currency: str) -> str:
    """A value with its change, for a terminal."""
    told = arrow_words(change_between(now, then, "", currency)) if then is not None else ""
    return " ".join(part for part in (value_words(now, currency), told) if part)


def is_more_than_scatter(now: Figure, then: Figure) -> bool:
    """Whether two figures differ by more than such numbers scatter by themselves."""
    if now.value is None or then.value is None:
        return False
    a, b = float(now.value), float(then.value)
    if now.metric.unit == "count":
        return abs(a - b) > Z * sqrt(max(a, 0) + max(b, 0)) and abs(a - b) > 0
    if min(now.cases, then.cases) < LEAST_CASES:
        return False
    if now.metric.unit == "ratio" and 0 <= a <= 1 and 0 <= b <= 1:
        pooled = (a * now.cases + b * then.cases) / (now.cases + then.cases)
        error = sqrt(pooled * (1 - pooled) * (1 / now.cases + 1 / then.cases))
        return abs(a - b) > Z * error
    return abs(Decimal(now.value) - Decimal(then.value)) >= LEAST_SHARE * abs(Decimal(then.value))


def plain_value(figure: Figure) -> Decimal | int | None:
    """What a file holds: counts as integers, money in the major unit is made by the caller, who knows the currency."""
    return figure.value


def cell_value(figure: Figure, currency: str) -> Decimal | int | str:
    """A figure as a cell of a file: a number; money in the major unit; empty where unknown."""
    from shuke.kernel.money import exponent

    if figure.value is None:
        return ""
    if figure.metric.unit == "money":
        return round(Decimal(figure.value).scaleb(-exponent(currency)), exponent(currency))
    return figure.value
