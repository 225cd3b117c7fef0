"""Why an event stands in quarantine, in words: what is wrong, with which field, and what to do.

The code and its parameters are stored; the words are read from here, in the reader's language. File imports add their
own reasons with `register`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from shuke.kernel.errors import shortened


@dataclass(frozen=True)
class Reason:
    """`words` and `remedy` hold %(name)s of the parameters."""

    code: str
    words: str | Promise
    remedy: str | Promise = ""


class Refusal(Exception):
    """An event can not become a fact: `code` of a reason, the `column` (path of the field) and its parameters."""

    def __init__(self, code: str, column: str = "", **params: Any) -> None:
        self.code = code
        self.column = column
        self.params: dict[str, int | str] = {"field": column}
        self.params |= {name: _plain(value) for name, value in params.items()}
        super().__init__(code, column)


def _plain(value: Any) -> int | str:
    # PostgreSQL's text holds no NUL, and what stands here comes from anybody.
    return value if isinstance(value, int) else shortened(value).replace("\x00", "�")


REASONS: dict[str, Reason] = {}


def register(*reasons: Reason) -> None:
    """Add reasons; a code means one thing for ever."""
    for reason in reasons:
        if REASONS.setdefault(reason.code, reason) != reason:
            raise ValueError(f"the reason {reason.code} is registered already")


def words_of(code: str, params: Mapping[str, Any]) -> str:
    """The reason as a sentence; the bare code when parameters are missing."""
    return _filled(REASONS[code].words, params, code) if code in REASONS else code


def words_without_value(code: str, params: Mapping[str, Any]) -> str:
    """The reason as a sentence without the value that was refused, which may be somebody's."""
    return words_of(code, {**params, "value": "…"} if "value" in params else params)


def remedy_of(code: str, params: Mapping[str, Any]) -> str:
    return _filled(REASONS[code].remedy, params, "") if code in REASONS else ""


def _filled(words: str | Promise, params: Mapping[str, Any], otherwise: str) -> str:
    try:
        return str(words) % params
    except (KeyError, TypeError, ValueError):
        return otherwise


register(
    Reason(
        "not_json",
        _("The event is not JSON: %(value)s."),
        _("Mend the text; the sender's program should write JSON with a library."),
    ),
    Reason(
        "not_a_number",
        _("The event holds NaN or Infinity, which JSON does not know."),
        _("Put null or a number in its place."),
    ),
    Reason(
        "not_utf8",
        _("%(field)s holds text that is not UTF-8."),
        _("Send UTF-8; here, put the right characters in place."),
    ),
    Reason(
        "too_deep",
        _("The event is nested too deeply to be read."),
        _("Send flat properties."),
    ),
    Reason(
        "unreadable",
        _("The request could not be read: an error of ours, which the log describes."),
        _("Tell whoever runs this installation; send it again when it is mended."),
    ),
    Reason("not_an_object", _("The event is no JSON object but %(value)s."), _("Send an object per event.")),
    Reason(
        "wrong_type",
        _("%(field)s is of type %(got)s; it must be %(expected)s."),
        _("Send the type that the Segment spec names for this field."),
    ),
    Reason(
        "bad_value",
        _("%(field)s can not be read: %(value)s."),
        _("Send a value that the Segment spec allows for this field."),
    ),
    Reason("missing_field", _("%(field)s is missing."), _("A %(type)s event needs it.")),
    Reason(
        "unknown_type",
        _("There is no event type “%(value)s”."),
        _("The types are track, page, screen, identify, group and alias."),
    ),
    Reason(
        "no_identity",
        _("The event has neither anonymousId nor userId."),
        _("Send the one that is known; without a visitor an event can not be counted."),
    ),
    Reason(
        "bad_timestamp",
        _("%(field)s is not a moment: “%(value)s”."),
        _("Send ISO 8601 with a zone, such as 2026-11-11T08:00:00.000Z."),
    ),
    Reason(
        "far_future",
        _(
            "The event says that it happens %(minutes)s minutes after it came; at most %(limit)s are accepted."
        ),
        _("The sender's clock or zone is wrong. Correct the timestamp."),
    ),
    Reason(
        "far_past",
        _("The event says that it happened on %(value)s, before %(limit)s."),
        _("The sender's clock is wrong, or seconds were sent as milliseconds. Correct the timestamp."),
    ),
    Reason(
        "bad_amount",
        _("%(field)s is no amount: %(value)s."),
        _("Send a plain number of the currency's main unit, such as 27.50."),
    ),
    Reason(
        "amount_out_of_range",
        _("The amount %(value)s is larger than any that can be stored."),
        _("Correct the amount."),
    ),
    Reason(
        "bad_currency",
        _("“%(value)s” is no currency code."),
        _("Send three letters of ISO 4217, such as CNY."),
    ),
    Reason(
        "refund_without_amount",
        _("The refund names products but neither a total nor their prices."),
        _(
            "State the total, or price and quantity of each product; name no products to refund the whole order."
        ),
    ),
)
