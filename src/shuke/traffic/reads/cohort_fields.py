"""What a condition may ask of an event and of a movement of an order; of a visit see fields.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis
from django.utils.translation import pgettext_lazy

from shuke.conditions.reads import Field, Kind, register_family, register_field
from shuke.traffic.reads.properties import PROPERTY, property_field, property_text

# Fields whose column has another name.
COLUMNS = {
    "order_kind": "kind",
    "paid": "paid_minor",
    "order_units": "quantity",
    "event_amount": "amount_minor",
    "event_units": "quantity",
}
_ORDER_KINDS = {
    "sale": pgettext_lazy("order kind", "Sale"),
    "cancellation": pgettext_lazy("order kind", "Cancellation"),
    "adjustment": pgettext_lazy("order kind", "Adjustment"),
    "refund": pgettext_lazy("order kind", "Refund"),
}


def register() -> None:
    """Offer the fields; amounts are integers of the minor unit."""
    for field in (
        Field("order_kind", Kind.CHOICE, pgettext_lazy("order", "kind of movement"), choices=_ORDER_KINDS),
        Field("paid", Kind.MONEY, pgettext_lazy("order", "paid amount")),
        Field("order_units", Kind.NUMBER, pgettext_lazy("order", "units")),
        Field("currency", Kind.TEXT, pgettext_lazy("order", "currency")),
    ):
        register_field(field, "order_movement")
    for field in (
        Field("product_ref", Kind.TEXT, pgettext_lazy("event", "product")),
        Field("page_path", Kind.TEXT, pgettext_lazy("event", "page")),
        Field("page_type", Kind.TEXT, pgettext_lazy("event", "type of page")),
        Field("event_amount", Kind.MONEY, pgettext_lazy("event", "amount")),
        Field("event_units", Kind.NUMBER, pgettext_lazy("event", "units")),
        Field("terminal", Kind.TEXT, pgettext_lazy("visit", "device")),
    ):
        register_field(field, "event")
    register_family(PROPERTY, property_field, "event")


def columns_of(table: ibis.Table) -> Mapping[str, str | ibis.Value]:
    """Where a condition finds its fields in a table of events, orders or visits."""
    found = _Columns(table)
    found.update({name: column for name, column in COLUMNS.items() if column in table.columns})
    if "views" in table.columns:
        found["is_one_page"] = table.views == 1
    return found


class _Columns(dict[str, "str | ibis.Value"]):
    """Columns by field; a property of an event is looked for in the JSON that it was sent with."""

    def __init__(self, table: ibis.Table) -> None:
        super().__init__()
        self._table = table

    def get(self, name: str, default: Any = None) -> Any:
        if name.startswith(PROPERTY) and "properties" in self._table.columns:
            return property_text(self._table["properties"], name.removeprefix(PROPERTY))
        return super().get(name, default)
