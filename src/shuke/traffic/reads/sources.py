"""Where visits come from: channel, paid or free, source, medium, campaign, each with its quality."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from shuke.conditions.reads import Node
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import Period
from shuke.kernel.verdicts import Reason
from shuke.shops.reads import ShopView
from shuke.traffic import decisions
from shuke.traffic.figures import SourceRow, SourcesReport
from shuke.traffic.metrics import metric
from shuke.traffic.reads import summing
from shuke.traffic.reads.asking import VISIT_KEYS, Request, Scene, Sums

METRIC_IDS = (
    "visits",
    "uv_period",
    "pv",
    "bounce_entrance",
    "depth",
    "stay_per_visit",
    "cart_rate",
    "buyers",
    "orders",
    "conversion",
    "amount_paid",
    "value_per_visitor",
)
BY_VISIT = _("Orders, buyers and amounts are those that the visits of each source completed themselves.")


def sources(
    *,
    shop: ShopView,
    period: Period,
    by: tuple[str, ...] = ("channel",),
    against: str | None = None,
    condition: Node | None = None,
    at: datetime,
) -> SourcesReport:
    """Visits grouped by some of channel, is_paid, source, medium and campaign, most visits first.

    `against`: before, yesterday or last_week, cut like the overview's. A group of the other period that does not occur in
    this one is shown with zeros. Raises Invalid for an unknown column or comparison.
    """
    if not by or len(set(by)) != len(by) or not set(by) <= set(VISIT_KEYS):
        raise Invalid(field="by", value=",".join(by))
    shown = tuple(metric(id) for id in METRIC_IDS)
    names = [name for one in shown for name in one.measures]
    until = decisions.so_far(shop, period, at)
    scene = Scene(shop, period, until, condition, counts_by_visit=True)
    other = None
    scenes = [scene]
    if against is not None:
        other = decisions.compared_period(against, period, None)
        until_then = decisions.compared_until(shop, period, other, at)
        scenes.append(replace(scene, period=other, until=until_then))
    asked = [Request(one, tuple(names), keys) for one in scenes for keys in (by, ())]
    now, total, then, then_total = (*summing.sums_of(asked), {}, {})[:4]
    empty: Sums = dict.fromkeys((one.name for one in scene.used(names, by)), 0)

    def row(keys: tuple, mine: Sums, theirs: Sums | None) -> SourceRow:
        return SourceRow(
            dict(zip(by, keys, strict=False)),
            tuple(decisions.figure(one, mine) for one in shown),
            tuple(decisions.figure(one, theirs) for one in shown) if theirs is not None else (),
        )

    groups = sorted(
        {*now, *then},
        key=lambda g: (-int(now.get(g, empty)["visits"]), tuple("" if k is None else str(k) for k in g)),
    )
    return SourcesReport(
        period=period,
        by=by,
        metrics=shown,
        rows=tuple(
            row(g, now.get(g, empty), then.get(g, empty) if other is not None else None) for g in groups
        ),
        total=row((), total[()], then_total[()] if other is not None else None),
        until=until,
        against_period=other,
        notes=(Reason("orders_by_visit", BY_VISIT),),
    )
