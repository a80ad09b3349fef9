"""What the log's lines add up to, kept beside them so that a million lines are never counted for a page.

A line is added in the transaction that writes it, always after the hold and the period: nothing is locked later.
"""

import uuid

from django.db import connection

COUNTS = (
    "requests", "input_tokens", "output_tokens", "succeeded", "not_found", "stopped", "failed", "grounded", "ungrounded"
)  # fmt: skip
# A line of the log as numbers to add.
LINE = """requests, input_tokens, output_tokens,
  (outcome = 'succeeded')::int AS succeeded, (outcome = 'not_found')::int AS not_found,
  (outcome = 'stopped')::int AS stopped, (outcome = 'failed')::int AS failed,
  (grounded IS TRUE)::int AS grounded, (grounded IS FALSE)::int AS ungrounded"""
QUARTER = "date_bin('15 minutes', at, 'epoch'::timestamptz)"
DAY = "(at AT TIME ZONE 'UTC')::date"
# Each bucket is 5 % longer than the one before, so that its middle is within 2.5 % of all that is in it.
STEP = 1.05
BUCKET = f"CEIL(LN(GREATEST(milliseconds, 1)::float8) / LN({STEP}::float8))::int"
BY_KEY = "api_key_id IS NOT NULL"
ANSWERED = "outcome IN ('succeeded', 'not_found')"

_NAMES = ", ".join(COUNTS)
_SUMS = ", ".join(f"SUM({name}) AS {name}" for name in COUNTS)


def _plus(table: str, names: tuple[str, ...]) -> str:
    return "DO UPDATE SET " + ", ".join(f"{name} = {table}.{name} + EXCLUDED.{name}" for name in names)


def quarters(where: str) -> str:
    return (
        f"SELECT {QUARTER} AS starts_at, kind, model, {_SUMS}"
        f" FROM (SELECT at, kind, model, {LINE} FROM usage_entry WHERE {where}) AS line GROUP BY 1, 2, 3"
    )


def member_days(where: str) -> str:
    return (
        f'SELECT {DAY} AS "on", member_id, {_SUMS}'
        f" FROM (SELECT at, member_id, {LINE} FROM usage_entry WHERE {where}) AS line GROUP BY 1, 2"
    )


def key_days(where: str) -> str:
    return (
        f'SELECT {DAY} AS "on", api_key_id, {_SUMS}'
        f" FROM (SELECT at, api_key_id, {LINE} FROM usage_entry WHERE {where} AND {BY_KEY}) AS line GROUP BY 1, 2"
    )


def speeds(where: str) -> str:
    return (
        f'SELECT {DAY} AS "on", {BUCKET} AS bucket, COUNT(*) AS answers'
        f" FROM usage_entry WHERE {where} AND {ANSWERED} GROUP BY 1, 2"
    )


def add_all(where: str) -> list[str]:
    """The statements that add these lines, always in this order."""
    return [
        f"INSERT INTO usage_quarter (starts_at, kind, model, {_NAMES}) {quarters(where)}"
        f" ON CONFLICT (starts_at, kind, model) {_plus('usage_quarter', COUNTS)}",
        f'INSERT INTO usage_memberday ("on", member_id, {_NAMES}) {member_days(where)}'
        f' ON CONFLICT ("on", member_id) {_plus("usage_memberday", COUNTS)}',
        f'INSERT INTO usage_keyday ("on", api_key_id, {_NAMES}) {key_days(where)}'
        f' ON CONFLICT ("on", api_key_id) {_plus("usage_keyday", COUNTS)}',
        f'INSERT INTO usage_speed ("on", bucket, answers) {speeds(where)}'
        f' ON CONFLICT ("on", bucket) {_plus("usage_speed", ("answers",))}',
    ]


ADD = add_all("id = %s")


def add(entry_id: uuid.UUID) -> None:
    with connection.cursor() as cursor:
        for statement in ADD:
            cursor.execute(statement, [entry_id])
