"""What a route may be, intervals, and the judgement against a plan."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shuke.traffic.routes import decisions

HOME = {"kind": "page", "value": "/"}
CART = {"kind": "page", "value": "/cart", "share": 0.2}


@pytest.mark.parametrize(
    ("steps", "error", "field"),
    [
        ([HOME], decisions.BadStepCount, "steps"),
        ([HOME] + [CART] * 12, decisions.BadStepCount, "steps"),
        ([HOME, {**CART, "kind": "visit"}], decisions.BadStepKind, "steps.2.kind"),
        ([{"kind": "page", "value": "cart"}, CART], decisions.BadPath, "steps.1.value"),
        ([{"kind": "page", "value": "/cart?x=1"}, CART], decisions.BadPath, "steps.1.value"),
        ([{"kind": "page", "value": 7}, CART], decisions.BadPath, "steps.1.value"),
        ([{"kind": "pattern", "value": "/cart"}, CART], decisions.BadPattern, "steps.1.value"),
        ([{"kind": "pattern", "value": "/[a]*"}, CART], decisions.BadPattern, "steps.1.value"),
        ([{"kind": "type", "value": "shoes"}, CART], decisions.BadPageType, "steps.1.value"),
        ([HOME, {**CART, "share": None}], decisions.BadShare, "steps.2.share"),
        ([HOME, {**CART, "share": 0}], decisions.BadShare, "steps.2.share"),
        ([HOME, {**CART, "share": 1e-7}], decisions.BadShare, "steps.2.share"),  # kept, it would be 0
        ([HOME, {**CART, "share": 1.01}], decisions.BadShare, "steps.2.share"),
        ([HOME, {**CART, "share": "many"}], decisions.BadShare, "steps.2.share"),
        ([HOME, {**CART, "share": float("nan")}], decisions.BadShare, "steps.2.share"),
        ([HOME, {**CART, "share": True}], decisions.BadShare, "steps.2.share"),
    ],
)
def test_steps__that_can_not_be__are_refused_by_field_value_and_remedy(steps, error, field):
    with pytest.raises(error) as refused:
        decisions.read_steps(steps)
    assert refused.value.field == field
    assert refused.value.advice()


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\x00b", None, 7])
def test_name__that_can_not_be__is_refused(name):
    with pytest.raises(decisions.BadName):
        decisions.read_name(name)


def test_steps__read_and_kept__come_back_the_same():
    read = decisions.read_steps([HOME, CART, {"kind": "order", "value": "x", "share": "0.5"}])
    assert decisions.read_steps(decisions.kept(read)) == read
    assert read[2].value == ""
    assert [one.share for one in read] == [None, Decimal("0.2"), Decimal("0.5")]


def test_interval__against_published_values__to_four_places():
    # Wilson's interval of 15 in 148 and of 0 in 10 (Newcombe 1998, table I, method 3: 0.0624 to 0.1605; 0 to 0.2775).
    assert [round(float(x), 4) for x in decisions.interval(15, 148)] == [0.0624, 0.1605]
    assert [round(float(x), 4) for x in decisions.interval(0, 10)] == [0.0, 0.2775]
    assert decisions.interval(0, 0) is None


@pytest.mark.parametrize(
    ("part", "whole", "planned", "verdict"),
    [
        (10, 100, "0.30", "below"),
        (10, 100, "0.12", "within"),
        (50, 100, "0.30", "above"),
        (0, 29, "0.30", "few"),
        (0, 0, "0.30", "few"),
        (10, 100, None, "unplanned"),
    ],
)
def test_judged__by_the_whole_interval__not_by_the_share(part, whole, planned, verdict):
    assert decisions.judged(part, whole, planned and Decimal(planned), 30) == verdict


def test_missing__against_the_plan__is_planned_less_real():
    assert decisions.missing(10, 100, Decimal("0.3")) == 20
    assert decisions.missing(40, 100, Decimal("0.3")) == -10
    assert decisions.missing(40, 100, None) is None
