"""The Usage page and `GET /usage/summary` of a workspace with a million lines in its log, of a month or of a year."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from psycopg import sql

from accounts import tenancy
from tests.benchmarks._figures import show, timed
from tests.people import Person, join, put_on_plan, sign_up
from usage import books, sums

LINES, MEMBERS, TIMES = 1_000_000, 20, 40
BULK = """
INSERT INTO usage_entry (id, at, member_id, kind, requests, input_tokens, output_tokens, model, outcome, grounded,
  milliseconds)
SELECT gen_random_uuid(), %(end)s::timestamptz - n * %(step)s::interval, (%(members)s::uuid[])[1 + n %% %(count)s],
  'run', CASE WHEN n %% 20 = 0 THEN 0 ELSE 1 END, 200 + n %% 900, 40 + n %% 300,
  CASE WHEN n %% 3 = 0 THEN 'extractive' ELSE 'acme-1' END,
  CASE WHEN n %% 20 = 0 THEN 'failed' WHEN n %% 9 = 0 THEN 'not_found' ELSE 'succeeded' END,
  CASE WHEN n %% 20 = 0 THEN NULL ELSE n %% 9 <> 0 END, 200 + (n::bigint * 7919) %% 12000
FROM generate_series(0, %(lines)s - 1) AS n ORDER BY n DESC
"""
PAGES = ("/app/usage", "/app/usage?period=previous", "/app/usage?period=year", "/app/usage/export?period=year")
SUMMARIES = ("day", "member", "kind", "model")


def main() -> None:
    # The test client asks as any host; nothing else differs from the page as it is served.
    settings.ALLOWED_HOSTS = ["*"]
    for words, span in (("a month", timedelta(days=30)), ("a year", timedelta(days=365))):
        owner, member = _fill(span)
        print(f"   -- {LINES:,} lines of {MEMBERS} members in {words}")
        for address in PAGES:
            _measure("owner", owner.web.get, address)
        _measure("member", member.web.get, PAGES[2])
        since = (timezone.now() - span).date()
        for by in SUMMARIES:
            _measure("owner", owner.api.get, f"/usage/summary?by={by}&from={since}")
        with tenancy.within(owner.workspace):
            show("the nightly look", timed(lambda: books.check(now=timezone.now()), 2))


def _fill(span: timedelta) -> tuple[Person, Person]:
    owner = sign_up("Alice")
    put_on_plan(owner, "teams", seats=MEMBERS, now=timezone.now() - timedelta(days=29))
    people = [owner, *(join(owner, f"Bob{number}") for number in range(MEMBERS - 1))]
    values: dict[str, Any] = {
        "end": timezone.now(), "step": span / LINES, "lines": LINES, "count": MEMBERS,
        "members": [person.user.pk for person in people],
    }  # fmt: skip
    with tenancy.within(owner.workspace), connection.cursor() as cursor:
        cursor.execute(BULK, values)
        for statement in sums.add_all("TRUE"):
            cursor.execute(statement)
    tables = ("usage_entry", "usage_quarter", "usage_memberday", "usage_keyday", "usage_speed")
    with connections["owner"].cursor() as cursor:
        for table in tables:
            name = sql.Identifier(owner.workspace.schema_name, table)
            cursor.execute(sql.SQL("VACUUM ANALYZE {}").format(name))
    return owner, people[1]


def _measure(who: str, get: Callable[[str], Any], address: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert get(address).status_code == 200
    show(f"{who} {address} ({len(queries)} queries)", timed(lambda: get(address), TIMES))
