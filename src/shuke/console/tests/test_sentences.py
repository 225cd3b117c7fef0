"""The first line: what happened, why, where to look; careful where little is known."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.utils.translation import override

from shuke.console.sentences import Cause, cause_words, largest_cause, sentence
from shuke.kernel.periods import Period
from shuke.traffic import reads as traffic


def _row(name: str, now, then) -> traffic.FigureRow:
    metric = traffic.metric(name)
    there = traffic.Figure(metric, then, None, 500)
    change = None if not then else Decimal(now) / Decimal(then) - 1
    period = Period.of_day(date(2026, 11, 21))
    return traffic.FigureRow(
        metric,
        traffic.Figure(metric, now, None, 500),
        (traffic.Against("yesterday", period, None, there, change),),
        (),
    )


def _say(**changes) -> str:
    values = {
        "amount": _row("amount_paid", 90_000, 100_000),
        "visitors": _row("uv_period", 900, 1_000),
        "against": "yesterday at this time",
        "split": traffic.AmountSplit(-10_000, -12_000, 3_000, -1_000, None),
        "currency": "CNY",
    }
    return str(sentence(**(values | changes)))


def test_sentence__a_fall__names_amount_factor_and_source() -> None:
    with override("en"):
        text = _say()
    assert "Paid amount is <b>¥900.00</b>" in text
    assert '10.0%</span> less than yesterday at this time (<span class="nowrap">−¥100.00</span>)' in text
    assert 'Mainly fewer visitors came (<span class="nowrap">−¥120.00</span>).' in text


def test_sentence__chinese__has_no_blanks_between_sentences() -> None:
    with override("zh-hans"):
        assert "。 " not in _say()


def test_sentence__no_comparison__says_the_number_alone() -> None:
    with override("en"):
        assert _say(amount=_row("amount_paid", 90_000, 0), split=None) == "Paid amount: <b>¥900.00</b>."


def test_cause__a_source_with_most_of_the_change__is_named() -> None:
    with override("en"):
        text = cause_words(Cause("Paid search", -80, Decimal("0.8")))
    assert text == "80% of the missing visitors would have come through <b>Paid search</b> (−80)."


def test_cause__a_source_with_less_than_half__is_not_blamed() -> None:
    with override("en"):
        assert cause_words(Cause("Email", -20, Decimal("0.2"))) == ""
        assert cause_words(None) == ""


def test_cause__a_source_named_by_an_attacker__is_escaped() -> None:
    with override("en"):
        assert "<script>" not in cause_words(Cause("<script>alert(1)</script>", -80, Decimal("0.8")))


def test_largest_cause__moves_against_the_whole__do_not_count() -> None:
    found = largest_cause([("a", 10, 50), ("b", 90, 20), ("c", 5, 15)], -50)
    assert found == Cause("a", -40, Decimal("0.8"))
    assert largest_cause([("a", 10, 10)], -5) is None
