"""Postgres, asked over the login that serves."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts import access, schemas, tenancy
from accounts.models import WorkspaceSchema
from agent.doctor.findings import Finding, bad, ok, warn
from config import probes

CONNECT_SECONDS = 3
ANSWER_SECONDS = 10
CLOCK_DIFFERENCE = timedelta(seconds=5)
PREPARE = "Run `manage.py prepare_database`."


@contextmanager
def reading() -> Iterator[Any]:
    """A cursor in the shared schema, of a transaction that cannot write and does not wait for long."""
    with tenancy.shared(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        cursor.execute(f"SET LOCAL statement_timeout = '{ANSWER_SECONDS}s'")
        yield cursor


def postgres_answers() -> Iterator[Finding]:
    # Not over the pool, which tries again and again.
    given: Any = connection.get_connection_params() | {"connect_timeout": CONNECT_SECONDS}
    where = f"{given.get('host') or 'the local socket'}:{given.get('port') or 5432}"
    login = given.get("user") or "the login"
    try:
        with psycopg.connect(**given) as opened:
            opened.execute("SELECT 1")
    except psycopg.OperationalError as error:
        # What libpq says after it is where and who, never the password.
        why = str(error).strip().splitlines()[-1].rpartition("failed: ")[2]
        yield bad(f"{where} does not let {login} in: {why}", "Start it, or correct DATABASE_WEB_URL or DATABASE_URL.")
    else:
        yield ok(f"{where} lets {login} in")


def clocks_agree() -> Iterator[Finding]:
    with reading() as cursor:
        before = timezone.now()
        cursor.execute("SELECT clock_timestamp()")
        theirs, after = cursor.fetchone()[0], timezone.now()
    # Somewhere between both it was asked.
    difference = max(before - theirs, theirs - after, timedelta())
    if difference > CLOCK_DIFFERENCE:
        seconds = difference.total_seconds()
        yield bad(f"{seconds:.0f} s from the clock of Postgres", "Set both by NTP: leases and tokens end by them.")
    else:
        yield ok("agrees with the clock of Postgres")


def migrations_are_applied() -> Iterator[Finding]:
    with reading():
        missing = probes.unapplied()
    if missing:
        yield bad(f"{len(missing)} of the shared schema are not applied", PREPARE)
    else:
        yield ok("all of the shared schema are applied")


def walls_stand() -> Iterator[Finding]:
    if settings.ALLOW_WEAK_ISOLATION:
        yield warn("schemas are the only walls (ALLOW_WEAK_ISOLATION=1)", "Leave it if it is meant.")
        return
    with reading():
        holes = access.open_walls()
    for hole in holes:
        yield bad(f"one workspace could reach another: {hole}", f"{PREPARE} No process starts until it is closed.")
    if not holes:
        yield ok("no workspace reaches another")


def schemas_are_ready() -> Iterator[Finding]:
    with reading():
        ready = WorkspaceSchema.objects.filter(state=WorkspaceSchema.State.WARM, head=schemas.head()).count()
    says = f"{ready} of {settings.WARM_SCHEMAS} wait for sign-ups"
    if ready:
        yield ok(says)
    else:
        yield bad(says, "See that a worker of the queue default runs with DATABASE_URL, and beat.")


def schemas_are_at_the_head() -> Iterator[Finding]:
    with reading():
        behind = WorkspaceSchema.objects.exclude(head=schemas.head()).exclude(state=WorkspaceSchema.State.ERASING)
        number, failed = behind.count(), behind.exclude(error="").count()
    if number:
        yield bad(f"{number} lack this release's migrations, {failed} of them failed", PREPARE)
    else:
        yield ok("all have this release's migrations")
