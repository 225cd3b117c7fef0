"""State of collection: what was set aside, how far the journal is committed, and which ids are remembered."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager

from shuke.shops.models import Shop

WAITING, REPLAYED, DROPPED = "waiting", "replayed", "dropped"
API, IMPORT = "api", "import"


class Quarantined(models.Model):
    """One event or row that could not become a fact, with the reason, until someone mends or drops it.

    `key` makes setting aside repeatable: the same event sent or read twice stands here once. `params` fill the words of
    the reason (quarantine.REASONS, or the importer's). `payload` is the text as it came, with the batch's sentAt.
    """

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, related_name="+")
    key = models.BigIntegerField()
    origin = models.CharField(max_length=8)  # api, import
    import_id = models.BigIntegerField(null=True, db_index=True)
    line = models.BigIntegerField(null=True)
    column = models.CharField(max_length=200, default="")  # column of the file, or path of the field
    reason = models.CharField(max_length=40)
    params = models.JSONField(default=dict)
    payload = models.TextField()
    received_at = models.DateTimeField()
    state = models.CharField(max_length=8, default=WAITING)
    settled_at = models.DateTimeField(null=True)
    settled_by = models.CharField(max_length=200, default="")

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "key"], name="quarantined_once")]
        indexes = [models.Index(fields=["shop", "state", "reason"], name="quarantined_by_reason")]


class JournalPosition(models.Model):
    """How far one writer's series is committed: everything before `offset` of file `number` is a fact or set aside.

    Moves in the transaction that lists the facts. Of the installation, not of a shop.
    """

    writer = models.CharField(max_length=64, unique=True)
    number = models.BigIntegerField()
    offset = models.BigIntegerField()


class RememberedRun(models.Model):
    """One sorted file of message ids that count; listed in the transaction that lists their facts."""

    hour = models.BigIntegerField(db_index=True)  # hours since 1970, UTC
    name = models.CharField(max_length=64, unique=True)
    ids = models.BigIntegerField()
