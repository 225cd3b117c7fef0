"""The state of records: audit entries, the outbox and its deliveries, jobs, idempotency keys. Shops are plain ids."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager


class AuditEntry(models.Model):
    """One deed: who, when, on what, and its values before and after. Written once, never changed."""

    shop_id = models.BigIntegerField(
        null=True, db_index=True
    )  # null: concerns the installation, not one shop
    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=16)
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=200)
    actor_role = models.CharField(max_length=32, null=True)
    deed = models.CharField(max_length=80)
    subject_kind = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=120)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    objects = ScopedManager(shop="shop_id")

    class Meta:
        indexes = [models.Index(fields=["shop_id", "-at"], name="audit_shop_at")]


class OutboxEvent(models.Model):
    """An announcement, written in the transaction of the change that it tells of."""

    shop_id = models.BigIntegerField(null=True, db_index=True)
    name = models.CharField(max_length=120)
    payload = models.JSONField()
    at = models.DateTimeField()
    is_planned = models.BooleanField(default=False)  # its deliveries exist

    objects = ScopedManager(shop="shop_id")

    class Meta:
        indexes = [
            models.Index(fields=["id"], name="outbox_unplanned", condition=models.Q(is_planned=False)),
        ]


class Delivery(models.Model):
    """One event on its way to one listener. `lease` fences two deliverers of the same row."""

    event = models.ForeignKey(OutboxEvent, on_delete=models.CASCADE, related_name="+")
    shop_id = models.BigIntegerField(null=True, db_index=True)
    listener = models.CharField(max_length=255)
    state = models.CharField(max_length=12, default="waiting")
    attempts = models.IntegerField(default=0)
    due_at = models.DateTimeField()  # while being delivered: when another may try
    lease = models.CharField(max_length=32, default="")
    last_error = models.CharField(max_length=300, default="")
    delivered_at = models.DateTimeField(null=True)

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "listener"], name="delivery_once")]
        indexes = [
            models.Index(fields=["due_at"], name="delivery_due", condition=models.Q(state="waiting")),
        ]


class Job(models.Model):
    """Work outside a request, done in bounded chunks; `cursor` is where the next chunk goes on."""

    shop_id = models.BigIntegerField(db_index=True)
    kind = models.CharField(max_length=80)
    params = models.JSONField(default=dict)
    key = models.CharField(max_length=160, null=True)  # starting twice with one key starts once
    state = models.CharField(max_length=12, default="waiting")
    cursor = models.JSONField(default=dict)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True)
    note = models.CharField(max_length=300, default="")
    error = models.JSONField(null=True)  # {"code": ..., "reference": ..., "words": {language: text}}
    attempts = models.IntegerField(default=0)  # chunks begun since the last one that ended well
    lease = models.CharField(max_length=32, default="")
    lease_until = models.DateTimeField(null=True)
    kick_at = models.DateTimeField()  # when the sweeper dispatches it again if nothing has moved it
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=200)
    actor_role = models.CharField(max_length=32, null=True)

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop_id", "kind", "key"], name="job_once_per_key")]
        indexes = [
            models.Index(fields=["shop_id", "-created_at"], name="job_shop_created"),
            models.Index(
                fields=["kick_at"],
                name="job_to_kick",
                condition=models.Q(state__in=["waiting", "running", "stopping"]),
            ),
        ]


class IdempotencyKey(models.Model):
    """The first answer to a deed that a program asked for under a key of its own."""

    shop_id = models.BigIntegerField(db_index=True)
    deed = models.CharField(max_length=80)
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)
    answer = models.JSONField(null=True)
    at = models.DateTimeField(db_index=True)

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shop_id", "deed", "key"], name="idempotency_key_once"),
        ]
