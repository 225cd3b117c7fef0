"""State: contact points that were typed or told with a consent, what was said of consent, and confirmations that wait.

All of it is kept under the identity through which it came. Statements are only ever added; erasing a person removes them.
"""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager


class ContactPoint(models.Model):
    """A point under an identity: where `holder_id` can be reached. `point_id` is the surrogate of kind and ref in the shop;
    under itself (`holder_id` the same) it is known from a consent alone. Points that facts name are identities by themselves
    and have no row here."""

    shop_id = models.BigIntegerField()
    holder_id = models.BigIntegerField()
    point_id = models.BigIntegerField()
    kind = models.CharField(max_length=24)
    ref = models.TextField()
    source = models.CharField(max_length=120)
    added_at = models.DateTimeField()
    added_by = models.CharField(max_length=200)

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["holder_id", "point_id"], name="contacts_point_once")]
        indexes = [models.Index(fields=["point_id"], name="contacts_by_point")]


class Statement(models.Model):
    """What an identity said for a channel and purpose, with its evidence: which text, where, when, from which address (IP)."""

    shop_id = models.BigIntegerField()
    identity_id = models.BigIntegerField()
    channel = models.CharField(max_length=20)
    purpose = models.CharField(max_length=20)
    said = models.CharField(max_length=10)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    text_version = models.CharField(max_length=80, default="")
    source = models.CharField(max_length=120, default="")
    ip = models.CharField(max_length=45, default="")
    note = models.CharField(max_length=300, default="")
    made_by = models.CharField(max_length=200)

    objects = ScopedManager(shop="shop_id")

    class Meta:
        indexes = [
            models.Index(fields=["shop_id", "channel", "purpose", "identity_id"], name="contacts_said"),
            models.Index(fields=["identity_id", "at"], name="contacts_of_identity"),
        ]


class Confirmation(models.Model):
    """A consent that waits to be confirmed. The token itself is told once and kept nowhere: only its SHA-256."""

    shop_id = models.BigIntegerField()
    identity_id = models.BigIntegerField()
    channel = models.CharField(max_length=20)
    purpose = models.CharField(max_length=20)
    token_hash = models.CharField(max_length=64, unique=True)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    text_version = models.CharField(max_length=80, default="")
    source = models.CharField(max_length=120, default="")

    objects = ScopedManager(shop="shop_id")

    class Meta:
        indexes = [models.Index(fields=["shop_id", "identity_id"], name="contacts_waiting")]
