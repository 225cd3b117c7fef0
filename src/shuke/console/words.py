"""Numbers, money, times and changes as text in the reader's language (CLDR through Babel)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_currency, format_decimal, format_percent
from django.utils.translation import get_language, gettext, ngettext

from shuke.kernel.money import exponent

UNKNOWN = "—"


def locale() -> Locale:
    """The reader's CLDR locale; Chinese is written in simplified characters."""
    return Locale("zh", "CN", script="Hans") if (get_language() or "").startswith("zh") else Locale("en")


def money(minor: int | Decimal, currency: str, *, is_short: bool = False) -> str:
    """An amount of minor units with its currency; `is_short` leaves the fraction out from 1,000 upwards.

    The symbol is the short one (¥ in English too): a shop has one currency, and its settings name it.
    """
    digits = exponent(currency)
    amount = Decimal(minor).scaleb(-digits)
    if is_short and abs(amount) >= 1_000:
        digits = 0
    fraction = "." + "0" * digits if digits else ""
    shown = format_currency(
        amount, currency, f"¤#,##0{fraction};-¤#,##0{fraction}", locale(), currency_digits=False
    )
    return shown.replace("CN¥", "¥").replace("-", "−")


def percent(value: Decimal | float, digits: int = 2) -> str:
    """A share as per cent, e.g. 0.0437 -> 4.37%."""
    pattern = f"#,##0.{'0' * digits}%" if digits else "#,##0%"
    return format_percent(Decimal(str(value)), pattern, locale()).replace("-", "−")


def count(value: int | Decimal) -> str:
    return format_decimal(value, "#,##0", locale()).replace("-", "−")


def number(value: Decimal | float, digits: int = 2) -> str:
    return format_decimal(Decimal(str(value)), f"#,##0.{'0' * digits}", locale()).replace("-", "−")


def seconds(value: int | Decimal) -> str:
    """A length of time: seconds below a minute, minutes and seconds above, from two hours on in hours, from two days in days."""
    whole = round(value)
    if whole >= 172_800:
        return gettext("%(days)s d %(hours)s h") % {"days": whole // 86_400, "hours": whole % 86_400 // 3_600}
    if whole >= 7_200:
        return gettext("%(hours)s h %(minutes)s min") % {
            "hours": whole // 3_600,
            "minutes": whole % 3_600 // 60,
        }
    if whole < 60:
        shown = count(value) if value == whole else number(value, 1)
        return gettext("%(seconds)s s") % {"seconds": shown}
    return gettext("%(minutes)s min %(seconds)s s") % {"minutes": whole // 60, "seconds": whole % 60}


def by_unit(value: int | Decimal, unit: str, currency: str, *, is_short: bool = False) -> str:
    """A metric's value as text. Units as traffic declares them: count, ratio, seconds, money, number."""
    if unit == "money":
        return money(value, currency, is_short=is_short)
    if unit == "ratio":
        return percent(value)
    if unit == "seconds":
        return seconds(value)
    if unit == "count" or isinstance(value, int):  # a mean is a decimal, also where it is a whole number
        return count(value)
    return number(value)


def day(value: date) -> str:
    """A date with its weekday where a person plans by it."""
    return format_date(value, "y年M月d日" if locale().language == "zh" else "MMM d, y", locale())


def short_day(value: date) -> str:
    return format_date(value, "M月d日" if locale().language == "zh" else "MMM d", locale())


def clock_time(value: datetime, zone: ZoneInfo) -> str:
    return format_time(value.astimezone(zone), "HH:mm", locale=locale())


def moment(value: datetime, zone: ZoneInfo) -> str:
    """A moment by the shop's clock."""
    pattern = "y-MM-dd HH:mm" if locale().language == "zh" else "MMM d, y HH:mm"
    return format_datetime(value.astimezone(zone), pattern, locale=locale())


def size(octets: int) -> str:
    """A file's size: KB and MB of 1,000."""
    if octets < 1_000:
        return ngettext("%(count)s byte", "%(count)s bytes", octets) % {"count": count(octets)}
    unit, divisor = ("MB", 1_000_000) if octets >= 1_000_000 else ("KB", 1_000)
    return f"{number(Decimal(octets) / divisor, 1)} {unit}"
