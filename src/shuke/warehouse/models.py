"""The ledgers of the two tiers: which files are open, and through which segment each shop's day is sealed.

Facts themselves lie in files; these rows say which files hold which facts, and setting one of them is the single moment
at which a reader's answer changes. They name no person.
"""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager


class Tier(models.Model):
    """The counter of segment numbers. A number is given once, in the order in which segments are listed."""

    name = models.CharField(max_length=20, primary_key=True)
    last = models.BigIntegerField(default=0)


class Segment(models.Model):
    """One open Parquet file of one kind: rows that came as segments `first`..`last`, possibly of many shops.

    `spans` says what it holds: {shop id: {day: rows}}. A merged or wholly sealed file is unlisted first and removed only
    after a grace, since a reader may hold the list from before.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=40)
    file = models.CharField(max_length=200, unique=True)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    rows = models.BigIntegerField()
    size = models.BigIntegerField()
    spans = models.TextField()  # JSON text, decoded once per process: it never changes
    listed_at = models.DateTimeField()
    unlisted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["unlisted_at", "last"], name="warehouse_open_list")]


class SealedDay(models.Model):
    """One shop's day: the sealed tables hold all its facts of segments up to `through`; `versions` are the tables' Delta
    versions at which they do. Facts of later segments are open. `is_whole`: no derived kind waits to be filled (later.py)."""

    shop_id = models.BigIntegerField()
    day = models.DateField()
    through = models.BigIntegerField()
    versions = models.JSONField()
    rows = models.JSONField()
    sealed_at = models.DateTimeField()
    times = models.IntegerField(default=1)
    is_whole = models.BooleanField(default=True)

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop_id", "day"], name="warehouse_sealed_day")]
        indexes = [
            models.Index(fields=["shop_id"], condition=models.Q(is_whole=False), name="warehouse_not_whole")
        ]


class Fill(models.Model):
    """The ledger of fills: what was started is finished first, from the same beginning, before anything else is."""

    shop_id = models.BigIntegerField(db_index=True)
    days = models.JSONField()
    through = models.BigIntegerField()
    started_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, db_index=True)
    rows = models.BigIntegerField(default=0)
    seconds = models.FloatField(null=True)

    objects = ScopedManager(shop="shop_id")


class ErasureBegun(models.Model):
    """An erasure that was begun, by surrogates: finished before anything else is written, if its process was killed."""

    shop_id = models.BigIntegerField(db_index=True)
    surrogates = models.JSONField()
    days = models.JSONField(default=list)  # sealed days with facts of theirs, which are derived again
    begun_at = models.DateTimeField()

    objects = ScopedManager(shop="shop_id")
