"""Events for the bench, drawn by the column: a shop's days as Arrow tables, without a step per event.

The shape is that of DESIGN's table: 50 events a visitor over 28 days, in visits of about five. A visit takes at most half
an hour and its visitor's next begins half an hour later at the earliest, none reaches over midnight and all of a visit's
events name its channel, so the visits that the product finds are those that were drawn. Every day is drawn from its own
seed.

A day comes in two forms: `facts`, as the product keeps events, and `raw`, narrow and typed as a peer likes it best, where
each row names its visit as well (a peer need not find visits; that is in its favour).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ZONE = ZoneInfo("Asia/Shanghai")
FIRST = date(2026, 3, 2)  # a Monday, so that weeks of the period are the calendar's
DAYS = 28
EVENTS_A_VISITOR = 50
EVENTS_A_VISIT = 5.0
SLOTS = 17  # parts of a day; a visitor has at most one visit in each
SLOT_SECONDS = 4_800
LATEST_START = 1_200
LONGEST_VISIT = 1_740
ITEMS = 500
CHANNELS = {
    "direct": 0.25, "organic_search": 0.22, "paid_search": 0.15, "social": 0.12, "paid_social": 0.08,
    "email": 0.07, "referral": 0.06, "affiliate": 0.03, "display": 0.02,
}  # fmt: skip
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
PAGES = [
    "/",
    *(f"/list/{i}" for i in range(20)),
    "/search",
    "/campaign",
    *(f"/item/{i}" for i in range(ITEMS)),
]
PAGE_TYPES = ["home"] + ["list"] * 20 + ["search", "campaign"] + ["item"] * ITEMS

RAW = pa.schema(
    [
        ("day", pa.date32()),
        ("visitor", pa.int64()),
        ("visit", pa.int64()),
        ("moment", pa.timestamp("us")),
        ("is_view", pa.bool_()),
        ("name", pa.string()),
        ("path", pa.string()),
        ("channel", pa.string()),
        ("person", pa.int64()),  # of orders
        ("order_id", pa.int64()),
        ("amount", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Size:
    """How much is drawn for one shop."""

    events: int
    seed: int = 7

    @property
    def visitors(self) -> int:
        return max(self.events // EVENTS_A_VISITOR, 1)

    @property
    def visits_a_day(self) -> int:
        return max(round(self.events / DAYS / EVENTS_A_VISIT), 1)


def days() -> list[date]:
    return [FIRST + timedelta(days=i) for i in range(DAYS)]


def mixed(numbers: np.ndarray, salt: int) -> np.ndarray:
    """Numbers spread over 63 bits, each its own: what a surrogate looks like."""
    x = numbers.astype(np.uint64) + np.uint64(salt * int(_MIX[0]) % (1 << 64))
    x = (x ^ (x >> np.uint64(30))) * _MIX[1]
    x = (x ^ (x >> np.uint64(27))) * _MIX[2]
    return (x ^ (x >> np.uint64(31))).view(np.int64)


@dataclass(frozen=True)
class Drawn:
    """One day's events as columns, in order of visitor and time."""

    day: date
    nth: np.ndarray  # of the event in its visit
    visitor: np.ndarray  # its number
    visit: np.ndarray  # its number within the day, for each event
    second: np.ndarray  # since midnight
    channel: np.ndarray  # its index
    page: np.ndarray
    kind: np.ndarray  # 0 view, 1 item viewed, 2 into the cart, 3 order
    order: np.ndarray  # number of the order, 0: none
    amount: np.ndarray

    def __len__(self) -> int:
        return len(self.nth)


def draw_day(size: Size, number: int) -> Drawn:
    """The events of the day with this number (from 0)."""
    draw = np.random.default_rng((size.seed, number))
    wanted = size.visits_a_day
    # Some come often and most seldom: the square leans towards low numbers.
    who = (draw.random(wanted) ** 1.6 * size.visitors).astype(np.int64)
    places = np.unique(who * SLOTS + draw.integers(0, SLOTS, wanted))
    visits = len(places)
    length = np.where(draw.random(visits) < 0.42, 1, 2 + draw.geometric(1 / 6.0, visits)).clip(max=40)
    buys = (length >= 5) & (draw.random(visits) < 0.04)
    first = np.cumsum(length) - length
    total = int(length.sum())
    visit = np.repeat(np.arange(visits), length)
    nth = np.arange(total) - first[visit]
    start = places % SLOTS * SLOT_SECONDS + draw.integers(0, LATEST_START, visits)
    gap = draw.integers(2, LONGEST_VISIT // 40, total)
    gap[first] = 0
    run = np.cumsum(gap)
    second = start[visit] + run - run[first][visit]
    is_view = (nth == 0) | (draw.random(total) < 0.78)
    page = _pages(draw, total)
    # What is no view happens on the page that was seen last.
    seen = np.maximum.accumulate(np.where(is_view, np.arange(total), 0))
    page = page[seen]
    kind = np.where(is_view, 0, np.where(draw.random(total) < 0.8, 1, 2))
    is_order = np.zeros(total, dtype=bool)
    is_order[(first + length - 1)[buys]] = True
    kind[is_order] = 3
    order = np.zeros(total, dtype=np.int64)
    order[is_order] = number * 10_000_000 + 1 + np.arange(int(is_order.sum()))
    amount = np.where(is_order, draw.integers(1_900, 90_000, total), 0)
    weights = np.array(list(CHANNELS.values()))
    channel = draw.choice(len(CHANNELS), visits, p=weights / weights.sum())
    return Drawn(
        day=FIRST + timedelta(days=number),
        nth=nth,
        visitor=(places // SLOTS)[visit],
        visit=visit,
        second=second,
        channel=channel[visit],
        page=page,
        kind=kind,
        order=order,
        amount=amount,
    )


def _pages(draw: np.random.Generator, count: int) -> np.ndarray:
    """Pages by index: few lists, many items of which the first are seen most."""
    chance = draw.random(count)
    item = 23 + (draw.random(count) ** 2.2 * ITEMS).astype(np.int64)
    other = np.where(chance < 0.12, 0, np.where(chance < 0.40, 1 + draw.integers(0, 20, count), 21))
    return np.where(chance < 0.44, np.where(chance < 0.42, other, 22), item)


@dataclass(frozen=True)
class _Named:
    """What both forms of a day share."""

    local_day: pa.Array
    visitor: np.ndarray
    event: np.ndarray
    at: pa.Array
    is_view: np.ndarray
    name: pa.Array
    path: pa.Array
    channel: pa.Array
    person: pa.Array
    order: pa.Array
    amount: pa.Array


def _named(drawn: Drawn, size: Size) -> _Named:
    count = len(drawn)
    midnight = datetime.combine(drawn.day, datetime.min.time(), tzinfo=ZONE).timestamp()
    number = (drawn.day - FIRST).days
    no_order = drawn.kind != 3
    names = pa.array(["Page", "Product Viewed", "Product Added", "Order Completed"])
    return _Named(
        local_day=pa.repeat(pa.scalar(drawn.day, pa.date32()), count),
        visitor=mixed(drawn.visitor, 1 + size.seed),
        event=mixed(number * 100_000_000 + np.arange(count), 2 + size.seed),
        at=pa.array(((drawn.second + int(midnight)) * 1_000_000).astype("datetime64[us]")),
        is_view=drawn.kind == 0,
        name=names.take(pa.array(drawn.kind)),
        path=pa.array(PAGES).take(pa.array(drawn.page)),
        channel=pa.array(list(CHANNELS)).take(pa.array(drawn.channel)),
        person=pa.array(mixed(drawn.visitor, 3 + size.seed), mask=no_order),
        order=pa.array(mixed(drawn.order, 4 + size.seed), mask=no_order),
        amount=pa.array(drawn.amount, mask=no_order),
    )


def as_raw(drawn: Drawn, size: Size) -> pa.Table:
    """The day as a peer likes it; a visit is named by the id of its first event."""
    named = _named(drawn, size)
    first = np.flatnonzero(drawn.nth == 0)
    return pa.table(
        [
            named.local_day,
            pa.array(named.visitor),
            pa.array(named.event[first][drawn.visit]),
            named.at,
            pa.array(named.is_view),
            named.name,
            named.path,
            named.channel,
            named.person,
            named.order,
            named.amount,
        ],
        schema=RAW,
    )


def as_facts(drawn: Drawn, size: Size, shop_id: int, schema: pa.Schema) -> pa.Table:
    """The day as the product keeps events, with what real ones carry beside: names, addresses, properties."""
    named, count = _named(drawn, size), len(drawn)
    is_view = pa.array(named.is_view)
    entry = pa.array(drawn.nth != 0)
    quantity = pa.array(np.ones(count, dtype=np.int16), mask=drawn.kind != 3)
    types = pa.array(["track", "page"]).take(is_view.cast(pa.int8()))
    sources = pa.array(["baidu", "newsletter", "weibo", "wechat"]).take(pa.array(drawn.channel % 4))
    texts = {
        "type": types,
        "name": named.name,
        "page_path": named.path,
        "page_type": pa.array(PAGE_TYPES).take(pa.array(drawn.page)),
        "utm_source": _without(sources, entry),
        "channel_given": named.channel,
        "terminal": pa.array(["mobile", "pc"]).take(pa.array(drawn.visitor % 3 // 2)),
        "order_ref": named.order.cast(pa.string()),
        "currency": _without(pa.repeat(pa.scalar("CNY"), count), pa.array(drawn.kind != 3)),
        "anonymous_ref": pa.array(named.visitor).cast(pa.string()),
        "person_ref": named.person.cast(pa.string()),
        "properties": pa.array(['{"title":"Linen shirt","page":' + f'"{page}"}}' for page in PAGES]).take(
            pa.array(drawn.page)
        ),
        "source": pa.repeat(pa.scalar("api"), count),
    }
    columns = {
        "shop_id": pa.repeat(pa.scalar(shop_id, pa.int64()), count),
        "event_id": pa.array(named.event),
        "visitor_id": pa.array(named.visitor),
        "person_id": named.person,
        "at": named.at,
        "ord": pa.repeat(pa.scalar(0, pa.int32()), count),
        "local_day": named.local_day,
        "received_at": named.at,
        "order_id": named.order,
        "amount_minor": named.amount,
        "quantity": quantity,
    } | texts
    arrays = [columns[f.name].cast(f.type) if f.name in columns else pa.nulls(count, f.type) for f in schema]
    return pa.table(arrays, schema=schema)


def _without(values: pa.Array, mask: pa.Array) -> pa.Array:
    return pc.if_else(mask, pa.scalar(None, values.type), values)
