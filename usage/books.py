"""The nightly look whether what is kept is what the rows add up to. A difference is an alarm; nothing is corrected.

Each question is one statement, so one snapshot: a hold and its period change in one transaction, and so do a line and
its sums. It waits for nobody, and nobody who holds or settles meanwhile is taken for a difference.
"""

import logging
import uuid
from datetime import UTC, datetime, time, timedelta

from django.db import connection

from accounts import background, tenancy
from usage import sums
from usage.models import Difference, Hold

log = logging.getLogger(__name__)
# Periods that ended longer ago, and lines before, are not looked at again.
LOOK_BACK = timedelta(days=35)
# Closed holds are kept this long after their period; the log's lines stay for good.
HOLDS_KEPT = timedelta(days=90)
FORGET_AT_ONCE = 5_000
MOST_ALARMS = 100
# In UTC, spread over two hours by the workspace's id.
NIGHT, NIGHT_MINUTES = time(2, 0), 120

PERIODS = """
WITH derived AS (
  SELECT period_id, SUM(requests_charged) AS requests_used, SUM(tokens_charged) AS tokens_used,
    SUM(requests) FILTER (WHERE state = 'open') AS requests_held,
    SUM(tokens) FILTER (WHERE state = 'open') AS tokens_held
  FROM usage_hold GROUP BY period_id
)
SELECT 'period ' || kept.id || ' of ' || kept.member_id, each.name, each.kept, each.derived
FROM usage_period AS kept LEFT JOIN derived ON derived.period_id = kept.id
CROSS JOIN LATERAL (VALUES {pairs}) AS each (name, kept, derived)
WHERE kept.ends_at >= %(since)s AND each.kept <> each.derived
"""
# Each piece of work that has ended has one line, and what was charged is what the line says.
LINES = """
WITH lines AS (
  SELECT hold.id, hold.state, hold.requests_charged, hold.tokens_charged, COUNT(line.id) AS lines,
    COALESCE(SUM(line.requests), 0) AS requests,
    COALESCE(SUM(line.input_tokens + line.output_tokens), 0) AS tokens
  FROM usage_hold AS hold LEFT JOIN usage_entry AS line ON line.hold_id = hold.id AND line.outcome <> 'overage'
  WHERE hold.closed_at >= %(since)s AND hold.state IN ('settled', 'late', 'released') GROUP BY hold.id
)
SELECT 'hold ' || lines.id, each.name, each.kept, each.derived FROM lines
CROSS JOIN LATERAL (VALUES ('lines', lines.lines, 1), ('requests', lines.requests_charged, lines.requests),
  ('tokens', lines.tokens_charged, CASE state WHEN 'released' THEN 0 ELSE lines.tokens END)
) AS each (name, kept, derived)
WHERE each.kept <> each.derived
"""
SUMS = """
WITH kept AS (SELECT * FROM {table} WHERE {begin} >= %(since)s), derived AS ({derived})
SELECT '{table} ' || concat_ws(' ', {keys}), each.name, each.kept, each.derived
FROM kept FULL JOIN derived USING ({keys})
CROSS JOIN LATERAL (VALUES {pairs}) AS each (name, kept, derived)
WHERE each.kept <> each.derived
"""


def _pairs(names: tuple[str, ...]) -> str:
    return ", ".join(f"('{name}', COALESCE(kept.{name}, 0), COALESCE(derived.{name}, 0))" for name in names)


def _of_sums(table: str, derived: str, keys: str, names: tuple[str, ...]) -> str:
    return SUMS.format(table=table, derived=derived, begin=keys.split(",")[0], keys=keys, pairs=_pairs(names))


QUESTIONS = (
    PERIODS.format(pairs=_pairs(("requests_used", "requests_held", "tokens_used", "tokens_held"))),
    LINES,
    _of_sums("usage_quarter", sums.quarters("at >= %(since)s"), "starts_at, kind, model", sums.COUNTS),
    _of_sums("usage_memberday", sums.member_days("at >= %(since)s"), '"on", member_id', sums.COUNTS),
    _of_sums("usage_keyday", sums.key_days("at >= %(since)s"), '"on", api_key_id', sums.COUNTS),
    _of_sums("usage_speed", sums.speeds("at >= %(since)s"), '"on", bucket', ("answers",)),
)


def check(*, now: datetime) -> list[Difference]:
    """Compare, log each difference at ERROR and keep it. Call inside the workspace."""
    since = datetime.combine((now - LOOK_BACK).astimezone(UTC).date(), time.min, UTC)
    found = []
    with connection.cursor() as cursor:
        for question in QUESTIONS:
            cursor.execute(question, {"since": since})
            found += [
                Difference(subject=subject, name=name, kept=kept, derived=derived, found_at=now, seen_at=now)
                for subject, name, kept, derived in cursor.fetchmany(MOST_ALARMS)
            ]
    for difference in found:
        log.error("usage of workspace %s is not what its rows add up to: %s", tenancy.active_workspace_id(), difference)
    Difference.objects.bulk_create(
        found, update_conflicts=True, unique_fields=["subject", "name"], update_fields=["kept", "derived", "seen_at"]
    )
    return found


def forget_holds(*, now: datetime) -> int:
    """Delete what was closed and whose period is over for long. Answers how many."""
    before = now - HOLDS_KEPT
    old = Hold.objects.exclude(state=Hold.State.OPEN).filter(closed_at__lt=before, period__ends_at__lt=before)
    return Hold.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:FORGET_AT_ONCE])).delete()[0]


def expect_check(*, now: datetime) -> None:
    """One job for the coming night, however much is used until then; who uses nothing is never visited."""
    from usage.jobs import check_books

    workspace_id = tenancy.active_workspace_id()
    assert workspace_id is not None
    due_at = _next_night(workspace_id, now)
    background.enqueue(check_books, workspace_id=workspace_id, key=f"night {due_at:%Y-%m-%d}", due_at=due_at)


def _next_night(workspace_id: uuid.UUID, now: datetime) -> datetime:
    minutes = timedelta(minutes=workspace_id.int % NIGHT_MINUTES)
    tonight = datetime.combine(now.astimezone(UTC).date(), NIGHT, UTC) + minutes
    return tonight if tonight > now else tonight + timedelta(days=1)
