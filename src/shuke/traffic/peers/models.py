"""What a shop says of its industry tables: which of its channels a name of a table means."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager


class ChannelName(models.Model):
    """A name, folded as names are compared, and the channel that it means in this shop; blank: left out of comparisons."""

    shop = models.ForeignKey("shops.Shop", on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=200)
    channel = models.CharField(max_length=40, blank=True)
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "name"], name="peers_name_once")]

    def __str__(self) -> str:
        return f"{self.name}: {self.channel or '-'}"
