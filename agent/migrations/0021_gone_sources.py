from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('agent', '0020_found_on'),
    ]

    operations = [
        migrations.AddField(
            model_name='source',
            name='gone_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.RunSQL('UPDATE agent_source SET gone_at = now() WHERE is_gone', migrations.RunSQL.noop),
        migrations.RemoveField(
            model_name='source',
            name='is_gone',
        ),
    ]
