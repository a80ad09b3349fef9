from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0007_paid_seats")]

    operations = [
        migrations.AddField("subscription", name, models.PositiveIntegerField(blank=True, null=True))
        for name in ("price_cents", "price_per_user_cents", "pending_price_cents")
    ]
