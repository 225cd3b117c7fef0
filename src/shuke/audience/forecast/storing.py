"""Rows of forecasts: the newest of a shop, and what a job writes. The caller has scoped the shop."""

from __future__ import annotations

from datetime import timedelta

from shuke.audience.forecast.models import ForecastMade
from shuke.audience.forecast.shapes import Forecast, dump, parse

KEPT = timedelta(days=400)  # what was forecast a year ago can be held against what came


def _read(row: ForecastMade) -> Forecast:
    return parse(row.told, id=row.pk, made_at=row.made_at, last_day=row.last_day, is_whole=row.is_whole)


def newest(shop_id: int) -> Forecast | None:
    """The forecast of the latest day; of several, the one made last."""
    row = ForecastMade.objects.filter(shop_id=shop_id).order_by("-last_day", "-id").first()
    return None if row is None else _read(row)


def of_job(shop_id: int, job_id: int) -> Forecast | None:
    row = ForecastMade.objects.filter(shop_id=shop_id, job_id=job_id).first()
    return None if row is None else _read(row)


def add(shop_id: int, job_id: int, made: Forecast) -> None:
    """Keep a forecast; those made long before it go."""
    ForecastMade.objects.filter(shop_id=shop_id, made_at__lt=made.made_at - KEPT).delete()
    ForecastMade.objects.create(
        shop_id=shop_id,
        job_id=job_id,
        made_at=made.made_at,
        last_day=made.last_day,
        is_whole=made.is_whole,
        told=dump(made),
    )


def complete(shop_id: int, whole: Forecast) -> None:
    """Add its holdout to a forecast."""
    ForecastMade.objects.filter(shop_id=shop_id, pk=whole.id).update(is_whole=True, told=dump(whole))
