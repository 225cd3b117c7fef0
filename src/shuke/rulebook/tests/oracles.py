"""Slow and obvious readings of the rules, in plain Python: what the worked cases are checked with."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any

from shuke.rulebook import reads

PAGE = "https://www.shop.example"


def answer(rule_id: str, given: Mapping[str, Any], at: date) -> dict[str, Any]:
    """What the rule makes of a worked case's `given`, in the form of its `expect`."""
    if "value" in given:
        value = reads.value(rule_id, at)
        return {"value": value.value, "unit": value.unit, "operator": value.operator}
    area = rule_id.rsplit(".", 1)[0]
    return _BY_AREA[area](rule_id, given, at)


def _channel(rule_id: str, given: Mapping[str, Any], at: date) -> dict[str, Any]:
    landing = reads.landing_of(PAGE + given["page"], given.get("referrer"), at)
    entry = reads.classify(landing.subject(given.get("given")), reads.channels(at))
    return {"channel": entry.channel, "paid": entry.is_paid}


def _page(rule_id: str, given: Mapping[str, Any], at: date) -> dict[str, Any]:
    return {"type": reads.page_type_of(given["path"], reads.page_types(at))}


def _visits(rule_id: str, given: Mapping[str, Any], at: date) -> dict[str, Any]:
    idle = timedelta(minutes=reads.value("common.visits.idle_minutes", at).value)
    starts_anew = reads.value("common.visits.new_campaign_starts_visit", at).value
    visits: list[int] = []
    last: datetime | None = None
    current: str | None = None
    for text in given["at"]:
        moment, campaign = _moment(text, at)
        is_other = starts_anew and campaign is not None and campaign != current
        if last is None or moment - last >= idle or moment.date() != last.date() or is_other:
            visits.append(0)
            current = campaign
        visits[-1] += 1
        last = moment
    return {"visits": visits}


def _moment(text: str, at: date) -> tuple[datetime, str | None]:
    clock, _bar, campaign = text.partition("|")
    days, clock = (int(clock[1:2]), clock[3:]) if clock.startswith("+") else (0, clock)
    return datetime.combine(at + timedelta(days=days), time.fromisoformat(clock)), campaign or None


def _metric(rule_id: str, given: Mapping[str, Any], at: date) -> dict[str, Any]:
    shop = _SmallShop(given["visits"], given["orders"])
    return {"of": METRICS[rule_id.removeprefix("common.metrics.")](shop)}


class _SmallShop:
    """A list of visits and a list of order movements; the period is days 1 and 2."""

    def __init__(self, visits: list[dict[str, Any]], orders: list[dict[str, Any]]) -> None:
        self.visits = visits
        self.orders = [one for one in orders if one["day"] in (1, 2)]
        self.before = [one for one in orders if -364 <= one["day"] <= 0]
        self.sales = [one for one in self.orders if one["kind"] == "sale"]

    def total(self, name: str) -> int:
        return sum(one[name] for one in self.visits)

    def views_by(self, *keys: str) -> dict[tuple[Any, ...], int]:
        found: dict[tuple[Any, ...], int] = {}
        for one in self.visits:
            key = tuple(one[name] for name in keys)
            found[key] = found.get(key, 0) + one["views"]
        return found

    @property
    def visitors(self) -> int:
        return len(self.views_by("visitor"))

    @property
    def measured(self) -> list[dict[str, Any]]:
        return [one for one in self.visits if one["views"] >= 2]

    @property
    def buyers(self) -> set[str]:
        return {one["buyer"] for one in self.sales if one["buyer"]}

    @property
    def paid(self) -> int:
        return sum(max(one["minor"], 0) for one in self.orders)

    def ratio_of_ones(self, views: dict[tuple[Any, ...], int]) -> Fraction:
        return Fraction(sum(count == 1 for count in views.values()), len(views))

    def mean_of_days(self) -> Fraction:
        by_day = self.views_by("day")
        visitor_days = self.views_by("day", "visitor")
        days = [
            Fraction(views, sum(key[0] == day for key in visitor_days)) for (day,), views in by_day.items()
        ]
        return sum(days, Fraction(0)) / len(days)


def _orders(shop: _SmallShop, kind: str) -> int:
    return len({one["order"] for one in shop.orders if one["kind"] == kind})


METRICS: dict[str, Callable[[_SmallShop], Fraction]] = {
    "pv_v1": lambda s: Fraction(s.total("views")),
    "uv_day_v1": lambda s: Fraction(len(s.views_by("day", "visitor"))),
    "uv_period_v1": lambda s: Fraction(s.visitors),
    "visits_v1": lambda s: Fraction(len(s.visits)),
    "bounce_visitor_v1": lambda s: s.ratio_of_ones(s.views_by("day", "visitor")),
    "bounce_visitor_v2": lambda s: s.ratio_of_ones(s.views_by("visitor")),
    "bounce_entrance_v1": lambda s: Fraction(sum(one["views"] == 1 for one in s.visits), len(s.visits)),
    "bounce_page_v1": lambda s: Fraction(s.total("item_exits"), s.total("item_views")),
    "views_per_visitor_v1": lambda s: Fraction(s.total("views"), s.visitors),
    "views_per_visitor_v2": lambda s: s.mean_of_days(),
    "stay_per_visitor_v1": lambda s: Fraction(s.total("stay"), s.visitors),
    "stay_per_visitor_v2": lambda s: Fraction(s.total("stay"), len({one["visitor"] for one in s.measured})),
    "stay_per_visit_v1": lambda s: Fraction(s.total("stay"), len(s.measured)),
    "depth_v1": lambda s: Fraction(s.total("views"), len(s.visits)),
    "carts_v1": lambda s: Fraction(s.total("carts")),
    "cart_rate_v1": lambda s: Fraction(len({one["visitor"] for one in s.visits if one["carts"]}), s.visitors),
    "buyers_v1": lambda s: Fraction(len(s.buyers)),
    "old_buyers_v1": lambda s: Fraction(len(s.buyers & {one["buyer"] for one in s.before})),
    "orders_v1": lambda s: Fraction(_orders(s, "sale")),
    "cancelled_orders_v1": lambda s: Fraction(_orders(s, "cancellation")),
    "conversion_v1": lambda s: Fraction(len(s.buyers), s.visitors),
    "amount_paid_v1": lambda s: Fraction(s.paid),
    "amount_net_v1": lambda s: Fraction(sum(one["minor"] for one in s.orders)),
    "amount_refunded_v1": lambda s: Fraction(
        -sum(one["minor"] for one in s.orders if one["kind"] in ("cancellation", "refund"))
    ),
    "value_per_buyer_v1": lambda s: Fraction(s.paid, len(s.buyers)),
    "value_per_order_v1": lambda s: Fraction(s.paid, _orders(s, "sale")),
    "value_per_visitor_v1": lambda s: Fraction(s.paid, s.visitors),
    "units_v1": lambda s: Fraction(sum(one["units"] or 0 for one in s.sales)),
}


def _cohort(rule_id: str, given: Mapping[str, Any], at: date) -> dict[str, Any]:
    """People with the days (of the month's first one on) on which they acted; a month is 30 days here."""
    firsts = {who: min(days) for who, days in given["people"].items()}
    members = {who for who, day in firsts.items() if (day - 1) // 30 == given["cohort"]}
    if rule_id == "common.cohort_metrics.cohort_size_v1":
        return {"of": Fraction(len(members))}
    month = given["cohort"] + given["offset"]
    back = {who for who in members if any((day - 1) // 30 == month for day in given["people"][who])}
    return {"of": Fraction(len(back), len(members))}


def _funnel(rule_id: str, given: Mapping[str, Any], at: date) -> dict[str, Any]:
    """Visitors with [minute, letter] of each event in order; every choice of events is tried."""
    steps, window = given["steps"], given["window"]
    ways = []
    for events in given["people"].values():
        chosen = [
            [events[n] for n in places]
            for size in range(1, len(steps) + 1)
            for places in combinations(range(len(events)), size)
        ]
        fit = [
            [minute for minute, _letter in way]
            for way in chosen
            if "".join(letter for _minute, letter in way) == steps[: len(way)]
            and way[-1][0] < way[0][0] + window
        ]
        if fit:
            ways.append(max(fit, key=lambda way: (len(way), -way[-1], way[0])))
    there = [way for way in ways if len(way) >= given["step"]]
    if rule_id == "common.funnel_metrics.funnel_visitors_v1":
        return {"of": Fraction(len(there))}
    if rule_id == "common.funnel_metrics.funnel_time_v1":
        took = sorted(60 * (way[given["step"] - 1] - way[given["step"] - 2]) for way in there)
        return {"of": Fraction(took[-(-len(took) // 2) - 1])}
    is_step = rule_id == "common.funnel_metrics.funnel_step_rate_v1"
    return {
        "of": Fraction(
            len(there), sum(len(way) >= given["step"] - 1 for way in ways) if is_step else len(ways)
        )
    }


def _search_ads(rule_id: str, given: Mapping[str, Any], at: date) -> dict[str, Any]:
    """Bidders as [bid in yuan, quality]; by hand, with fractions."""
    if "quality" in given:
        least = Fraction(str(reads.value(rule_id, at).value))
        return {"is_below": Fraction(given["quality"]) < least}
    bid, quality = Fraction(given["own"][0]), given["own"][1]
    if "next" in given:
        cost = Fraction(given["next"][0]) * given["next"][1] / quality + Fraction(1, 100)
        whole, rest = divmod(cost * 100, 1)
        return {"fen": int(whole) + (rest >= Fraction(1, 2))}
    others = [Fraction(one[0]) * one[1] for one in given["rivals"]]
    ahead = sum(other > bid * quality for other in others)
    return {"rank": [1 + ahead, 1 + ahead + sum(other == bid * quality for other in others)]}


def _route(rule_id: str, given: Mapping[str, Any], at: date) -> dict[str, Any]:
    """Visits as the pages that they viewed in order, and a route of pages; how many steps each one entered."""
    depths = []
    for visit in given["visits"]:
        rest, depth = list(visit), 0
        while depth < len(given["route"]) and given["route"][depth] in rest:
            rest = rest[rest.index(given["route"][depth]) + 1 :]
            depth += 1
        depths.append(depth)
    entered = sum(depth >= given["step"] for depth in depths)
    if rule_id == "common.route_metrics.route_entered_v1":
        return {"of": Fraction(entered)}
    return {"of": Fraction(entered, sum(depth >= given["step"] - 1 for depth in depths))}


def _entrance(rule_id: str, given: Mapping[str, Any], at: date) -> dict[str, Any]:
    """What is advised for an entrance: the interval solved from its definition, the share whose distance is z deviations."""

    def value(name: str) -> int:
        return int(reads.value(f"common.entrances.{name}", at).value)

    visits, middle = given["visits"], given["median"]
    if visits < value("least_visits"):
        return {"advice": "too_few"}
    z = {95: 1.959963984540054}[value("confidence_percent")]
    share = given["bounced"] / visits
    is_beyond = (share - middle) ** 2 > z * z * middle * (1 - middle) / visits
    if not is_beyond:
        return {"advice": "keep"}
    if share < middle:
        return {"advice": "raise"}
    is_much = 100 * visits >= value("much_traffic_percent") * given["all"]
    return {"advice": "mend" if given["ordered"] or is_much else "lower"}


def _entrance_metric(rule_id: str, given: Mapping[str, Any], at: date) -> dict[str, Any]:
    viewed = [one for one in given["visits"] if one["views"]]
    return {"of": Fraction(sum(one["orders"] > 0 for one in viewed), len(viewed))}


def _hot_and_cold(rule_id: str, given: Mapping[str, Any], at: date) -> dict[str, Any]:
    """Views by page: which hold half of them first, and which hold at most a twentieth last."""
    hot, cold, few = (
        reads.value(f"common.single_pages.{name}", at).value
        for name in ("hot_share", "cold_share", "few_views")
    )
    pages = sorted(given["views"], key=lambda page: (-given["views"][page], page))
    whole = sum(given["views"].values())
    if whole < few:
        return {"hot": [], "cold": []}
    before = {page: sum(given["views"][one] for one in pages[:n]) for n, page in enumerate(pages)}
    after = {page: sum(given["views"][one] for one in pages[n:]) for n, page in enumerate(pages)}
    return {
        "hot": [page for page in pages if before[page] * 100 < hot * whole],
        "cold": [page for page in pages if after[page] * 100 <= cold * whole],
    }


def _single_page(rule_id: str, given: Mapping[str, Any], at: date) -> dict[str, Any]:
    """Visits as (visitor, [page, second] in order, clicks on the page), and one page of them."""
    page, visits = given["page"], given["visits"]
    seen = [visit for visit in visits if page in [one for one, _second in visit[1]]]
    views = sum(one == page for _who, way, _clicks in visits for one, _second in way)
    stays = [b[1] - a[1] for _who, way, _clicks in visits for a, b in pairwise(way) if a[0] == page]
    exits = sum(visit[1][-1][0] == page for visit in visits)
    return {
        "of": {
            "page_views": Fraction(views),
            "page_visits": Fraction(len(seen)),
            "page_visitors": Fraction(len({visit[0] for visit in seen})),
            "page_stay": Fraction(sum(stays), len(stays)),
            "page_entries": Fraction(sum(visit[1][0][0] == page for visit in visits)),
            "page_exits": Fraction(exits),
            "page_exit_share": Fraction(exits, len(seen)),
            "page_bounce": Fraction(exits, views),
            "page_clicks": Fraction(sum(visit[2] for visit in visits)),
        }[rule_id.removeprefix("common.page_metrics.").removesuffix("_v1")]
    }


def _peers(rule_id: str, given: Mapping[str, Any], at: date) -> dict[str, Any]:
    """Names by looking through every list; the gain by hand, with fractions."""
    value = reads.value(rule_id, at).value
    if rule_id.endswith("channel_names"):
        name = unicodedata.normalize("NFKC", given["name"]).strip().lower()
        known = {unicodedata.normalize("NFKC", n).lower(): c for c, names in value.items() for n in names}
        return {"channel": known.get(name)}
    if rule_id.endswith("sum_names"):
        return {"is_sum": given["name"] in value}
    share = {name: Fraction(str(size)) for name, size in given["industry"].items()}
    own = {name: heads for name, heads in given["own"].items() if name != given["channel"]}
    ratios = sorted(heads / share[name] for name, heads in own.items())
    ratio = sum(own.values()) / sum(share[name] for name in own)
    # Of three ratios the quartiles lie half-way between the middle and the ends.
    low, high = (ratios[0] + ratios[1]) / 2, (ratios[1] + ratios[2]) / 2
    target = share[given["channel"]]
    told = {"visitors": ratio, "low": min(low, ratio), "high": max(high, ratio)}
    return {name: int(value * target) for name, value in told.items()}


def _value(rule_id: str, given: Mapping[str, Any], at: date) -> dict[str, Any]:
    """Customers with [day, paid, came back] of each order; the half-year holds days 20 to 199."""
    people = given["people"]
    paid = {who: sum(order[1] for order in orders) for who, orders in people.items()}
    net = {who: paid[who] - sum(order[2] for order in orders) for who, orders in people.items()}
    days = {who: {order[0] for order in orders if 20 <= order[0] < 200} for who, orders in people.items()}
    # Every set of customers is tried.
    enough = [
        len(chosen)
        for size in range(1, len(paid) + 1)
        for chosen in combinations(paid.values(), size)
        if 100 * sum(chosen) >= 80 * sum(paid.values())
    ]
    return {
        "of": {
            "customer_money_v1": Fraction(sum(paid.values()), len(paid)),
            "customer_money_v2": Fraction(sum(net.values()), len(net)),
            "half_year_buyers_v1": Fraction(sum(bool(found) for found in days.values())),
            "regulars_v1": Fraction(sum(len(found) >= 2 for found in days.values())),
            "super_users_v1": Fraction(min(enough)),
        }[rule_id.removeprefix("common.value_metrics.")]
    }


def _forecast(rule_id: str, given: Mapping[str, Any], at: date) -> dict[str, Any]:
    """One customer's forecast: means over the chance to leave added up in small steps."""
    r, alpha, a, b, x, recency, age = (
        float(given["orders"][n]) for n in ("r", "alpha", "a", "b", "x", "t", "T")
    )
    left = a / (b + x - 1) * ((alpha + age) / (alpha + recency)) ** (r + x) if x else 0.0
    alive = 1 / (1 + left)

    def orders(ahead: float) -> float:
        steps = [(i + 0.5) / 20_000 for i in range(20_000)]
        weights = [p ** (a - 1) * (1 - p) ** (b + x - 1) for p in steps]
        each = [(1 - (1 + p * ahead / (alpha + age)) ** -(r + x)) / p for p in steps]
        return alive * sum(w * e for w, e in zip(weights, each, strict=True)) / sum(weights)

    def worth() -> float:
        p, q, gamma, n, mean = (float(given["money"][name]) for name in ("p", "q", "gamma", "n", "m"))
        return (gamma + mean * n) * p / (p * n + q - 1)

    name = rule_id.removeprefix("common.forecast_metrics.").removesuffix("_v1")
    if name == "lifetime_value":
        by = [orders(k * given["month"]) for k in range(given["months"] + 1)]
        found = worth() * sum((by[k] - by[k - 1]) / (1 + given["discount"]) ** k for k in range(1, len(by)))
    elif name == "expected_value":
        found = orders(given["ahead"]) * worth()
    else:
        found = alive if name == "chance_alive" else orders(given["ahead"])
    return {"rounded": round(found, given["digits"])}


_BY_AREA: dict[str, Callable[[str, Mapping[str, Any], date], dict[str, Any]]] = {
    "common.channels": _channel,
    "common.pages": _page,
    "common.visits": _visits,
    "common.entrances": _entrance,
    "common.entrance_metrics": _entrance_metric,
    "common.metrics": _metric,
    "common.cohort_metrics": _cohort,
    "common.funnel_metrics": _funnel,
    "common.route_metrics": _route,
    "common.single_pages": _hot_and_cold,
    "common.page_metrics": _single_page,
    "taobao.search_ads": _search_ads,
    "common.peers": _peers,
    "common.value_metrics": _value,
    "common.forecast_metrics": _forecast,
}
