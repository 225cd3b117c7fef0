from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("intake", "0002_imports")]

    operations = [
        migrations.AlterField(model_name="import", name="kind", field=models.CharField(max_length=20)),
    ]
