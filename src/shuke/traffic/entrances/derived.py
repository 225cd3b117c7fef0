"""What entrances fill in the warehouse: `entrance_days`, from visits."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
from ibis import _

from shuke.traffic.sessions import as_schema
from shuke.warehouse.derivations import Context, Derivation, register

_DAY = ["shop_id", "local_day"]


def entrance_days(visits: ibis.Table) -> ibis.Table:
    """The columns of schemas.ENTRANCE_DAYS: visits by day, channel and the page through which they came, added up.

    Visits without a view stand in rows of their own, apart from those whose first view states no page.
    """
    told = visits.mutate(is_viewed=ibis.ifelse(visits.views >= 1, 1, 0))
    added = told.group_by([*_DAY, "channel", "entry_type", "entry_path", "is_viewed"]).aggregate(
        visits=_.count(),
        viewed_visits=_count(_.views >= 1),
        one_view_visits=_count(_.views == 1),
        measured_visits=_count(_.views >= 2),
        cart_visits=_count(_.carts > 0),
        ordered_visits=_count(_.orders > 0),
        **{name: _[name].sum() for name in ("views", "stay_seconds", "carts", "orders", "revenue_minor")},
    )
    return as_schema(added, "entrance_days")


def _count(condition: ibis.Deferred) -> ibis.Deferred:
    return ibis.ifelse(condition, 1, 0).sum()


def _derive(inputs: Mapping[str, ibis.Table], context: Context) -> ibis.Table:
    return entrance_days(inputs["visits"])


def register_derivations() -> None:
    """Tell the warehouse how entrances are added up."""
    register(Derivation("entrance_days", ("visits",), {}, _derive, variant=lambda _context: ()))
