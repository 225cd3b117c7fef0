"""The row of a saved thing, whatever it is."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager


class Saved(models.Model):
    """`version` counts the changes. Archived ones stay, so that links hold; of those in use a name stands once, which is a
    constraint of each table."""

    shop = models.ForeignKey("shops.Shop", on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=120)
    version = models.PositiveIntegerField(default=1)
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    changed_by = models.CharField(max_length=200)
    changed_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True)

    objects = ScopedManager(shop="shop_id")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name
