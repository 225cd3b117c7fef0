"""A funnel that was saved: its definition as versioned JSON."""

from __future__ import annotations

from django.db import models

from shuke.traffic.saved.models import Saved


class SavedFunnel(Saved):
    """`definition` is `shapes.dump_funnel`."""

    definition = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shop", "name"], condition=models.Q(archived_at=None), name="funnels_one_of_a_name"
            )
        ]
