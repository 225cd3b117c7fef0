"""Planned routes as an operator wrote them down. A route that is no longer used is archived, never deleted."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager


class PlannedRoute(models.Model):
    """`steps`: a list of {kind, value, share}, checked by decisions.read_steps; `version` counts its changes."""

    shop = models.ForeignKey("shops.Shop", on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    steps = models.JSONField()
    version = models.PositiveIntegerField(default=1)
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    changed_by = models.CharField(max_length=200)
    changed_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True)

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shop", "name"], condition=models.Q(archived_at=None), name="route_name_once"
            )
        ]

    def __str__(self) -> str:
        return self.name
