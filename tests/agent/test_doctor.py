"""`manage.py doctor`: a whole installation is well, and each part that is taken away is named."""

import itertools
import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import InternalError, connections
from django.test import override_settings

from accounts import schemas
from accounts.models import Connection, Job, Mail, NotionEvent, WorkspaceSchema
from agent.doctor import database, examine, machine, servers, work
from agent.doctor.findings import Check, Level, bad
from billing.models import StripeEvent
from config import valkey
from devkit.home import PROJECT, free_port
from tests.mail_server import listening
from tests.people import Person
from tests.stack import Program, Says, forget_what_waits

SECRET = "s3cr3t-of-the-operator"
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _nothing_waits(_database: None) -> None:
    forget_what_waits()
    NotionEvent.objects.all().delete()
    schemas.fill(1)


def levels(check: Check) -> list[Level]:
    return [finding.level for finding in check()]


def said_to_programs() -> tuple[list[dict[str, str]], str]:
    """All findings, and what the command ended with."""
    out = StringIO()
    try:
        call_command("doctor", "--json", stdout=out)
    except CommandError as error:
        return json.loads(out.getvalue()), str(error)
    return json.loads(out.getvalue()), ""


def are_bad(found: list[dict[str, str]]) -> set[str]:
    return {each["check"] for each in found if each["level"] == "bad"}


@contextmanager
def as_owner(change: str, back: str) -> Iterator[None]:
    with connections["owner"].cursor() as cursor:
        cursor.execute(change)
        try:
            yield
        finally:
            cursor.execute(back)


OPEN_WALL = (
    "GRANT EXECUTE ON FUNCTION pg_catalog.lo_creat(integer) TO PUBLIC",
    "REVOKE EXECUTE ON FUNCTION pg_catalog.lo_creat(integer) FROM PUBLIC",
)


def test_an_installation_is_well_until_its_beat_and_its_worker_stop(tmp_path: Path) -> None:
    celery = ["celery", "-A", "config.celery", "worker", "-l", "INFO", "--without-gossip", "--without-mingle"]
    worker = Program([*celery, "-Q", "runs,sync,default", "-P", "threads", "-c", "2"], tmp_path / "worker.log", {})
    schedule = ["--pidfile=", "-S", "celery.beat:Scheduler"]
    beat = Program(["celery", "-A", "config.beat", "beat", *schedule], tmp_path / "beat.log", {})
    worker.start()
    beat.start()
    try:
        worker.wait_until(Says(" ready."))
        worker.wait_until(Says("accounts.jobs.sweep"))
        well, verdict = said_to_programs()
        beat.kill()
        without_beat, _ = said_to_programs()
    finally:
        beat.kill()
        worker.kill()
    stopped, last_verdict = said_to_programs()

    assert (are_bad(well), verdict) == (set(), "")
    assert are_bad(without_beat) == {"beat"}
    assert (are_bad(stopped), last_verdict) == ({"workers"}, f"3 of {len(stopped)} findings are bad.")
    missing = [each["todo"].split()[-1] for each in stopped if each["check"] == "workers"]
    assert missing == ["runs`.", "sync`.", "default`."]


def test_all_that_is_wrong_is_named_at_once(alice: Person, now: datetime) -> None:
    Job.objects.create(workspace=alice.workspace, name="later", queue="sync", due_at=now - 20 * MINUTE)

    with as_owner(*OPEN_WALL):
        found, verdict = said_to_programs()

    assert {"jobs", "walls", "workers"} <= are_bad(found)
    assert "findings are bad" in verdict


# Addresses where nobody listens, by the check that has to say so.
AWAY: dict[str, dict[str, str]] = {
    "Valkey": {"REDIS_URL": f"redis://:{SECRET}@127.0.0.1:1/0"},
    "Chroma": {"CHROMA_URL": "http://127.0.0.1:1"},
    "Postgres": {"DATABASE_WEB_URL": f"postgresql://docent_web:{SECRET}@127.0.0.1:1/docent"},
    "mail server": {"EMAIL_URL": f"smtp://docent:{SECRET}@127.0.0.1:1"},
    "Stripe": {
        "BILLING_GATEWAY": "stripe",
        "STRIPE_API_URL": "http://127.0.0.1:1",
        "STRIPE_SECRET_KEY": f"sk_test_{SECRET}",
        "STRIPE_WEBHOOK_SECRETS": f"whsec_{SECRET}",
    },
}


def doctor(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "manage.py", "doctor", *arguments]
    known = {**os.environ, "SECRET_KEY": SECRET * 2, **environment}
    return subprocess.run(command, cwd=PROJECT, env=known, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("part", ["Valkey", "Chroma", "Postgres"])
def test_a_part_that_is_away_is_named_and_the_others_are_looked_at(part: str) -> None:
    web = {"DATABASE_WEB_URL": settings_url()}

    ended = doctor("--json", **web | AWAY[part])

    found = json.loads(ended.stdout)
    assert ended.returncode == 1
    assert are_bad(found) - {"workers"} == {part}
    assert SECRET not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def settings_url() -> str:
    """The web login follows from SECRET_KEY, which the started command has another one of."""
    given = settings.DATABASES["default"]
    host = given["HOST"]
    return f"postgresql://{given['USER']}:{given['PASSWORD']}@:{given['PORT']}/{given['NAME']}?host={host}"


def test_with_everything_away_there_is_a_line_for_each_and_no_secret() -> None:
    away = {name: value for each in AWAY.values() for name, value in each.items()}

    ended = doctor(**away)

    lines = ended.stdout.splitlines()
    assert ended.returncode == 1
    assert {line.removeprefix("bad  ").partition(":")[0] for line in lines if line.startswith("bad ")} == set(AWAY)
    assert SECRET not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_what_takes_calls_and_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"127.0.0.1:{silent.getsockname()[1]}"
        ended = doctor(
            "--json",
            REDIS_URL=f"redis://:{SECRET}@{where}/0",
            CHROMA_URL=f"http://{where}",
            DATABASE_WEB_URL=f"postgresql://docent_web:{SECRET}@{where}/docent",
            **AWAY["Stripe"] | {"STRIPE_API_URL": f"http://{where}"},
        )

    assert are_bad(json.loads(ended.stdout)) == {"Valkey", "Chroma", "Postgres", "Stripe"}
    assert SECRET not in ended.stdout + ended.stderr


def test_a_check_that_fails_itself_is_bad_and_the_next_ones_are_made(tmp_path: Path) -> None:
    with override_settings(DOCENT_HOME=tmp_path / "nowhere"):
        found = dict(itertools.islice(examine(), 6))

    assert found["disk"] == bad("could not be looked at: FileNotFoundError", found["disk"].todo)
    assert found["Chroma"].level == Level.OK


def test_an_environment_that_cannot_be_read_is_told_in_a_line() -> None:
    ended = doctor(SEAL_KEYS=f"1:{SECRET}")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert (ended.stderr.startswith("SEAL_KEYS is NAME:KEY"), ended.stderr.count("\n")) == (True, 1)
    assert SECRET not in ended.stderr


def job(alice: Person, due_at: datetime) -> None:
    Job.objects.create(workspace=alice.workspace, name="later", queue="sync", due_at=due_at)


def mail(alice: Person, due_at: datetime) -> None:
    Mail.objects.create(key=str(uuid.uuid4()), to="alice@example.com", subject="Hello", next_try_at=due_at)


def payment_event(alice: Person, due_at: datetime) -> None:
    StripeEvent.objects.create(id="evt_1", type="invoice.paid", due_at=due_at)


def notion_event(alice: Person, due_at: datetime) -> None:
    NotionEvent.objects.create(id="event", type="page.created", happened_at=due_at, received_at=due_at)


@pytest.mark.parametrize(
    ("make", "check"),
    [
        (job, work.jobs_are_taken),
        (mail, work.mails_go_out),
        (payment_event, work.payment_events_are_processed),
        (notion_event, work.notion_events_are_processed),
    ],
)
@pytest.mark.parametrize(("age", "level"), [(-5, Level.OK), (1, Level.OK), (5, Level.WARN), (20, Level.BAD)])
def test_what_waits_too_long_is_told(
    alice: Person, now: datetime, make: Callable[[Person, datetime], None], check: Check, age: int, level: Level
) -> None:
    forget_what_waits()

    make(alice, now - age * MINUTE)

    assert levels(check) == [level]


def test_a_sync_without_a_job_is_stuck_and_a_connection_without_access_fails(alice: Person) -> None:
    before = levels(work.syncs_have_jobs), levels(work.connections_get_on)

    Connection.objects.create(
        workspace=alice.workspace,
        owner=alice.user,
        kind="token",
        bot_id="bot",
        open_sync=uuid.uuid4(),
        status=Connection.Status.REAUTHORIZE,
    )

    assert before == ([Level.OK], [Level.OK])
    assert (levels(work.syncs_have_jobs), levels(work.connections_get_on)) == ([Level.WARN], [Level.WARN])


def test_a_migration_that_is_missing_is_told() -> None:
    row = "app = 'accounts' AND name = '0001_initial'"
    away = (
        f"UPDATE django_migrations SET name = 'another' WHERE {row}",
        "UPDATE django_migrations SET name = '0001_initial' WHERE name = 'another'",
    )

    with as_owner(*away):
        assert levels(database.migrations_are_applied) == [Level.BAD]
    assert levels(database.migrations_are_applied) == [Level.OK]


def test_schemas_of_another_release_are_told_and_are_not_ready() -> None:
    ready = WorkspaceSchema.objects.filter(state="warm", head=schemas.head())
    assert levels(database.schemas_are_ready) == levels(database.schemas_are_at_the_head) == [Level.OK]

    ready.update(head="older")

    try:
        assert levels(database.schemas_are_ready) == levels(database.schemas_are_at_the_head) == [Level.BAD]
    finally:
        WorkspaceSchema.objects.filter(head="older").update(head=schemas.head())


def test_weak_walls_are_told_each_time() -> None:
    with override_settings(ALLOW_WEAK_ISOLATION=True):
        assert levels(database.walls_stand) == [Level.WARN]


def test_nothing_can_be_written_while_it_looks() -> None:
    with pytest.raises(InternalError, match="read-only"), database.reading():
        Mail.objects.create(key="doctor", to="alice@example.com", subject="Hello")


def test_a_valkey_that_drops_queues_is_told() -> None:
    valkey.client().config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert levels(servers.valkey_keeps_queues) == [Level.BAD]
    finally:
        valkey.client().config_set("maxmemory-policy", "noeviction")
    assert levels(servers.valkey_keeps_queues) == [Level.OK]


def test_a_mail_server_is_only_connected_to() -> None:
    with listening() as post:
        assert levels(servers.mail_server_answers) == [Level.OK]
    with override_settings(EMAIL_BACKEND=servers.SMTP, EMAIL_HOST="127.0.0.1", EMAIL_PORT=free_port()):
        assert levels(servers.mail_server_answers) == [Level.BAD]
    assert post.received == []


def test_an_embedder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with override_settings(EMBEDDER_DIR=tmp_path):
        (finding,) = machine.embedder_is_there()

    assert (finding.level, "model.onnx, tokenizer.json" in finding.says) == (Level.BAD, True)


@pytest.mark.parametrize(
    ("changed", "check", "level"),
    [
        ({"PUBLIC_URL": "https://docent.example"}, machine.address_is_served, Level.BAD),
        ({"PUBLIC_URL": "http://[::1]:8000"}, machine.address_is_served, Level.OK),
        ({"PUBLIC_URL": "http://localhost/docent"}, machine.address_is_served, Level.BAD),
        ({"PUBLIC_URL": "https://docent.example"}, machine.proxies_are_counted, Level.WARN),
        ({"ALLAUTH_TRUSTED_PROXY_COUNT": 1}, machine.proxies_are_counted, Level.WARN),
        (
            {"ALLAUTH_TRUSTED_PROXY_COUNT": 1, "PUBLIC_URL": "https://docent.example"},
            machine.proxies_are_counted,
            Level.OK,
        ),
        ({"BILLING_GATEWAY": "paypal"}, machine.settings_hold, Level.BAD),
        ({"BILLING_GATEWAY": "manual"}, servers.stripe_answers, Level.OK),
    ],
)
def test_settings_that_do_not_go_together_are_told(changed: dict[str, Any], check: Check, level: Level) -> None:
    with override_settings(**changed):
        assert levels(check) == [level]
