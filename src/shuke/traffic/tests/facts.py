"""Facts for traffic's tests, small and by hand: events and order facts with the warehouse's columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import ibis
import pyarrow as pa

from shuke.conditions.reads import parse
from shuke.kernel.periods import local_day
from shuke.kernel.surrogates import surrogate
from shuke.rulebook.reads import ChannelRule, Words
from shuke.traffic.sessions import VisitRules
from shuke.warehouse import schemas

SHANGHAI = ZoneInfo("Asia/Shanghai")
SHOP = 1


def _entry(channel: str, is_paid: bool, **when: Any) -> ChannelRule:
    return ChannelRule(channel, is_paid, Words(zh=channel, en=channel), parse({"v": 1, **when}, "landing"))


# A classification of the tests' own, so that their answers do not move when the rulebook's does.
CHANNELS = (
    _entry("paid_search", True, all=[{"field": "channel_given", "op": "eq", "value": "ads"}]),
    _entry("paid_search", True, all=[{"field": "click_id", "op": "is_known"}]),
    _entry("email", False, all=[{"field": "utm_medium", "op": "eq", "value": "email"}]),
    _entry("campaign", False, all=[{"field": "utm_campaign", "op": "is_known"}]),
    _entry("search", False, all=[{"field": "referrer_host", "op": "under", "value": ["baidu.com"]}]),
    _entry("referral", False, any=[{"field": n, "op": "is_known"} for n in ("referrer_host", "utm_source")]),
    _entry("direct", False, all=[]),
)
RULES = (VisitRules(date(2000, 1, 1), 30, True, CHANNELS),)


def moment(text: str, zone: ZoneInfo) -> datetime:
    """`2026-03-02 09:00[:00[.5]]` on the shop's clock, or with `Z` in UTC, as naive UTC."""
    if text.endswith("Z"):
        return datetime.fromisoformat(text[:-1])
    local = text.removesuffix(" again")
    fold = int(text != local)
    return datetime.fromisoformat(local).replace(tzinfo=zone, fold=fold).astimezone(UTC).replace(tzinfo=None)


def event(zone: ZoneInfo = SHANGHAI, **given: Any) -> dict[str, Any]:
    """One event. `at` as `moment` reads it, `visitor`, `person`, `order` by name, the rest as the columns are named."""
    row: dict[str, Any] = dict.fromkeys(schemas.EVENTS.names)
    at = given.pop("at")
    at = moment(at, zone) if isinstance(at, str) else at
    visitor = given.pop("visitor", "ann")
    person, order = given.pop("person", None), given.pop("order", None)
    event_id = given.pop("event_id", None)
    row |= {"shop_id": SHOP, "type": "page", "at": at, "received_at": at, "ord": 0, "source": "api"} | given
    shop_id = row["shop_id"]
    if row["type"] in ("page", "screen") and "page_path" not in given:
        row |= {"page_path": "/", "page_type": given.get("page_type", "home")}
    row["visitor_id"] = surrogate(shop_id, "visitor", visitor)
    row["anonymous_ref"] = given.get("anonymous_ref", visitor)
    row["person_id"] = surrogate(shop_id, "person", person) if person else None
    row["order_id"] = surrogate(shop_id, "order", order) if order else None
    row["order_ref"] = order
    row["local_day"] = local_day(at.replace(tzinfo=UTC), zone)
    row["event_id"] = (
        surrogate(shop_id, "message", repr(sorted(row.items(), key=str))) if event_id is None else event_id
    )
    return row


def table(rows: Iterable[dict[str, Any]], kind: str = "events") -> ibis.Table:
    return ibis.memtable(pa.Table.from_pylist(list(rows), schema=schemas.ALL[kind]))


class Translated:
    """An expression over named tables, translated once and answered by DuckDB over any facts."""

    def __init__(self, build: Callable[[Mapping[str, ibis.Table]], ibis.Table], kinds: Sequence[str]) -> None:
        self.kinds = tuple(kinds)
        unbound = {k: ibis.table(ibis.Schema.from_pyarrow(schemas.ALL[k]), name=k) for k in self.kinds}
        made = build(unbound)
        self.sql = str(ibis.to_sql(made, dialect="duckdb"))
        self.schema = made.schema().to_pyarrow()
        self.connection = duckdb.connect()

    def __call__(self, facts: Mapping[str, Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
        for kind in self.kinds:
            rows = pa.Table.from_pylist(list(facts[kind]), schema=schemas.ALL[kind])
            self.connection.register(kind, rows)
        return self.connection.execute(self.sql).to_arrow_table().cast(self.schema).to_pylist()


def rows_of(expression: ibis.Table, kind: str) -> list[dict[str, Any]]:
    """The answer, checked to have exactly the kind's columns and types."""
    wanted = schemas.DERIVED[kind]
    assert expression.schema() == ibis.Schema.from_pyarrow(wanted)
    return expression.to_pyarrow().cast(wanted).to_pylist()


def in_order(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=repr)
