"""Entrances: the page (or type of page) through which visits came, how many saw no other, how many ordered, and advice.

From `entrance_days`, added up when a day was sealed, which tells channels apart; under any other condition from `visits`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Literal

import ibis
from django.utils.translation import gettext_lazy as _

from shuke.conditions.reads import Node
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import Period, local_day
from shuke.kernel.verdicts import Reason
from shuke.shops.reads import ShopView
from shuke.traffic import decisions
from shuke.traffic.entrances import decisions as advising
from shuke.traffic.entrances.derived import entrance_days
from shuke.traffic.figures import Figure
from shuke.traffic.metrics import Metric, metric
from shuke.traffic.reads.asking import asker
from shuke.traffic.reads.flow_map import channel_alone
from shuke.traffic.reads.flows import flows, holds
from shuke.warehouse import reads as warehouse

By = Literal["page", "type"]
BYS: tuple[By, ...] = ("page", "type")
ORDER_RATE = Metric("entrance_order_rate", 1, "ratio", "entrance", "up", "ordered_visits", "viewed_visits")
# Of an entrance the visits are those that viewed it.
SHOWN: tuple[Metric, ...] = (
    metric("visits"),
    metric("bounce_entrance"),
    ORDER_RATE,
    metric("orders"),
    metric("amount_paid"),
    metric("stay_per_visit"),
)
SUMS = (
    "viewed_visits", "one_view_visits", "measured_visits", "stay_seconds", "orders", "ordered_visits", "revenue_minor",
)  # fmt: skip
BY_VISIT = Reason(
    "orders_by_visit",
    _("Orders and amounts are those that the visits of each entrance completed themselves."),
)
Sums = Mapping[str, int]


@dataclass(frozen=True)
class Entrance:
    """Visits that came in through a page (None: it states no path) or type of page, with what they add up to.

    `then`: the same of the period that is compared; None where nothing is. `advice` is of pages, not of types.
    """

    path: str | None
    page_type: str | None
    sums: Sums
    then: Sums | None
    advice: advising.Advice | None

    @property
    def figures(self) -> tuple[Figure, ...]:
        """One per metric of SHOWN."""
        return _figures(self.sums)

    @property
    def against(self) -> tuple[Figure, ...]:
        return _figures(self.then) if self.then is not None else ()


@dataclass(frozen=True)
class Entrances:
    """`rows` most visits first; `total` is of all of them together. `median` is the median bounce of the entrances with
    enough visits, `judged` how many these are; `limits` what the rulebook says."""

    period: Period
    by: By
    metrics: tuple[Metric, ...]
    rows: tuple[Entrance, ...]
    total: Entrance
    median: Fraction | None
    judged: int
    limits: advising.Limits
    until: datetime | None
    against_period: Period | None
    notes: tuple[Reason, ...]


def entrances(
    *,
    shop: ShopView,
    period: Period,
    by: str = "page",
    against: str | None = None,
    custom: Period | None = None,
    condition: Node | None = None,
    at: datetime,
) -> Entrances:
    """Visits by their entrance, with bounce (B-198), order rate and advice (A-155, A-156).

    `against`: before, yesterday, last_week, or custom with its own period; cut at the same time of the shop's clock where
    the period still runs. An entrance that only the other period knows is there too, with nothing. Under a condition the
    median and the share of all visits stay those of all visits: advice weighs what is shown against the shop, not against
    itself. Raises Invalid for an unknown grouping or comparison.
    """
    grouped = _grouping(by)
    now = _asked(shop, period, grouped, condition, None)
    other, then = None, {}
    if against is not None:
        other = decisions.compared_period(against, period, custom)
        then = _asked(shop, other, grouped, condition, decisions.compared_until(shop, period, other, at))
    limits = advising.limits_on(shop, min(local_day(at, shop.zone), period.last))
    all_of_shop = now
    if condition is not None and grouped == "page":
        all_of_shop = _asked(shop, period, grouped, None, None)
    bounces = [(sums["one_view_visits"], sums["viewed_visits"]) for sums in all_of_shop.values()]
    median = advising.shop_median(bounces, limits) if grouped == "page" else None
    whole, of_shop = _added(now.values()), _added(all_of_shop.values())
    none = dict.fromkeys(SUMS, 0)

    def row(key: tuple[str | None, str | None], sums: Sums) -> Entrance:
        return Entrance(
            path=key[1],
            page_type=key[0],
            sums=sums,
            then=then.get(key, none) if other is not None else None,
            advice=_advice(sums, of_shop, median, limits) if grouped == "page" else None,
        )

    def rank(key: tuple[str | None, str | None]) -> tuple[int, int, str, str]:
        sums, before = now.get(key, none), then.get(key, none)
        return -sums["viewed_visits"], -before["viewed_visits"], key[1] or "", key[0] or ""

    ranked = sorted({**now, **then}, key=rank)
    return Entrances(
        period=period,
        by=grouped,
        metrics=SHOWN,
        rows=tuple(row(key, now.get(key, none)) for key in ranked),
        total=Entrance(None, None, whole, _added(then.values()) if other is not None else None, None),
        median=median,
        judged=sum(of >= limits.least_visits for _cases, of in bounces),
        limits=limits,
        until=decisions.so_far(shop, period, at),
        against_period=other,
        notes=(BY_VISIT,),
    )


def _grouping(text: str) -> By:
    for one in BYS:
        if one == text:
            return one
    raise Invalid(field="by", value=text)


def _asked(
    shop: ShopView, period: Period, by: By, condition: Node | None, until: datetime | None
) -> dict[tuple[str | None, str | None], Sums]:
    """Sums by (type, path) of the entrance; the path is None where types are asked for."""
    channel = channel_alone(condition)

    def build(tables: Mapping[str, ibis.Table]) -> ibis.Table:
        rows = tables["entrance_days"].filter(ibis._.viewed_visits > 0)
        if channel is not None:
            rows = rows.filter(rows.channel == channel)
        keys = ["entry_type", "entry_path"] if by == "page" else ["entry_type"]
        return rows.group_by(keys).aggregate(**{name: rows[name].sum() for name in SUMS})

    def question(snapshot: warehouse.Snapshot) -> list[dict]:
        key = ("entrances", by, channel)
        if condition is None or channel is not None:
            laid_out = warehouse.LaidOut(snapshot, [warehouse.Stretch(period, until)])
            return laid_out.answer({"entrance_days": None}, key, build, is_kept=True).to_pylist()
        scoped = snapshot if until is None else snapshot.cut(until)
        visits = scoped.derived("visits")
        table = entrance_days(visits.filter(holds(condition, visits)))
        return asker(scoped, {"entrance_days": table}, ())(key, build).to_pylist()

    return {
        (row["entry_type"], row.get("entry_path")): {name: int(row[name]) for name in SUMS}
        for row in warehouse.ask(shop, period, question)
    }


def _added(rows: Collection[Sums]) -> Sums:
    return {name: sum(row[name] for row in rows) for name in SUMS}


def _advice(sums: Sums, whole: Sums, median: Fraction | None, limits: advising.Limits) -> advising.Advice:
    return advising.advise(
        bounced=sums["one_view_visits"],
        visits=sums["viewed_visits"],
        ordered=sums["ordered_visits"],
        visits_of_all=whole["viewed_visits"],
        middle=median,
        limits=limits,
    )


def _figures(sums: Sums) -> tuple[Figure, ...]:
    measures: dict[str, int | Decimal | Fraction] = {
        **sums, "visits": sums["viewed_visits"], "paid_minor": sums["revenue_minor"],
    }  # fmt: skip
    return tuple(decisions.figure(one, measures) for one in SHOWN)


def item_exits(
    *,
    shop: ShopView,
    period: Period,
    paths: Collection[str],
    condition: Node | None = None,
    until: datetime | None = None,
) -> dict[str, Figure]:
    """The exit rate (B-199, A-154) of each of some item pages that was viewed: views after which no other page was opened.

    Raises TooManyEvents under a condition that has too many to follow."""
    shown = metric("bounce_page")
    if not paths:
        return {}
    found = flows(
        shop=shop,
        period=period,
        by=("kind", "from_path"),
        where={"from_type": "item", "from_path": tuple(sorted(paths))},
        condition=condition,
        until=until,
    )
    sums: dict[str, dict[str, int | Decimal | Fraction]] = {}
    for flow in found.rows:
        own = sums.setdefault(flow.keys["from_path"], {"item_views": 0, "item_exits": 0})
        own["item_views"] += flow.moves
        own["item_exits"] += flow.moves if flow.keys["kind"] in ("exit", "order") else 0
    return {path: decisions.figure(shown, own) for path, own in sums.items()}
