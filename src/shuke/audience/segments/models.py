"""Segments as an operator saved them. One that is no longer used is archived, never deleted: other segments may name it."""

from __future__ import annotations

from django.db import models

from shuke.traffic.saved.models import Saved


class Segment(Saved):
    """`condition`: its stored form (conditions.dump), checked when it was saved."""

    name = models.CharField(max_length=80)
    condition = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shop", "name"], condition=models.Q(archived_at=None), name="segment_name_once"
            )
        ]
