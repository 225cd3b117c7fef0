"""Identities, the links between them, what suggests a merge, and what was kept out. All of it names people."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django_scopes import ScopedManager


class Register(models.Model):
    """One row a shop: how far its facts were read, and the count of changes of its map.

    Whoever changes identities of the shop locks this row first, so they take turns. `epoch` changes when rows went that
    no count tells of; who remembers the map of another epoch reads it whole.
    """

    shop_id = models.BigIntegerField(primary_key=True)
    read_through = models.BigIntegerField(default=0)  # every fact up to this segment was read
    version = models.BigIntegerField(default=0)
    epoch = models.CharField(max_length=16)
    crowd = models.CharField(max_length=60, default="")  # the rule values that the map was folded by

    objects = ScopedManager(shop="shop_id")


class Identity(models.Model):
    """A name under which a source knows somebody. Written only when something joins it; a buyer of whom nothing else is
    known has no row. `customer_id` is what the links come to (decisions.fold), kept beside them to be asked quickly."""

    id = models.BigIntegerField(primary_key=True)  # surrogate of kind and ref in the shop
    shop_id = models.BigIntegerField()
    kind = models.CharField(max_length=24)
    ref = models.TextField()  # as it is compared
    given = models.TextField()  # as it was written first
    source = models.CharField(max_length=120)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    customer_id = models.BigIntegerField()
    is_shared = models.BooleanField(default=False)  # of several customers: joins nobody
    is_crowded = models.BooleanField(default=False)  # named with too many others to say who somebody is
    version = models.BigIntegerField(default=0)  # the shop's count at the last change of customer_id

    objects = ScopedManager(shop="shop_id")

    class Meta:
        indexes = [
            # Every question names the shop: without this one SQLite looks by it alone, through all of the shop.
            models.Index(fields=["shop_id", "id"], name="identities_by_id"),
            models.Index(fields=["shop_id", "customer_id"], name="identities_of_customer"),
            models.Index(fields=["shop_id", "version"], name="identities_changed"),
        ]


class Link(models.Model):
    """Two identities that are one customer (`one_id` < `other_id`). What facts say stands once a pair; undone, it stays
    undone whatever they repeat. What a person joined stands once a pair while it holds."""

    shop_id = models.BigIntegerField()
    one_id = models.BigIntegerField()
    other_id = models.BigIntegerField()
    pair_id = models.BigIntegerField(db_index=True)  # surrogate of both: many pairs are looked up at once
    origin = models.CharField(max_length=10)
    source = models.CharField(max_length=120)
    at = models.DateTimeField()  # when it was said first
    made_by = models.CharField(max_length=200, default="")  # of one by hand
    undone_at = models.DateTimeField(null=True)
    undone_by = models.CharField(max_length=200, default="")

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["pair_id"], condition=~Q(origin="hand"), name="identities_said_once"
            ),
            models.UniqueConstraint(
                fields=["pair_id"],
                condition=Q(origin="hand", undone_at=None),
                name="identities_joined_once",
            ),
        ]
        indexes = [
            models.Index(fields=["one_id"], name="identities_link_one"),
            models.Index(fields=["other_id"], name="identities_link_other"),
        ]


class Suggestion(models.Model):
    """Two identified people (`one_id` < `other_id`) who may be one, and why. It waits while they are two customers and
    nobody refused it. `via_id`: the identity that they share, 0 where they were told as two names."""

    shop_id = models.BigIntegerField()
    one_id = models.BigIntegerField()
    other_id = models.BigIntegerField()
    reason = models.CharField(max_length=24)
    via_id = models.BigIntegerField(default=0)
    is_known = models.BooleanField(default=True)  # of two names, whether both are people's
    at = models.DateTimeField()
    refused_at = models.DateTimeField(null=True)
    refused_by = models.CharField(max_length=200, default="")

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["one_id", "other_id", "reason", "via_id"], name="identities_suggested_once"
            )
        ]
        indexes = [
            models.Index(fields=["shop_id", "one_id"], name="identities_suggested_one"),
            models.Index(fields=["shop_id", "other_id"], name="identities_suggested_other"),
            models.Index(fields=["shop_id", "via_id"], name="identities_suggested_via"),
            models.Index(fields=["shop_id", "is_known", "refused_at", "at"], name="identities_waiting"),
        ]


class KeptOut(models.Model):
    """A name in a fact that could not be read, once a holder and value. The value itself is not kept."""

    shop_id = models.BigIntegerField()
    holder_id = models.BigIntegerField()  # whose fact it was
    kind = models.CharField(max_length=24)
    reason = models.CharField(max_length=24)
    value_id = models.BigIntegerField()
    source = models.CharField(max_length=120)
    at = models.DateTimeField()

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["holder_id", "kind", "value_id"], name="identities_kept_out_once")
        ]
        indexes = [models.Index(fields=["shop_id", "kind", "reason"], name="identities_kept_out")]


class RelationFact(models.Model):
    """That somebody is, or is no longer, something to the shop, from a moment on. Facts of one moment: the one that says
    no longer holds."""

    shop_id = models.BigIntegerField()
    identity_id = models.BigIntegerField()
    relation = models.CharField(max_length=12)
    holds = models.BooleanField()
    at = models.DateTimeField()
    source = models.CharField(max_length=120)

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["identity_id", "relation", "at", "holds"], name="identities_relation_once"
            )
        ]
        indexes = [models.Index(fields=["shop_id", "relation", "at"], name="identities_relation")]
