"""`GET /tasks` with 50 rows: CPU of the whole request through WSGI, beside a bare psycopg loop of its query."""

import json
import statistics
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from werkzeug.test import Client

from accounts import tenancy, tokens
from config.wsgi import application
from tasks import services
from tests.benchmarks._figures import ratio
from tests.people import Person, sign_up

ROWS, TIMES, ROUNDS = 50, 100, 7


def main() -> None:
    alice = sign_up("Alice")
    with tenancy.within(alice.workspace):
        for number in range(ROWS * 4):
            services.create(
                by=alice.membership,
                now=timezone.now(),
                title=f"Call customer {number} about the contract",
                due_on=date(2027, 1, 1 + number % 28),
                assignees=["Anna Berg"],
                labels=["sales"],
            )
    client = Client(application)
    headers = {"Authorization": f"Bearer {tokens.issue(alice.membership).access}"}

    def ask() -> None:
        answer = client.get(f"/tasks?limit={ROWS}", headers=headers)
        assert answer.status_code == 200
        assert len(json.loads(answer.data)["results"]) == ROWS

    with CaptureQueriesContext(connection) as queries:
        ask()
    print(f"   {len(queries)} queries")
    query = next(each["sql"] for each in queries if each["sql"].startswith('SELECT "tasks_task"'))
    with _bare(alice) as bare:
        ours = _show(f"GET /tasks, {ROWS} rows", ask)
        plain = _show("the same query, bare psycopg", lambda: bare.execute(query).fetchall())
        written = _show(
            "the same query, rows written as JSON", lambda: json.dumps(bare.execute(query).fetchall(), default=str)
        )
    ratio("GET /tasks / bare query", ours, plain)
    ratio("GET /tasks / bare query and JSON", ours, written)


def _bare(person: Person) -> psycopg.Connection[Any]:
    owner = settings.DATABASES["owner"]
    bare = psycopg.connect(
        dbname=owner["NAME"], user=owner["USER"], password=owner["PASSWORD"] or None, host=owner["HOST"] or None,
        port=owner["PORT"] or None, autocommit=True,
    )  # fmt: skip
    bare.execute(f"SET search_path = {person.workspace.schema_name}, public")
    return bare


def _show(name: str, work: Callable[[], object]) -> float:
    """Milliseconds of this process' CPU for one call, the median of several rounds."""
    work()
    rounds = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(TIMES):
            work()
        rounds.append((time.process_time() - begun) * 1000 / TIMES)
    median = statistics.median(rounds)
    print(f"   {name:<52} CPU    {median:9.3f} ms   least {min(rounds):7.3f} ms   n {ROUNDS} × {TIMES}")
    return median
