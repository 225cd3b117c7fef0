"""Laws of the judging: more of the bad is louder, the good raises nothing, a larger family asks for more, gaps do no harm."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuke.traffic.alerts import expectation as x
from shuke.traffic.alerts.decisions import bar, judge_day
from shuke.traffic.alerts.incidents import Incident, fold
from shuke.traffic.alerts.shapes import STEPS, Judgement, Name, Run, step_series
from shuke.traffic.alerts.tests.shipped import shipped
from shuke.traffic.alerts.watching import Memory, next_day, replay

pytestmark = pytest.mark.row("T7")
FIRST = date(2026, 1, 5)
VALUES = shipped()
reached: Counter[str] = Counter()


@given(
    whole=st.integers(1, 5_000),
    share=st.floats(0.01, 0.99),
    parts=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    rests=st.floats(20, 1e6),
    factor=st.floats(1, 5),
)
@settings(max_examples=150, deadline=None)
def test_score__of_a_share__rises_with_the_part_and_falls_with_scatter(
    whole, share, parts, rests, factor
) -> None:
    low, high = sorted(round(part * whole) for part in parts)
    scores = [x.score_of_share(part, whole, share, rests, factor) for part in (low, high)]
    assert scores[0] <= scores[1] + 1e-9
    assert all(
        (score > 0) == (part / whole > share) or abs(score) < 1e-6
        for score, part in zip(scores, (low, high), strict=True)
    )
    assert abs(x.score_of_share(low, whole, share, rests, factor * 2)) <= abs(scores[0]) + 1e-9


@given(
    seed=st.integers(0, 10_000), growth=st.floats(1.0, 1.9), kind=st.sampled_from(["visits", "step.order"])
)
@settings(max_examples=30, deadline=None)
def test_judging__of_growth_or_of_a_good_move__raises_nothing(seed, growth, kind) -> None:
    draw = np.random.default_rng(seed)
    history = {}
    for number in range(80):
        day = FIRST + timedelta(days=number)
        up = growth if number >= 76 else 1.0
        if kind == "visits":
            history[day] = {"visits": (int(draw.poisson(800 * 1.003**number * up)), None)}
        else:
            history[day] = {"step.order": (int(draw.binomial(200, min(0.5 * up, 0.97))), 200)}
    (judged,) = judge_day(day, history, VALUES).values()
    reached[kind] += 1
    reached["far up"] += judged.z < -4
    assert judged.verdict == "quiet"


def test_growth_law__of_its_examples__reached_both_kinds_and_far_moves() -> None:
    print(dict(reached))
    assert min(reached["visits"], reached["step.order"], reached["far up"]) >= 3


def test_bar__of_more_series_or_fewer_false_alarms__is_higher() -> None:
    assert bar(10, VALUES) < bar(40, VALUES) < bar(400, VALUES) < 6
    assert bar(40, replace(VALUES, false_alerts_a_year=0.1)) > bar(40, VALUES)


def test_judging__of_few_days_and_of_an_empty_shop__says_so() -> None:
    few = {FIRST + timedelta(days=n): {"visits": (500, None)} for n in range(10)}
    (judged,) = judge_day(max(few), few, VALUES).values()
    assert judged.verdict == "too_short"
    empty = {FIRST + timedelta(days=n): {} for n in range(40)}
    assert judge_day(max(empty), empty, VALUES) == {}


def moved(text: str, day: date, *, z: float = 6.0, days: int = 1) -> Judgement:
    run = Run(50.0, 100.0, 0.8, z) if Name.read(text).kind == "rate" else Run(50.0, days, 100.0, z)
    since = day - timedelta(days=days - 1)
    return Judgement(text, day, "moved", 50, 100, 80, 60, 100, z, days, 4.2, {days: z}, {days: run}, since, 1)


def test_incidents__of_a_step_with_orders_and_amount__are_one_and_named_by_the_step() -> None:
    series = ["orders", "amount", "step.order", "step.order|terminal=pc", "step.order|terminal=mobile"]
    first = fold(FIRST, {t: moved(t, FIRST) for t in ("orders",)}, [], VALUES)
    assert [one.lead for one in first] == ["orders"]
    known = [replace(first[0], id=7)]
    day = FIRST + timedelta(days=1)
    (after,) = fold(day, {t: moved(t, day) for t in series}, known, VALUES)
    assert (after.id, after.lead, set(after.members)) == (7, "step.order", set(series))


def test_incidents__of_two_channels_far_apart_in_time__are_two() -> None:
    email, social = "visits|channel=email", "visits|channel=social"
    (first,) = fold(FIRST, {email: moved(email, FIRST)}, [], VALUES)
    later = FIRST + timedelta(days=9)
    both = fold(
        later, {email: moved(email, later), social: moved(social, later)}, [replace(first, id=1)], VALUES
    )
    assert sorted(one.lead for one in both) == [email, social]


def test_incidents__that_last__become_the_new_level() -> None:
    text = "visits|channel=email"
    one = Incident(3, text, FIRST, FIRST, FIRST, {text: FIRST}, change=0.5, loudest=6)
    day = FIRST + timedelta(days=VALUES.longest_days - 1)
    (after,) = fold(day, {text: moved(text, day)}, [one], VALUES)
    assert (after.state, after.ended_on) == ("lasting", day)


def test_incidents__whose_series_is_watched_no_more__end_after_the_longest_days() -> None:
    text = "bounce|entry_path=/sale"
    one = Incident(3, text, FIRST, FIRST, FIRST + timedelta(days=2), {text: FIRST}, change=0.2, loudest=6)
    ended = {}
    for number in range(1, VALUES.longest_days + 3):
        day = FIRST + timedelta(days=number)
        if one.state == "open":
            (one,) = fold(day, {}, [one], VALUES)
            ended[number] = one.state
    assert (max(ended), one.state) == (VALUES.longest_days - 1, "lasting")
    assert set(list(ended.values())[:-1]) == {"open"}
    assert one.last_day == FIRST + timedelta(days=2)  # the last day that is known to have been off


@pytest.mark.parametrize(
    ("later", "leads"), [(3, ["visits|channel=email"]), (9, ["orders", "visits|channel=email"])]
)
def test_incidents__of_orders_that_fall_long_after_a_channel_fell__are_their_own(later, leads) -> None:
    email = "visits|channel=email"
    (first,) = fold(FIRST, {email: moved(email, FIRST)}, [], VALUES)
    day = FIRST + timedelta(days=later)
    found = fold(day, {"orders": moved("orders", day)}, [replace(first, id=1)], VALUES)
    assert sorted(one.lead for one in found) == leads


@pytest.mark.parametrize("late", ["visits", "visits|channel=email"])
def test_judging__of_a_series_that_began_later_than_the_others__is_that_of_a_shop_that_began_then(
    late,
) -> None:
    """The tracker of a shop whose orders were imported, a new channel: days before it are no days of nothing."""
    draw, before, fell = np.random.default_rng(3), 150, 40
    history: dict[date, dict] = {}
    for number in range(before + fell + 3):
        level = 3000 * (1.2 if number % 7 > 4 else 1.0)
        came = int(draw.normal(level, np.sqrt(1.5 * level))) // (2 if number >= before + fell else 1)
        cells = {"orders": (int(draw.poisson(100)), None)}
        if number >= before:
            cells[late] = (came, None)
        history[FIRST + timedelta(days=number)] = cells
    began = FIRST + timedelta(days=before)
    found = replay(history, VALUES, start=began + timedelta(days=20)).incidents
    assert [(one.lead, one.since) for one in found] == [(late, began + timedelta(days=fell))]
    _memory, judged = next_day(
        Memory({day: history[day] for day in history if day < began + timedelta(days=9)}),
        began + timedelta(days=9),
        history[began + timedelta(days=9)],
        VALUES,
    )
    assert {text: one.verdict for text, one in judged.items()} == {"orders": "quiet", late: "too_short"}


@pytest.mark.parametrize("which", ["", "large", "small"])
@pytest.mark.parametrize(
    ("what", "dimension", "sizes"),
    [
        ("visits", "channel", {"large": 1800, "small": 1200}),
        ("step.payment", "terminal", {"large": 1760, "small": 240}),
    ],
)
def test_incidents__of_a_fall__name_a_segment_only_where_it_lost_more_than_by_its_size(
    what, dimension, sizes, which
) -> None:
    draw, history = np.random.default_rng(2), {}
    for number in range(70):
        cells: dict[str, tuple[int, int | None]] = {}
        for value, size in sizes.items():
            share = 0.8 * (0.5 if number >= 66 and which in ("", value) else 1)
            text = f"{what}|{dimension}={value}"
            if what == "visits":
                cells[text] = (int(draw.poisson(size * share)), None)
            else:
                cells[text] = (int(draw.binomial(size, share)), size)
        of = None if what == "visits" else sum(sizes.values())
        history[FIRST + timedelta(days=number)] = {
            what: (sum(part for part, _whole in cells.values()), of)
        } | cells
    (found,) = replay(history, VALUES, start=FIRST + timedelta(days=62)).incidents
    assert found.lead == (f"{what}|{dimension}={which}" if which else what)


@pytest.mark.parametrize(
    ("payments", "leads"), [(False, {"step.order<checkout": "checkout"}), (True, {"step.order": "payment"})]
)
def test_judging__of_a_shop_in_which_nobody_is_seen_to_pay__watches_checkout_to_order(
    payments, leads
) -> None:
    """A payment at the provider leaves no trace; where it does, its neighbours are watched and nothing over it."""
    draw, history = np.random.default_rng(4), {}
    for number in range(70):
        way = {"item": 3000}
        for step, share in {"cart": 0.3, "checkout": 0.6, "payment": 0.8, "order": 0.5}.items():
            if step == "payment" and not payments:
                way[step] = int(number == 30)  # somebody tried
                continue
            reached = min(count for name, count in way.items() if name != "payment" or payments)
            way[step] = int(draw.binomial(reached, share * (0.4 if step == "order" and number >= 67 else 1)))
        history[FIRST + timedelta(days=number)] = {
            step_series(a, b): (min(way[a], way[b]), way[a]) for a, b in combinations(STEPS, 2) if way[a]
        }
    memory = replay(history, VALUES, start=FIRST + timedelta(days=66))
    assert {one.lead: Name.read(one.lead).before for one in memory.incidents} == leads
    day = max(history)
    before = Memory({one: cells for one, cells in history.items() if one < day})
    _memory, judged = next_day(before, day, history[day], VALUES)
    steps = [step for step in STEPS if payments or step != "payment"]
    assert set(judged) == {step_series(a, b) for a, b in pairwise(steps)}
