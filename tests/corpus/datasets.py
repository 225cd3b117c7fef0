"""The facts that the questions are asked of, small and the same at every run; derived kinds come from the plain oracles."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pyarrow as pa

from shuke.audience.identities.reads import CUSTOMER_MAP
from shuke.audience.purchases import ORDERS
from shuke.commerce.tests.test_order_facts import CASES as ORDER_CASES
from shuke.commerce.tests.test_order_facts import _event, _line
from shuke.conditions.tests.fields_in_test import COLUMNS
from shuke.traffic.tests import drawn
from shuke.traffic.tests.corpus import cases
from shuke.traffic.tests.corpus.questions import SHOP
from shuke.warehouse import schemas
from tests.corpus import segment_corpus

Row = dict[str, Any]
MANY = 500_000
FIRST = date(2026, 3, 1)
_SUBJECT_TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.decimal128(18, 9),  # facts hold no floating numbers: what is not whole is decimal
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp(6)": pa.timestamp("us"),
}
SUBJECTS = pa.schema([("id", pa.int64()), *((name, _SUBJECT_TYPES[kind]) for name, kind in COLUMNS.items())])
ACTS = pa.schema([("subject_id", pa.int64()), ("local_day", pa.date32())])
WINDOW = pa.schema([("start", schemas.MOMENT), ("end", schemas.MOMENT)])
ONE = pa.schema([("wanted", pa.string())])
SCHEMAS = schemas.ALL | {
    "subjects": SUBJECTS,
    "starting": ACTS,
    "returning": ACTS,
    "window": WINDOW,
    "one": ONE,
    "links": CUSTOMER_MAP,
    "orders": ORDERS,
    **segment_corpus.schemas_of(),
}


def _orders() -> dict[str, list[Row]]:
    """The worked cases of order facts, each a shop of its own, and the movements of a drawn shop."""
    lines, events = [], []
    for shop, case in enumerate(ORDER_CASES, start=2):
        lines += [_line(*row) | {"shop_id": shop} for row in case.get("lines", [])]
        events += [_event(*row) | {"shop_id": shop} for row in case.get("events", [])]
    life = drawn.draw(SHOP)
    return {"order_lines": lines + life.lines, "events": events + life.events}


def _subjects() -> list[Row]:
    """What conditions are asked of: every column unknown at times, texts on which engines are known to differ."""
    rng = random.Random(11)
    texts = [
        "a",
        "A",
        "ab",
        "Ab",
        "b%",
        "_",
        "a.b",
        "搜索",
        "搜",
        "İ",
        "ΣΑΣ",
        "é",
        "'",
        "\\",
        "a b",
        "ß",
        "",
        None,
    ]
    hosts = [
        "baidu.com",
        "m.baidu.com",
        "NotBaidu.com",
        "M.Baidu.COM",
        "com",
        "a.co",
        "xa.co",
        "b.a.co",
        None,
    ]
    days = [FIRST + timedelta(days=i) for i in range(4)] + [None]
    moments = [datetime(2026, 3, 2) + timedelta(microseconds=i) for i in (-1, 0, 1, 10**6)] + [None]
    values: Mapping[str, list] = {
        "t_text": texts,
        "t_name": texts,
        "t_host": hosts,
        "t_choice": ["paid", "mail", "gone", None],
        "t_number": [-1, 0, 1, 2, 3, 10**12, None],
        "t_share": [None, *(Decimal(text) for text in ("0", "0.1", "0.5", "0.3", "1", "-0.25"))],
        "t_money": [-100, 0, 1, 100, 2**63 - 1, None],
        "t_flag": [True, False, None],
        "t_day": days,
        "t_moment": moments,
    }
    return [{"id": i} | {name: rng.choice(of) for name, of in values.items()} for i in range(240)]


@cache
def rows(dataset: str) -> Mapping[str, list[Row]]:
    """A data set as plain rows by kind."""
    if dataset == "orders":
        return _orders()
    if dataset == "subjects":
        return {"subjects": _subjects()}
    if dataset == "acts":
        from tests.corpus.cohort_corpus import drawn as drawn_acts

        return drawn_acts()
    if dataset == "funnels":
        from shuke.traffic.funnels.tests.asked import facts as drawn_funnels

        return drawn_funnels()
    if dataset == "segments":
        return segment_corpus.drawn()
    if dataset == "items":
        from tests.corpus.item_corpus import drawn as drawn_items

        return drawn_items()
    if dataset in ("purchases", "lives"):
        from tests.corpus import audience_corpus

        return audience_corpus.drawn() if dataset == "purchases" else audience_corpus.drawn_lives()
    return {kind: list(found) for kind, found in cases.all_cases()[dataset].items()}


def _many_visitors() -> pa.Table:
    """Visits of half a million visitors, one in ten came twice: made as columns, since rows would take a minute."""
    ids = pa.array([n * 7_919 for n in range(MANY)] + [n * 7_919 for n in range(0, MANY, 10)], pa.int64())
    count = len(ids)
    columns: dict[str, pa.Array] = {}
    for field in schemas.VISITS:
        if field.name in ("visitor_id", "visit_id"):
            columns[field.name] = ids if field.name == "visitor_id" else pa.array(range(count), pa.int64())
        elif field.name in ("person_id", "session_ref"):
            columns[field.name] = pa.nulls(count, field.type)
        elif field.type == schemas.MOMENT:
            columns[field.name] = pa.repeat(pa.scalar(datetime(2026, 3, 2, 4), field.type), count)
        elif field.name == "local_day":
            columns[field.name] = pa.repeat(pa.scalar(date(2026, 3, 2), field.type), count)
        elif field.type == pa.string():
            columns[field.name] = pa.repeat("x", count)
        elif field.type == pa.bool_():
            columns[field.name] = pa.repeat(False, count)
        else:
            columns[field.name] = pa.repeat(pa.scalar(1, field.type), count)
    return pa.table(columns, schema=schemas.VISITS)


def tables(dataset: str) -> dict[str, pa.Table]:
    """A data set as Arrow tables by kind."""
    if dataset == "many visitors":
        return {"visits": _many_visitors()}
    return {
        kind: pa.Table.from_pylist(list(found), schema=SCHEMAS[kind]) for kind, found in rows(dataset).items()
    }
