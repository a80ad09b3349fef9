"""The row a member's use is counted in: found, opened, and its limits."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min, QuerySet

from accounts import background, tenancy
from accounts.models import Membership
from billing.effective import EffectivePlan, Span
from billing.plans import Feature
from usage.models import Hold, Period

# Holds that expire within the same span share one job.
EXPIRY_STEP = timedelta(minutes=5)


@dataclass(frozen=True)
class Limits:
    requests: int
    tokens: int


def limits(current: EffectivePlan, membership: Membership) -> Limits:
    """The plan's, or the member's own caps below them where the plan has caps."""
    has_caps = Feature.MEMBER_CAPS in current.plan.features
    caps = (membership.request_cap, membership.token_cap) if has_caps else (None, None)
    requests, tokens = (
        whole if cap is None else min(whole, cap)
        for whole, cap in zip((current.plan.requests, current.plan.tokens), caps, strict=True)
    )
    return Limits(requests, tokens)


def find_period(*, member_id: uuid.UUID, span: Span, now: datetime) -> Period | None:
    return find_periods(member_ids=[member_id], span=span, now=now).get(member_id)


def find_periods(*, member_ids: Sequence[uuid.UUID], span: Span, now: datetime) -> dict[uuid.UUID, Period]:
    """Each member's row for the plan's present period; who has used nothing yet has none."""
    return {row.member_id: row for row in present(span, now=now).filter(member_id__in=member_ids)}


def present(span: Span, *, now: datetime) -> QuerySet[Period]:
    """The latest row of each member in the plan's present period."""
    begun = Period.objects.filter(starts_at__gte=span.starts_at, starts_at__lte=max(now, span.starts_at))
    return begun.order_by("member_id", "-starts_at").distinct("member_id")


def open_period(*, member_id: uuid.UUID, current: EffectivePlan, limits: Limits, now: datetime) -> Period:
    """The member's row for the plan's present period. It comes into being with the first use."""
    found = find_period(member_id=member_id, span=current.period, now=now)
    if found is not None:
        return found
    start, end = current.period.starts_at, current.period.ends_at
    with transaction.atomic():
        mine = Period.objects.filter(member_id=member_id)
        # A plan bought in mid-period starts a period of its own; the one before ends there, and work in it stays in it.
        mine.filter(starts_at__lt=start, ends_at__gt=start).update(ends_at=start)
        later = mine.filter(starts_at__gt=start, starts_at__lt=end).aggregate(first=Min("starts_at"))["first"]
        new = Period(
            member_id=member_id,
            starts_at=start,
            ends_at=later or end,
            requests_limit=limits.requests,
            tokens_limit=limits.tokens,
        )
        # Two first uses at once: the exclusion constraint lets one row in, and both go on with it.
        Period.objects.bulk_create([new], ignore_conflicts=True)
    return Period.objects.get(member_id=member_id, starts_at=start)


def expect_expiry(hold: Hold) -> None:
    """One delayed job for all holds of a workspace that expire within one step; idle workspaces cost nothing."""
    from usage.jobs import expire_holds

    step = EXPIRY_STEP.total_seconds()
    due = datetime.fromtimestamp((hold.expires_at.timestamp() // step + 1) * step, tz=hold.expires_at.tzinfo)
    workspace_id = tenancy.active_workspace_id()
    assert workspace_id is not None
    background.enqueue(expire_holds, workspace_id=workspace_id, key=f"until {due:%Y-%m-%dT%H:%M}", due_at=due)
