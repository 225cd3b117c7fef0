"""What is read, what is refused, and in which words."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.utils.translation import override

from shuke.conditions.reads import (
    All,
    Any,
    BadCondition,
    BadValue,
    Compare,
    Field,
    Kind,
    Member,
    None_,
    Step,
    Tally,
    Then,
    Unit,
    UnknownField,
    UnknownOperator,
    UnknownSeries,
    Window,
    as_the_shop_says,
    dump,
    fields_of,
    matches,
    parse,
    register_field,
    words,
)

from . import series_in_test  # noqa: F401  (registers its series)
from .fields_in_test import SUBJECT


def leaf(field="t_number", op="gt", value=3, **more):
    return {"field": field, "op": op, "value": value, **more}


def test_parse__every_kind__gives_typed_values() -> None:
    read = {
        "t_text": ("eq", "x", "x"),
        "t_host": ("under", ["Baidu.com"], ("Baidu.com",)),
        "t_choice": ("eq", "paid", "paid"),
        "t_number": ("in", [1, "1.50", "2.0"], (1, Decimal("1.50"), 2)),
        "t_money": ("ge", 1999, 1999),
        "t_flag": ("eq", True, True),
        "t_day": ("lt", "2026-11-21", date(2026, 11, 21)),
        "t_moment": ("ge", "2026-11-21T09:00:00+08:00", datetime(2026, 11, 21, 1, tzinfo=UTC)),
    }
    for field, (op, raw, value) in read.items():
        assert parse({"v": 1, **leaf(field, op, raw)}, SUBJECT) == Compare(field, op, value)


def test_parse__nested_text__round_trips() -> None:
    text = '{"v":1,"all":[{"field":"t_flag","op":"is_known"},{"none":[{"any":[{"field":"t_text","op":"eq","value":"x"}]}]}]}'
    node = parse(text, SUBJECT)
    assert node == All((Compare("t_flag", "is_known"), None_((Any((Compare("t_text", "eq", "x"),)),))))
    assert parse(dump(node), SUBJECT) == node


def deep(levels):
    node = leaf()
    for _ in range(levels):
        node = {"all": [node]}
    return {"v": 1, **node}


@pytest.mark.parametrize(
    ("data", "error", "said"),
    [
        ("{", BadCondition, "not JSON"),
        ([], BadCondition, "an object"),
        ({"all": []}, BadCondition, "$.v"),
        ({"v": 3, "all": []}, BadCondition, "known versions are: 1, 2"),
        ({"v": True, "all": []}, BadCondition, "$.v"),
        ({"v": 1}, BadCondition, "either all, any or none"),
        ({"v": 1, "all": [], "any": []}, BadCondition, "either all, any or none"),
        ({"v": 1, "any": []}, BadCondition, "$.any"),
        ({"v": 1, "none": {}}, BadCondition, "a list"),
        ({"v": 1, "all": [leaf(extra=1)]}, BadCondition, "$.all[0]"),
        ({"v": 1, "all": [leaf(op="is_known")]}, BadCondition, "takes no value"),
        ({"v": 1, "field": "t_flag", "op": "eq"}, BadCondition, "a value is missing"),
        (deep(8), BadCondition, "8 levels"),
        ({"v": 1, "all": [leaf()] * 200}, BadCondition, "200 parts"),
        ({"v": 1, **leaf(field="nothing")}, UnknownField, "t_text"),
        ({"v": 1, **leaf(op="contains")}, UnknownOperator, "eq, ne, in"),
        ({"v": 1, **leaf(op=["eq"])}, UnknownOperator, "eq, ne, in"),
        ({"v": 1, **leaf(value="x")}, BadValue, "a number"),
        ({"v": 1, **leaf(value="NaN")}, BadValue, "a number"),
        ({"v": 1, **leaf(value="1e400")}, BadValue, "a number"),
        ({"v": 1, **leaf(value="1e999999999")}, BadValue, "a number"),
        ({"v": 1, **leaf(value="0.1234567891")}, BadValue, "a number"),
        ({"v": 1, **leaf(value=True)}, BadValue, "a number"),
        ({"v": 1, **leaf(value=None)}, BadValue, "a number"),
        ({"v": 1, **leaf(op="in", value=[])}, BadValue, "a list of 1 to 500"),
        ({"v": 1, **leaf("t_text", "eq", "")}, BadValue, "1 to 500 characters"),
        ({"v": 1, **leaf("t_text", "eq", "a\x00")}, BadValue, "1 to 500 characters"),
        ({"v": 1, **leaf("t_text", "eq", "\ud800")}, BadValue, "1 to 500 characters"),
        ({"v": 1, **leaf("t_choice", "eq", "gone")}, BadValue, "paid, mail"),
        ({"v": 1, **leaf("t_money", "eq", 1.5)}, BadValue, "whole number"),
        ({"v": 1, **leaf("t_money", "eq", 2**63)}, BadValue, "whole number"),
        ({"v": 1, **leaf("t_day", "eq", "yesterday")}, BadValue, "2026-11-21"),
        ({"v": 1, **leaf("t_moment", "ge", "2026-11-21T09:00:00")}, BadValue, "offset"),
        ({"v": 1, **leaf("t_host", "under", ["a/b"])}, BadValue, "host"),
    ],
)
def test_parse__not_a_condition__is_refused_with_place_and_remedy(data, error, said) -> None:
    with override("en"), pytest.raises(error) as caught:
        parse(data, SUBJECT)
    with override("en"):
        assert said in str(caught.value)
        assert caught.value.advice()


def tally(series="t_deeds", measure="count", op="ge", value=2, **more):
    return {"v": 2, "tally": series, "measure": measure, "op": op, "value": value, **more}


def then(*steps, **more):
    return {
        "v": 2,
        "then": [{"series": "t_deeds"}, {"series": "t_tags"}] if not steps else list(steps),
        **more,
    }


@pytest.mark.parametrize(
    ("data", "error", "said"),
    [
        (tally() | {"v": 1}, BadCondition, "either all, any or none"),
        ({"v": 1, **leaf("t_day", "in_last_days", 3)}, UnknownOperator, "is_known"),
        ({"v": 2, **leaf("t_day", "in_last_days", 0)}, BadValue, "from 1 to 3660"),
        ({"v": 2, **leaf("t_day", "in_next_days", "2026-11-21")}, BadValue, "from 1 to 3660"),
        (tally("orders"), UnknownSeries, "t_deeds, t_tags"),
        (tally(7), BadCondition, "$.tally"),
        (tally(measure="most"), BadValue, "count, days, sum"),
        (tally(measure="sum"), BadCondition, "a field is named"),
        (tally(of="d_amount"), BadCondition, "a field is named"),
        (tally(measure="sum", of="d_product"), BadCondition, "can not be added up"),
        (tally(measure="sum", of="g_label"), UnknownField, "d_amount"),
        (tally(measure="first", value=2), BadValue, "a day such as"),
        (tally(value="many"), BadValue, "a number"),
        (tally(where={"field": "g_label", "op": "eq", "value": "x"}), UnknownField, "d_product"),
        (tally(where=tally()), BadCondition, "$.where"),
        (tally(where={"member_of": "loyal"}), BadCondition, "$.where"),
        (tally(window=7), BadCondition, "$.window"),
        (tally(window={}), BadCondition, "last and unit"),
        (tally(window={"last": 7}), BadCondition, "last and unit"),
        (tally(window={"last": 0, "unit": "days"}), BadValue, "from 1 to 3660"),
        (tally(window={"last": 121, "unit": "months"}), BadValue, "from 1 to 120"),
        (tally(window={"last": 1, "unit": "years"}), BadValue, "hours, days, months"),
        (tally(window={"last": 1, "unit": "hours", "with_today": True}), BadCondition, "not said of hours"),
        (tally(window={"from": "2026-11-02", "to": "2026-11-02"}), BadCondition, "ends before"),
        (tally(window={"from": "soon"}), BadCondition, "a day such as"),
        (then({"series": "t_deeds"}), BadCondition, "two steps"),
        (then({"series": "t_deeds"}, {"tag": 1}), BadCondition, "$.then[1]"),
        (then(within_hours=0), BadValue, "from 1 to"),
        ({"v": 2, "member_of": ""}, BadCondition, "$.member_of"),
        ({"v": 2, "all": [tally(where={"all": [{"field": "d_pages", "op": "eq", "value": 1}] * 198})]}, BadCondition, "200 parts"),
    ],
)  # fmt: skip
def test_parse__not_a_tally_sequence_or_group__is_refused_with_place_and_remedy(data, error, said) -> None:
    if "all" in data:
        data = {"v": 2, "all": [{name: one for name, one in data["all"][0].items() if name != "v"}]}
    if isinstance(data.get("where"), dict):
        data = data | {"where": {name: one for name, one in data["where"].items() if name != "v"}}
    with override("en"), pytest.raises(error) as caught:
        parse(data, SUBJECT)
    with override("en"):
        assert said in str(caught.value)
        assert caught.value.advice()


@pytest.mark.parametrize(
    ("node", "english", "chinese"),
    [
        (
            Tally("t_deeds", "count", "ge", 2, where=Compare("d_product", "eq", "A1"), window=Window(14)),
            "deeds (product is A1) in the 14 days before today: number is at least 2",
            "今天之前 14 天内deeds（product 是 A1）的数量 至少为 2",
        ),
        (
            Tally("t_tags", "count", "ge", 1, where=Compare("g_label", "eq", "VIP")),
            "has tags (tag is VIP)",
            "有tags（tag 是 VIP）",
        ),
        (
            Tally("t_deeds", "count", "eq", 0, window=Window(6, Unit.MONTHS, with_today=True)),
            "has no deeds in the last 6 months, today included",
            "最近 6 个月内（含今天）没有deeds",
        ),
        (
            Tally("t_deeds", "sum", "gt", 100, "d_amount", window=Window(start=date(2026, 11, 1))),
            "deeds from 2026-11-01 on: sum of amount is more than 100",
            "2026-11-01 起deeds的amount合计 大于 100",
        ),
        (
            Then(Step("t_deeds"), Step("t_tags"), 48, Window(24, Unit.HOURS)),
            "deeds, and then tags within 48 hours in the last 24 hours",
            "最近 24 小时内先有deeds，48 小时内再有tags",
        ),
        (Member("loyal"), "belongs to loyal", "属于loyal"),
        (Compare("t_day", "in_next_days", 7), "day is, from today on, within 7 days", "day 在今天起 7 天内"),
    ],
)
def test_words__beyond_the_row__read_as_a_sentence(node, english, chinese) -> None:
    assert words(node, "en") == english
    assert words(node, "zh-hans") == chinese
    assert parse(dump(node), SUBJECT) == node


def test_words__as_the_shop_says__name_money_and_groups() -> None:
    node = All((Tally("t_deeds", "sum", "gt", 12_345, "d_amount"), Member("7")))
    assert words(node, "en") == "deeds: sum of amount is more than 12,345 and belongs to 7"
    with as_the_shop_says("CNY", {"7": "Regulars"}):
        assert words(node, "en") == "deeds: sum of amount is more than 123.45 CNY and belongs to Regulars"
    with as_the_shop_says("JPY"):
        assert words(node, "en") == "deeds: sum of amount is more than 12,345 JPY and belongs to 7"


def test_parse__subject_without_series__knows_no_groups_nor_today() -> None:
    with override("en"), pytest.raises(BadCondition, match="known versions are: 1"):
        parse({"v": 2, "member_of": "loyal"}, "conditions-test-deed")


def test_fields__one_name_for_two_kinds__is_refused() -> None:
    before = fields_of(SUBJECT)
    with pytest.raises(ValueError, match="already a field"):
        register_field(Field("t_text", Kind.NUMBER, "x"), SUBJECT)
    assert fields_of(SUBJECT) == before


def test_words__nested__read_as_a_sentence() -> None:
    node = All(
        (
            Compare("t_choice", "eq", "paid"),
            Any((Compare("t_number", "gt", 1200), Compare("t_day", "ge", date(2026, 11, 1)))),
            None_((Compare("t_text", "is_unknown"),)),
        )
    )
    assert (
        words(node, "en")
        == "channel is paid search and (pages is more than 1,200 or day is not before 2026-11-01) and not (source is unknown)"
    )
    assert words(All(), "en") == "everything"
    # The labels of the test's fields are English in both languages.
    assert (
        words(node, "zh-hans")
        == "channel 是 paid search 且 (pages 大于 1,200 或 day 不早于 2026-11-01) 且 并非（source 未知）"
    )


def test_matches__not_all_met__explains_each_condition_with_its_fact() -> None:
    node = All(
        (Compare("t_number", "gt", 3), Compare("t_text", "eq", "x"), Compare("t_choice", "eq", "mail"))
    )
    verdict = matches(node, {"t_number": 2, "t_choice": "mail"})
    assert not verdict.is_allowed
    assert [reason.code for reason in verdict.reasons] == [
        "condition_not_met",
        "fact_unknown",
        "condition_met",
    ]
    with override("en"):
        assert [reason.text() for reason in verdict.reasons] == [
            "Not met: pages is more than 3 (it is 2)",
            "Not met: source is x (nothing is known)",
            "Met: channel is mail (it is mail)",
        ]
