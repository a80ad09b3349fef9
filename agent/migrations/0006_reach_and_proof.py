from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("agent", "0005_paused_syncs")]

    operations = [
        migrations.AddField(
            model_name="syncrun",
            name="reach",
            field=models.CharField(
                choices=[("everything", "Everything"), ("inventory", "Inventory"), ("changes", "Changes")],
                default="everything",
                max_length=10,
            ),
        ),
        migrations.AddField(model_name="syncrun", name="watermark", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="page", name="gone_at", field=models.DateTimeField(null=True)),
        migrations.RunSQL(
            [
                "UPDATE agent_page SET gone_at = now() WHERE state IN ('trashed', 'unreachable')",
                "UPDATE agent_syncrun SET known = indexed + unchanged + skipped + failed + trashed"
                " WHERE status IN ('complete', 'partial')",
            ],
            migrations.RunSQL.noop,
        ),
        migrations.AddConstraint(
            model_name="page",
            constraint=models.CheckConstraint(
                condition=models.Q(state__in=["trashed", "unreachable"], gone_at__isnull=False)
                | (~models.Q(state__in=["trashed", "unreachable"]) & models.Q(gone_at__isnull=True)),
                name="gone_page_says_since_when",
            ),
        ),
        migrations.AddConstraint(
            model_name="syncrun",
            constraint=models.CheckConstraint(
                condition=~models.Q(status__in=["complete", "partial"])
                | models.Q(
                    known=models.F("indexed")
                    + models.F("unchanged")
                    + models.F("skipped")
                    + models.F("failed")
                    + models.F("trashed")
                ),
                name="finished_sync_accounts_for_every_page",
            ),
        ),
    ]
