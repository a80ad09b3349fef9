from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psycopg
import pytest
import redis
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from accounts.models import Role
from tests.outside import acme, chroma, emulator
from tests.people import Person, join, put_on_plan, sign_up

__all__ = ["acme", "chroma", "emulator"]


@pytest.fixture(scope="session", autouse=True)
def _database(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A database for this process, prepared as in production. Tests commit; each makes the workspaces it needs."""
    owner = settings.DATABASES["owner"]
    administration: dict[str, Any] = {"dbname": "postgres", "host": owner["HOST"], "user": owner["USER"]}
    if owner["PASSWORD"]:
        administration["password"] = owner["PASSWORD"]
    if owner["PORT"]:
        administration["port"] = owner["PORT"]
    with psycopg.connect(**administration, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{owner["NAME"]}"')
    redis.Redis.from_url(settings.REDIS_URL).flushdb()
    with django_db_blocker.unblock():
        with psycopg.connect(**administration, autocommit=True) as server:
            # Roles belong to the whole server, so two test processes must not make them at the same moment.
            server.execute("SELECT pg_advisory_lock(hashtext('docent tests'))")
            call_command("prepare_database", verbosity=0)
        yield
        for alias in connections:
            connections[alias].close()
            connections[alias].close_pool()  # type: ignore[attr-defined]  # of the Postgres backend
    with psycopg.connect(**administration, autocommit=True) as server:
        server.execute(f'DROP DATABASE "{owner["NAME"]}" WITH (FORCE)')


@pytest.fixture(autouse=True)
def _no_workspace_left_active() -> Iterator[None]:
    yield
    assert connection.schema_name == "public", "a test or the code it ran left a workspace active"


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def alice() -> Person:
    return sign_up("Alice")


@pytest.fixture
def team_owner() -> Person:
    """Alice on the Teams plan."""
    person = sign_up("Alice")
    put_on_plan(person, "teams", seats=10)
    return person


@pytest.fixture
def bob(team_owner: Person) -> Person:
    return join(team_owner, "Bob")


@pytest.fixture
def vera(team_owner: Person) -> Person:
    """A viewer in the team."""
    return join(team_owner, "Vera", Role.VIEWER)


@pytest.fixture
def charlie() -> Person:
    return sign_up("Charlie")
