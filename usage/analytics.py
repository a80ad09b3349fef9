"""What was used, by day, member or kind of work. Members see their own use; owners and admins everybody's."""

import uuid
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.db.models import Aggregate, Avg, Count, F, FloatField, IntegerField, Q, QuerySet, Sum
from django.db.models.functions import Cast, Coalesce, TruncDate

from accounts.models import Membership, User
from billing.effective import effective
from billing.models import Subscription
from usage import periods
from usage.models import Entry

RAN_WELL = Q(outcome__in=[Entry.Outcome.SUCCEEDED, Entry.Outcome.NOT_FOUND])
FAILED = Q(outcome=Entry.Outcome.FAILED)
RUNS = ~Q(outcome=Entry.Outcome.OVERAGE)


class Percentile(Aggregate):
    """Half of all are under `share=0.5`."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


def visible_to(membership: Membership) -> QuerySet[Entry]:
    return Entry.objects.all() if membership.may_manage else Entry.objects.filter(member_id=membership.user_id)


@dataclass(frozen=True)
class Span:
    starts_at: datetime
    ends_at: datetime

    def of(self, entries: QuerySet[Entry]) -> QuerySet[Entry]:
        return entries.filter(at__gte=self.starts_at, at__lt=self.ends_at)


COUNTS = {
    "requests": Coalesce(Sum("requests"), 0),
    "tokens": Coalesce(Sum(F("input_tokens") + F("output_tokens")), 0),
    "runs_succeeded": Count("pk", filter=RAN_WELL),
    "runs_failed": Count("pk", filter=FAILED),
}
# Of the answers that are known to stand on pages or not; nothing when none is.
GROUNDED_SHARE = Avg(Cast("grounded", IntegerField()))


def totals(*, membership: Membership, span: Span) -> dict[str, Any]:
    counted = span.of(visible_to(membership)).aggregate(
        **COUNTS,
        grounded_share=GROUNDED_SHARE,
        p50=Percentile("milliseconds", share=0.5, filter=RAN_WELL),
        p95=Percentile("milliseconds", share=0.95, filter=RAN_WELL),
        p99=Percentile("milliseconds", share=0.99, filter=RAN_WELL),
    )
    latency = {name: counted.pop(name) for name in ("p50", "p95", "p99")}
    return {**counted, "latency_ms": latency}


def by_day(*, membership: Membership, span: Span, zone: tzinfo) -> list[dict[str, Any]]:
    entries = span.of(visible_to(membership)).annotate(day=TruncDate("at", tzinfo=zone))
    return [dict(row) for row in entries.values("day").annotate(**COUNTS).order_by("day")]


def by_member(*, membership: Membership, span: Span) -> list[dict[str, Any]]:
    entries = span.of(visible_to(membership)).values(user_id=F("member_id"))
    counted = entries.annotate(**COUNTS, grounded_share=GROUNDED_SHARE).order_by("-requests", "user_id")
    rows: list[dict[str, Any]] = [dict(row) for row in counted]
    known_people = people([row["user_id"] for row in rows])
    for row in rows:
        row["name"] = str(known_people.get(row["user_id"], "a former member"))
    return rows


def by_kind(*, membership: Membership, span: Span) -> list[dict[str, Any]]:
    entries = span.of(visible_to(membership)).values("kind")
    return [dict(row) for row in entries.annotate(**COUNTS).order_by("kind")]


def outcomes(*, membership: Membership, span: Span) -> dict[str, int]:
    entries = span.of(visible_to(membership)).filter(RUNS)
    return dict(entries.values_list("outcome").annotate(count=Count("pk")).order_by("-count"))


def people(ids: list[uuid.UUID]) -> dict[uuid.UUID, User]:
    return {user.pk: user for user in User.objects.filter(pk__in=ids).only("id", "name", "email")}


def used_by(ids: list[uuid.UUID], *, subscription: Subscription, now: datetime) -> dict[uuid.UUID, tuple[int, int]]:
    """Requests and tokens of each member in the plan's present period, as in their own quota."""
    present = effective(subscription, now).period
    rows = periods.find_periods(member_ids=ids, span=present, now=now)
    return {member_id: (row.requests_used, row.tokens_used) for member_id, row in rows.items()}
