from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('agent', '0012_exports'),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='coverage',
            field=models.JSONField(null=True),
        ),
    ]
