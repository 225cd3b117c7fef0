from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AttributeValue",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("shop_id", models.BigIntegerField()),
                ("identity_id", models.BigIntegerField()),
                ("name", models.CharField(max_length=40)),
                ("value", models.JSONField(null=True)),
                ("at", models.DateTimeField()),
                ("source", models.CharField(max_length=10)),
                ("made_by", models.CharField(max_length=200)),
                ("made_at", models.DateTimeField()),
                ("statement", models.CharField(max_length=32)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["shop_id", "identity_id"], name="customers_values_of"),
                    models.Index(fields=["statement"], name="customers_value_said"),
                ],
            },
        ),
        migrations.CreateModel(
            name="OwnAttribute",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("shop_id", models.BigIntegerField()),
                ("name", models.CharField(max_length=40)),
                ("definition", models.JSONField()),
                ("made_by", models.CharField(max_length=200)),
                ("made_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("shop_id", "name"), name="customers_attribute_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="TagGiven",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("shop_id", models.BigIntegerField()),
                ("identity_id", models.BigIntegerField()),
                ("tag", models.CharField(max_length=60)),
                ("origin", models.CharField(max_length=10)),
                ("rule", models.CharField(default="", max_length=120)),
                ("given_by", models.CharField(max_length=200)),
                ("given_at", models.DateTimeField()),
                ("until", models.DateTimeField(null=True)),
                ("taken_at", models.DateTimeField(null=True)),
                ("taken_by", models.CharField(default="", max_length=200)),
                ("statement", models.CharField(max_length=32)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["shop_id", "identity_id"], name="customers_tags_of"),
                    models.Index(fields=["shop_id", "tag", "given_at"], name="customers_tag"),
                    models.Index(fields=["statement"], name="customers_tag_said"),
                ],
            },
        ),
    ]
