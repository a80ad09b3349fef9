from django.db import migrations, models


# What was kept before was said in other words.
KEPT = """
UPDATE agent_page SET reason = 'No longer shown by Notion together with many others; kept until that is confirmed'
WHERE state = 'failed' AND reason = 'Vanished together with many others; kept.'
"""


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
        migrations.RunSQL(KEPT, migrations.RunSQL.noop),
    ]
