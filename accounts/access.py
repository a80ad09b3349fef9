"""Which database role may do what, and the walls around it. `prepare_database` applies it; a test reads it back.

- the owner's login migrates, builds and drops schemas; no web process holds it;
- `docent_public` serves what is before or beside a workspace: sign-in, profile, members, billing, jobs;
- a workspace's role (named like its schema) reaches its own schema, and of the shared tables only its own rows.
"""

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from psycopg import sql

from accounts.schemas import OWNER, WEB_LOGIN
from config import environment

AUDIT = "accounts_auditevent"
OWN_WORKSPACE = "(SELECT id FROM public.accounts_workspace WHERE schema_name = current_user)"


@dataclass(frozen=True)
class Shared:
    """`rows`: the condition by which a workspace's role sees a row; `grants`: what it may do with it; `public`: what
    docent_public may."""

    rows: str | None = None
    grants: tuple[str, ...] = ()
    public: str = "SELECT, INSERT, UPDATE, DELETE"


SHARED_TABLES = {
    # A workspace takes its audit log along, so the owner alone deletes one.
    "accounts_workspace": Shared(
        "schema_name = current_user",
        (
            "SELECT (id, name, schema_name, state, erases_at, closed_from, closed_with, created_at,"
            " sync_interval_minutes, staff_may_act_until, write_policy, write_kinds)",
        ),
        public="SELECT, INSERT, UPDATE",
    ),
    "accounts_membership": Shared(f"workspace_id = {OWN_WORKSPACE}", ("SELECT",)),
    "accounts_user": Shared(
        "id IN (SELECT user_id FROM public.accounts_membership)",
        ("SELECT (id, email, name, is_active, erases_at, timezone, language, model, default_sharing)",),
    ),
    "accounts_connection": Shared(
        f"workspace_id = {OWN_WORKSPACE}",
        ("SELECT", "UPDATE (status, last_synced_at, is_shared, open_sync, is_paused)"),
    ),
    "accounts_connectionhealth": Shared("connection_id IN (SELECT id FROM public.accounts_connection)"),
    "accounts_job": Shared(f"workspace_id = {OWN_WORKSPACE}", ("SELECT", "INSERT")),
    "billing_subscription": Shared(f"workspace_id = {OWN_WORKSPACE}", ("SELECT",)),
    # Append-only.
    AUDIT: Shared(f"workspace_id = {OWN_WORKSPACE}", ("SELECT", "INSERT"), public="SELECT, INSERT"),
    "accounts_impersonation": Shared(f"workspace_id = {OWN_WORKSPACE}"),
    "accounts_mail": Shared(f"workspace_id = {OWN_WORKSPACE}"),
    "accounts_oauthstate": Shared(f"workspace_id = {OWN_WORKSPACE}"),
    "accounts_invitation": Shared(f"workspace_id = {OWN_WORKSPACE}"),
    # Its key is for nobody who is inside a workspace.
    "accounts_modelchoice": Shared(f"workspace_id = {OWN_WORKSPACE}"),
    "accounts_apikey": Shared("membership_id IN (SELECT id FROM public.accounts_membership)"),
    "accounts_idempotentanswer": Shared(f"workspace_id = {OWN_WORKSPACE}"),
    "billing_planrequest": Shared(f"workspace_id = {OWN_WORKSPACE}"),
    "billing_givenplan": Shared(f"workspace_id = {OWN_WORKSPACE}"),
    "billing_workspacefigures": Shared(f"workspace_id = {OWN_WORKSPACE}"),
    "billing_stripeaccount": Shared(f"workspace_id = {OWN_WORKSPACE}"),
    "billing_stripepage": Shared(f"workspace_id = {OWN_WORKSPACE}"),
    # Not a customer's rows, or reached by nobody but docent_public.
    "accounts_workspaceschema": Shared(),
    "accounts_erasurecertificate": Shared(),
    "billing_stripeevent": Shared(),
    "accounts_notionhook": Shared(),
    "accounts_notionevent": Shared(),
    "accounts_notionnotice": Shared(),
    "billing_trialperson": Shared(),
    "accounts_user_groups": Shared(),
    "accounts_user_user_permissions": Shared(),
    "account_emailaddress": Shared(),
    "account_emailconfirmation": Shared(),
    "auth_group": Shared(),
    "auth_group_permissions": Shared(),
    "auth_permission": Shared(),
    "django_admin_log": Shared(),
    "django_content_type": Shared(),
    "django_migrations": Shared(public="SELECT"),
    "django_session": Shared(),
    "mfa_authenticator": Shared(),
    "usersessions_usersession": Shared(),
    "token_blacklist_blacklistedtoken": Shared(),
    "token_blacklist_outstandingtoken": Shared(),
}

# Functions that run text as SQL, or change a session from inside a SELECT: they would open the wall from within.
ESCAPES = (
    "pg_catalog.set_config(text, text, boolean)",
    "pg_catalog.query_to_xml(text, boolean, boolean, text)",
    "pg_catalog.query_to_xmlschema(text, boolean, boolean, text)",
    "pg_catalog.query_to_xml_and_xmlschema(text, boolean, boolean, text)",
    "pg_catalog.cursor_to_xml(refcursor, integer, boolean, boolean, text)",
    "pg_catalog.cursor_to_xmlschema(refcursor, boolean, boolean, text)",
    "pg_catalog.table_to_xml(regclass, boolean, boolean, text)",
    "pg_catalog.table_to_xml_and_xmlschema(regclass, boolean, boolean, text)",
    "pg_catalog.schema_to_xml(name, boolean, boolean, text)",
    "pg_catalog.schema_to_xml_and_xmlschema(name, boolean, boolean, text)",
    "pg_catalog.database_to_xml(boolean, boolean, text)",
    "pg_catalog.database_to_xml_and_xmlschema(boolean, boolean, text)",
    "pg_catalog.ts_stat(text)",
    "pg_catalog.ts_stat(text, text)",
    "pg_catalog.ts_rewrite(tsquery, text)",
)
# Functions that make or fill large objects, which stand in no schema, or carry them to and from files.
OUTSIDE_SCHEMAS = (
    "pg_catalog.lo_creat(integer)",
    "pg_catalog.lo_create(oid)",
    "pg_catalog.lo_from_bytea(oid, bytea)",
    "pg_catalog.lo_put(oid, bigint, bytea)",
    "pg_catalog.lo_import(text)",
    "pg_catalog.lo_import(text, oid)",
    "pg_catalog.lo_export(oid, text)",
)
EXTENSIONS = ("pg_trgm", "btree_gist")


def make_roles() -> None:
    """Before the migrations: logins, group roles, extensions and what nobody may call."""
    # The one in DATABASE_WEB_URL, where that is set.
    password = settings.DATABASES["default"]["PASSWORD"] or environment.web_login_password(settings.SECRET_KEY)
    with connections[OWNER].cursor() as cursor:
        for role, login in ((WEB_LOGIN, True), ("docent_public", False), ("docent_workspace", False)):
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
            verb = "ALTER" if cursor.fetchone() else "CREATE"
            options = sql.SQL("LOGIN NOINHERIT PASSWORD {}").format(password) if login else sql.SQL("NOLOGIN")
            cursor.execute(
                sql.SQL("{} ROLE {} NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS {}").format(
                    sql.SQL(verb), sql.Identifier(role), options
                )
            )
        cursor.execute("GRANT docent_public TO docent_web WITH INHERIT FALSE, SET TRUE")
        for extension in EXTENSIONS:
            cursor.execute(f"CREATE EXTENSION IF NOT EXISTS {extension} WITH SCHEMA public")
        for function in (*ESCAPES, *OUTSIDE_SCHEMAS):
            cursor.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
        # Django sets the time zone with it at connect, and the connection enters a role with it.
        cursor.execute(f"GRANT EXECUTE ON FUNCTION {ESCAPES[0]} TO docent_web, docent_public")
        cursor.execute("REVOKE UPDATE ON pg_catalog.pg_settings FROM PUBLIC")
        cursor.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        cursor.execute("GRANT USAGE ON SCHEMA public TO docent_public, docent_workspace, docent_web")
        cursor.execute("SELECT current_database()")
        database = sql.Identifier(cursor.fetchone()[0])
        cursor.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(database))


def grant() -> None:
    """After the migrations: rights on the shared tables and row-level security, made to equal the table above."""
    with connections[OWNER].cursor() as cursor:
        for table, shared in SHARED_TABLES.items():
            name = sql.Identifier("public", table)
            cursor.execute(sql.SQL("REVOKE ALL ON {} FROM PUBLIC, docent_public, docent_workspace").format(name))
            cursor.execute(sql.SQL("GRANT {} ON {} TO docent_public").format(sql.SQL(shared.public), name))
            for right in shared.grants:
                cursor.execute(sql.SQL("GRANT {} ON {} TO docent_workspace").format(sql.SQL(right), name))
            for policy in ("everything_in_public", "own_rows_in_workspace"):
                cursor.execute(sql.SQL("DROP POLICY IF EXISTS {} ON {}").format(sql.Identifier(policy), name))
            if shared.rows is None:
                continue
            cursor.execute(sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(name))
            cursor.execute(
                sql.SQL(
                    "CREATE POLICY everything_in_public ON {} TO docent_public USING (true) WITH CHECK (true)"
                ).format(name)
            )
            cursor.execute(
                sql.SQL("CREATE POLICY own_rows_in_workspace ON {} TO docent_workspace USING ({})").format(
                    name, sql.SQL(shared.rows)
                )
            )
        cursor.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO docent_public")


class WeakIsolation(ImproperlyConfigured):
    pass


def insist_on_walls() -> None:
    """Refuse to serve over a login that could leave its workspace, unless the operator accepted that in writing."""
    if settings.ALLOW_WEAK_ISOLATION:
        return
    holes = open_walls()
    if holes:
        raise WeakIsolation(
            "The database login could cross from one workspace into another: " + "; ".join(holes) + ". Run "
            "`manage.py prepare_database` with an owner that may create roles, or set ALLOW_WEAK_ISOLATION=1."
        )


# Without row-level security, without the policy for workspaces, or with a policy that shows them more.
UNGUARDED = """
SELECT EXISTS (
  SELECT FROM unnest(ARRAY[{tables}]) AS guarded(id) JOIN pg_class ON pg_class.oid = guarded.id
  WHERE NOT relrowsecurity OR ARRAY['own_rows_in_workspace'] IS DISTINCT FROM ARRAY(
    SELECT polname::text FROM pg_policy
    WHERE polrelid = guarded.id AND NOT (polname = 'everything_in_public' AND polroles = ARRAY[{public}])
      AND (polname <> 'own_rows_in_workspace'
           OR (polroles = ARRAY[{workspace}] AND pg_get_expr(polqual, polrelid) <> 'true'))
  )
)
""".replace("{public}", "'docent_public'::regrole::oid").replace("{workspace}", "'docent_workspace'::regrole::oid")

# A right beyond reading and appending, one to delete workspaces, which take it along, or a trigger that is not there
# as the migration made it: 27 and 34 say before what it fires (each row's UPDATE and DELETE; TRUNCATE).
CHANGEABLE = """
SELECT EXISTS (
  SELECT FROM unnest(ARRAY['docent_public', 'docent_workspace', session_user::text]) AS asking(name)
  WHERE has_any_column_privilege(asking.name, to_regclass('public.{table}'), 'UPDATE')
    OR has_table_privilege(asking.name, to_regclass('public.{table}'), 'DELETE, TRUNCATE, TRIGGER')
    OR has_table_privilege(asking.name, to_regclass('public.accounts_workspace'), 'DELETE, TRUNCATE, TRIGGER')
) OR EXISTS (
  SELECT FROM (VALUES ('audit_is_kept', 27), ('audit_is_not_emptied', 34)) AS wanted(name, fires)
  WHERE NOT EXISTS (
    SELECT FROM pg_trigger
    WHERE tgrelid = to_regclass('public.{table}') AND tgname = wanted.name AND tgtype = wanted.fires
      AND tgfoid = to_regproc('public.accounts_audit_is_kept') AND tgenabled IN ('O', 'A')
      AND tgqual IS NULL AND tgattr::text = ''
  )
)
""".replace("{table}", AUDIT)


def _may_call(functions: tuple[str, ...]) -> str:
    calls = (f"has_function_privilege('docent_workspace', '{function}', 'EXECUTE')" for function in functions)
    return f"SELECT {' OR '.join(calls)}"


def open_walls() -> list[str]:
    """What the serving login could do and must not, each as a phrase."""
    questions = {
        "it is a superuser or bypasses row-level security": (
            "SELECT rolsuper OR rolbypassrls OR rolcreaterole FROM pg_roles WHERE rolname = session_user"
        ),
        "it inherits the rights of other roles": "SELECT rolinherit FROM pg_roles WHERE rolname = session_user",
        "it owns tables": (
            "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner"
            " WHERE r.rolname = session_user)"
        ),
        "it may create temporary tables": "SELECT has_database_privilege(session_user, current_database(), 'TEMP')",
        "it may create tables": "SELECT has_schema_privilege('docent_public', 'public', 'CREATE')",
        "functions that run text as SQL are open to all": _may_call(ESCAPES[1:]),
        "functions that reach outside of every schema are open to all": _may_call(OUTSIDE_SCHEMAS),
        "workspace roles may change their session from inside a query": _may_call(ESCAPES[:1]),
        "the audit log can be changed": CHANGEABLE,
        "shared tables show the rows of all workspaces": UNGUARDED.format(
            tables=", ".join(
                f"to_regclass('public.{name}')" for name, shared in SHARED_TABLES.items() if shared.rows is not None
            )
        ),
    }
    with connections["default"].cursor() as cursor:
        holes = []
        for hole, question in questions.items():
            cursor.execute(question)
            if cursor.fetchone()[0]:
                holes.append(hole)
    return holes
