from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("traffic_alerts", "0002_late_orders"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="letter", name="traffic_alerts_letter_once"),
        migrations.AddField(
            model_name="letter",
            name="about",
            field=models.CharField(default="raised", max_length=8),
        ),
        migrations.AddConstraint(
            model_name="letter",
            constraint=models.UniqueConstraint(
                fields=("alert", "user_id", "about"), name="traffic_alerts_letter_once"
            ),
        ),
    ]
