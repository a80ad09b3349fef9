import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def key(to):
    return models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=to)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0013_names_of_staff")]

    operations = [
        migrations.AddField("workspace", "staff_may_act_until", models.DateTimeField(blank=True, null=True)),
        migrations.CreateModel(
            name="Impersonation",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("reason", models.TextField()),
                ("began_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("member", key(settings.AUTH_USER_MODEL)),
                ("staff", key(settings.AUTH_USER_MODEL)),
                ("workspace", key("accounts.workspace")),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("ended_at", None)), fields=["ends_at"], name="impersonation_open"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)), fields=("staff",), name="one_impersonation_at_a_time"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="who_impersonates_says_why"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("staff", models.F("member")), _negated=True),
                        name="nobody_impersonates_themself",
                    ),
                ],
            },
        ),
    ]
