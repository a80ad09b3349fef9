"""A database of one's own, prepared as in production and dropped afterwards, or left to the end of its server.

Each module begins with nobody in it: thousands of customers of other tests would make every scheduled job slower, and
every change of role, since Postgres looks through all the roles that the web's login may take.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import redis
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from accounts import schemas
from config import valkey

MADE_BY_PREPARING = ["django_migrations", "django_content_type", "auth_permission", "accounts_workspaceschema"]


@contextmanager
def prepared() -> Iterator[None]:
    owner = settings.DATABASES["owner"]
    administration: dict[str, Any] = {"dbname": "postgres", "host": owner["HOST"], "user": owner["USER"]}
    administration |= {key: owner[name] for key, name in (("password", "PASSWORD"), ("port", "PORT")) if owner[name]}
    with psycopg.connect(**administration, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{owner["NAME"]}"')
        # Roles belong to the whole server, so two processes must not make them at the same moment.
        server.execute("SELECT pg_advisory_lock(hashtext('docent tests'))")
        call_command("prepare_database", verbosity=0)
    redis.Redis.from_url(settings.REDIS_URL).flushdb()
    try:
        yield
    finally:
        for alias in connections:
            connections[alias].close()
            connections[alias].close_pool()
        if "DOCENT_LEAVES_DATABASES" not in os.environ:
            with psycopg.connect(**administration, autocommit=True) as server:
                server.execute(f'DROP DATABASE "{owner["NAME"]}" WITH (FORCE)')


def leave_nobody() -> None:
    """Empties the shared tables, the streams and queues, and makes the workspaces' schemas ready for other workspaces.

    A schema that a test has changed is left behind, and its role is taken from the web's login.
    """
    # The module may have broken them, as when Postgres lets nobody in.
    connections.close_all()
    with connections[schemas.OWNER].cursor() as cursor:
        cursor.execute("SET lock_timeout = '20s'")
        cursor.execute(UNCHANGED, {"head": schemas.head()})
        unchanged = [str(name) for (name,) in cursor.fetchall()]
        cursor.execute(EMPTY, {"schemas": unchanged, "kept": MADE_BY_PREPARING})
        cursor.execute(
            "UPDATE accounts_workspaceschema SET state = 'warm', error = '' WHERE name = ANY(%s)", [unchanged]
        )
        cursor.execute("DELETE FROM accounts_workspaceschema WHERE state <> 'warm'")
        cursor.execute(
            "SELECT workspace.rolname FROM pg_auth_members"
            " JOIN pg_roles workspace ON workspace.oid = roleid JOIN pg_roles web ON web.oid = member"
            " WHERE web.rolname = %s AND pg_has_role(workspace.oid, 'docent_workspace', 'MEMBER')"
            " AND workspace.rolname NOT IN (SELECT name FROM accounts_workspaceschema)"
            " AND workspace.rolname IN (SELECT nspname FROM pg_namespace)",
            [schemas.WEB_LOGIN],
        )
        if left := [str(name) for (name,) in cursor.fetchall()]:
            cursor.execute(f"REVOKE {', '.join(left)} FROM {schemas.WEB_LOGIN}")
    valkey.client().flushdb()


# Claimed schemas that are what the newest one is, which nobody has had.
UNCHANGED = """
WITH shape AS (
    SELECT name, state, md5(string_agg(
        concat_ws(' ', relname, relnatts, relhasindex, replace(relacl::text, name, 'its own'), (
            SELECT count(*) FROM pg_trigger WHERE tgrelid = pg_class.oid AND NOT tgisinternal
        )), ',' ORDER BY relname
    )) AS shape
    FROM accounts_workspaceschema JOIN pg_class ON relnamespace = to_regnamespace(name) AND relkind IN ('r', 'S')
    WHERE head = %(head)s AND (state = 'claimed' OR name = (
        SELECT name FROM accounts_workspaceschema WHERE state = 'warm' AND head = %(head)s
        ORDER BY created_at DESC LIMIT 1
    ))
    GROUP BY name, state
)
SELECT used.name FROM shape AS used JOIN shape AS unused USING (shape)
WHERE used.state = 'claimed' AND unused.state = 'warm'
"""

# Only tables that have a file of some size were ever written to; to truncate a small one takes longer than to delete.
EMPTY = """
DO $$
DECLARE
    written regclass;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR written IN
        SELECT pg_class.oid FROM pg_class
        WHERE relnamespace = ANY (%(schemas)s::regnamespace[] || 'public'::regnamespace) AND relkind = 'r'
        AND relname <> ALL (%(kept)s) AND pg_relation_size(pg_class.oid) > 0
    LOOP
        IF pg_relation_size(written) > 65536 THEN
            EXECUTE format('TRUNCATE %%s CASCADE', written);
        ELSE
            EXECUTE format('DELETE FROM %%s', written);
        END IF;
    END LOOP;
    PERFORM setval(seqrelid, 1, false) FROM pg_sequence JOIN pg_class ON pg_class.oid = seqrelid
    WHERE relnamespace = ANY (%(schemas)s::regnamespace[]) AND relname NOT LIKE 'django_migrations%%'
    AND pg_sequence_last_value(seqrelid) IS NOT NULL;
END $$
"""
