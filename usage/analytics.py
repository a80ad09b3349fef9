"""What was used, by day, member, kind of work or model. Members see their own use; owners and admins everybody's.

Everybody's is read from the sums (`usage.sums`) and, for what a span begins and ends with, from the log's lines; a
member's own from the lines alone, of which the plan allows one member only so many.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from django.db import connection
from django.db.models import Aggregate, FloatField, QuerySet

from accounts import tenancy
from accounts.models import ApiKey, Membership, User
from accounts.roles import Action
from billing.effective import effective
from billing.models import Subscription
from usage import periods, sums
from usage.models import Entry

QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)
OUTCOMES = ("succeeded", "not_found", "stopped", "failed")
PERCENTILES = {"p50": 50, "p95": 95, "p99": 99}


class Percentile(Aggregate):
    """Half of all are under `share=0.5`."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


def visible_to(membership: Membership) -> QuerySet[Entry]:
    entries = Entry.objects.all()
    return entries if membership.may(Action.SEE_USAGE) else entries.filter(member_id=membership.user_id)


@dataclass(frozen=True)
class Span:
    starts_at: datetime
    ends_at: datetime

    def of(self, entries: QuerySet[Entry]) -> QuerySet[Entry]:
        return entries.filter(at__gte=self.starts_at, at__lt=self.ends_at)

    def whole(self, step: timedelta) -> tuple[datetime, datetime]:
        """From and until when it is made of whole steps, such as days in UTC."""
        first = min(_floor(self.starts_at + step - timedelta(microseconds=1), step), self.ends_at)
        return first, max(first, _floor(self.ends_at, step))


def _floor(moment: datetime, step: timedelta) -> datetime:
    epoch = datetime.fromtimestamp(0, UTC)
    return epoch + (moment.astimezone(UTC) - epoch) // step * step


_SUMS = ", ".join(f"SUM({name})::bigint AS {name}" for name in sums.COUNTS)
_TOTALS = ", ".join(f"COALESCE(SUM({name}), 0)::bigint" for name in sums.COUNTS)
_NAMES = ", ".join(sums.COUNTS)
# The beginning and the end of a span, line by line.
_EDGES = """
  SELECT {columns} FROM usage_entry WHERE at >= %(start)s AND at < %(first)s AND {where}
  UNION ALL SELECT {columns} FROM usage_entry WHERE at >= %(last)s AND at < %(end)s AND {where}"""
FIGURES = f"""
WITH counted AS (
  SELECT starts_at AS at, kind, model, {_NAMES} FROM usage_quarter WHERE starts_at >= %(first)s AND starts_at < %(last)s
  UNION ALL {{edges}}
), dated AS (
  SELECT (at AT TIME ZONE %(zone)s)::date AS day, kind, model, {_SUMS} FROM counted GROUP BY 1, 2, 3
)
SELECT GROUPING(day, kind, model), day, kind, model, {_TOTALS} FROM dated
GROUP BY GROUPING SETS ((), (day), (kind), (model)) ORDER BY day, kind, model
"""
REQUESTS = """
WITH counted AS (
  SELECT requests FROM usage_quarter WHERE starts_at >= %(first)s AND starts_at < %(last)s UNION ALL {edges}
)
SELECT COALESCE(SUM(requests), 0) FROM counted
"""
MEMBERS = f"""
WITH counted AS (
  SELECT member_id, {_NAMES} FROM usage_memberday WHERE "on" >= %(first_on)s AND "on" < %(last_on)s AND {{where}}
  UNION ALL {{edges}}
)
SELECT member_id, {_SUMS} FROM counted GROUP BY member_id
"""
KEYS = f"""
WITH counted AS (
  SELECT api_key_id, {_NAMES} FROM usage_keyday WHERE "on" >= %(first_on)s AND "on" < %(last_on)s
  UNION ALL {{edges}}
)
SELECT api_key_id, {_SUMS} FROM counted GROUP BY api_key_id
"""
SPEEDS = """
WITH counted AS (
  SELECT bucket, answers FROM usage_speed WHERE "on" >= %(first_on)s AND "on" < %(last_on)s
  UNION ALL {edges}
)
SELECT bucket, SUM(answers)::bigint FROM counted GROUP BY bucket ORDER BY bucket
"""


def whole_percent(share: float | None) -> int | None:
    """Rounded down, so that nothing is called all before it is; but 0.29 is 29, which no float holds."""
    return None if share is None else int(round(share * 100, 6))


@dataclass
class Counts:
    """`requests` and tokens, and how many pieces of work ended how."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    succeeded: int = 0
    not_found: int = 0
    stopped: int = 0
    failed: int = 0
    grounded: int = 0
    ungrounded: int = 0

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def grounded_share(self) -> float | None:
        """Of the answers that are known to stand on pages or not; nothing when none is."""
        known = self.grounded + self.ungrounded
        return self.grounded / known if known else None

    @property
    def outcomes(self) -> dict[str, int]:
        counts = {name: getattr(self, name) for name in OUTCOMES}
        return {name: count for name, count in sorted(counts.items(), key=lambda one: -one[1]) if count}

    def without(self, parts: Collection["Counts"]) -> "Counts":
        """What is left; a line that was written between two readings is in one of them alone."""
        rest = {name: getattr(self, name) - sum(getattr(part, name) for part in parts) for name in sums.COUNTS}
        return Counts(**{name: max(0, number) for name, number in rest.items()})

    def as_json(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "tokens": self.tokens,
            "runs_succeeded": self.succeeded + self.not_found,
            "runs_failed": self.failed,
            "grounded_share": self.grounded_share,
        }


@dataclass
class Figures:
    totals: Counts = field(default_factory=Counts)
    by_day: list[dict[str, Any]] = field(default_factory=list)
    by_kind: list[dict[str, Any]] = field(default_factory=list)
    by_model: list[dict[str, Any]] = field(default_factory=list)


def figures(*, membership: Membership, span: Span, zone: tzinfo) -> Figures:
    """One statement, whatever was used. Days are those of the zone."""
    found = Figures()
    series = {3: ("day", found.by_day), 5: ("kind", found.by_kind), 6: ("model", found.by_model)}
    columns = f"at, kind, model, {sums.LINE}"
    for grouping, day, kind, model, *counted in _read(FIGURES, membership, span, QUARTER, columns, zone=str(zone)):
        counts = Counts(*counted)
        if grouping == 7:
            found.totals = counts
        else:
            name, rows = series[grouping]
            rows.append({name: {"day": day, "kind": kind, "model": model}[name], **counts.as_json()})
    return found


def requests_in(*, membership: Membership, span: Span) -> int:
    rows = _read(REQUESTS, membership, span, QUARTER, "requests")
    return int(rows[0][0])


def by_member(*, membership: Membership, span: Span) -> list[dict[str, Any]]:
    columns = f"member_id, {sums.LINE}"
    counted = _read(MEMBERS, membership, span, DAY, columns)
    rows: list[dict[str, Any]] = [{"user_id": row[0], **Counts(*row[1:]).as_json()} for row in counted]
    rows.sort(key=lambda row: (-row["requests"], row["user_id"]))
    known_people = people([row["user_id"] for row in rows])
    for row in rows:
        row["name"] = str(known_people.get(row["user_id"], "a former member"))
    return rows


def by_source(totals: Counts, *, membership: Membership, span: Span) -> list[dict[str, Any]]:
    """What each API key has used, and before them the rest of `totals`: what was asked signed in, in a browser or with
    an access token."""
    columns = f"api_key_id, {sums.LINE}"
    counted = {row[0]: Counts(*row[1:]) for row in _read(KEYS, membership, span, DAY, columns, where=sums.BY_KEY)}
    with tenancy.shared():
        known = ApiKey.objects.select_related("membership__user").in_bulk(list(counted))
    rows = [_of_key(key_id, known.get(key_id)) | counts.as_json() for key_id, counts in counted.items()]
    rows.sort(key=lambda row: (-row["requests"], row["name"], row["api_key_id"]))
    signed_in = {"source": "sign_in", "api_key_id": None, "name": "Signed in", "user_id": None, "member": ""}
    return [signed_in | totals.without(counted.values()).as_json(), *rows]


def _of_key(key_id: uuid.UUID, key: ApiKey | None) -> dict[str, Any]:
    row = {"source": "api_key", "api_key_id": key_id, "name": "A deleted key", "user_id": None, "member": ""}
    if key is None:
        return row
    return row | {"name": key.name, "user_id": key.membership.user_id, "member": str(key.membership.user)}


def latency(*, membership: Membership, span: Span) -> dict[str, int | None]:
    """Milliseconds that half, 95 % and 99 % of the answers took at most, within 2.5 %."""
    buckets = _read(SPEEDS, membership, span, DAY, f"{sums.BUCKET}, 1", where=sums.ANSWERED)
    total = sum(answers for _, answers in buckets)
    found: dict[str, int | None] = dict.fromkeys(PERCENTILES)
    for name, share in PERCENTILES.items():
        before = 0
        for bucket, answers in buckets:
            before += answers
            if before * 100 >= total * share:
                found[name] = round(sums.STEP ** (bucket - 0.5))
                break
    return found


def _read(
    sql: str, membership: Membership, span: Span, step: timedelta, columns: str, *, where: str = "TRUE", zone: str = ""
) -> list[tuple[Any, ...]]:
    first, last = span.whole(step)
    own = "TRUE"
    if not membership.may(Action.SEE_USAGE):
        own = "member_id = %(member)s"
        # Sums are everybody's, so all of one's own span is read from the lines.
        first = last = span.ends_at
    values: dict[str, Any] = {
        "start": span.starts_at, "end": span.ends_at, "first": first, "last": last, "zone": zone,
        "first_on": first.astimezone(UTC).date(), "last_on": last.astimezone(UTC).date(), "member": membership.user_id,
    }  # fmt: skip
    edges = _EDGES.format(columns=columns, where=f"{own} AND {where}")
    with connection.cursor() as cursor:
        cursor.execute(sql.format(edges=edges, where=own), values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def totals(*, membership: Membership, span: Span) -> dict[str, Any]:
    counted = figures(membership=membership, span=span, zone=UTC).totals
    return {**counted.as_json(), "latency_ms": latency(membership=membership, span=span)}


def by_day(*, membership: Membership, span: Span, zone: tzinfo) -> list[dict[str, Any]]:
    return figures(membership=membership, span=span, zone=zone).by_day


def people(ids: list[uuid.UUID]) -> dict[uuid.UUID, User]:
    return {
        user.pk: user for user in User.objects.filter(pk__in=ids).only("id", "name", "email", "is_active", "erases_at")
    }


def used_by(ids: list[uuid.UUID], *, subscription: Subscription, now: datetime) -> dict[uuid.UUID, tuple[int, int]]:
    """Requests and tokens of each member in the plan's present period, as in their own quota."""
    present = effective(subscription, now).period
    rows = periods.find_periods(member_ids=ids, span=present, now=now)
    return {member_id: (row.requests_used, row.tokens_used) for member_id, row in rows.items()}
