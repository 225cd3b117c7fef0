from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("traffic_alerts", "0003_letters_of_the_end"),
    ]

    operations = [
        migrations.AddField(
            model_name="watch",
            name="visits_until",
            field=models.DateField(null=True),
        ),
    ]
