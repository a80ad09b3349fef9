from django.db import migrations, models
from django.db.models import Q

# Who decided was not kept before.
FILL = """
UPDATE billing_planrequest SET
    outcome = CASE WHEN is_approved THEN 'approved' ELSE 'refused' END,
    decided_by = 'not recorded',
    reason = CASE WHEN is_approved THEN '' ELSE 'Another plan was given.' END
WHERE decided_at IS NOT NULL
"""
OUTCOMES = ["approved", "refused", "withdrawn"]


class Migration(migrations.Migration):
    dependencies = [("billing", "0009_stripe_pages")]

    operations = [
        migrations.AddField(
            "planrequest",
            "outcome",
            models.CharField(
                blank=True,
                choices=[("approved", "Approved"), ("refused", "Refused"), ("withdrawn", "Withdrawn")],
                default="",
                max_length=9,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            "planrequest", "decided_by", models.EmailField(blank=True, default="", max_length=254), preserve_default=False
        ),
        migrations.AddField(
            "planrequest", "reason", models.TextField(blank=True, default=""), preserve_default=False
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RemoveField("planrequest", "is_approved"),
        migrations.AddConstraint(
            "planrequest",
            models.CheckConstraint(
                condition=Q(decided_at=None, outcome="", decided_by="", reason="")
                | (Q(decided_at__isnull=False, outcome__in=OUTCOMES) & ~Q(decided_by="")),
                name="what_is_decided_says_how_and_by_whom",
            ),
        ),
        migrations.AddConstraint(
            "planrequest",
            models.CheckConstraint(condition=~Q(outcome="refused") | ~Q(reason=""), name="who_refuses_says_why"),
        ),
    ]
