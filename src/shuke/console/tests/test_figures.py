"""A metric on a page is a Figure; a change is judged by how much such numbers scatter."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest
from django.template import Context, Template
from django.utils.translation import override

from shuke.console import figures, words
from shuke.kernel.verdicts import Reason
from shuke.traffic import reads as traffic


@dataclass
class _Access:
    shop: object


def _figure(name: str, value, cases: int = 1_000, reason: Reason | None = None) -> traffic.Figure:
    return traffic.Figure(traffic.metric(name), value, reason, cases)


def _render(value, shop) -> str:
    return Template("{% load shuke %}{% figure value %}").render(
        Context({"value": value, "access": _Access(shop)})
    )


@pytest.mark.row("T2")
@pytest.mark.django_db
@pytest.mark.parametrize("bare", [5, Decimal("0.5"), "12,684", None, 3.2])
def test_figure_tag__a_bare_number__is_refused(shop, bare) -> None:
    with pytest.raises(TypeError):
        _render(bare, shop)


@pytest.mark.row("T2")
@pytest.mark.django_db
def test_figure_tag__a_figure__shows_value_unit_id_and_version(shop) -> None:
    with override("zh-hans"):
        assert (
            _render(_figure("amount_paid", 123_450), shop)
            == '<span class="number" data-metric="amount_paid v1">¥1,234.50</span>'
        )
        assert "4.37%" in _render(_figure("conversion", Decimal("0.0437")), shop)
        assert "1 分 5 秒" in _render(_figure("stay_per_visit", Decimal(65)), shop)


@pytest.mark.django_db
def test_figure_tag__not_computable__shows_a_dash_and_the_reason(shop) -> None:
    shown = _render(_figure("conversion", None, 0, Reason("no_visitors", "Nobody came.")), shop)
    assert "—" in shown
    assert "Nobody came." in shown


@pytest.mark.parametrize(
    ("name", "now", "then", "cases", "tone"),
    [
        ("uv_period", 1_000, 900, 1_000, "good"),
        ("uv_period", 900, 1_000, 1_000, "bad"),
        ("uv_period", 101, 100, 100, ""),  # well inside the scatter of counts
        ("bounce_visitor", Decimal("0.50"), Decimal("0.40"), 1_000, "bad"),  # less is better
        ("bounce_visitor", Decimal("0.41"), Decimal("0.40"), 100, ""),
        ("conversion", Decimal("0.10"), Decimal("0.05"), 9, ""),  # nine cases say nothing
        ("amount_paid", 105, 100, 1_000, ""),  # less than a tenth
        ("amount_paid", 120, 100, 1_000, "good"),
        ("amount_paid", 120, 100, 5, ""),
    ],
)
def test_change__judged__only_beyond_the_usual_scatter(name, now, then, cases, tone) -> None:
    change = figures.change_between(_figure(name, now, cases), _figure(name, then, cases), "before", "CNY")
    assert change is not None
    assert change.tone == tone


@pytest.mark.parametrize(("now", "then"), [(None, 5), (5, None), (5, 0)])
def test_change__either_side_unknown_or_base_zero__is_none(now, then) -> None:
    assert figures.change_between(_figure("visits", now), _figure("visits", then), "before", "CNY") is None


def test_few_words__a_share_of_nine_cases__warns() -> None:
    with override("en"):
        assert figures.few_words(_figure("conversion", Decimal("0.1"), 9)) == "only 9 cases, too few to judge"
        assert figures.few_words(_figure("conversion", Decimal("0.1"), 30)) == ""
        assert figures.few_words(_figure("visits", 3, 3)) == ""


def test_by_unit__a_number_of_pieces__whole_ones_without_a_fraction():
    assert words.by_unit(1234, "number", "CNY") == "1,234"
    assert words.by_unit(Decimal("2.5"), "number", "CNY") == "2.50"
    assert words.by_unit(Decimal("3.000000"), "number", "CNY") == "3.00"  # a mean stays one
