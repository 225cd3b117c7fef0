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
    None_,
    UnknownField,
    UnknownOperator,
    dump,
    fields_of,
    matches,
    parse,
    register_field,
    words,
)

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
        ({"v": 2, "all": []}, BadCondition, "known versions are: 1"),
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
