"""What a member has left, and when it will run out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Min

from accounts.models import Membership
from billing.effective import Access, EffectivePlan, Span, effective, period_before
from billing.models import Subscription
from billing.permissions import is_included
from usage import periods
from usage.ceiling import ceiling
from usage.models import Period
from usage.rates import MINUTE_SECONDS, Rate

# From less than this share of the limit no pace can be told.
EARLIEST_FORECAST = 0.1
# What the shortest question and the shortest answer cost. With less left, a run could only fail, and failing is free.
LEAST_RUN_TOKENS = 50


@dataclass(frozen=True)
class Metric:
    limit: int
    used: int
    held: int
    # When it is used up at the pace of this period, by the member or before that by all together; nothing when period
    # or plan end before, when it is too early or where nothing can be asked.
    runs_out_at: datetime | None
    # What all members of a team have together; None where there is one.
    together: "Metric | None" = None
    # Whether anything can be asked at all; what is left of a plan that has ended is nothing.
    is_open: bool = True

    @property
    def remaining(self) -> int:
        own = max(0, self.limit - self.used - self.held) if self.is_open else 0
        return own if self.together is None else min(own, self.together.remaining)

    @property
    def unused(self) -> int:
        """What is left when nothing is in flight any more."""
        own = max(0, self.limit - self.used) if self.is_open else 0
        return own if self.together is None else min(own, self.together.unused)


@dataclass(frozen=True)
class Quota:
    plan: EffectivePlan
    requests: Metric
    tokens: Metric
    asked_at: datetime
    seats: int
    before: Span
    # Since when this member has been using the plan in this period.
    counts_from: datetime
    # Whether questions can be asked, as far as the plan goes.
    is_open: bool = True
    # False for whom a team left over.
    is_included: bool = True

    @property
    def tier(self) -> str:
        return self.plan.tier

    @property
    def questions_left(self) -> int:
        """None without tokens for the shortest, which has a letter at least."""
        return self.requests.remaining if self.tokens.unused > LEAST_RUN_TOKENS else 0

    def at_this_pace(self, metric: Metric, *, since: datetime | None = None) -> int | None:
        """What would be used when the period or the plan ends; nothing when it is too early to say. `since`: of what
        all use together, the beginning of the period."""
        since = since or self.counts_from
        gone, whole = self.asked_at - since, self.plan.lasts_until - since
        if metric.used < metric.limit * EARLIEST_FORECAST or gone <= timedelta(0):
            return None
        return round(metric.used * (whole / gone))


def quota(*, membership: Membership, now: datetime) -> Quota:
    """Three queries, with a team's seats four, for who joined since the period began one more; it writes nothing.
    Call inside the workspace."""
    subscription = Subscription.objects.get(workspace_id=membership.workspace_id)
    current = effective(subscription, now)
    belongs = is_included(current, membership)
    is_open = current.access == Access.FULL and belongs
    limits = periods.limits(current, membership)
    period = periods.find_period(member_id=membership.user_id, span=current.period, now=now)
    counts_from = _counts_from(period, current, membership)
    together = ceiling(subscription, current, now=now)
    taken = together.taken() if together else {}

    def metric(name: str, limit: int) -> Metric:
        used, held = (0, 0) if period is None else (getattr(period, f"{name}_used"), getattr(period, f"{name}_held"))
        runs_out_at = _runs_out_at(counts_from, current, limit=limit, used=used, now=now) if is_open else None
        if together is None:
            return Metric(limit, used, held, runs_out_at, is_open=is_open)
        whole, all_used = together.limit(name), taken[f"{name}_used"]
        began = current.period.starts_at
        ends_at = _runs_out_at(began, current, limit=whole, used=all_used, now=now) if is_open else None
        team = Metric(whole, all_used, taken[f"{name}_held"], ends_at, is_open=is_open)
        first = min((at for at in (runs_out_at, ends_at) if at is not None), default=None)
        return Metric(limit, used, held, first, team, is_open)

    requests, tokens = metric("requests", limits.requests), metric("tokens", limits.tokens)
    before = period_before(subscription, current)
    return Quota(current, requests, tokens, now, subscription.seats, before, counts_from, is_open, belongs)


def _counts_from(period: Period | None, current: EffectivePlan, membership: Membership) -> datetime:
    """Who joined in the middle has used it since then; who came back, since their first use of before."""
    starts_at = max(current.period.starts_at, period.starts_at) if period else current.period.starts_at
    if period is None or membership.joined_at <= starts_at:
        return starts_at
    first = period.holds.aggregate(first=Min("created_at"))["first"]
    return max(starts_at, min(membership.joined_at, first or membership.joined_at))


def _runs_out_at(
    counts_from: datetime, current: EffectivePlan, *, limit: int, used: int, now: datetime
) -> datetime | None:
    if used == 0 or now <= counts_from:
        return None
    if used >= limit:
        return now
    if used < limit * EARLIEST_FORECAST:
        return None
    at = now + (now - counts_from) * ((limit - used) / used)
    return at if at < current.lasts_until else None


def rate_limit_headers(quota: Quota, rates: Sequence[Rate] = ()) -> dict[str, str]:
    """draft-ietf-httpapi-ratelimit-headers: each limit, what is left of it and the seconds until it starts anew, or
    for the limits of a minute until there is more. What does not start anew (a trial, a plan that ends) has no such
    time, nor has a limit of nothing. Where nothing can be asked every limit is 0."""
    if not quota.is_open:
        names = ["requests", "tokens", *(rate.name for rate in rates)]
        policy, state = (", ".join(f'"{name}";{letter}=0' for name in names) for letter in "qr")
        return {"RateLimit-Policy": policy, "RateLimit": state}
    period = quota.plan.period
    window = round((period.ends_at - period.starts_at).total_seconds())
    renews_at = quota.plan.renews_at
    until = f";t={max(0, math.ceil((renews_at - quota.asked_at).total_seconds()))}" if renews_at else ""
    policies = [
        f'"requests";q={quota.requests.limit};w={window}',
        f'"tokens";q={quota.tokens.limit};w={window};qu="tokens"',
        *(f'"{rate.name}";q={rate.limit};w={MINUTE_SECONDS}' for rate in rates),
    ]
    states = [
        f'"requests";r={quota.requests.remaining}' + (until if quota.requests.limit else ""),
        f'"tokens";r={quota.tokens.remaining}' + (until if quota.tokens.limit else ""),
        *(f'"{rate.name}";r={rate.remaining};t={rate.reset_seconds}' for rate in rates),
    ]
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(states)}
