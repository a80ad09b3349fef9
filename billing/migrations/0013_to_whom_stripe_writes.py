from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0012_unanswered")]

    operations = [
        migrations.AddField(
            "stripeaccount", "told_email", models.EmailField(blank=True, default=""), preserve_default=False
        ),
        migrations.AddField(
            "stripeaccount",
            "told_name",
            models.CharField(blank=True, default="", max_length=120),
            preserve_default=False,
        ),
    ]
