import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

KINDS = [
    ("member", "Member"),
    ("staff", "Staff"),
    ("payment_provider", "Provider"),
    ("system", "System"),
]

# For every role, the table's owner too. The constraint's own deletion comes when the workspace's row is gone.
WALL = """
ALTER TABLE accounts_auditevent ADD CONSTRAINT audit_goes_with_its_workspace
    FOREIGN KEY (workspace_id) REFERENCES accounts_workspace (id) ON DELETE CASCADE;
CREATE FUNCTION accounts_audit_is_kept() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM public.accounts_workspace WHERE id = OLD.workspace_id) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_is_kept BEFORE UPDATE OR DELETE ON accounts_auditevent
    FOR EACH ROW EXECUTE FUNCTION accounts_audit_is_kept();
CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON accounts_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_audit_is_kept();
"""
NO_WALL = """
DROP TRIGGER audit_is_not_emptied ON accounts_auditevent;
DROP TRIGGER audit_is_kept ON accounts_auditevent;
DROP FUNCTION accounts_audit_is_kept();
ALTER TABLE accounts_auditevent DROP CONSTRAINT audit_goes_with_its_workspace;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_api_keys")]

    operations = [
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("action", models.CharField(max_length=40)),
                ("actor_kind", models.CharField(choices=KINDS, max_length=16)),
                ("actor_id", models.UUIDField(null=True)),
                ("actor_email", models.EmailField(blank=True, max_length=254)),
                ("real_actor_kind", models.CharField(blank=True, choices=KINDS, max_length=16)),
                ("real_actor_id", models.UUIDField(null=True)),
                ("real_actor_email", models.EmailField(blank=True, max_length=254)),
                ("about", models.CharField(blank=True, max_length=254)),
                ("before", models.JSONField(null=True)),
                ("after", models.JSONField(null=True)),
                ("address", models.GenericIPAddressField(null=True)),
                (
                    "workspace",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="accounts.workspace",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            "auditevent", models.Index(fields=["workspace", "-at", "id"], name="audit_newest")
        ),
        migrations.AddIndex(
            "auditevent", models.Index(fields=["workspace", "actor_id", "-at", "id"], name="audit_of_actor")
        ),
        migrations.AddIndex(
            "auditevent", models.Index(fields=["workspace", "action", "-at", "id"], name="audit_of_action")
        ),
        migrations.RunSQL(WALL, NO_WALL),
    ]
