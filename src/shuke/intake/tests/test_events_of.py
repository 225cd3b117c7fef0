"""From what was sent to columns: cases in events.cases.yaml, and bodies that are barely JSON."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from shuke.intake.events_of import Reader, ShopFacts
from shuke.intake.reasons import REASONS, words_of
from shuke.intake.salvage import split_batch
from shuke.intake.segment_spec import Kind
from shuke.intake.set_aside import Sent, SetAside
from shuke.kernel.surrogates import surrogate
from shuke.warehouse.schemas import EVENTS

CASES = yaml.safe_load((Path(__file__).parent / "events.cases.yaml").read_text())
SHOP = ShopFacts(7, ZoneInfo("Asia/Shanghai"), "CNY")
CAME = datetime(2026, 11, 11, 2, 0, tzinfo=UTC)
CAME_US = int(CAME.timestamp()) * 1_000_000


def read(*bodies: bytes, kind: Kind = Kind.BATCH, shops: dict | None = None, reader: Reader | None = None):
    sent = [Sent(SHOP.id, CAME_US, kind, body, f"w/1/{i}") for i, body in enumerate(bodies)]
    decoded = (reader or Reader()).read(
        sent, shops or {SHOP.id: SHOP}, day=CAME.date(), future_tolerance_minutes=60
    )
    assert decoded.table.schema.equals(EVENTS)
    decoded.table.validate(full=True)
    return decoded.table.to_pylist(), decoded.set_aside


def whole(case: dict) -> bytes:
    event = {"messageId": "m", "anonymousId": "a", "timestamp": "2026-11-11T02:00:00Z"} | case["event"]
    event = {name: value for name, value in event.items() if value is not None}
    body = {"batch": [event]} | ({"sentAt": case["sentAt"]} if "sentAt" in case else {})
    return json.dumps(body, separators=(",", ":"), default=str).replace('"null_json"', "null").encode()


def same(given, expected) -> bool:
    if isinstance(expected, datetime):
        return given == expected.replace(tzinfo=None)
    return given == expected


@pytest.mark.row("T1")
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_event__of_the_case__becomes_its_columns_or_is_refused(case):
    rows, aside = read(whole(case))
    if "refused" in case:
        assert rows == []
        assert [[one.reason, one.column] for one in aside] == [case["refused"]]
        assert words_of(aside[0].reason, aside[0].params) != aside[0].reason
        assert aside[0].message_ref == "m"
    else:
        assert aside == []
        (row,) = rows
        assert {
            name: row[name] for name, value in case["columns"].items() if not same(row[name], value)
        } == {}
        assert row["event_id"] == surrogate(7, "message", "m")
        visitor = row["anonymous_ref"] or row["person_ref"]
        assert row["visitor_id"] == surrogate(7, "visitor", visitor)
        assert (row["person_id"] is None) == (row["person_ref"] is None)
        if row["order_ref"]:
            assert row["order_id"] == surrogate(7, "order", row["order_ref"])


def test_reasons__all__have_words_and_a_remedy():
    assert all(str(reason.words) and str(reason.remedy) for reason in REASONS.values())


@pytest.mark.parametrize(
    ("kind", "body", "columns"),
    [
        (Kind.TRACK, {"event": "X"}, {"type": "track", "name": "X"}),
        (Kind.PAGE, {"type": "track", "name": "Home"}, {"type": "page", "name": "Home"}),
        (Kind.IDENTIFY, {"traits": {"a": 1}}, {"type": "identify", "properties": '{"a": 1}'}),
    ],
)
def test_single_event__has_the_type_of_its_address(kind, body, columns):
    rows, aside = read(json.dumps({"anonymousId": "a"} | body).encode(), kind=kind)
    assert aside == []
    assert {name: rows[0][name] for name in columns} == columns


GOOD = b'{"type":"track","event":"Good","anonymousId":"a","messageId":"good"}'
BAD = {
    b'{"type":"track","event":"X","anonymousId":"a","messageId":"bad","properties":{"p":NaN}}': "not_a_number",
    b'{"type":"track","event":"X","anonymousId":"a","messageId":"bad","properties":{"p":-Infinity}}': "not_a_number",
    b'{"type":"track","event":"X\\ud800","anonymousId":"a","messageId":"bad"}': "not_json",
    b'{"type":"track","event":"X\xff\xfe","anonymousId":"a","messageId":"bad"}': "not_utf8",
    b'{"type":"track","event":"X","anonymousId":"a","messageId":"bad","properties":{"p":"\xff"}}': "not_utf8",
    b'{"type":"track","event":"X","anonymousId":"a","messageId":"bad","properties":' + b"[" * 5000 + b"]" * 5000 + b"}": "too_deep",
    b'{"type":"track","event":"X","anonymousId":"a","messageId":"bad","properties":{"p":01}}': "not_json",
    b'{"type":"track","event":"X","anonymousId":1e999,"messageId":"bad"}': "bad_value",
    b"7": "not_an_object",
    b"null": "not_an_object",
    b'"text"': "not_an_object",
    b"[]": "not_an_object",
    b"": "not_json",
}  # fmt: skip


@pytest.mark.row("T1")
@pytest.mark.parametrize("bad", BAD, ids=[f"{reason} {i}" for i, reason in enumerate(BAD.values())])
@pytest.mark.parametrize("order", ["first", "last"])
def test_batch__with_something_that_is_no_event__keeps_the_good_one(bad, order):
    parts = [bad, GOOD] if order == "first" else [GOOD, bad]
    rows, aside = read(b'{"batch":[' + b",".join(parts) + b'],"sentAt":"2026-11-11T02:00:00Z"}')
    assert [row["event_id"] for row in rows] == [surrogate(7, "message", "good")]
    assert [one.reason for one in aside] == [BAD[bad]]
    assert "\x00" not in aside[0].payload


def test_not_utf8__halves_of_one_character_in_two_events__are_both_set_aside():
    first = b'{"type":"track","event":"X","anonymousId":"a","messageId":"1","properties":"\xe4\xb8"}'
    second = b'{"type":"track","event":"X","anonymousId":"a","messageId":"2","properties":"\xad"}'
    rows, aside = read(b'{"batch":[' + first + b"," + second + b"]}")
    assert rows == []
    assert {one.reason for one in aside} == {"not_utf8"}


def test_set_aside__can_be_sent_again_alone():
    body = {"batch": [{"type": "track", "event": 7, "anonymousId": "a"}], "sentAt": "2026-11-11T02:00:01Z"}
    _, (one,) = read(json.dumps(body).encode())
    assert json.loads(one.payload) == body["batch"][0] | {"sentAt": body["sentAt"]}
    _, (single,) = read(b'{"event":7,"anonymousId":"a"}', kind=Kind.TRACK)
    assert json.loads(single.payload) == {"type": "track", "event": 7, "anonymousId": "a"}
    assert single.message_ref == "journal:w/1/0/0"


def test_far_future__among_others__names_its_own_payload():
    events = [
        {"type": "track", "event": "A", "anonymousId": "a", "messageId": "1"},
        {"type": "nothing", "anonymousId": "a", "messageId": "2"},
        {
            "type": "track",
            "event": "B",
            "anonymousId": "a",
            "messageId": "3",
            "timestamp": "2026-11-12T02:00:00Z",
        },
        {"type": "track", "event": "C", "anonymousId": "a", "messageId": "4"},
    ]
    rows, aside = read(json.dumps({"batch": events}).encode())
    assert [row["name"] for row in rows] == ["A", "C"]
    assert [(one.reason, json.loads(one.payload)["messageId"]) for one in aside] == [
        ("unknown_type", "2"),
        ("far_future", "3"),
    ]
    assert aside[1].params["minutes"] == 24 * 60


def test_days__across_a_change_of_the_clock__are_the_shops():
    zone = ZoneInfo("America/New_York")
    shop = ShopFacts(7, zone, "USD")
    moments = ["2026-03-08T04:59:59Z", "2026-03-08T05:00:00Z", "2026-03-09T03:59:59Z", "2026-03-09T04:00:00Z"]
    events = [
        {"type": "track", "event": "X", "anonymousId": "a", "messageId": m, "timestamp": m} for m in moments
    ]
    rows, _ = read(json.dumps({"batch": events}).encode(), shops={7: shop})
    assert [row["local_day"] for row in rows] == [
        date(2026, 3, 7),
        date(2026, 3, 8),
        date(2026, 3, 8),
        date(2026, 3, 9),
    ]


def test_days__of_shops_in_several_zones__are_each_shops_own():
    shops = {
        7: SHOP,
        8: ShopFacts(8, ZoneInfo("America/New_York"), "USD"),
        9: ShopFacts(9, ZoneInfo("Asia/Shanghai"), "CNY"),
    }
    body = b'{"batch":[{"type":"track","event":"X","anonymousId":"a"}]}'
    sent = [Sent(shop_id, CAME_US, Kind.BATCH, body, f"w/1/{shop_id}") for shop_id in (9, 8, 7)]
    table = Reader().read(sent, shops, day=CAME.date(), future_tolerance_minutes=60).table
    days = dict(zip(table["shop_id"].to_pylist(), table["local_day"].to_pylist(), strict=True))
    assert days == {7: date(2026, 11, 11), 8: date(2026, 11, 10), 9: date(2026, 11, 11)}


def test_places__above_their_bound__begin_again_and_stay_right():
    reader = Reader()
    reader._places._held = 5
    for round in range(4):
        bodies = [
            {"type": "page", "anonymousId": "a", "properties": {"path": f"/item/{round}-{i}"}}
            for i in range(9)
        ]
        rows, _ = read(json.dumps({"batch": bodies}).encode(), reader=reader)
        assert [row["page_path"] for row in rows] == [f"/item/{round}-{i}" for i in range(9)]
    assert len(reader._places._numbers) <= 9


def test_split__of_commas_and_brackets_inside_texts__finds_the_elements():
    body = b'{"a":["batch",1],"batch" : [ {"x":"],}{\\"","y":[1,{"batch":[2]}]} , 3 ,"]"],"sentAt":"s"}'
    pieces = split_batch(body)
    assert pieces is not None
    assert pieces.elements == (b'{"x":"],}{\\"","y":[1,{"batch":[2]}]}', b"3", b'"]"')
    assert pieces.sent_at == "s"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    "type", "event", "name", "messageId", "anonymousId", "userId", "previousId", "groupId", "timestamp",
    "originalTimestamp", "sentAt", "context", "properties", "traits",
]  # fmt: skip


@pytest.mark.row("T1")
@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(FIELDS), JSON | st.sampled_from(["track", "page", "Order Completed"]))
        | JSON,
        max_size=4,
    ),
    st.integers(0, 4),
    JSON,
)
def test_any_json__beside_a_good_event__never_raises_and_loses_nothing(events, place, sent_at):
    good = {"type": "track", "event": "Good", "anonymousId": "a", "messageId": "good"}
    batch = [*events[:place], good, *events[place:]]
    rows, aside = read(json.dumps({"batch": batch, "sentAt": sent_at}).encode("utf-8", "surrogatepass"))
    assert len(rows) + len(aside) == len(batch)
    assert surrogate(7, "message", "good") in [row["event_id"] for row in rows]
    assert all(isinstance(one, SetAside) and one.reason in REASONS for one in aside)
