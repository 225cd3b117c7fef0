"""Quarantine, the journal's positions, remembered ids."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [("shops", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="JournalPosition",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("writer", models.CharField(max_length=64, unique=True)),
                ("number", models.BigIntegerField()),
                ("offset", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="RememberedRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("hour", models.BigIntegerField(db_index=True)),
                ("name", models.CharField(max_length=64, unique=True)),
                ("ids", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Quarantined",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.BigIntegerField()),
                ("origin", models.CharField(max_length=8)),
                ("import_id", models.BigIntegerField(db_index=True, null=True)),
                ("line", models.BigIntegerField(null=True)),
                ("column", models.CharField(default="", max_length=200)),
                ("reason", models.CharField(max_length=40)),
                ("params", models.JSONField(default=dict)),
                ("payload", models.TextField()),
                ("received_at", models.DateTimeField()),
                ("state", models.CharField(default="waiting", max_length=8)),
                ("settled_at", models.DateTimeField(null=True)),
                ("settled_by", models.CharField(default="", max_length=200)),
                (
                    "shop",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="shops.shop"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["shop", "state", "reason"], name="quarantined_by_reason")],
                "constraints": [models.UniqueConstraint(fields=("shop", "key"), name="quarantined_once")],
            },
        ),
    ]
