"""Who is an opinion leader, as a person of the shop said: the only state of this room."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager


class SaidLeader(models.Model):
    """What was said of a customer, under one of his identities (docs/decisions/0006). No row: nobody said anything."""

    shop_id = models.BigIntegerField()
    identity_id = models.BigIntegerField()
    is_leader = models.BooleanField()
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shop_id", "identity_id"], name="one_saying_an_identity")
        ]
