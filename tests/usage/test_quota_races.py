"""A limit is never passed and nothing is lost: 32 threads, 32 processes, and a process that is killed.

In the test's workspace a trigger raises on any row over its limit, so that no moment in between goes unseen.
"""

import os
import signal
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import connections
from django.db.models import Sum
from psycopg import sql

from accounts import tenancy
from accounts.models import Membership
from tests.people import Person, put_on_plan, sign_up
from tests.storm import STORM
from usage import services
from usage.models import Entry, Hold, Period

# The plan has far more, so the cap alone decides.
LIMIT = 40 * min(STORM, 3)
ROOT = Path(__file__).resolve().parents[2]
WORKER = """
import django, sys
django.setup()
from tests.usage import quota_worker
quota_worker.main(*sys.argv[1:])
"""
REFEREE = """
CREATE FUNCTION {schema}.referee() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.requests_used + NEW.requests_held > NEW.requests_limit
     OR NEW.tokens_used + NEW.tokens_held > NEW.tokens_limit THEN
    RAISE EXCEPTION 'over the limit';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER referee BEFORE INSERT OR UPDATE ON {schema}.usage_period
  FOR EACH ROW EXECUTE FUNCTION {schema}.referee();
"""


@pytest.fixture
def watched() -> Iterator[Person]:
    """Alice with a small cap, and the referee in her schema."""
    person = sign_up("Alice")
    put_on_plan(person, "teams")
    Membership.objects.filter(pk=person.membership.pk).update(request_cap=LIMIT, token_cap=50_000)
    person.membership.refresh_from_db()
    name = sql.Identifier(person.workspace.schema_name)
    connections["owner"].ensure_connection()
    with connections["owner"].cursor() as cursor:
        cursor.execute(sql.SQL(REFEREE).format(schema=name).as_string(connections["owner"].connection))
    yield person
    with tenancy.within(person.workspace):
        check_sums(person)


def check_sums(person: Person) -> None:
    """The counters are the sum of the holds, and the log is the sum of the counters."""
    period = Period.objects.get(member_id=person.user.pk)
    open_holds = Hold.objects.filter(state="open").aggregate(requests=Sum("requests"), tokens=Sum("tokens"))
    charged = Hold.objects.aggregate(requests=Sum("requests_charged"), tokens=Sum("tokens_charged"))
    logged = Entry.objects.exclude(outcome="overage").aggregate(requests=Sum("requests"))
    assert (period.requests_held, period.tokens_held) == (open_holds["requests"] or 0, open_holds["tokens"] or 0)
    assert (period.requests_used, period.tokens_used) == (charged["requests"] or 0, charged["tokens"] or 0)
    assert period.requests_used == (logged["requests"] or 0)


def one_question(person: Person, key: str, now: datetime, *, tokens: int | None = 100) -> str:
    """Hold and settle as a worker does; the word for what happened."""
    try:
        with tenancy.within(person.workspace):
            held = services.hold(membership=person.membership, key=key, now=now, tokens=tokens)
            services.settle(hold_id=held.pk, now=now, outcome="succeeded", cost=services.Cost(60, 40, "extractive"))
        return "charged"
    except (services.QuotaExceeded, services.Busy) as refusal:
        return refusal.code
    finally:
        connections.close_all()


def test_32_threads_use_exactly_the_limit(watched: Person, now: datetime) -> None:
    def ask_until_used_up(worker: int) -> Counter[str]:
        words: Counter[str] = Counter()
        while not words["quota-exceeded"]:
            words[one_question(watched, f"{worker}-{words.total()}", now)] += 1
        return words

    with ThreadPoolExecutor(32) as pool:
        total = sum(pool.map(ask_until_used_up, range(32)), Counter[str]())

    assert total["charged"] == LIMIT


def test_32_threads_share_the_tokens_that_are_left(watched: Person, now: datetime) -> None:
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda n: hold_and_keep(watched, str(n), now), range(32)))

    with tenancy.within(watched.workspace):
        period = Period.objects.get(member_id=watched.user.pk)
    assert period.tokens_held == 50_000


def hold_and_keep(person: Person, key: str, now: datetime) -> None:
    try:
        with tenancy.within(person.workspace):
            services.hold(membership=person.membership, key=key, now=now)
    except services.Busy:
        return
    finally:
        connections.close_all()


def test_the_same_key_32_times_at_once_holds_once(watched: Person, now: datetime) -> None:
    def hold_same(_: int) -> uuid.UUID:
        try:
            with tenancy.within(watched.workspace):
                return services.hold(membership=watched.membership, key="same", now=now, tokens=100).pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(32) as pool:
        ids = set(pool.map(hold_same, range(32)))

    assert len(ids) == 1


def test_a_hold_settled_and_released_at_once_by_16_ends_once(watched: Person, now: datetime) -> None:
    with tenancy.within(watched.workspace):
        held = services.hold(membership=watched.membership, key="one", now=now, tokens=100)

    def end(n: int) -> None:
        try:
            with tenancy.within(watched.workspace):
                if n % 2:
                    services.release(hold_id=held.pk, now=now)
                else:
                    services.settle(hold_id=held.pk, now=now, outcome="succeeded", cost=services.Cost(60, 40, "m"))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(end, range(16)))

    with tenancy.within(watched.workspace):
        assert Entry.objects.filter(hold=held).count() == 1


def start_worker(person: Person, name: str, now: datetime, mode: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WORKER, str(person.membership.pk), name, now.isoformat(), mode]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, env=environment
    )


def test_32_processes_use_exactly_the_limit(watched: Person, now: datetime) -> None:
    # One process starts Django once and forks the others: 32 starts would take the whole minute.
    with start_worker(watched, "p", now, "fork") as workers:
        printed = workers.communicate(timeout=60)[0]

    assert workers.returncode == 0
    assert printed.split().count("charged") == LIMIT


def test_a_killed_process_leaves_a_hold_that_expires(watched: Person, now: datetime) -> None:
    with start_worker(watched, "dead", now, "hang") as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "holding\n"
        worker.send_signal(signal.SIGKILL)

    with tenancy.within(watched.workspace):
        before = Period.objects.get(member_id=watched.user.pk).requests_held
        expired = services.expire_holds(now=now + timedelta(minutes=16))
        after = Period.objects.get(member_id=watched.user.pk).requests_held
    assert (before, expired, after) == (1, 1, 0)


def test_a_process_killed_inside_its_transaction_leaves_nothing(watched: Person, now: datetime) -> None:
    with start_worker(watched, "torn", now, "torn") as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "torn\n"
        worker.send_signal(signal.SIGKILL)

    assert one_question(watched, "after", now) == "charged"
    with tenancy.within(watched.workspace):
        assert Hold.objects.count() == 1


def test_holding_and_expiring_at_once_never_deadlocks(watched: Person, now: datetime) -> None:
    def mix(n: int) -> str:
        if n % 4 == 0:
            try:
                with tenancy.within(watched.workspace):
                    return str(services.expire_holds(now=now + timedelta(minutes=16)))
            finally:
                connections.close_all()
        return one_question(watched, f"mix {n % 12}", now)

    with ThreadPoolExecutor(16) as pool:
        words = list(pool.map(mix, range(160 * STORM)))

    assert words.count("charged") == 120 * STORM
