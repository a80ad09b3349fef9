from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('agent', '0021_gone_sources'),
    ]

    operations = [
        migrations.AddField(
            model_name='syncrun',
            name='vanished_digest',
            field=models.CharField(blank=True, max_length=64),
        ),
    ]
