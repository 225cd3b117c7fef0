"""Any mix of rules over rows broken in any way: nothing is lost, nothing counts twice, the totals are the clean file's."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django_scopes import scope
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shuke.intake import actions, reads
from shuke.intake.files import mending
from shuke.intake.models import Quarantined, Settlement
from shuke.intake.quarantine import mends
from shuke.intake.tests.books import BOOK, HEADER, lines_of, load_book
from shuke.kernel import clock
from shuke.kernel.money import line_minor
from shuke.records import jobs
from shuke.records.actor import Actor

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T1"),
]
ACTOR = Actor.system("tests")


@dataclass(frozen=True)
class Line:
    """A clean line, and how each of its cells is broken ("" not at all)."""

    order: str
    day: int
    count: int
    price: int  # hundredths
    at_is: str = ""
    price_is: str = ""
    order_is: str = ""
    count_is: str = ""

    def clean(self) -> str:
        return f"{self.order},2026-03-{self.day:02},p,{self.count},{self.price / 100:.2f}\n"

    def broken(self) -> str:
        at = f"2026-03-{self.day:02}"
        midnight = datetime.fromisoformat(f"{at}T00:00:00+08:00")
        written = {
            "": at,
            "dotted": f"{self.day:02}.03.2026",
            "epoch": str(int(midnight.timestamp())),
            "words": "unknown" if self.day == 1 else f"day {self.day}",
        }[self.at_is]
        whole, rest = divmod(self.price, 100)
        price = {
            "": f"{self.price / 100:.2f}",
            "comma": f'"1.000.{whole:03},{rest:02}"',
            "unit": f"{whole}.{rest:02} each",
        }
        count = {"": str(self.count), "dozen": "dozen"}[self.count_is]
        order = {"": self.order, "blank": "", "lost": "2.1E+07"}[self.order_is]
        return f"{order},{written},p,{count},{price[self.price_is]}\n"

    def stated(self) -> tuple[str, int, date]:
        price = self.price + 100_000_000 if self.price_is == "comma" else self.price
        count = 12 if self.count_is == "dozen" else self.count
        amount = line_minor(Decimal(count), Decimal(price).scaleb(-2), "CNY")
        return self.order, amount, date(2026, 3, 1 if self.at_is == "words" else self.day)


# What a person would say of each column. A row that is wrong in several of them is read when all of it is said: a mend
# that leaves a row unreadable leaves it as it was.
RULES: dict[str, list[dict[str, Any]]] = {
    "at": [
        {"rule": "time_format", "column": "at", "format": "%d.%m.%Y"},
        {"rule": "epoch", "column": "at", "unit": "s"},
        {"rule": "replace", "column": "at", "old": "unknown", "new": "2026-03-01"},
    ],
    "price": [
        {"rule": "decimal_comma", "column": "price"},
        {"rule": "replace", "column": "price", "old": " each", "new": "", "is_part": True},
    ],
    "n": [{"rule": "replace", "column": "n", "old": "dozen", "new": "12"}],
    "order": [
        {"rule": "default", "column": "order", "value": "a"},
        {"rule": "replace", "column": "order", "old": "2.1E+07", "new": "21000000"},
    ],
}
KINDS = (
    "dotted",
    "epoch",
    "words",
    "comma",
    "unit",
    "dozen",
    "blank",
    "lost",
    "several",
    "killed",
    "dropped",
    "kept",
)


def _fitting(line: Line) -> Line:
    """Only order "a" may be blank and only 21000000 may have lost its digits, so that one rule says what they were."""
    if line.order_is == "blank":
        line = replace(line, order="a")
    if line.order_is == "lost":
        line = replace(line, order="21000000")
    return replace(line, day=1) if line.at_is == "words" else line


LINES = st.builds(
    Line,
    order=st.sampled_from(["a", "b", "c", "21000000"]),
    day=st.integers(1, 28),
    count=st.integers(1, 9),
    price=st.integers(1, 99_999),
    at_is=st.sampled_from(["", "", "dotted", "epoch", "words"]),
    price_is=st.sampled_from(["", "", "", "comma", "unit"]),
    order_is=st.sampled_from(["", "", "", "blank", "lost"]),
    count_is=st.sampled_from(["", "", "", "dozen"]),
).map(_fitting)


# In each example, so that few of them reach every kind.
EVERY = [
    Line("b", 5, 2, 1250, at_is="dotted"),
    Line("b", 6, 2, 99, at_is="epoch", price_is="unit"),
    Line("c", 1, 1, 1, at_is="words"),
    Line("a", 7, 3, 45_600, price_is="comma", order_is="blank"),
    Line("21000000", 8, 1, 300, order_is="lost", count_is="dozen"),
]


class Killed(BaseException):
    pass


def _mend(shop, group, order: list[str], kill_at: int, is_kept: bool, monkeypatch) -> None:
    """One mend to its end; killed once, behind its `kill_at`-th chunk's facts or before them."""
    started = actions.start_mend(
        shop=shop,
        group=group,
        rules=[rule for column in order for rule in RULES[column]],
        is_kept=is_kept,
        actor=ACTOR,
        at=clock.now(),
    )
    real, calls = mending.warehouse.append, Counter()

    def append(*, facts, within=None):
        calls["n"] += 1
        if calls["n"] == kill_at and kill_at % 2:
            raise Killed
        number = real(facts=facts, within=within)
        if calls["n"] == kill_at:
            raise Killed
        return number

    with monkeypatch.context() as patched:
        if kill_at:
            patched.setattr(mending.warehouse, "append", append)
        try:
            jobs.run_to_end(started.job_id)
        except Killed:
            mending._counted.clear()
    with clock.frozen(clock.now() + timedelta(minutes=2)):
        assert jobs.run_to_end(started.job_id).state == "done"
    done = reads.get_mend(shop, started.id)
    assert done.looked == done.replayed + done.dropped + done.refused == done.total


def check(examples: int, make_shop, monkeypatch, least: int) -> None:
    monkeypatch.setattr(mends, "CHUNK_ROWS", 4)
    reached: Counter[str] = Counter()
    shops = iter(range(10_000))

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    @given(
        lines=st.lists(LINES, min_size=2, max_size=12),
        order=st.permutations(list(RULES)),
        kill_at=st.integers(0, 3),
    )
    def law(lines: list[Line], order: list[str], kill_at: int) -> None:
        lines = [*EVERY, *lines]
        number = next(shops)
        drops, is_kept = number % 3 == 1, number % 3 == 0
        shop = make_shop(f"law-{number}")
        actions.save_mapping(shop=shop, spec=BOOK, actor=ACTOR, at=clock.now())
        content = HEADER + "".join(line.broken() for line in lines)
        view = load_book(shop, content)
        gone: list[Line] = []
        if drops and (waiting := reads.list_quarantined(shop).rows):
            gone = [lines[waiting[0].line - 2]]
            actions.drop(shop=shop, ids=[waiting[0].id], actor=ACTOR, at=clock.now())
        for one in reads.waiting_groups(shop):
            _mend(shop, one.group, order, kill_at, is_kept, monkeypatch)
        assert reads.waiting_groups(shop) == ()
        wanted = Counter(line.stated() for line in lines) - Counter(line.stated() for line in gone)
        stands = lines_of(shop)
        assert Counter((o, a, d) for o, _n, a, d in stands) == wanted
        assert len({(o, n) for o, n, _a, _d in stands}) == len(stands)
        after = reads.get_import(shop, view.id)
        assert after.rows_read == after.rows_new + after.rows_changed + after.rows_known + after.rows_bad
        assert after.rows_bad == len(gone)
        with scope(shop=shop.id):
            assert Settlement.objects.count() == Quarantined.objects.count() == view.rows_bad
        if is_kept:
            # A later load of the same broken file sets nothing aside that rules can mend, and states the same.
            again = load_book(shop, content, name="again.csv")
            assert again.rows_bad == 0
            assert Counter((o, a, d) for o, _n, a, d in lines_of(shop)) == wanted
            reached["kept"] += 1
        for line in lines:
            broken = [kind for kind in (line.at_is, line.price_is, line.count_is, line.order_is) if kind]
            reached.update(broken)
            reached["several"] += len(broken) > 1
        reached["killed"] += bool(kill_at and view.rows_bad)
        reached["dropped"] += len(gone)

    law()
    print("reached:", dict(reached))
    assert all(reached[kind] >= least for kind in KINDS), reached


def test_law__any_rules_over_any_bad_rows__the_totals_of_the_clean_file(make_shop, monkeypatch) -> None:
    check(6, make_shop, monkeypatch, 1)


@pytest.mark.soak
def test_law__very_many_bad_rows__the_totals_of_the_clean_file(make_shop, monkeypatch) -> None:
    check(120, make_shop, monkeypatch, 10)
