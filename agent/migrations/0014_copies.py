from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('agent', '0013_coverage_of_answers'),
    ]

    operations = [
        # Which synced blocks a page copies is known once it is read again, at the next sync.
        migrations.RunSQL("UPDATE agent_page SET observed_hash = ''", migrations.RunSQL.noop),
    ]
