from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0012_audit")]

    operations = [
        migrations.AddField(
            "auditevent", name, models.CharField(blank=True, default="", max_length=120), preserve_default=False
        )
        for name in ("actor_name", "real_actor_name")
    ]
