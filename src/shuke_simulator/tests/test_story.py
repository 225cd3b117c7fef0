"""The simulated shop: what it says is in the Segment spec, what it counts is what it says, and it says the same again."""

from __future__ import annotations

import ast
import json
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import shuke_simulator
from shuke_simulator.life import Life
from shuke_simulator.story import Teller
from shuke_simulator.truth import Truth

ZONE = ZoneInfo("Asia/Shanghai")
FIRST = date(2026, 3, 1)
DAYS = 6


def told(until: datetime | None = None, seed: int = 3, zone: ZoneInfo = ZONE) -> tuple[list[dict], Truth]:
    life = Life(seed=seed, visitors=120, first=FIRST)
    teller = Teller(seed=seed, zone=zone, host="https://shop.example.com", until=until)
    texts = [pair for i in range(DAYS) for pair in teller.tell(life.day(FIRST + timedelta(days=i)))]
    return [json.loads(text) | {"moment": moment} for moment, text in texts], teller.truth


def minor(amount: float) -> int:
    return round(amount * 100)


def recount(messages: list[dict], zone: ZoneInfo) -> dict[str, Counter]:
    """Counts of each day from the messages alone, by the public rules."""
    days: dict[str, Counter] = defaultdict(Counter)
    by_visitor: dict[tuple[str, str], list[dict]] = defaultdict(list)
    buyers: dict[str, set[str]] = defaultdict(set)
    for m in messages:
        day = datetime.fromisoformat(m["timestamp"]).astimezone(zone).date().isoformat()
        days[day]["events"] += 1
        if "anonymousId" in m and m["type"] != "identify":
            by_visitor[day, m["anonymousId"]].append(m)
        if m.get("event") == "Order Completed":
            days[day]["orders"] += 1
            days[day]["units"] += sum(product["quantity"] for product in m["properties"]["products"])
            days[day]["paid_minor"] += minor(m["properties"]["total"])
            buyers[day].add(m["userId"])
        if m.get("event") in ("Order Cancelled", "Order Refunded"):
            days[day]["returned_minor"] += minor(m["properties"]["total"])
        days[day]["carts"] += m.get("event") == "Product Added"
    for (day, _), seen in by_visitor.items():
        seen.sort(key=lambda m: m["timestamp"])
        visits = cut(seen)
        views = [sum(m["type"] == "page" for m in visit) for visit in visits]
        days[day]["uv"] += 1
        days[day]["pv"] += sum(views)
        days[day]["visits"] += len(visits)
        days[day]["bounced_visits"] += views.count(1)
        days[day]["bounced_visitors"] += sum(views) == 1
    for day, found in buyers.items():
        days[day]["buyers"] = len(found)
    return days


def cut(seen: list[dict]) -> list[list[dict]]:
    """Visits of one visitor on one day: 30 idle minutes, or a link with another campaign."""
    visits: list[list[dict]] = []
    key: tuple | None = None
    for m in seen:
        moment = datetime.fromisoformat(m["timestamp"])
        campaign = m["context"].get("campaign")
        own = tuple(campaign.values()) if campaign else None
        idle = visits and moment - datetime.fromisoformat(visits[-1][-1]["timestamp"]) >= timedelta(
            minutes=30
        )
        if not visits or idle or (own is not None and own != key):
            visits.append([])
            key = None
        key = own or key
        visits[-1].append(m)
    return visits


@pytest.mark.parametrize("zone", [ZONE, ZoneInfo("America/New_York")])
@pytest.mark.parametrize("until", [None, datetime(2026, 3, 6, 15, 30, tzinfo=ZONE)])
def test_truth__recounted_from_the_messages__is_the_same(zone: ZoneInfo, until: datetime | None) -> None:
    messages, truth = told(until, zone=zone)
    counted = recount(messages, zone)
    days = truth.as_dict()["days"]
    inside = [d for d in days if d < (FIRST + timedelta(days=DAYS)).isoformat() and days[d]["events"]]
    assert len(inside) >= DAYS - 1
    for day in inside:
        for name, value in counted[day].items():
            assert days[day][name] == value, (day, name)


def test_messages__of_any_kind__are_in_the_spec() -> None:
    messages, _ = told()
    assert {m["type"] for m in messages} == {"page", "track", "identify"}
    assert {m.get("event") for m in messages} >= {"Product Viewed", "Product Added", "Order Completed"}
    assert len({m["messageId"] for m in messages}) == len(messages)
    for m in messages:
        assert datetime.fromisoformat(m["timestamp"]).timestamp() == m["moment"]
        assert m.get("anonymousId") or m.get("userId")
        assert m["type"] != "page" or m["properties"]["url"].startswith("https://shop.example.com/")


def test_life__told_again_up_to_a_later_moment__says_the_same_and_goes_on() -> None:
    early, _ = told(datetime(2026, 3, 5, 12, tzinfo=ZONE))
    late, _ = told(datetime(2026, 3, 6, 12, tzinfo=ZONE))
    moment = datetime(2026, 3, 5, 12, tzinfo=ZONE).timestamp()
    said = {m["messageId"]: m for m in early}
    assert said == {m["messageId"]: m for m in late if m["moment"] <= moment}
    assert len(late) > len(early)


def test_life__other_seed__is_another_life() -> None:
    assert told(seed=3)[0] != told(seed=4)[0]


def test_people__of_the_simulation__can_not_be_reached() -> None:
    people = [m["traits"] for m in told()[0] if m["type"] == "identify"]
    assert people
    for person in people:
        assert person["email"].endswith("@example.com")
        assert person["phone"].startswith("+86111")
        assert len(person["phone"]) == len("+8611100000001")


def test_visitors__over_days__come_back() -> None:
    by_day = defaultdict(set)
    for m in told()[0]:
        if "anonymousId" in m:
            by_day[m["timestamp"][:10]].add(m["anonymousId"])
    first, *others = [by_day[day] for day in sorted(by_day)]
    assert first & set().union(*others)


def test_simulator__its_imports__share_no_code_with_the_rooms() -> None:
    for file in Path(shuke_simulator.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] not in ("shuke", "django"), f"{file.name} imports {name}"
