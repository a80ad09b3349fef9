import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0013_names_of_staff"), ("billing", "0013_to_whom_stripe_writes")]

    operations = [
        migrations.CreateModel(
            name="WorkspaceFigures",
            fields=[
                (
                    "workspace",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="figures",
                        serialize=False,
                        to="accounts.workspace",
                    ),
                ),
                ("requests", models.BigIntegerField()),
                ("tokens", models.BigIntegerField()),
                ("noted_at", models.DateTimeField()),
            ],
            options={"verbose_name_plural": "workspace figures"},
        ),
    ]
