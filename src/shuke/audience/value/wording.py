"""What value and lifecycle are called, for pages, commands and files alike."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

VERSION_TITLES: dict[str, str | Promise] = {
    "netted": pgettext_lazy("version of value", "Netted"),
    "gross": pgettext_lazy("version of value", "Gross"),
}
STATE_TITLES: dict[str, str | Promise] = {
    "new": pgettext_lazy("lifecycle", "New"),
    "active": pgettext_lazy("lifecycle", "Active"),
    "returning": pgettext_lazy("lifecycle", "Returning"),
    "silent": pgettext_lazy("lifecycle", "Silent"),
}
NOT_YET = pgettext_lazy("lifecycle", "Not yet a customer")
BASIS_TITLES: dict[str, str | Promise] = {
    "visits": _("A visit or an order is activity."),
    "orders": _("An order is activity: the shop has no visits of known people that reach far enough back."),
}
STANDING_TITLES: dict[str, str | Promise] = {
    "leader": pgettext_lazy("standing", "Opinion leader"),
    "ordinary": pgettext_lazy("standing", "Ordinary user"),
    "unknown": pgettext_lazy("standing", "Unknown"),
}
ACTIVITY_TITLES: dict[str, str | Promise] = {
    "visit": pgettext_lazy("activity", "Visit"),
    "order": pgettext_lazy("activity", "Order"),
}
# Why orders do not count (purchases.LeftOut).
REASONS: dict[str, str | Promise] = {
    "no_person": _("Orders without a known person"),
    "no_price": _("Sales without a price above 0"),
    "unstated": _("Orders whose amount nobody states: counted as orders, without money"),
    "came_back": _("Cancelled or refunded: not deducted in this version"),
    "without_sale": _("Money that came back under a number of its own: deducted, but no order"),
    "gone": _("Orders of which nothing remains: no orders in this version"),
    "unknown_refund": _("Refunds of whole orders whose sale nobody knows: not deducted"),
    "other_currency": _("Orders in another currency"),
    "unpaid": _("Orders that nobody paid"),
    "zero_lines": _("Lines of sales at price or quantity 0"),
}


def state_title(state: str | None) -> str:
    return str(NOT_YET if state is None else STATE_TITLES[state])


def masked(ref: str | None) -> str:
    """A name with all but its ends hidden, as it leaves in files; the id stands beside it."""
    if not ref:
        return ""
    return f"{ref[:1]}…{ref[-1:]}" if len(ref) > 4 else "…"
