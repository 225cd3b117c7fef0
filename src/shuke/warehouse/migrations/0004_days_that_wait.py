"""A large day may wait for some of its derived kinds."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("warehouse", "0003_days_of_an_erasure")]

    operations = [
        migrations.AddField("sealedday", "is_whole", models.BooleanField(default=True)),
        migrations.AddIndex(
            "sealedday",
            models.Index(fields=["shop_id"], condition=models.Q(is_whole=False), name="warehouse_not_whole"),
        ),
    ]
