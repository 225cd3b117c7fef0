"""Attributes: definitions as data, values read by type, birthdays of both calendars."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from lunar_python import LunarMonth, Solar

from shuke.audience.customers import birthdays
from shuke.audience.customers.definitions import Definition, offered, read_value, shipped

pytestmark = pytest.mark.row("A2")
CASES = yaml.load(
    (Path(__file__).parent / "birthdays.cases.yaml").read_text(encoding="utf-8"), yaml.BaseLoader
)
A_098 = {
    "region", "gender", "birthday", "occupation", "industry", "income", "behaviour", "culture", "age", "interests",
}  # fmt: skip
REACHED: Counter[str] = Counter()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['written']} at {case['today']}")
def test_birthday__as_people_write_it__next_on_the_solar_day(case) -> None:
    found = birthdays.of_text(case["written"])
    today = date.fromisoformat(case["today"])
    assert birthdays.next_on(found, today) == date.fromisoformat(case["next"])
    assert str(birthdays.age_on(found, today)) == case["age"].replace("null", "None")
    assert birthdays.of_plain(found.plain()) == found


@settings(max_examples=250, deadline=None)
@given(
    born=st.dates(date(1930, 1, 1), date(2025, 12, 31)),
    is_lunar=st.booleans(),
    today=st.dates(date(2000, 1, 1), date(2040, 1, 1)),
)
def law_of_birthdays(born, is_lunar, today) -> None:
    lunar = Solar.fromYmd(born.year, born.month, born.day).getLunar()
    month = lunar.getMonth()
    found = birthdays.Birthday("solar", born.month, born.day, born.year)
    if is_lunar:
        found = birthdays.Birthday("lunar", abs(month), lunar.getDay(), lunar.getYear(), month < 0)
    after = birthdays.next_on(found, today)
    # It is the birthday itself, and none lies between: a slow walk over the days agrees.
    assert after == next(day for day in walk(today) if is_birthday(found, day))
    REACHED["leap month"] += is_lunar and month < 0
    REACHED["last day of a longer month"] += is_lunar and lunar.getDay() == 30
    REACHED["solar"] += not is_lunar


def walk(first: date):
    return (first + timedelta(days=i) for i in range(800))


def is_birthday(birthday: birthdays.Birthday, day: date) -> bool:
    if birthday.calendar == "solar":
        return (day.month, day.day) == (birthday.month, birthday.day) or (
            (birthday.month, birthday.day) == (2, 29)
            and (day.month, day.day) == (2, 28)
            and (day + timedelta(days=1)).month == 3
        )
    lunar = Solar.fromYmd(day.year, day.month, day.day).getLunar()
    has_leap = birthday.is_leap and LunarMonth.fromYm(lunar.getYear(), -birthday.month) is not None
    month = -birthday.month if has_leap else birthday.month
    longest = LunarMonth.fromYm(lunar.getYear(), month).getDayCount()
    return lunar.getMonth() == month and lunar.getDay() == min(birthday.day, longest)


def test_birthday__any_of_both_calendars__equals_a_slow_walk_over_days() -> None:
    REACHED.clear()
    law_of_birthdays()
    for number in range(12):  # leap months are rare: some that there were
        year, month = [(1987, 6), (1990, 5), (1995, 8), (2001, 4), (2004, 2), (2006, 7)][number % 6]
        found = birthdays.Birthday("lunar", month, 29, year, True)
        today = date(2010 + number, 3, 1)
        assert birthdays.next_on(found, today) == next(day for day in walk(today) if is_birthday(found, day))
        REACHED["leap month"] += 1
    print(dict(REACHED))
    assert REACHED["leap month"] >= 12
    assert REACHED["solar"] >= 30


@pytest.mark.parametrize(
    "text", ["", "13-01", "2023-02-29", "lunar 2024-闰2-1", "lunar 2023-闰2-30", "1990-6", "tomorrow"]
)
def test_birthday__day_that_there_is_not__is_refused(text) -> None:
    with pytest.raises(ValueError, match=r".*"):
        birthdays.of_text(text)


def test_attributes__shipped__the_ten_of_the_facts_and_more_by_industry() -> None:
    names = {one.name for one in shipped()}
    assert names >= A_098
    everywhere = {one.name for one in offered("books", [])}
    assert everywhere == A_098
    beauty = {one.name for one in offered("beauty", [Definition("skin", "text", {"zh": "肤", "en": "Own"})])}
    assert beauty == A_098 | {"skin"}


VALUES = [
    ("text", "  a  b ", "a b"),
    ("text", ["tea", "linen"], "tea, linen"),
    ("number", "1,234.50", "1234.5"),
    ("number", 36, "36"),
    ("day", "2026-11-21", "2026-11-21"),
    ("choice", "女", "f"),
    ("choice", "Female", "f"),
    ("flag", "是", True),
    ("flag", False, False),
    ("money", "¥1,234.5", 123450),
    ("birthday", "1990-06-01", {"calendar": "solar", "year": 1990, "month": 6, "day": 1, "leap": False}),
]
REFUSED = [
    ("text", "x" * 201), ("number", "much"), ("number", True), ("number", "1e99"), ("day", "2026-02-30"),
    ("choice", "blue"), ("flag", "perhaps"), ("money", "cheap"), ("birthday", {"month": 1}), ("birthday", 7),
    ("text", None), ("text", "  "),
]  # fmt: skip


def definition(kind: str) -> Definition:
    return next(
        (one for one in shipped() if one.type == kind), Definition("one", kind, {"zh": "一", "en": "One"})
    )


@pytest.mark.parametrize(("kind", "given_value", "kept"), VALUES)
def test_value__of_each_type__is_kept_as_the_type_says(kind, given_value, kept) -> None:
    assert read_value(definition(kind), given_value, "CNY") == kept


@pytest.mark.parametrize(("kind", "given_value"), REFUSED)
def test_value__that_does_not_suit_the_type__is_refused(kind, given_value) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_value(definition(kind), given_value, "CNY")
