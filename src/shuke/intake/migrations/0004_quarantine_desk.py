"""The quarantine desk: groups by mapping and column, mends, kept mends, how each entry was settled."""

from collections import Counter

import django.db.models.deletion
from django.db import migrations, models

from shuke.kernel.surrogates import surrogate


def fill_in(apps, schema_editor):
    """The mapping of rows that wait already, and the places that mended rows took."""
    quarantined = apps.get_model("intake", "Quarantined")._base_manager
    imports = apps.get_model("intake", "Import")._base_manager
    for import_id, name in imports.values_list("id", "mapping_name"):
        quarantined.filter(origin="import", import_id=import_id).update(mapping=name)
    taken: Counter[int] = Counter()
    mended = quarantined.filter(origin="import", state="replayed", params__has_key="mended_key")
    for row in mended.order_by("settled_at", "id").iterator(chunk_size=500):
        key = surrogate(row.shop_id, "mended", f"{row.import_id}\x1f{row.params['mended_key']}")
        taken[key] += 1
        # Only how many stand before is counted on, so the numbers may begin anywhere.
        quarantined.filter(pk=row.pk).update(mended_key=key, mended_place=taken[key])


class Migration(migrations.Migration):
    dependencies = [
        ("intake", "0003_longer_kinds"),
        ("shops", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="KeptMend",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("mapping", models.CharField(max_length=80)),
                ("reason", models.CharField(max_length=40)),
                ("column", models.CharField(default="", max_length=200)),
                ("rules", models.JSONField()),
                ("created_at", models.DateTimeField()),
                ("created_by", models.CharField(default="", max_length=200)),
                ("removed_at", models.DateTimeField(null=True)),
                ("removed_by", models.CharField(default="", max_length=200)),
            ],
        ),
        migrations.CreateModel(
            name="Mend",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("wanted", models.JSONField()),
                ("rules", models.JSONField()),
                ("through", models.BigIntegerField()),
                ("total", models.BigIntegerField()),
                ("job_id", models.BigIntegerField(null=True)),
                ("looked", models.BigIntegerField(default=0)),
                ("replayed", models.BigIntegerField(default=0)),
                ("mended", models.BigIntegerField(default=0)),
                ("dropped", models.BigIntegerField(default=0)),
                ("refused", models.BigIntegerField(default=0)),
                ("refusals", models.JSONField(default=list)),
                ("created_at", models.DateTimeField()),
                ("created_by", models.CharField(default="", max_length=200)),
            ],
        ),
        migrations.CreateModel(
            name="Settlement",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("state", models.CharField(max_length=8)),
                ("changes", models.JSONField(default=list)),
                ("note", models.CharField(default="", max_length=300)),
                ("at", models.DateTimeField()),
                ("by", models.CharField(default="", max_length=200)),
            ],
        ),
        migrations.RemoveIndex(
            model_name="quarantined",
            name="quarantined_by_reason",
        ),
        migrations.AddField(
            model_name="quarantined",
            name="mapping",
            field=models.CharField(default="", max_length=80),
        ),
        migrations.AddField(
            model_name="quarantined",
            name="mended_key",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="quarantined",
            name="mended_place",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddIndex(
            model_name="quarantined",
            index=models.Index(
                fields=["shop", "state", "origin", "reason", "mapping", "column", "id", "received_at"],
                name="quarantined_by_group",
            ),
        ),
        migrations.AddIndex(
            model_name="quarantined",
            index=models.Index(fields=["shop", "state", "id"], name="quarantined_by_state"),
        ),
        migrations.AddIndex(
            model_name="quarantined",
            index=models.Index(
                condition=models.Q(("mended_key__isnull", False)),
                fields=["mended_key", "mended_place"],
                name="quarantined_mended",
            ),
        ),
        migrations.AddField(
            model_name="keptmend",
            name="shop",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="shops.shop"
            ),
        ),
        migrations.AddField(
            model_name="mend",
            name="shop",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="shops.shop"
            ),
        ),
        migrations.AddField(
            model_name="settlement",
            name="entry",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="intake.quarantined"
            ),
        ),
        migrations.AddField(
            model_name="settlement",
            name="kept",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="intake.keptmend",
            ),
        ),
        migrations.AddField(
            model_name="settlement",
            name="mend",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="intake.mend"
            ),
        ),
        migrations.AddField(
            model_name="settlement",
            name="shop",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="shops.shop"
            ),
        ),
        migrations.AddConstraint(
            model_name="keptmend",
            constraint=models.UniqueConstraint(
                condition=models.Q(("removed_at__isnull", True)),
                fields=("shop", "mapping", "reason", "column"),
                name="kept_mend_once",
            ),
        ),
        migrations.AddIndex(
            model_name="mend",
            index=models.Index(fields=["shop", "id"], name="mend_of_shop"),
        ),
        migrations.AddIndex(
            model_name="settlement",
            index=models.Index(fields=["mend", "id"], name="settled_by_mend"),
        ),
        migrations.AddConstraint(
            model_name="settlement",
            constraint=models.UniqueConstraint(fields=("entry",), name="settled_once"),
        ),
        migrations.RunPython(fill_in, migrations.RunPython.noop),
    ]
