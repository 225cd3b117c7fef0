"""Kept rules that can not be applied for now: since when, how often tried, when again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("intake", "0005_kept_for_events")]

    operations = [
        migrations.AddField("keptmend", "failures", models.IntegerField(default=0)),
        migrations.AddField("keptmend", "failing_since", models.DateTimeField(null=True)),
        migrations.AddField("keptmend", "next_try_at", models.DateTimeField(null=True)),
        migrations.AddField("keptmend", "problem", models.CharField(default="", max_length=80)),
    ]
