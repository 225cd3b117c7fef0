"""What this room fills in the warehouse: `item_deeds` from events, `item_lines` from order lines, and from both of them
`item_visitors`, `item_people`, `item_sums` and `item_days`, which pages read."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import ibis

from shuke.traffic.derived import visit_rules
from shuke.traffic.items import deeds, resolving
from shuke.warehouse.derivations import Context, Derivation, Kernel, Prepared, register


def item_lines(inputs: Mapping[str, ibis.Table], context: Context) -> ibis.Table:
    return resolving.lines(inputs["order_lines"])


def item_visitors(inputs: Mapping[str, ibis.Table], context: Context) -> ibis.Table:
    return resolving.visitors(*resolving.tables(inputs, context.shop.currency))


def item_days(inputs: Mapping[str, ibis.Table], context: Context) -> ibis.Table:
    known, sold = resolving.tables(inputs, context.shop.currency)
    return resolving.days(inputs["item_visitors"], known, sold)


def item_people(inputs: Mapping[str, ibis.Table], context: Context) -> ibis.Table:
    return resolving.people(inputs["item_visitors"])


def item_sums(inputs: Mapping[str, ibis.Table], context: Context) -> ibis.Table:
    return resolving.sums(inputs["item_visitors"])


def _deeds_by_kernel(context: Context) -> Prepared:
    eras = visit_rules(context.shop, context.period)
    currency = context.shop.currency
    return lambda inputs: deeds.deeds(inputs["events"], eras, currency)


def _rules_and_currency(context: Context) -> Hashable:
    return visit_rules(context.shop, context.period), context.shop.currency


def _currency(context: Context) -> Hashable:
    return context.shop.currency


def register_derivations() -> None:
    """Tell the warehouse how the kinds of items are computed."""
    register(
        Derivation(
            "item_deeds",
            ("events",),
            {"events": "visitor_id"},
            None,
            kernel=Kernel({"events": deeds.COLUMNS}, _deeds_by_kernel, is_alone=True),
            variant=_rules_and_currency,
            later=True,
        )
    )
    register(
        Derivation(
            "item_lines",
            ("order_lines",),
            {"order_lines": "order_id"},
            item_lines,
            variant=lambda _: (),
            later=True,
        )
    )
    register(Derivation("item_visitors", ("item_deeds", "item_lines"), {}, item_visitors, variant=_currency))
    register(Derivation("item_people", ("item_visitors",), {}, item_people, variant=lambda _: ()))
    register(Derivation("item_sums", ("item_visitors",), {}, item_sums, variant=lambda _: ()))
    register(
        Derivation(
            "item_days", ("item_visitors", "item_deeds", "item_lines"), {}, item_days, variant=_currency
        )
    )
