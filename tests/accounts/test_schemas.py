import secrets
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from rest_framework.test import APIClient

from accounts import pool, schemas
from accounts.models import User, WorkspaceSchema
from billing import services
from tests.people import PASSWORD, sign_up

SHAPE = """
SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text,
       coalesce(pg_get_expr(d.adbin, d.adrelid), ''), a.attidentity::text || a.attgenerated::text
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = %(schema)s::regnamespace AND c.relkind = 'r'
UNION ALL
SELECT 'index', tablename, indexname, replace(indexdef, %(schema)s || '.', ''), '', '', '' FROM pg_indexes
WHERE schemaname = %(schema)s
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname,
       replace(pg_get_constraintdef(oid), %(schema)s || '.', ''), '', '', ''
FROM pg_constraint WHERE connamespace = %(schema)s::regnamespace
ORDER BY 1, 2, 3, 4
"""


def shape(schema: str) -> list[Any]:
    with connections["owner"].cursor() as cursor:
        cursor.execute("SET search_path = " + schema + ", public")
        cursor.execute(SHAPE, {"schema": schema})
        rows = [row for row in cursor.fetchall() if "django_migrations" not in str(row)]
        cursor.execute("SET search_path = public")
    return rows


def test_a_schema_from_the_script_equals_one_that_was_migrated() -> None:
    scripted = schemas.build()
    owner: Any = connections["owner"]
    with owner.cursor() as cursor:
        cursor.execute("CREATE SCHEMA ws_migrated")
    owner.set_schema("ws_migrated")
    try:
        executor = MigrationExecutor(owner)
        executor.migrate([leaf for leaf in executor.loader.graph.leaf_nodes() if leaf[0] in schemas.workspace_apps()])
    finally:
        owner.set_schema_to_public()

    migrated = shape("ws_migrated")

    with owner.cursor() as cursor:
        cursor.execute("DROP SCHEMA ws_migrated CASCADE")
    assert len(migrated) > 100
    assert shape(scripted) == migrated


def test_many_sign_ups_at_once_get_a_schema_each() -> None:
    schemas.fill(16)
    people, errors = [], []

    def register() -> None:
        try:
            people.append(sign_up("Alice"))
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=register) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert len({person.workspace.schema_name for person in people}) == 8


def test_a_schema_of_an_older_head_is_not_handed_out_and_can_be_migrated() -> None:
    name = schemas.build()
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {name}.django_migrations WHERE app = 'tasks' OR (app, name) = ('agent', '0023_proposals')"
        )
        of_tasks = ("task", "tasksource", "outgoing", "taskchange", "guard")
        gone = ", ".join(f"{name}.{table}" for table in ("agent_proposal", *(f"tasks_{each}" for each in of_tasks)))
        cursor.execute(f"DROP TABLE {gone}")
        cursor.execute(f"DROP FUNCTION {name}.proposal_moves")
    WorkspaceSchema.objects.filter(name=name).update(head="older")

    changed = schemas.migrate(name)

    assert changed
    assert schemas.migrate(name) is False
    assert WorkspaceSchema.objects.get(name=name).head == schemas.head()
    assert shape(name) == shape(schemas.build())


def test_dropping_a_schema_leaves_nothing() -> None:
    name = schemas.build()

    schemas.drop(name)

    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = %s", [name])
        assert cursor.fetchone()[0] == 0
    assert not WorkspaceSchema.objects.filter(name=name).exists()


def test_a_refused_sign_up_gives_its_schema_back(now: Any) -> None:
    person = sign_up("Alice")
    warm = WorkspaceSchema.objects.filter(state="warm").count()

    with pytest.raises(services.EmailTaken):
        services.register(email=person.email, password=PASSWORD, now=now)

    assert WorkspaceSchema.objects.filter(state="warm").count() == warm


def empty_the_pool() -> None:
    for name in WorkspaceSchema.objects.filter(state="warm").values_list("name", flat=True):
        schemas.drop(name)


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(pool, "LONGEST_WAIT_SECONDS", 0.3)
    monkeypatch.setattr(pool, "_resting_until", 0.0)
    empty_the_pool()
    yield
    schemas.fill(8)


def sign_up_by_api(name: str) -> Any:
    person = {"email": f"{name}-{secrets.token_hex(4)}@example.com", "password": PASSWORD}
    return APIClient().post("/auth/register", person, format="json")


@pytest.mark.usefixtures("_impatient")
def test_when_nobody_fills_the_pool_a_sign_up_is_told_when_to_try_again_and_leaves_nothing() -> None:
    before = User.objects.count()

    answer = sign_up_by_api("nora")

    assert (answer.status_code, answer.json()["type"], answer.headers["Retry-After"]) == (503, "/problems/busy", "10")
    assert User.objects.count() == before


@pytest.mark.usefixtures("_impatient")
def test_after_one_waited_in_vain_the_next_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sign_up_by_api("nora")
    monkeypatch.setattr(pool, "LONGEST_WAIT_SECONDS", 3600.0)

    refused = sign_up_by_api("omar").status_code
    schemas.fill(1)

    assert (refused, sign_up_by_api("omar").status_code) == (503, 201)


@pytest.mark.usefixtures("_impatient")
def test_the_page_says_it_too() -> None:
    form = {"email": f"nora-{secrets.token_hex(4)}@example.com", "password1": PASSWORD, "name": "Nora"}

    answer = Client().post("/accounts/signup/", form)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "11")
    assert "New workspaces are being prepared" in answer.content.decode()


def test_filling_makes_up_for_what_is_claimed_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    empty_the_pool()
    build, claimed = schemas.build, []

    def build_and_lose() -> str:
        name = build()
        if len(claimed) < 5:
            claimed.append(schemas.claim())
        return name

    monkeypatch.setattr(schemas, "build", build_and_lose)
    built = schemas.fill(4)

    assert (built, len(claimed), WorkspaceSchema.objects.filter(state="warm").count()) == (9, 5, 4)
