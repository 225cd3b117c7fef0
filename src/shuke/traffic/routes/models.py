"""Planned routes as an operator wrote them down. A route that is no longer used is archived, never deleted."""

from __future__ import annotations

from django.db import models

from shuke.traffic.saved.models import Saved


class PlannedRoute(Saved):
    """`steps`: a list of {kind, value, share}, checked by decisions.read_steps."""

    name = models.CharField(max_length=80)
    steps = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shop", "name"], condition=models.Q(archived_at=None), name="route_name_once"
            )
        ]
