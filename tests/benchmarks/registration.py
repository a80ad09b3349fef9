"""Sign-up at the server with 500 workspaces present, beside django-tenants' own way to create one."""

import secrets

from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.utils import timezone

from accounts import schemas
from billing import services
from tests.benchmarks._figures import ratio, show, timed

PRESENT = 500
TIMES = 40
PLAIN = 3


def main() -> None:
    schemas.fill(PRESENT + TIMES + 10)
    for _ in range(PRESENT):
        services.register(email=_address(), password="correct horse battery", now=timezone.now())
    client = Client(SERVER_NAME="127.0.0.1")

    def sign_up() -> None:
        answer = client.post(
            "/auth/register",
            {"email": _address(), "password": "correct horse battery", "name": "Nora"},
            content_type="application/json",
        )
        assert answer.status_code == 201, answer.content

    sign_up()
    ours = show(f"POST /auth/register, {PRESENT} workspaces present", timed(sign_up, TIMES))
    built = show("building one schema ahead (script)", timed(schemas.build, 10))
    plain = show("one schema by django-tenants' migrations", timed(_plain, PLAIN))
    ratio("building ahead / django-tenants", built, plain)
    ratio("whole sign-up / django-tenants' schema alone", ours, plain)


def _address() -> str:
    return f"{secrets.token_hex(6)}@example.com"


def _plain() -> None:
    """What django-tenants does when a tenant is saved: the schema, then all migrations in it."""
    name = f"ws_plain_{secrets.token_hex(4)}"
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {name}")
    owner = connections["owner"]
    owner.set_schema(name)
    try:
        executor = MigrationExecutor(owner)
        executor.migrate([leaf for leaf in executor.loader.graph.leaf_nodes() if leaf[0] in schemas.workspace_apps()])
    finally:
        owner.set_schema_to_public()
