from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0006_given_plans")]

    operations = [
        migrations.AddField("subscription", "paid_seats", models.PositiveIntegerField(default=1)),
        migrations.AddField("subscription", "paid_from", models.DateTimeField(blank=True, null=True)),
    ]
