"""The days that an erasure has touched, noted before it deletes: they are derived again."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("warehouse", "0002_erasures_begun")]

    operations = [
        migrations.AddField(
            model_name="erasurebegun",
            name="days",
            field=models.JSONField(default=list),
        ),
    ]
