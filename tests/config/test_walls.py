"""What an injected text can do from inside a workspace: every attack we know, through the product's own connection."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
import pytest
from django.db import DatabaseError, ProgrammingError, connection, connections, transaction

from accounts import access, tenancy
from accounts.models import Connection, Membership, User, Workspace
from agent.models import Conversation, Page
from tests.people import Person

SECRET = "the merger is called Nightjar"


@contextmanager
def inside(person: Person) -> Iterator[None]:
    with tenancy.within(person.workspace):
        yield


def vulnerable(text: str) -> list[tuple[object, ...]]:
    """A query as nobody should write it."""
    with connection.cursor() as cursor:
        cursor.execute(QUERY.format(text))
        return list(cursor.fetchall())


@pytest.fixture
def victim(charlie: Person) -> Person:
    with inside(charlie):
        Conversation.objects.create(owner_id=charlie.user.pk, title=SECRET)
    return charlie


# Each is one statement with the query around it, so that only rights can refuse it.
INJECTED = {
    "another schema": "x' UNION SELECT '', title FROM {victim}.agent_conversation --",
    "password hashes": "x' UNION SELECT email, password FROM public.accounts_user --",
    "the owner's table of schemas": "x' UNION SELECT name, head FROM public.accounts_workspaceschema --",
    "set_config and query_to_xml": "x' UNION SELECT set_config('role', '{victim}', false), "
    "query_to_xml('select title from {victim}.agent_conversation', true, false, '')::text --",
    "set_config and ts_stat": "x' UNION SELECT set_config('role', '{victim}', false), word "
    "FROM ts_stat('select to_tsvector(title) from {victim}.agent_conversation') --",
    "set_config alone": "x' UNION SELECT set_config('role', '{victim}', false), '' --",
    "the search path by set_config": "x' UNION SELECT set_config('search_path', '{victim}', false), '' --",
    "table_to_xml": "x' UNION SELECT '', table_to_xml('public.accounts_user', true, false, '')::text --",
    "a file by lo_import": "x' UNION SELECT lo_import('/etc/passwd')::text, '' --",
    "a file by pg_read_file": "x' UNION SELECT pg_read_file('/etc/passwd'), '' --",
    "a large object": "x' UNION SELECT lo_from_bytea(0, 'kept outside')::text, '' --",
    "the migrations table": "x' UNION SELECT app, name FROM django_migrations --",
}
STACKED = {
    "RESET ROLE": "x'; RESET ROLE; SET ROLE {victim}; SELECT '', title FROM {victim}.agent_conversation --",
    "SET ROLE docent_public": "x'; SET ROLE docent_public; SELECT email, password FROM public.accounts_user --",
    "DELETE": "x'; DELETE FROM {victim}.agent_conversation --",
    "DO block": "x'; DO $$ BEGIN EXECUTE 'RESET ROLE'; END $$ --",
    "session authorization": "x'; RESET SESSION AUTHORIZATION --",
    "temporary table": "x'; CREATE TEMP TABLE agent_page (id int) --",
    "settings by UPDATE": "x'; UPDATE pg_settings SET setting = 'none' WHERE name = 'role' --",
    "ALTER ROLE": "x'; ALTER ROLE docent_web SUPERUSER --",
    "a program by COPY": "x'; COPY agent_conversation TO PROGRAM 'cat > /dev/null' --",
}
# What could be tried by whoever gets to write a whole statement.
STATEMENTS = {
    "temporary table": "CREATE TEMP TABLE agent_page (id int)",
    "table": "CREATE TABLE mine (id int)",
    "table in public": "CREATE TABLE public.mine (id int)",
    "settings by UPDATE": "UPDATE pg_settings SET setting = 'none' WHERE name = 'role'",
    "a program by COPY": "COPY agent_conversation TO PROGRAM 'cat > /dev/null'",
    "ALTER ROLE": "ALTER ROLE docent_web SUPERUSER",
    "ts_rewrite": "SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, ''b''::tsquery')",
    "ts_stat with weights": "SELECT * FROM ts_stat('SELECT ''a''::tsvector', 'ab')",
    "cursor_to_xml": "SELECT cursor_to_xml('opened', 1, true, false, '')",
    "query_to_xmlschema": "SELECT query_to_xmlschema('SELECT 1', true, false, '')",
    "lo_from_bytea": "SELECT lo_from_bytea(0, 'kept outside')",
    "lo_create": "SELECT lo_create(0)",
}
QUERY = "SELECT id::text, title FROM agent_conversation WHERE title = '{}'"


@pytest.mark.parametrize(
    ("text", "refusal"),
    [(text, "permission denied") for text in INJECTED.values()]
    + [(text, "cannot insert multiple commands") for text in STACKED.values()],
    ids=[*INJECTED, *(f"stacked {name}" for name in STACKED)],
)
def test_an_injected_text_cannot_leave_its_workspace(text: str, refusal: str, alice: Person, victim: Person) -> None:
    with inside(alice), pytest.raises(DatabaseError, match=refusal):
        vulnerable(text.format(victim=victim.workspace.schema_name))

    with inside(alice):
        assert Conversation.objects.count() == 0
    with inside(victim):
        assert Conversation.objects.get().title == SECRET


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_a_statement_outside_the_workspaces_rights_is_refused(statement: str, alice: Person) -> None:
    with inside(alice), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DECLARE opened CURSOR FOR SELECT 1")

        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            cursor.execute(statement)


@pytest.mark.parametrize(
    "text",
    [QUERY.format(text) for text in (*INJECTED.values(), *STACKED.values())] + list(STATEMENTS.values()),
    ids=[*INJECTED, *(f"stacked {name}" for name in STACKED), *(f"statement {name}" for name in STATEMENTS)],
)
def test_without_the_walls_each_attack_would_succeed(text: str, alice: Person, victim: Person) -> None:
    """As the owner, many statements at a time: else the tests above would prove nothing."""
    owner = connections["owner"]
    with transaction.atomic(using="owner"):
        raw: psycopg.Connection[object] = owner.connection
        cursor = psycopg.ClientCursor(raw)
        cursor.execute(f"SET LOCAL search_path = {alice.workspace.schema_name}, public")
        cursor.execute("DECLARE opened CURSOR FOR SELECT 1")

        # A server built without libxml says so only after it has found the rights sufficient.
        with suppress(psycopg.errors.FeatureNotSupported):
            cursor.execute(text.format(victim=victim.workspace.schema_name).encode())

        transaction.set_rollback(True, using="owner")
    owner.close()


def test_sealed_tokens_of_others_are_not_among_the_rows(alice: Person, victim: Person) -> None:
    for person in (alice, victim):
        Connection.objects.create(
            workspace=person.workspace,
            owner=person.user,
            kind="token",
            bot_id=person.user.name,
            sealed_access_token="x",
        )

    with inside(alice):
        found = vulnerable("x' UNION SELECT bot_id, sealed_access_token FROM public.accounts_connection --")

    assert found == [(alice.user.name, "x")]


def test_a_harmless_text_still_works(alice: Person) -> None:
    with inside(alice):
        Conversation.objects.create(owner_id=alice.user.pk, title="Plans")

        assert len(vulnerable("Plans")) == 1


def test_shared_tables_show_a_workspace_only_its_own_rows(team_owner: Person, bob: Person, charlie: Person) -> None:
    with inside(team_owner):
        members = set(Membership.objects.values_list("user_id", flat=True))
        users = set(User.objects.values_list("id", flat=True))
        workspaces = set(Workspace.objects.values_list("id", flat=True))

    assert members == users == {team_owner.user.pk, bob.user.pk}
    assert workspaces == {team_owner.workspace.pk}
    assert charlie.user.pk not in users


def test_a_workspace_cannot_forge_or_change_a_membership(alice: Person, charlie: Person) -> None:
    with inside(alice), pytest.raises(ProgrammingError, match="permission denied"):
        Membership.objects.create(workspace=charlie.workspace, user=alice.user, role="owner")
    with inside(alice), pytest.raises(ProgrammingError, match="permission denied"):
        Membership.objects.update(role="viewer")


def test_a_job_cannot_be_written_for_another_workspace(alice: Person, charlie: Person) -> None:
    with inside(alice), connection.cursor() as cursor, pytest.raises(ProgrammingError, match="row-level security"):
        cursor.execute(
            "INSERT INTO accounts_job (id, workspace_id, name, queue, arguments, key, created_at, due_at, attempts,"
            " error) VALUES (gen_random_uuid(), %s, 'x', 'default', '{}', '', now(), now(), 0, '')",
            [charlie.workspace.pk],
        )


@pytest.mark.parametrize("how", ["execute", "executemany", "server-side cursor", "copy"])
def test_every_way_to_a_cursor_takes_one_statement_only(how: str, alice: Person) -> None:
    two = "SELECT 1; SELECT 2"

    ways: dict[str, Callable[[], object]] = {
        "execute": lambda: connection.cursor().execute(two),
        "executemany": lambda: connection.cursor().executemany("SELECT %s; SELECT 2", [[1], [2]]),
        "server-side cursor": lambda: connection.chunked_cursor().execute(two),
        "copy": lambda: connection.cursor().copy(f"COPY (SELECT 1) TO STDOUT; {two}").__enter__(),
    }

    with inside(alice), transaction.atomic(), pytest.raises((DatabaseError, psycopg.Error)):
        ways[how]()


def test_a_missing_table_is_an_error_and_never_read_from_public(alice: Person) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"CREATE TABLE public.agent_page (LIKE {alice.workspace.schema_name}.agent_page)")
        cursor.execute(f"DROP TABLE {alice.workspace.schema_name}.agent_page CASCADE")
    try:
        with inside(alice), pytest.raises(ProgrammingError, match="permission denied"):
            Page.objects.count()
    finally:
        with connections["owner"].cursor() as cursor:
            cursor.execute("DROP TABLE public.agent_page")
    with inside(alice), pytest.raises(ProgrammingError, match="does not exist"):
        Page.objects.count()


def test_a_connection_goes_back_to_the_pool_as_nobody(alice: Person) -> None:
    with inside(alice):
        Page.objects.count()
        connection.close()

    pool = connection.pool
    with pool.connection() as raw:
        assert raw.execute("SELECT current_user, current_setting('search_path')").fetchone() == (
            "docent_web",
            '"$user", public',
        )


def test_a_rollback_does_not_bring_an_older_role_back(alice: Person, charlie: Person) -> None:
    with inside(alice):
        Conversation.objects.create(owner_id=alice.user.pk, title="Alice's")
    with inside(charlie), transaction.atomic():
        Conversation.objects.count()
        transaction.set_rollback(True)

    with inside(alice):
        assert Conversation.objects.get().title == "Alice's"
    assert Membership.objects.filter(user=charlie.user).exists()


def test_no_wall_is_open() -> None:
    assert access.open_walls() == []


ROWS = "shared tables show the rows of all workspaces"
TEXT = "functions that run text as SQL are open to all"
OUTSIDE = "functions that reach outside of every schema are open to all"
SESSION = "workspace roles may change their session from inside a query"
# What opens a wall, and what closes it again.
OPENED = {
    "no row-level security": (
        "ALTER TABLE accounts_connection DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE accounts_connection ENABLE ROW LEVEL SECURITY",
        ROWS,
    ),
    "one policy more": (
        "CREATE POLICY more ON accounts_user TO docent_workspace USING (true)",
        "DROP POLICY more ON accounts_user",
        ROWS,
    ),
    "a policy for more roles": (
        "ALTER POLICY everything_in_public ON accounts_membership TO PUBLIC",
        "ALTER POLICY everything_in_public ON accounts_membership TO docent_public",
        ROWS,
    ),
    "no policy": (
        "ALTER POLICY own_rows_in_workspace ON accounts_job RENAME TO other",
        "ALTER POLICY other ON accounts_job RENAME TO own_rows_in_workspace",
        ROWS,
    ),
    **{
        function: (
            f"GRANT EXECUTE ON FUNCTION {function} TO PUBLIC",
            f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC",
            hole,
        )
        for functions, hole in (
            (access.ESCAPES[:1], SESSION),
            (access.ESCAPES[1:], TEXT),
            (access.OUTSIDE_SCHEMAS, OUTSIDE),
        )
        for function in functions
    },
}


@pytest.mark.parametrize(("open_it", "close_it", "hole"), OPENED.values(), ids=OPENED)
def test_an_opened_wall_is_named(open_it: str, close_it: str, hole: str) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(open_it)
        try:
            holes = access.open_walls()
        finally:
            cursor.execute(close_it)

    assert holes == [hole]
    assert access.open_walls() == []


@pytest.mark.parametrize("start", ["import config.wsgi", "from config.celery import app; app.loader.init_worker()"])
def test_neither_web_nor_worker_starts_over_a_login_without_walls(start: str) -> None:
    environment = {
        **os.environ,
        "DATABASE_WEB_URL": os.environ["DATABASE_URL"],
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    command = [sys.executable, "-c", f"import django; django.setup(); {start}"]

    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode != 0
    assert "could cross from one workspace into another" in ended.stderr


def test_every_shared_table_says_who_may_do_what() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
        tables = {name for (name,) in cursor.fetchall()}

    assert tables == set(access.SHARED_TABLES)


def test_tables_that_name_a_workspace_have_row_level_security() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT c.relrowsecurity"
            " AND a.attname = 'workspace_id'"
        )

        assert cursor.fetchall() == []
