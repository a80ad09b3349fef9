from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0010_decided_wishes")]

    operations = [
        migrations.AddField("planrequest", "is_fixed", models.BooleanField(blank=True, null=True)),
    ]
