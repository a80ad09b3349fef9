"""The web process as it runs: what it says at its start, what it holds, and a database that goes away."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from django.conf import settings
from django.db import Error, connection, connections

from accounts import schemas, tenancy
from accounts.models import User, WorkspaceSchema
from agent.models import Page
from tests.people import Person
from tests.stack import Stack, running
from tests.threads import at_once


@pytest.fixture(scope="module")
def stack(_database: None, chroma: str) -> Iterator[Stack]:
    with running() as stack:
        yield stack


def test_web_starts_without_complaint(stack: Stack) -> None:
    said = stack.web.log.read_text()

    assert "Traceback" not in said
    assert "errored" not in said


def test_no_process_of_the_web_holds_the_owners_login(stack: Stack) -> None:
    owner = os.environ["DATABASE_URL"].encode()
    assert stack.web.process is not None
    group = stack.web.process.pid

    held = [
        (folder / "environ").read_bytes()
        for folder in Path("/proc").glob("[0-9]*")
        if (folder / "environ").exists() and os.getpgid(int(folder.name)) == group
    ]

    assert held
    assert all(owner not in environment for environment in held)
    assert all(b"docent_web" in environment for environment in held)


def test_somebody_signs_up_over_a_web_process_without_the_owner(stack: Stack) -> None:
    person = {"email": f"nora-{os.urandom(4).hex()}@example.com", "password": "correct horse battery staple"}

    answer = httpx.post(f"{stack.url}/auth/register", json=person, timeout=30)

    assert answer.status_code == 201, answer.text
    # What OWASP recommends; the tests' own process hashes at less cost.
    assert User.objects.get(email=person["email"]).password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_eight_sign_up_at_once_while_no_workspace_is_ready(stack: Stack) -> None:
    for name in WorkspaceSchema.objects.filter(state="warm").values_list("name", flat=True):
        schemas.drop(name)

    def sign_up() -> int:
        person = {"email": f"nora-{os.urandom(4).hex()}@example.com", "password": "correct horse battery staple"}
        return httpx.post(f"{stack.url}/auth/register", json=person, timeout=60).status_code

    assert at_once(sign_up, times=8) == [201] * 8


def test_web_is_not_ready_while_the_database_lets_nobody_in(stack: Stack) -> None:
    """It has as many broken connections then as the crowd before it has left."""
    try:
        shut(True)
        refused = httpx.get(f"{stack.url}/readyz", timeout=30)
    finally:
        shut(False)
    opened_at = time.monotonic()
    while httpx.get(f"{stack.url}/readyz", timeout=30).status_code != 200:
        assert time.monotonic() - opened_at < 8
    again = [httpx.get(f"{stack.url}/readyz", timeout=30).status_code for _ in range(12)]

    assert refused.status_code == 503
    assert "database" in refused.text
    assert again == [200] * 12


def shut(is_shut: bool) -> None:
    """As when Postgres was killed: every connection breaks, and no new one is made."""
    owner = settings.DATABASES["owner"]
    name = owner["NAME"]
    with psycopg.connect(dbname="postgres", host=owner["HOST"], user=owner["USER"], autocommit=True) as server:
        server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {not is_shut}')
        if is_shut:
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
    for alias in connections:
        connections[alias].close()
        connections[alias].close_pool()  # type: ignore[attr-defined]  # of the Postgres backend


def test_entering_a_workspace_over_a_broken_connection_raises_djangos_error(alice: Person) -> None:
    connection.ensure_connection()
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])

    with pytest.raises(Error), tenancy.within(alice.workspace):
        Page.objects.count()

    connection.close()


def test_a_connection_goes_back_to_the_pool_without_its_locks() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(4711)")
    connection.close()

    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711")

        assert cursor.fetchone() == (0,)
