"""A shop with a forecast and a consent that waits to be confirmed, for the walk over all addresses."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django_scopes import scope

from shuke.audience.contacts import actions as contacts
from shuke.audience.contacts.kinds import Channel, PointKind, Purpose
from shuke.audience.forecast import storing
from shuke.audience.forecast.shapes import Expected, Fitted, Forecast, Parameter
from shuke.records.actor import Actor
from shuke.shops.reads import ShopView


def furnish_forecast(shop: ShopView, mark: str, last_day: date, at: datetime) -> dict[str, Any]:
    """A forecast as of the end of `last_day`; `consent_token` of a point of the shop's own."""
    fit = Fitted(
        tuple(
            Parameter(name, value, None)
            for name, value in (("r", 0.5), ("alpha", 40.0), ("a", 0.8), ("b", 2.4))
        ),
        -100.0,
        False,
        20,
    )
    made = Forecast(
        id=0, made_at=at, first_day=last_day, last_day=last_day, days=91, share=0.8, currency=shop.currency,
        customers=20, repeaters=5, order_days=30, new_customers=3, is_few=True, why_not="",
        orders=Expected(9.0, 4.0, 15.0), value=None, alive=18.0, of_orders=fit, of_money=None, correlation=None,
        bands=(), holdout=None, is_whole=True,
    )  # fmt: skip
    who = Actor.system("tests")
    with scope(shop=shop.id):
        storing.add(shop.id, shop.id, made)  # the job is nobody's: rows of jobs are not looked at
        text = f"{mark}@example.com"
        point = contacts.hold_point(shop=shop, kind=PointKind.EMAIL, text=text, actor=who, at=at)
        asked = contacts.ask_consent(
            shop=shop,
            point=point,
            channel=Channel.EMAIL,
            purpose=Purpose.MARKETING,
            evidence=contacts.Evidence("v1", mark),
            actor=who,
            at=at,
        )
    return {"consent_token": asked.token}
