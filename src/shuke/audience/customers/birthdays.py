"""Birthdays, solar or lunar (农历), leap months too: read as people write them, and when they come next in solar days.

Ours, where custom differs: who was born in a leap month celebrates in it where the year has it, else in the month of that
number; a 30th in a month of 29 days, and 29 February, on the last day of the month.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from lunar_python import Lunar, LunarMonth

FIRST_YEAR, LAST_YEAR = 1900, 2099
_WRITTEN = re.compile(r"(?:(\d{4})[-/.年])?(闰)?(\d{1,2})[-/.月](\d{1,2})日?")
_LUNAR = re.compile(r"^(lunar|农历|阴历)[:：\s]*", re.IGNORECASE)
_LEAP = re.compile(r"(leap|闰)", re.IGNORECASE)


@dataclass(frozen=True)
class Birthday:
    """`year` None: not told. `is_leap`: of a lunar leap month."""

    calendar: Literal["solar", "lunar"]
    month: int
    day: int
    year: int | None = None
    is_leap: bool = False

    def plain(self) -> dict[str, Any]:
        return {
            "calendar": self.calendar,
            "year": self.year,
            "month": self.month,
            "day": self.day,
            "leap": self.is_leap,
        }


def of_plain(value: Any) -> Birthday:
    """From what is stored or sent. Raises ValueError."""
    if not isinstance(value, dict) or set(value) - {"calendar", "year", "month", "day", "leap"}:
        raise ValueError("a birthday has calendar, year, month, day and leap")
    calendar, year = value.get("calendar", "solar"), value.get("year")
    month, day = value.get("month", 0), value.get("day", 0)
    is_leap = value.get("leap", False)
    if calendar not in ("solar", "lunar") or not isinstance(is_leap, bool):
        raise ValueError("calendar is solar or lunar, leap true or false")
    numbers = [month, day] if year is None else [year, month, day]
    if not all(isinstance(one, int) and not isinstance(one, bool) for one in numbers):
        raise ValueError("year, month and day are whole numbers")
    return checked(Birthday(calendar, int(month), int(day), year, is_leap))


def of_text(text: str) -> Birthday:
    """`1990-06-01`, `06-01`, `lunar 1990-闰5-15`, `农历8月15日`. Raises ValueError."""
    text = text.strip()
    is_lunar = _LUNAR.match(text) is not None
    rest = _LUNAR.sub("", text).strip()
    is_leap = _LEAP.search(rest) is not None
    found = _WRITTEN.fullmatch(re.sub(r"leap[\s-]*", "", rest, flags=re.IGNORECASE).split("T")[0].strip())
    if found is None:
        raise ValueError(text)
    year = int(found[1]) if found[1] else None
    return checked(
        Birthday("lunar" if is_lunar else "solar", int(found[3]), int(found[4]), year, is_leap and is_lunar)
    )


def checked(birthday: Birthday) -> Birthday:
    """Raises ValueError for a day that there is not."""
    month, day, year = birthday.month, birthday.day, birthday.year
    if not 1 <= month <= 12 or (year is not None and not FIRST_YEAR <= year <= LAST_YEAR):
        raise ValueError("no such month or year")
    if birthday.calendar == "solar":
        longest = monthrange(year if year is not None else 2000, month)[1]
        if birthday.is_leap:
            raise ValueError("only a lunar month is a leap month")
    elif year is not None:
        found = LunarMonth.fromYm(year, -month if birthday.is_leap else month)
        if found is None:
            raise ValueError("that year has no such leap month")
        longest = found.getDayCount()
    else:
        longest = 30
    if not 1 <= day <= longest:
        raise ValueError("no such day in that month")
    return birthday


def next_on(birthday: Birthday, today: date) -> date:
    """The first solar day from `today` on (included) on which it is celebrated."""
    years = range(today.year - 1, today.year + 3)
    days = [_solar_day(birthday, year) for year in years]
    return min(day for day in days if day >= today)


def _solar_day(birthday: Birthday, year: int) -> date:
    if birthday.calendar == "solar":
        return date(year, birthday.month, min(birthday.day, monthrange(year, birthday.month)[1]))
    leap = LunarMonth.fromYm(year, -birthday.month) if birthday.is_leap else None
    month = leap or LunarMonth.fromYm(year, birthday.month)
    solar = Lunar.fromYmd(year, month.getMonth(), min(birthday.day, month.getDayCount())).getSolar()
    return date(solar.getYear(), solar.getMonth(), solar.getDay())


def age_on(birthday: Birthday, today: date) -> int | None:
    """Whole solar years since birth; None where the year is not told, or it lies ahead."""
    if birthday.year is None:
        return None
    born = _born(birthday)
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return age if age >= 0 else None


def _born(birthday: Birthday) -> date:
    assert birthday.year is not None
    return _solar_day(birthday, birthday.year)
