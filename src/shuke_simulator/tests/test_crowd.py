"""Customers drawn by index: any day alone, any number of them in bounded memory, and incidents of stated size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

import shuke_simulator
from shuke_simulator import incidents, shapes
from shuke_simulator.__main__ import main
from shuke_simulator.crowd import Crowd
from shuke_simulator.incidents import BadIncident
from shuke_simulator.story import Teller
from shuke_simulator.tests.test_story import recount
from shuke_simulator.truth import Marks, Truth

ZONE = ZoneInfo("Asia/Shanghai")
FIRST = date(2026, 3, 2)
DAYS = 4
CUSTOMERS = 12_000


def told(
    texts: Sequence[str] = (), customers: int = CUSTOMERS, part: int = 20_000
) -> tuple[list[dict], Truth]:
    happen = [incidents.read(text) for text in texts]
    crowd = Crowd(seed=5, customers=customers, first=FIRST, incidents=happen)
    teller = Teller(seed=5, zone=ZONE, host="https://shop.example.com", incidents=happen, part=part)
    days = [FIRST + timedelta(days=i) for i in range(DAYS)]
    messages = [json.loads(text) for day in days for _moment, text in teller.tell(crowd.day(day))]
    return messages, teller.truth


@pytest.fixture(scope="module")
def plain() -> tuple[list[dict], Truth]:
    """Days without incidents."""
    return told()


def test_truth__of_a_crowd_told_in_parts__is_recounted_from_the_messages(plain) -> None:
    for messages, truth in (plain, told(part=37)):
        counted = recount(messages, ZONE)
        for i in range(DAYS):
            day = (FIRST + timedelta(days=i)).isoformat()
            of_day = truth.as_dict()["days"][day]
            assert {name: of_day[name] for name in counted[day]} == dict(counted[day])
            assert sum(c["pv"] for c in of_day["by_channel"].values()) == of_day["pv"]
            assert sum(c["orders"] for c in of_day["by_channel"].values()) == of_day["orders"] > 0
    assert len({m["messageId"] for m in messages}) == len(messages)
    visitors = {m["anonymousId"] for m in messages if "anonymousId" in m}
    assert truth.as_dict()["whole"]["uv"] == len(visitors)


def test_crowd__asked_for_one_day_alone__gives_what_it_gave_before() -> None:
    far = FIRST + timedelta(days=800)
    crowd = Crowd(seed=5, customers=CUSTOMERS, first=FIRST)
    for i in range(DAYS):
        crowd.day(FIRST + timedelta(days=i))
    alone = Crowd(seed=5, customers=CUSTOMERS, first=FIRST)
    for name in ("visitor", "door", "start", "buys", "member", "registers"):
        np.testing.assert_array_equal(getattr(crowd.day(far), name), getattr(alone.day(far), name))
    assert len(alone.day(far)) > 100
    with pytest.raises(ValueError, match="begins on"):
        alone.day(FIRST - timedelta(days=1))


def test_crowd__over_two_years__has_seasons_weekdays_and_members_who_join_once() -> None:
    crowd = Crowd(seed=5, customers=3_000, first=FIRST)
    size: dict[date, int] = {}
    joined: Counter[int] = Counter()
    for i in range(730):
        cast = crowd.day(FIRST + timedelta(days=i))
        size[cast.day] = len(cast)
        joined.update(cast.visitor[cast.registers].tolist())
        assert set(cast.member[cast.registers]) <= set(cast.visitor)
        assert not (cast.buys & (cast.member == 0)).any()
    assert joined
    assert max(joined.values()) == 1
    by_month = Counter()
    for day, count in size.items():
        by_month[day.month] += count
    assert by_month[6] > 1.2 * by_month[1]
    weekend = np.mean([n for day, n in size.items() if day.weekday() >= 5])
    assert weekend > 1.05 * np.mean([n for day, n in size.items() if day.weekday() < 5])
    sale = size[date(2026, 11, 11)]
    assert sale > 1.5 * size[date(2026, 11, 4)]
    assert shapes.day_factor(date(2026, 11, 11)) > 2 * shapes.day_factor(date(2026, 11, 4)) * 0.9


def test_traffic__forty_percent_less__loses_what_truth_says_and_touches_no_other(plain) -> None:
    _messages, usual = plain
    _messages, truth = told(["traffic,channel=email,change=-40,from=2026-03-03,days=2"])
    (noted,) = truth.as_dict()["incidents"]
    assert set(noted["days"]) == {"2026-03-03", "2026-03-04"}
    before, after = usual.as_dict()["days"], truth.as_dict()["days"]
    for day in before:
        lost = noted["days"].get(day, {}).get("visitors_lost", 0)
        assert before[day]["uv"] - after[day]["uv"] == lost
        for channel in before[day]["by_channel"]:
            if channel != "email" and not lost:
                assert before[day]["by_channel"][channel] == after[day]["by_channel"][channel]
    came = sum(before[day]["channels"]["email"] for day in noted["days"])
    left = sum(after[day]["channels"]["email"] for day in noted["days"])
    assert came > 20
    assert 0.3 < left / came < 0.9


def test_campaign__doubles_a_channel__brings_customers_who_would_not_have_come(plain) -> None:
    _messages, usual = plain
    _messages, truth = told(["traffic,channel=email,change=300,from=2026-03-04,days=1"])
    (noted,) = truth.as_dict()["incidents"]
    before, after = (t.as_dict()["days"]["2026-03-04"] for t in (usual, truth))
    assert after["uv"] - before["uv"] == noted["visits_won"] > 10
    assert after["channels"]["email"] - before["channels"]["email"] == noted["visits_won"]


def test_outage__of_some_hours__is_silent(plain) -> None:
    messages, truth = told(["outage,from=2026-03-03T20:00,hours=2"])
    begin = datetime.combine(date(2026, 3, 3), time(20), tzinfo=ZONE)

    def within(said: list[dict]) -> int:
        moments = (datetime.fromisoformat(m["timestamp"]) for m in said if "anonymousId" in m)
        return sum(begin <= moment < begin + timedelta(hours=2) for moment in moments)

    assert within(plain[0]) > 50
    assert within(messages) == 0
    (noted,) = truth.as_dict()["incidents"]
    lost = plain[1].as_dict()["days"]["2026-03-03"]["uv"] - truth.as_dict()["days"]["2026-03-03"]["uv"]
    assert noted["visitors_lost"] == lost > 10


def test_price_error__of_an_item__is_sold_at_it() -> None:
    messages, truth = told(["price,item=LL1001,percent=10,from=2026-03-02,days=2"], customers=40_000)
    (noted,) = truth.as_dict()["incidents"]
    units = 0
    for m in messages:
        if m.get("event") != "Order Completed":
            continue
        is_wrong = datetime.fromisoformat(m["timestamp"]).astimezone(ZONE).date() < date(2026, 3, 4)
        for product in m["properties"]["products"]:
            if product["product_id"] == "LL1001":
                assert product["price"] == (25.9 if is_wrong else 259.0)
                units += product["quantity"] * is_wrong
    assert noted["units_mispriced"] == units > 0
    assert noted["goods_lost_minor"] == units * (25900 - 2590)


def test_broken_page__drives_away_who_enters_there(plain) -> None:
    _messages, usual = plain
    _messages, truth = told(["bounce,page=/campaign/new-season,percent=100,from=2026-03-02,days=4"])
    (noted,) = truth.as_dict()["incidents"]
    before, after = usual.as_dict()["whole"], truth.as_dict()["whole"]
    assert after["bounced_visits"] > before["bounced_visits"]
    assert noted["visits_bounced"] >= after["bounced_visits"] - before["bounced_visits"] > 10
    assert after["uv"] == before["uv"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("traffic,channel=post,change=-40,from=2026-03-05", "post is none of"),
        ("traffic,channel=email,change=-140,from=2026-03-05", "at least -100"),
        ("outage,from=2026-03-05T14:00", "needs hours"),
        ("price,item=LL1001,percent=-3,from=2026-03-05", "not above 0"),
        ("bounce,page=/,percent=5,from=yesterday", "yesterday"),
        ("storm,from=2026-03-05", "the kinds are"),
    ],
)
def test_incident__that_can_not_be_read__says_what_would_be_right(text: str, words: str) -> None:
    with pytest.raises(BadIncident, match=words):
        incidents.read(text)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["history"], "one of --url and --inside"),
        (["history", "--inside", "a", "--customers", "10000001"], "is not from 1 to"),
        (["live", "--inside", "a", "--inside", "b"], "several shops"),
        (["history", "--inside", "a", "--incident", "storm,from=2026-03-05"], "the kinds are"),
        (
            ["history", "--inside", "a", "--incident", "traffic,channel=email,change=5,from=2026-03-05"],
            "needs --customers",
        ),
    ],
)
def test_command__of_words_that_do_not_fit__says_so(words: list[str], said: str, capsys) -> None:
    with pytest.raises(SystemExit):
        main(words)
    assert said in capsys.readouterr().err


def test_command__of_several_shops_inside__tells_a_life_to_each(tmp_path, capsys) -> None:
    taken: dict[str, list[str]] = {"a": [], "b": []}

    def door_of(name: str):
        def door(body: bytes) -> tuple[int, str]:
            taken[name] += [m["messageId"] for m in json.loads(body)["batch"]]
            return 200, ""

        return door

    words = ["history", "--inside", "a", "--inside", "b", "--days", "2", "--customers", "2000"]
    words += ["--until", "2026-03-04T12:00", "--truth", str(tmp_path / "truth.json")]
    assert main(words, doors=door_of) == 0
    for name, ids in taken.items():
        truth = json.loads((tmp_path / f"truth-{name}.json").read_text())
        assert truth["customers"] == 2000
        assert len(set(ids)) == truth["messages"] == truth["whole"]["events"] > 50
        assert len(ids) == truth["messages"] + truth["repeats"]
    assert set(taken["a"]) != set(taken["b"])
    assert main(words) == 2  # no door was given


def test_marks__of_numbers__count_each_once() -> None:
    marks, numbers = Marks(), np.random.default_rng(3).integers(0, 5_000, 20_000).tolist()
    for number in numbers:
        marks.add(number)
    assert marks.count == len(set(numbers))


TEN_MILLION = """
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo
from shuke_simulator.crowd import Crowd
from shuke_simulator.story import Teller
crowd = Crowd(seed=1, customers=10_000_000, first=date(2026, 3, 1))
teller = Teller(seed=1, zone=ZoneInfo("Asia/Shanghai"), host="https://shop.example.com", part=2_000)
cast = crowd.day(date(2026, 3, 3))
parts = teller.tell_parts(cast)
messages = sum(len(next(parts)) for _ in range(2))
# Not getrusage: it counts the memory of who started this process as its own.
peak_kb = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
print(len(cast), messages, int(peak_kb) // 1024)
"""


def test_crowd__of_ten_million__is_drawn_in_bounded_memory() -> None:
    paths = {"PYTHONPATH": str(Path(shuke_simulator.__file__).parent.parent)}
    words = [sys.executable, "-c", TEN_MILLION]
    said = subprocess.run(words, env=os.environ | paths, capture_output=True, text=True, check=True).stdout
    came, messages, peak_mb = map(int, said.split())
    assert came > 150_000
    assert messages > 10_000
    assert peak_mb < 1_000
