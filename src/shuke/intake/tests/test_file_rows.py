"""Rows through a mapping: fields, identity, refused rows; and the mapping's own checks."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from shuke.intake import reasons
from shuke.intake.files import problems
from shuke.intake.files.rows import Mapper, Places
from shuke.intake.files.saying import MappingInvalid, MappingLacks
from shuke.intake.files.shipped import shipped_mappings
from shuke.intake.files.spec import MappingSpec, parse, parse_text
from shuke.intake.files.tables import Batch
from shuke.kernel.surrogates import surrogate
from shuke.shops.reads import ShopView

SHOP = ShopView(3, "linen", "Linen", ZoneInfo("Asia/Shanghai"), "CNY", "", ())
NOW = datetime(2026, 11, 1, tzinfo=UTC)
ORDERS = {
    "v": 1,
    "name": "book",
    "kind": "orders",
    "columns": {
        "order_ref": "order",
        "at": "at",
        "buyer_ref": "buyer",
        "quantity": "n",
        "unit_price": "price",
    },
}


def _spec(**changes) -> MappingSpec:
    return parse(ORDERS | changes)


def _map(spec: MappingSpec, header: str, *rows: str, places: Places | None = None, first: int = 2):
    columns = header.split("|")
    mapper = Mapper(spec, columns, shop=SHOP, import_ref="9", file_name="f.csv", encoding="utf-8", now=NOW)
    batch = Batch(list(range(first, first + len(rows))), [row.split("|") for row in rows])
    return mapper.map(batch, places or Places())


def _facts(*args, **kwargs) -> list[dict]:
    mapped = _map(*args, **kwargs)
    assert mapped.bad == []
    return mapped.facts.to_pylist()


HEADER = "order|at|buyer|n|price"


def test_rows__order_line__becomes_a_fact() -> None:
    (fact,) = _facts(_spec(), HEADER, "a-1|2026-03-01 08:00:00|tom|3|2.335")
    assert fact["order_ref"] == "a-1"
    assert fact["order_id"] == surrogate(3, "order", "a-1")
    assert fact["row_id"] == surrogate(3, "row", "book\x1fa-1\x1f1")
    assert fact["buyer_id"] == surrogate(3, "person", "tom")
    assert (fact["kind"], fact["sign"], fact["line_no"], fact["currency"]) == ("sale", 1, 1, "CNY")
    assert fact["at"] == datetime(2026, 3, 1, 0, 0)  # eight hours before the shop's clock
    assert fact["local_day"] == date(2026, 3, 1)
    assert (fact["quantity"], fact["unit_price"], fact["amount_minor"]) == (Decimal("3.000"), "2.335", 701)
    assert (fact["source"], fact["import_ref"]) == ("book", "9")


def test_rows__zone_of_the_mapping__day_is_the_shops() -> None:
    spec = _spec(time={"zone": "Europe/London"})
    (fact,) = _facts(spec, HEADER, "a|2026-07-01 23:30:00|tom|1|1")
    assert fact["at"] == datetime(2026, 7, 1, 22, 30)
    assert fact["local_day"] == date(2026, 7, 2)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%d/%m/%Y %H:%M", "03/02/2026 07:05"),
        ("%Y-%m-%d %H:%M:%S", "2026-02-03 07:05:00"),
        ("%Y%m%d%H%M", "202602030705"),
        ("%d/%m/%Y", "2026/2/3 7:05"),
        ("%d/%m/%Y", "2026-02-03T07:05:00+08:00"),
    ],
)
def test_rows__time_in_its_form__read(form, text) -> None:
    (fact,) = _facts(_spec(time={"formats": [form]}), HEADER, f"a|{text}|tom|1|1")
    assert fact["at"] == datetime(2026, 2, 2, 23, 5)


@pytest.mark.row("T1")
def test_rows__equal_rows__all_count_each_at_its_place() -> None:
    places = Places()
    first = _facts(_spec(), HEADER, *["a|2026-03-01|tom|1|5"] * 2, places=places)
    second = _facts(_spec(), HEADER, "b|2026-03-01|tom|1|5", "a|2026-03-01|tom|1|5", places=places)
    assert [(f["order_ref"], f["line_no"]) for f in first + second] == [
        ("a", 1),
        ("a", 2),
        ("b", 1),
        ("a", 3),
    ]
    assert len({f["row_id"] for f in first + second}) == 4
    assert len({f["content_id"] for f in first + second}) == 2


def test_rows__order_without_a_buyer__null_person() -> None:
    (fact,) = _facts(_spec(), HEADER, "a|2026-03-01| |1|5")
    assert (fact["buyer_ref"], fact["buyer_id"]) == (None, None)


REFUSED = [
    ("|2026-03-01|tom|1|5", "order", "row_blank", None),
    ("a||tom|1|5", "at", "row_blank", 1),
    ("a|yesterday|tom|1|5", "at", "row_not_a_time", 1),
    ("a|1900-01-01|tom|1|5", "at", "row_not_a_time", 1),
    ("a|2031-01-01|tom|1|5", "at", "row_in_future", 1),
    ("a|2026-03-01|tom|three|5", "n", "row_not_a_number", 1),
    ("a|2026-03-01|tom|1|NaN", "price", "row_not_a_number", 1),
    ("a|2026-03-01|tom|1|1e30", "price", "row_too_large", 1),
    ("a|2026-03-01|tom|1|", "price", "row_no_amount", 1),
    ("1.93E+15|2026-03-01|tom|1|5", "order", "row_lost_digits", None),
    ("a|2026-03-01|tom|1", "", "row_cells", 1),
    ("a|2026-03-01|tom|1|5|6", "", "row_cells", 1),
    ("a|2026-03-01|t\udce9m|1|5", "", "row_encoding", 1),
]


@pytest.mark.row("T1")
@pytest.mark.parametrize(
    ("row", "column", "code", "place"), REFUSED, ids=[f"{c}:{n}" for _, n, c, _ in REFUSED]
)
def test_rows__bad_row__refused_with_line_column_and_reason_and_the_good_ones_load(
    row, column, code, place
) -> None:
    mapped = _map(_spec(), HEADER, "z|2026-03-01|ann|1|5", row, "a|2026-03-01|tom|2|5")
    (bad,) = mapped.bad
    assert (bad.line, bad.column, bad.reason.code, bad.place) == (3, column, code, place)
    assert [f["order_ref"] for f in mapped.facts.to_pylist()] == ["z", "a"]
    # A refused row keeps its place: the row behind it is the second of its order, unless its key could not be read.
    assert mapped.facts.to_pylist()[1]["line_no"] == (1 if place is None else 2)
    for language in ("en", "zh-hans"):
        with translation.override(language):
            params = {"field": bad.column, **bad.reason.params}
            assert "%(" not in reasons.words_of(code, params) + reasons.remedy_of(code, params)
            assert reasons.words_of(code, params) != code
            assert reasons.remedy_of(code, params)


def test_rows__export_wrappings__taken_off() -> None:
    header = "order|at|buyer|n|price"
    (fact,) = _facts(_spec(), header, '="19300"|\t2026/5/23 22:02|\'tom|1|￥1,234.50元')
    assert (fact["order_ref"], fact["buyer_ref"], fact["amount_minor"]) == ("19300", "tom", 123450)


def test_rows__kinds_values_and_suffix__as_mapped() -> None:
    spec = _spec(
        columns=ORDERS["columns"]
        | {
            "kind": {
                "column": "order",
                "prefixes": {"C": "cancellation", "A": "adjustment"},
                "otherwise": "sale",
            },
            "buyer_ref": {"column": "buyer", "strip_suffix": ".0"},
            "region": {"column": "where", "values": {"沪": "Shanghai"}, "otherwise": "blank"},
        }
    )
    rows = ["1|2026-03-01|17850.0|1|5|沪", "C1|2026-03-01|17850.0|-1|5|mars", "A1|2026-03-01||1|5|"]
    facts = _facts(spec, HEADER + "|where", *rows)
    assert [f["kind"] for f in facts] == ["sale", "cancellation", "adjustment"]
    assert [f["buyer_ref"] for f in facts] == ["17850", "17850", None]
    assert [f["region"] for f in facts] == ["Shanghai", None, None]
    assert [f["amount_minor"] for f in facts] == [500, -500, 500]


def test_rows__refused_value__names_it() -> None:
    columns = ORDERS["columns"] | {
        "kind": {"column": "state", "values": {"paid": "sale"}, "otherwise": "refuse"}
    }
    mapped = _map(
        _spec(columns=columns), HEADER + "|state", "a|2026-03-01|tom|1|5|paid", "b|2026-03-01|tom|1|5|lost"
    )
    assert mapped.facts.num_rows == 1
    assert (mapped.bad[0].column, mapped.bad[0].reason.params["value"]) == ("state", "lost")


def test_rows__stated_amount_by_kind__refunds_below_zero_and_may_be_the_whole_order() -> None:
    columns = {"order_ref": "order", "at": "at", "amount": "sum", "kind": {"column": "what", "values": {}}}
    spec = _spec(columns=columns, amount_sign="by_kind")
    facts = _facts(
        spec,
        "order|at|sum|what",
        "a|2026-03-01|10|sale",
        "a|2026-03-02|4|refund",
        "b|2026-03-02||cancellation",
    )
    assert [f["amount_minor"] for f in facts] == [1000, -400, None]
    assert _map(spec, "order|at|sum|what", "a|2026-03-01||sale").bad[0].reason.code == "row_no_amount"


def test_rows__columns_the_mapping_does_not_name__kept_as_properties() -> None:
    (fact,) = _facts(_spec(), HEADER + "|备注|empty", "a|2026-03-01|tom|1|5|急|")
    assert json.loads(fact["properties"]) == {"备注": "急"}
    (fact,) = _facts(_spec(keep_unknown=False), HEADER + "|备注", "a|2026-03-01|tom|1|5|急")
    assert fact["properties"] is None


def test_rows__content__changes_with_the_text_and_with_what_the_mapping_makes_of_it() -> None:
    row = "a|2026-03-01|tom|1|5"
    (fact,), (again,) = _facts(_spec(), HEADER, row), _facts(_spec(), HEADER, row)
    (other,) = _facts(_spec(), HEADER, "a|2026-03-01|tom|1|6")
    (zoned,) = _facts(_spec(time={"zone": "Europe/London"}), HEADER, row)
    assert fact["content_id"] == again["content_id"]
    assert len({fact["content_id"], other["content_id"], zoned["content_id"]}) == 3
    assert fact["row_id"] == other["row_id"] == zoned["row_id"]


def test_mapper__file_lacks_columns__names_them() -> None:
    with pytest.raises(problems.MissingColumns) as refused:
        _map(_spec(), "order|when|buyer|n|cost", "a|b|c|d|e")
    assert refused.value.params["missing"] == "at, price"
    assert "when" in refused.value.advice()
    (fact,) = _facts(_spec(required=["order"]), "order|at|n|price", "a|2026-03-01|1|5")
    assert fact["buyer_ref"] is None


def test_mapper__column_twice__refused_when_it_is_read() -> None:
    with pytest.raises(problems.DuplicateColumns):
        _map(_spec(), "order|at|buyer|n|price|at", "a|b|c|d|e|f")
    assert len(_facts(_spec(), HEADER + "|note|note", "a|2026-03-01|tom|1|5|x|y")) == 1


def test_rows__no_header__by_position() -> None:
    columns = {"order_ref": 1, "at": 2, "amount": "3"}
    spec = _spec(columns=columns, file={"header": False})
    (fact,) = _facts(spec, "1|2|3", "a|2026-03-01|7.5")
    assert (fact["order_ref"], fact["amount_minor"]) == ("a", 750)


EVENTS = {
    "v": 1,
    "name": "clicks",
    "kind": "events",
    "key": ["session"],
    "columns": {"at": "at", "anonymous_ref": "who", "session_ref": "session", "referrer": "ref"},
    "cases": {
        "column": "event",
        "when": {
            "home": {"type": "page", "name": "home", "page_path": "/", "page_type": "home"},
            "buy": {"type": "track", "name": "Order Completed", "order_ref": "{session}-{line_no}"},
        },
        "otherwise": {"type": "track", "name": "{event}"},
    },
}


def test_rows__events__by_case() -> None:
    rows = [
        "2026-03-01 10:00|v1|s1|home|https://www.baidu.com/s?wd=x",
        "2026-03-01 10:00|v1|s1|buy|",
        "2026-03-01 10:01|v1|s1|dance|",
    ]
    home, buy, dance = _facts(parse(EVENTS), "at|who|session|event|ref", *rows, first=5)
    assert (home["type"], home["page_path"], home["page_type"]) == ("page", "/", "home")
    assert home["referrer_host"] == "www.baidu.com"
    assert (buy["name"], buy["order_ref"], buy["order_id"]) == (
        "Order Completed",
        "s1-2",
        surrogate(3, "order", "s1-2"),
    )
    assert (dance["type"], dance["name"]) == ("track", "dance")
    assert [f["ord"] for f in (home, buy, dance)] == [5, 6, 7]
    assert home["event_id"] == surrogate(3, "message", "clicks\x1fs1\x1f1")
    assert home["visitor_id"] == surrogate(3, "visitor", "v1")
    mapped = _map(parse(EVENTS), "at|who|session|event|ref", "2026-03-01||s1|home|", "2026-03-01|v||home|")
    assert [b.reason.code for b in mapped.bad] == ["row_no_visitor", "row_blank"]


def test_rows__events_with_a_quantity__units_of_the_order() -> None:
    spec = parse(EVENTS | {"columns": EVENTS["columns"] | {"quantity": "n"}})
    two, none = _facts(
        spec, "at|who|session|event|ref|n", "2026-03-01|v|s|buy||2.5", "2026-03-01|v|s|buy||", first=5
    )
    assert (two["quantity"], none["quantity"]) == (Decimal("2.500"), None)
    (unmapped,) = _facts(parse(EVENTS), "at|who|session|event|ref", "2026-03-01|v|s|buy|")
    assert unmapped["quantity"] is None


WRONG = [
    ({"v": 2}, "v"),
    ({"kind": "sheep"}, "kind"),
    ({"name": "Übung"}, "name"),
    ({"columns": ORDERS["columns"] | {"colour": "c"}}, "columns.colour"),
    ({"columns": {"order_ref": "o", "amount": "a"}}, "columns.at"),
    ({"columns": {"order_ref": "o", "at": "t"}}, "columns.amount"),
    ({"columns": ORDERS["columns"] | {"title": {"column": "a", "constant": "b"}}}, "columns.title"),
    (
        {"columns": ORDERS["columns"] | {"title": {"column": "a", "otherwise": "guess"}}},
        "columns.title.otherwise",
    ),
    ({"columns": ORDERS["columns"] | {"kind": {"column": "a", "prefixes": {"C": "gone"}}}}, "columns.kind"),
    ({"file": {"separator": "ab"}}, "file.separator"),
    ({"file": {"header": "maybe"}}, "file.header"),
    ({"file": {"skip_lines": -1}}, "file.skip_lines"),
    ({"file": {"header": False}}, "columns"),
    ({"time": {"zone": "Mars/Base"}}, "time.zone"),
    ({"currency": "yuan"}, "currency"),
    ({"key": ["order"]}, "key"),
    ({"extra": 1}, "mapping.extra"),
    ({"join": [{"part": "people"}]}, "join.0.match"),
]


@pytest.mark.parametrize(("change", "place"), WRONG, ids=[p for _, p in WRONG])
def test_spec__says_something_impossible__named_in_both_languages(change, place) -> None:
    with pytest.raises((MappingInvalid, MappingLacks)) as refused:
        _spec(**change)
    assert refused.value.field == place
    for language in ("en", "zh-hans"):
        with translation.override(language):
            assert place in refused.value.message()
            assert refused.value.advice()


def test_spec__text_that_is_no_mapping__refused() -> None:
    for text in ("{", "- a", "42", "v: 1", ""):
        with pytest.raises((MappingInvalid, MappingLacks)):
            parse_text(text)


def test_shipped_mappings__are_named_as_their_files() -> None:
    assert {"uci_online_retail", "clickstream_ecom"} <= set(shipped_mappings())
    for name, spec in shipped_mappings().items():
        assert spec.name == name
        assert parse(json.loads(json.dumps(dict(spec.raw)))) == spec
        assert spec.title_in("zh-hans") != spec.title_in("en")
