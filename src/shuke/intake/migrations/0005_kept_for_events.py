"""Rules that are kept for events of the API; events that were about to be sent when their mend died."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("intake", "0004_quarantine_desk")]

    operations = [
        migrations.AddField("keptmend", "looked_through", models.BigIntegerField(default=0)),
        migrations.AddField("quarantined", "laid_at", models.DateTimeField(null=True)),
    ]
