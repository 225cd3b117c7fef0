"""What people and files said of customers: attributes, their definitions, tags. Kept under identities (docs/decisions/0006)."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager


class OwnAttribute(models.Model):
    """An attribute that a shop defined itself."""

    shop_id = models.BigIntegerField()
    name = models.CharField(max_length=40)
    definition = models.JSONField()  # type, title {zh, en}, traits, choices
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop_id", "name"], name="customers_attribute_once")]


class AttributeValue(models.Model):
    """One statement of a value, under one identity; never changed, so that its history can be read. `value` null: from then on
    unknown. What was typed on a merged customer stands under an identity of each side, with one `statement`."""

    shop_id = models.BigIntegerField()
    identity_id = models.BigIntegerField()
    name = models.CharField(max_length=40)
    value = models.JSONField(null=True)
    at = models.DateTimeField()  # when it was told
    source = models.CharField(max_length=10)  # hand, import
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    statement = models.CharField(max_length=32)

    objects = ScopedManager(shop="shop_id")

    class Meta:
        indexes = [
            models.Index(fields=["shop_id", "identity_id"], name="customers_values_of"),
            models.Index(fields=["statement"], name="customers_value_said"),
        ]


class TagGiven(models.Model):
    """A tag that was given to an identity, from `given_at` until it was taken or ran out, half-open. Rows stay, so that who
    gave which tag when stays readable. `rule`: of a computed one."""

    shop_id = models.BigIntegerField()
    identity_id = models.BigIntegerField()
    tag = models.CharField(max_length=60)
    origin = models.CharField(max_length=10)  # hand, import, rule
    rule = models.CharField(max_length=120, default="")
    given_by = models.CharField(max_length=200)
    given_at = models.DateTimeField()
    until = models.DateTimeField(null=True)
    taken_at = models.DateTimeField(null=True)
    taken_by = models.CharField(max_length=200, default="")
    statement = models.CharField(max_length=32)

    objects = ScopedManager(shop="shop_id")

    class Meta:
        indexes = [
            models.Index(fields=["shop_id", "identity_id"], name="customers_tags_of"),
            models.Index(fields=["shop_id", "tag", "given_at"], name="customers_tag"),
            models.Index(fields=["statement"], name="customers_tag_said"),
        ]
