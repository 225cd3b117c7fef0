"""Files that were given, the mappings that read them, and what became of each import."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager

from shuke.shops.models import Shop


class Upload(models.Model):
    """A file as it was given, kept under the hash of its content: the same file twice is one file.

    Holds personal data: an erasure removes the files that mention the person.
    """

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, related_name="+")
    sha256 = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    size = models.BigIntegerField()  # bytes, as given
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "sha256"], name="upload_once")]


class Mapping(models.Model):
    """A shop's own mapping. The shipped ones are files (intake/mappings) and stand in no row."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    spec = models.JSONField()
    version = models.IntegerField(default=1)  # raised by each change; an import keeps the spec that it used
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "name"], name="mapping_once")]


class Import(models.Model):
    """One load of one or more joined files. Its state is its job's; counts move with the facts of each chunk.

    rows_read = rows_new + rows_changed + rows_known + rows_bad.
    """

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, related_name="+")
    mapping_name = models.CharField(max_length=80)
    spec = models.JSONField()
    kind = models.CharField(max_length=20)  # orders, events, settlements, returns, entries
    source = models.CharField(max_length=200)
    files = models.JSONField()  # part ("" is the main file) -> {sha256, name, size}
    choices = models.JSONField(default=dict)  # separator, encoding, header as a person chose them
    job_id = models.BigIntegerField(null=True, db_index=True)
    rows_read = models.BigIntegerField(default=0)
    rows_new = models.BigIntegerField(default=0)
    rows_changed = models.BigIntegerField(default=0)
    rows_known = models.BigIntegerField(default=0)
    rows_bad = models.BigIntegerField(default=0)
    first_day = models.DateField(null=True)
    last_day = models.DateField(null=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200, default="")

    objects = ScopedManager(shop="shop_id")

    class Meta:
        indexes = [models.Index(fields=["shop", "source"], name="import_by_source")]
