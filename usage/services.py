"""Metering: what a member may use, reserved before work and charged after it. Call inside the workspace.

Locks are always taken hold first, then the workspace's, then period, so that two calls never wait for each other.
"""

import logging
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from accounts.models import Membership
from billing.effective import EffectivePlan, check_access, effective
from billing.models import Subscription
from usage import figures, periods, rates, sums
from usage.ceiling import Ceiling, ceiling
from usage.models import Entry, Hold, Period
from usage.periods import Limits
from usage.quota import LEAST_RUN_TOKENS, Quota, quota, rate_limit_headers
from usage.rates import RateLimited
from usage.refusals import Busy, QuotaExceeded
from usage.room import Wanted, check_room

__all__ = [
    "HOLD_LIFE",
    "LEAST_RUN_TOKENS",
    "RUN_TOKEN_CAP",
    "Busy",
    "Cost",
    "Quota",
    "QuotaExceeded",
    "RateLimited",
    "admit",
    "expire_holds",
    "hold",
    "quota",
    "rate_limit_headers",
    "release",
    "settle",
]

log = logging.getLogger(__name__)
# One run may hold this much, so that several fit beside each other into a small plan.
RUN_TOKEN_CAP = 10_000
# Longer than any run may take, so that a living run never loses its hold.
HOLD_LIFE = timedelta(seconds=settings.HOLD_LIFE_SECONDS)


def admit(*, membership: Membership, now: datetime, api_key_id: uuid.UUID | None = None) -> None:
    """Count one question against the limits of a minute, before anything is held. Raises RateLimited,
    TrialExpired or PaymentRequired."""
    subscription = Subscription.objects.get(workspace_id=membership.workspace_id)
    current = effective(subscription, now)
    check_access(current, is_read=False)
    asked = rates.buckets(
        plan=current.plan, seats=subscription.seats, workspace_id=membership.workspace_id, api_key_id=api_key_id
    )
    rates.take(current, asked)


def hold(
    *,
    membership: Membership,
    key: str,
    now: datetime,
    requests: int = 1,
    tokens: int | None = None,
    at_least: int = LEAST_RUN_TOKENS,
    api_key_id: uuid.UUID | None = None,
) -> Hold:
    """Reserve quota for one piece of work; `tokens=None` takes what is left, `at_least` and up to the cap of a run.

    The same key of the same member finds its hold again, whatever became of it. Raises QuotaExceeded, Busy,
    TrialExpired or PaymentRequired, and then nothing is written.
    """
    own_key = f"{membership.user_id}:{key}"
    earlier = Hold.objects.filter(key=own_key).first()
    if earlier is not None:
        return earlier
    subscription = Subscription.objects.get(workspace_id=membership.workspace_id)
    current = effective(subscription, now)
    check_access(current, is_read=False)
    limits, together = periods.limits(current, membership), ceiling(subscription, current, now=now)
    period = periods.open_period(member_id=membership.user_id, current=current, limits=limits, now=now)
    wanted = Wanted(requests, tokens, least=min(at_least, RUN_TOKEN_CAP) if tokens is None else tokens)
    try:
        check_room(period, current, limits, together, wanted, now=now)
    except Busy:
        # A hold that outlived its work must not refuse anybody until the next sweep.
        if not expire_holds(now=now, period=None if together else period):
            raise
        period.refresh_from_db()
        check_room(period, current, limits, together, wanted, now=now)
    new = Hold(
        period=period,
        key=own_key,
        api_key_id=api_key_id,
        requests=requests,
        tokens=0,
        created_at=now,
        expires_at=now + HOLD_LIFE,
    )
    return _reserve(new, current, limits, together, wanted, now=now)


TAKE = """
WITH room AS (
  -- LEAST leaves out what is null: where there is no room of the workspace beside the member's.
  SELECT id, COALESCE(%(tokens)s::bigint,
    LEAST(%(cap)s, %(tokens_limit)s - tokens_used - tokens_held, %(tokens_room)s::bigint)) AS tokens
  FROM usage_period WHERE id = %(period)s FOR UPDATE
)
UPDATE usage_period AS period
SET requests_limit = %(requests_limit)s, tokens_limit = %(tokens_limit)s,
    requests_held = requests_held + %(requests)s, tokens_held = tokens_held + room.tokens
FROM room
WHERE period.id = room.id AND room.tokens >= %(least)s
  AND requests_used + requests_held + %(requests)s <= %(requests_limit)s
  AND tokens_used + tokens_held + room.tokens <= %(tokens_limit)s
  AND COALESCE(%(requests)s <= %(requests_room)s::bigint AND room.tokens <= %(tokens_room)s::bigint, true)
RETURNING room.tokens
"""


def _reserve(
    new: Hold, current: EffectivePlan, limits: Limits, together: Ceiling | None, wanted: Wanted, *, now: datetime
) -> Hold:
    period = new.period
    values = {
        "period": period.pk,
        "requests": wanted.requests,
        "requests_limit": limits.requests,
        "tokens": wanted.tokens,
        "tokens_limit": limits.tokens,
        "cap": RUN_TOKEN_CAP,
        "least": wanted.least,
    }
    while True:
        with transaction.atomic():
            Hold.objects.bulk_create([new], ignore_conflicts=True)
            stored = Hold.objects.get(key=new.key)
            if stored.pk != new.pk:
                return stored
            room = together.locked_room() if together else {"requests": None, "tokens": None}
            with connection.cursor() as cursor:
                cursor.execute(TAKE, values | {"requests_room": room["requests"], "tokens_room": room["tokens"]})
                taken = cursor.fetchone()
            if taken is not None:
                Hold.objects.filter(pk=new.pk).update(tokens=taken[0])
                new.tokens = taken[0]
                periods.expect_expiry(new)
                return new
            transaction.set_rollback(True)
        period.refresh_from_db()
        # Somebody else took the room since we looked; when there is some again, so do we.
        check_room(period, current, limits, together, wanted, now=now)


@dataclass(frozen=True)
class Cost:
    """What a piece of work used, for its line in the log."""

    input_tokens: int = 0
    output_tokens: int = 0
    model: str = ""
    kind: str = "run"
    run_id: uuid.UUID | None = None
    milliseconds: int = 0
    grounded: bool | None = None

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


NOTHING = Cost()


def settle(*, hold_id: uuid.UUID, cost: Cost, outcome: str, now: datetime) -> None:
    """Charge finished work, once however often it is called. What went beyond the hold becomes an overage line."""
    with transaction.atomic():
        held = Hold.objects.select_for_update().get(pk=hold_id)
        if held.state not in {Hold.State.OPEN, Hold.State.EXPIRED}:
            return
        period = Period.objects.select_for_update().get(pk=held.period_id)
        requests, tokens = held.requests, min(cost.tokens, held.tokens)
        if held.state == Hold.State.EXPIRED:
            log.error("hold %s was settled after it had expired: raise HOLD_LIFE or lower the time limit", held.pk)
            # Its reservation was given back, so it is charged as far as the limit still allows; the rest is overage.
            requests = max(0, min(requests, period.requests_limit - period.requests_used - period.requests_held))
            tokens = max(0, min(tokens, period.tokens_limit - period.tokens_used - period.tokens_held))
        else:
            period.requests_held -= held.requests
            period.tokens_held -= held.tokens
        period.requests_used += requests
        period.tokens_used += tokens
        period.save(update_fields=["requests_held", "requests_used", "tokens_held", "tokens_used"])
        is_late = held.state == Hold.State.EXPIRED
        _close(held, Hold.State.LATE if is_late else Hold.State.SETTLED, now=now, requests=requests, tokens=tokens)
        _write(held, period, cost, now=now, outcome=outcome, requests=requests, tokens=tokens)
        figures.note()


def release(*, hold_id: uuid.UUID, cost: Cost = NOTHING, outcome: str = Entry.Outcome.FAILED, now: datetime) -> None:
    """Give back what failed work had reserved. The log shows the work with no requests, and what it used."""
    with transaction.atomic():
        held = Hold.objects.select_for_update().get(pk=hold_id)
        if held.state not in {Hold.State.OPEN, Hold.State.EXPIRED}:
            return
        if held.state == Hold.State.OPEN:
            _give_back(held)
        _close(held, Hold.State.RELEASED, now=now, requests=0, tokens=0)
        _log(held, held.period, cost, now=now, outcome=outcome, requests=0)


def expire_holds(*, now: datetime, period: Period | None = None) -> int:
    """Give back what work held that never ended: its process died. Answers how many holds."""
    with transaction.atomic():
        overdue = Hold.objects.select_for_update(skip_locked=True).filter(state=Hold.State.OPEN, expires_at__lte=now)
        if period is not None:
            overdue = overdue.filter(period=period)
        expired = list(overdue.order_by("period_id", "pk")[:500])
        for held in expired:
            _give_back(held)
            _close(held, Hold.State.EXPIRED, now=now, requests=0, tokens=0)
    return len(expired)


def _give_back(held: Hold) -> None:
    Period.objects.filter(pk=held.period_id).update(
        requests_held=F("requests_held") - held.requests, tokens_held=F("tokens_held") - held.tokens
    )


def _close(held: Hold, state: Hold.State, *, now: datetime, requests: int, tokens: int) -> None:
    held.state, held.closed_at = state, now
    held.requests_charged, held.tokens_charged = requests, tokens
    held.save(update_fields=["state", "closed_at", "requests_charged", "tokens_charged"])


def _write(held: Hold, period: Period, cost: Cost, *, now: datetime, outcome: str, requests: int, tokens: int) -> None:
    """The line of the work, and a line of its own for what was not covered by the hold."""
    beyond = cost.tokens - tokens
    beyond_output = min(beyond, cost.output_tokens)
    beyond_input = beyond - beyond_output
    covered = replace(
        cost, input_tokens=cost.input_tokens - beyond_input, output_tokens=cost.output_tokens - beyond_output
    )
    _log(held, period, covered, now=now, outcome=outcome, requests=requests)
    if beyond or requests < held.requests:
        overage = Cost(beyond_input, beyond_output, cost.model, "overage", cost.run_id)
        _log(held, period, overage, now=now, outcome=Entry.Outcome.OVERAGE, requests=held.requests - requests)


def _log(held: Hold, period: Period, cost: Cost, *, now: datetime, outcome: str, requests: int) -> None:
    line = Entry.objects.create(
        at=now,
        member_id=period.member_id,
        kind=cost.kind,
        run_id=cost.run_id,
        api_key_id=held.api_key_id,
        hold=held,
        requests=requests,
        input_tokens=cost.input_tokens,
        output_tokens=cost.output_tokens,
        model=cost.model,
        outcome=outcome,
        grounded=cost.grounded,
        milliseconds=cost.milliseconds,
    )
    sums.add(line.pk)
