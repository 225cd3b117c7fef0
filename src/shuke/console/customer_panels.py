"""What forecast and consent show on the page of one customer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext, pgettext_lazy

from shuke.audience.contacts import reads as contacts
from shuke.audience.customers.panels import Line, Panel, register
from shuke.audience.forecast import reads as forecasts
from shuke.console import words
from shuke.shops.reads import ShopView

VERDICTS = {
    "permitted": pgettext_lazy("verdict of consent", "permitted"),
    "nothing_said": pgettext_lazy("verdict of consent", "nothing said"),
    "unconfirmed": pgettext_lazy("verdict of consent", "not confirmed yet"),
    "refused": pgettext_lazy("verdict of consent", "refused"),
    "refused_elsewhere": pgettext_lazy("verdict of consent", "refused under another name"),
}


def forecast_lines(shop: ShopView, customer_id: int, at: datetime) -> Sequence[Line]:
    """Chance, orders, next order and lifetime value as of the newest forecast; none where he is in none."""
    found = forecasts.of_customer(shop, customer_id)
    if found is None:
        return ()
    made, row = found
    as_of = gettext("as of %(day)s") % {"day": words.day(made.last_day)}
    late = gettext("90%% by %(day)s") % {"day": words.day(row.next_late)} if row.next_late else ""
    months = forecasts.values_of(shop, made.period.start).months
    value = None if row.lifetime_value is None else round(row.lifetime_value)
    return (
        Line(
            gettext("Chance to come again"), words.percent(row.alive, 0), note=as_of, metric="chance_alive.v1"
        ),
        Line(
            gettext("Order days to expect in %(days)s days") % {"days": made.days},
            words.number(row.expected_orders),
            metric="expected_orders.v1",
        ),
        Line(
            gettext("Next order, if he comes again"),
            row.next_day,
            "day",
            why=gettext("Not within ten years."),
            note=late,
        ),
        Line(
            gettext("Lifetime value, %(months)s months") % {"months": months},
            value,
            "money",
            why=gettext("No order day after the first one has a value."),
            metric="lifetime_value.v1",
        ),
    )


def consent_lines(shop: ShopView, customer_id: int, at: datetime) -> Sequence[Line]:
    """Each point and channel for marketing: whether it may be used, and since when. Points masked: the page of the room
    that shows names decides who sees them."""
    found = contacts.consent_of(shop, customer_id, at)
    return tuple(
        Line(
            f"{contacts.CHANNEL_TITLES[channel]} · {contacts.shown(one.point, is_masked=True)}",
            str(VERDICTS[verdict.reason]),
            note=words.moment(verdict.since, shop.zone) if verdict.since else "",
        )
        for one in found.points
        for (channel, purpose), verdict in one.verdicts.items()
        if purpose is contacts.Purpose.MARKETING
    )


register(Panel("forecast", pgettext_lazy("panel", "Forecast"), forecast_lines, order=40))
register(Panel("consent", pgettext_lazy("panel", "Consent"), consent_lines, order=60))
