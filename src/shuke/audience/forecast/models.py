"""State: what was learnt of a shop and what it forecasts, one row a time that it was computed; rows are never changed after
their job is done. Nothing in them names a person."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager


class ForecastMade(models.Model):
    """A fit and its forecast as of the end of `last_day`. `told`: shapes.Forecast as JSON."""

    shop_id = models.BigIntegerField()
    job_id = models.BigIntegerField(unique=True)
    made_at = models.DateTimeField()
    last_day = models.DateField()
    is_whole = models.BooleanField(default=False)  # the holdout stands in it too
    told = models.JSONField()

    objects = ScopedManager(shop="shop_id")

    class Meta:
        indexes = [models.Index(fields=["shop_id", "last_day"], name="forecast_by_day")]
