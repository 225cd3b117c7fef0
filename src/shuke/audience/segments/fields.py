"""What a condition may ask of a customer: fields of his own, and the series of his dated facts.

Each field of a customer is a column of `worlds.subjects`, each field of a series one of its table.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from shuke.audience.value.wording import STATE_TITLES
from shuke.conditions.reads import Field, Kind, Series, fields_of, register_field, register_series
from shuke.traffic.fields import SUBJECT as VISIT

CUSTOMER, ORDER, ITEM, DEED = "customer", "customer_order", "customer_item", "customer_deed"

ORDERS = Series("orders", pgettext_lazy("series", "orders"), ORDER)
PAID_ORDERS = Series("paid_orders", pgettext_lazy("series", "paid orders (refunds not deducted)"), ORDER)
ITEMS = Series("items", pgettext_lazy("series", "items bought"), ITEM)
VISITS = Series("visits", pgettext_lazy("series", "visits"), VISIT)
DEEDS = Series("deeds", pgettext_lazy("series", "deeds in the shop"), DEED)
# What rules make of facts, and may make anew of the same facts on another day.
COMPUTED = frozenset({"lifecycle", "is_super_user"})
ALL = (ORDERS, PAID_ORDERS, ITEMS, VISITS, DEEDS)


def register() -> None:
    """Offer them to the condition language."""
    for field in (
        Field("first_seen_on", Kind.DAY, _("first day with a visit or order")),
        Field("last_seen_on", Kind.DAY, _("last day with a visit or order")),
        Field("visits_ever", Kind.NUMBER, _("visits in all")),
        Field("orders_ever", Kind.NUMBER, _("orders in all")),
        Field("net_amount", Kind.MONEY, _("net amount in all")),
        Field("paid_amount", Kind.MONEY, _("paid amount in all")),
        Field("lifecycle", Kind.CHOICE, pgettext_lazy("segment", "lifecycle"), choices=STATE_TITLES),
        Field("is_super_user", Kind.FLAG, pgettext_lazy("segment", "super user")),
    ):
        register_field(field, CUSTOMER)
    for field in (
        Field("order_net", Kind.MONEY, _("net amount of the order")),
        Field("order_paid", Kind.MONEY, _("paid amount of the order")),
    ):
        register_field(field, ORDER)
    for field in (
        Field("item_ref", Kind.TEXT, _("item"), folds_case=True),
        Field("item_title", Kind.TEXT, _("title of the item"), folds_case=True),
        Field("item_units", Kind.NUMBER, _("units")),
        Field("item_amount", Kind.MONEY, _("amount")),
    ):
        register_field(field, ITEM)
    for field in (
        Field("deed_name", Kind.TEXT, _("name of the deed")),
        Field("deed_item", Kind.TEXT, _("item of the deed"), folds_case=True),
        Field("deed_page", Kind.TEXT, _("page of the deed")),
        Field("deed_page_type", Kind.TEXT, _("type of page of the deed")),
    ):
        register_field(field, DEED)
    assert fields_of(VISIT), "traffic registers the fields of a visit before"
    for series in ALL:
        register_series(series, CUSTOMER)
