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
    the reason (quarantine.REASONS, or the importer's). `payload` is the text as it came, with the batch's sentAt; a mend
    does not change it, what was changed stands in Settlement.
    """

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, related_name="+")
    key = models.BigIntegerField()
    origin = models.CharField(max_length=8)  # api, import
    import_id = models.BigIntegerField(null=True, db_index=True)
    mapping = models.CharField(max_length=80, default="")  # name of the file's mapping; "" for the API
    line = models.BigIntegerField(null=True)
    column = models.CharField(max_length=200, default="")  # column of the file, or path of the field
    reason = models.CharField(max_length=40)
    params = models.JSONField(default=dict)
    payload = models.TextField()
    received_at = models.DateTimeField()
    state = models.CharField(max_length=8, default=WAITING)
    settled_at = models.DateTimeField(null=True)
    settled_by = models.CharField(max_length=200, default="")
    # An event that waits though this is set was about to be sent when its mend died: it may count already.
    laid_at = models.DateTimeField(null=True)
    # Set when a mend gave the row a key that it did not have, and with it a place behind the key's last one.
    mended_key = models.BigIntegerField(null=True)
    mended_place = models.BigIntegerField(null=True)

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "key"], name="quarantined_once")]
        indexes = [
            # Groups are counted, and a group's entries paged by id, from this index alone.
            models.Index(
                fields=["shop", "state", "origin", "reason", "mapping", "column", "id", "received_at"],
                name="quarantined_by_group",
            ),
            models.Index(fields=["shop", "state", "id"], name="quarantined_by_state"),
            models.Index(
                fields=["mended_key", "mended_place"],
                condition=models.Q(mended_key__isnull=False),
                name="quarantined_mended",
            ),
        ]


class Mend(models.Model):
    """One mend of a group by rules: what it is applied to, how, and how far it is. Its state is its job's.

    `wanted` is the group (origin, reason, mapping, column, import_id); `through` the newest entry that it looks at.
    looked = replayed + dropped + refused + settled by someone else meanwhile; `mended` of the replayed were changed.
    """

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, related_name="+")
    wanted = models.JSONField()
    rules = models.JSONField()
    through = models.BigIntegerField()
    total = models.BigIntegerField()
    job_id = models.BigIntegerField(null=True)
    looked = models.BigIntegerField(default=0)
    replayed = models.BigIntegerField(default=0)
    mended = models.BigIntegerField(default=0)
    dropped = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    refusals = models.JSONField(default=list)  # why some still wait: code, params, count
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200, default="")

    objects = ScopedManager(shop="shop_id")

    class Meta:
        indexes = [models.Index(fields=["shop", "id"], name="mend_of_shop")]


class KeptMend(models.Model):
    """Rules that are applied again to what is set aside later for the same reason in the same column.

    Never changed: another set of rules for the same group removes this one. An import applies those that stood when it
    was started, so going on after a stop reads the same rows. Of events (no mapping) `looked_through` is the newest entry
    that was looked at; it moves in the transaction that settles what became readable. Where something else than the
    events keeps the rules from being applied, `failures` counts the tries since then, and `problem` names it.
    """

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, related_name="+")
    mapping = models.CharField(max_length=80)  # "": of events
    reason = models.CharField(max_length=40)
    column = models.CharField(max_length=200, default="")
    rules = models.JSONField()
    looked_through = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200, default="")
    removed_at = models.DateTimeField(null=True)
    removed_by = models.CharField(max_length=200, default="")
    failures = models.IntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=80, default="")

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shop", "mapping", "reason", "column"],
                condition=models.Q(removed_at__isnull=True),
                name="kept_mend_once",
            )
        ]

    @property
    def origin(self) -> str:
        return IMPORT if self.mapping else API


class Settlement(models.Model):
    """How an entry was settled: when, by whom, by which mend or kept rule, and what was changed. Never changed again.

    `changes` are [{"column", "before", "after"}]; a column "" means the whole text. They hold personal data and go with
    the entry.
    """

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, related_name="+")
    entry = models.ForeignKey(Quarantined, on_delete=models.CASCADE, related_name="+")
    mend = models.ForeignKey(Mend, on_delete=models.SET_NULL, null=True, related_name="+")
    kept = models.ForeignKey(KeptMend, on_delete=models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=8)  # replayed, dropped
    changes = models.JSONField(default=list)
    note = models.CharField(max_length=300, default="")
    at = models.DateTimeField()
    by = models.CharField(max_length=200, default="")

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entry"], name="settled_once")]
        indexes = [models.Index(fields=["mend", "id"], name="settled_by_mend")]


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
