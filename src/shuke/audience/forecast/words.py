"""What a forecast says in sentences; the page and the command say the same."""

from __future__ import annotations

from django.utils.translation import gettext, ngettext

from shuke.audience.forecast.shapes import TOO_FEW, Forecast, Holdout


def _percent(share: float) -> str:
    return f"{abs(share):.0%}"


def why_not_words(made: Forecast) -> str:
    """Why nothing was forecast."""
    if made.why_not == TOO_FEW:
        return ngettext(
            "%(customers)s customer has ordered so far: too few to forecast anything.",
            "%(customers)s customers have ordered so far: too few to forecast anything.",
            made.customers,
        ) % {"customers": made.customers}
    return gettext("Nobody's first order lies four weeks back yet: too early to see who comes again.")


def holdout_words(held: Holdout) -> str:
    """How a forecast made earlier fared."""
    end = held.end
    known = {
        "day": held.cut.isoformat(),
        "expected": f"{end.expected:,.0f}",
        "actual": f"{end.actual:,}",
    }
    said = (
        gettext(
            "Made at the end of %(day)s, it would have expected %(expected)s order days; %(actual)s came."
        )
        % known
    )
    off = held.off
    if held.is_held is None or off is None:
        return said
    if held.is_held:
        more = gettext("That lies within its interval.")
    elif off > 0:
        more = gettext(
            "That is %(off)s more than expected and above its interval: a season, a campaign or a trend that the model does not know. Take the interval ahead for too narrow."
        ) % {"off": _percent(off)}
    else:
        more = gettext(
            "That is %(off)s less than expected and below its interval: a season, a loss of customers or a trend that the model does not know. Take the interval ahead for too narrow."
        ) % {"off": _percent(off)}
    return f"{said} {more}"
