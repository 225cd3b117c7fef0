"""The values of a comparison: read from JSON into the field's own type, written back, and brought into comparable form.

In JSON: text and choices as strings; numbers as integers or decimal strings ("1.50"); money as integers of the minor
unit; flags as true/false; days as "2026-11-21"; moments as ISO 8601 with an offset.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .errors import BadValue
from .fields import Field, Kind
from .nodes import Op, Scalar
from .windows import AsOf

MAX_TEXT = 500
_INT64 = 1 << 63
_INTEGER_LIMIT = 10**18
_DECIMAL_LIMIT = 10**9
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LOWER = "abcdefghijklmnopqrstuvwxyz"
FOLDING = (_UPPER, _LOWER)
_FOLDED = str.maketrans(_UPPER, _LOWER)


def folded(text: str) -> str:
    """A–Z as a–z and nothing else: full Unicode lowering differs between engines."""
    return text.translate(_FOLDED)


def _text(field: Field, raw: Any) -> str:
    if not isinstance(raw, str) or not raw or len(raw) > MAX_TEXT:
        raise ValueError
    if any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) <= 0xDFFF for c in raw):
        raise ValueError
    return raw


def _host(field: Field, raw: Any) -> str:
    host = _text(field, raw)
    if not all(c.isalnum() or c in "-._:[]" for c in host) or host.startswith("."):
        raise ValueError
    return host


def _choice(field: Field, raw: Any) -> str:
    if not isinstance(raw, str) or raw not in field.choice_words():
        raise ValueError
    return raw


def _number(field: Field, raw: Any) -> int | Decimal:
    if isinstance(raw, bool):
        raise ValueError
    if isinstance(raw, int):
        number: int | Decimal = raw
    elif isinstance(raw, Decimal):
        number = raw
    elif isinstance(raw, float) and math.isfinite(raw):
        number = Decimal(repr(raw))
    elif isinstance(raw, str) and len(raw) <= 40:
        number = Decimal(raw)
    else:
        raise ValueError
    if isinstance(number, Decimal):
        # Nine digits after the point and eighteen in all fit the decimal type of every engine.
        # Looked at before it is made an integer: "1e999999" is short to write and long to hold.
        if not number.is_finite() or number.adjusted() > 17 or number != round(number, 9):
            raise ValueError
        if number != number.to_integral_value():
            if abs(number) >= _DECIMAL_LIMIT:
                raise ValueError
            return number
        number = int(number)
    if abs(number) >= _INTEGER_LIMIT:
        raise ValueError
    return number


def _money(field: Field, raw: Any) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or not -_INT64 <= raw < _INT64:
        raise ValueError
    return raw


def _flag(field: Field, raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise ValueError
    return raw


def _day(field: Field, raw: Any) -> date:
    if isinstance(raw, datetime):
        raise ValueError
    return raw if isinstance(raw, date) else date.fromisoformat(raw)


def _moment(field: Field, raw: Any) -> datetime:
    moment = raw if isinstance(raw, datetime) else datetime.fromisoformat(raw)
    if moment.tzinfo is None:
        raise ValueError
    return moment.astimezone(UTC)


_READERS: dict[Kind, tuple[Callable[[Field, Any], Scalar], str | Promise]] = {
    Kind.TEXT: (_text, _("a text of 1 to 500 characters")),
    Kind.HOST: (_host, _("a host name such as www.example.com")),
    Kind.CHOICE: (_choice, _("one of: %(choices)s")),
    Kind.NUMBER: (_number, _("a number with at most nine digits after the point")),
    Kind.MONEY: (_money, _("an amount as a whole number of the smallest unit")),
    Kind.FLAG: (_flag, _("true or false")),
    Kind.DAY: (_day, _("a day such as 2026-11-21")),
    Kind.MOMENT: (_moment, _("a moment with its offset, such as 2026-11-21T09:00:00+08:00")),
}


def read_value(field: Field, raw: Any) -> Scalar:
    """A JSON (or already typed) value as the field's type. Raises BadValue saying what is expected."""
    reader, expected = _READERS[field.kind]
    try:
        return reader(field, raw)
    except (ValueError, TypeError, InvalidOperation, OverflowError):
        choices = ", ".join(field.choice_words())
        raise BadValue(field=field.name, value=raw, expected=str(expected) % {"choices": choices}) from None


def write_value(value: Scalar) -> str | int | bool:
    """The JSON form of a typed value."""
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return value


def comparable(field: Field, fact: Any) -> Any:
    """A fact or value as both evaluators compare it: folded text, moments as naive UTC microseconds."""
    if isinstance(fact, str) and field.folds_case:
        return folded(fact)
    if isinstance(fact, datetime) and fact.tzinfo is not None:
        return fact.astimezone(UTC).replace(tzinfo=None)
    return fact


def days_meant(op: Op, days: int, as_of: AsOf) -> tuple[date, date]:
    """The days, from and to before, that are within the last or the next so many: today belongs to the next."""
    today, length = as_of.today, timedelta(days=days)
    return (today - length, today) if op is Op.IN_LAST_DAYS else (today, today + length)
