"""What a workspace may do now: one pure function of its subscription's facts and the moment of asking.

Nothing else compares dates with a subscription. What ends or changes at a moment does so by the clock, not by a job.
"""

import calendar
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from billing.moments import day
from billing.plans import KEPT_AFTER_END, PAST_DUE_GRACE, PLANS, Plan, Tier, upgrade_url
from billing.states import RULES, Access, State
from config.errors import AppError

__all__ = [
    "Access",
    "EffectivePlan",
    "Facts",
    "PaymentRequired",
    "Pending",
    "Span",
    "State",
    "TrialExpired",
    "check_access",
    "effective",
]


class Facts(Protocol):
    """The part of a subscription that decides; `billing.models.Subscription` has it."""

    tier: str
    status: str
    started_at: datetime
    trial_ends_at: datetime
    anchor_at: datetime
    past_due_since: datetime | None
    pending_tier: str
    pending_at: datetime | None
    ended_at: datetime | None
    erases_from: datetime | None
    content_erased_at: datetime | None


@dataclass(frozen=True)
class Span:
    """From `starts_at` until just before `ends_at`."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Pending:
    """What will be at `at`: another plan, or with `plan=None` the end. Until then it can be taken back."""

    plan: Plan | None
    at: datetime


@dataclass(frozen=True)
class EffectivePlan:
    """`ends_at`: when the present state turns into a worse one by the clock; `ended_at`: when service ended.

    `erased_at`: when the content was erased after that end.
    """

    plan: Plan
    state: State
    period: Span
    pending: Pending | None = None
    ends_at: datetime | None = None
    ended_at: datetime | None = None
    erased_at: datetime | None = None
    # Later than 30 days after the end when the warnings went out late.
    erases_from: datetime | None = None
    # That time is over: the next sweep erases it.
    erases_soon: bool = False

    @property
    def tier(self) -> Tier:
        return self.plan.tier

    @property
    def access(self) -> Access:
        return RULES[self.state].access

    @property
    def reason(self) -> str:
        """The code of the refusal when access is not full, else empty."""
        return RULES[self.state].refusal

    @property
    def leaves_at(self) -> datetime | None:
        """When a cancelled subscription ends."""
        return self.pending.at if self.pending and self.pending.plan is None else None

    @property
    def lasts_until(self) -> datetime:
        """How long the limits of this period are of use."""
        return min(self.period.ends_at, self.leaves_at or self.period.ends_at)

    @property
    def is_late(self) -> bool:
        return self.state in {State.GRACE, State.READ_ONLY}

    @property
    def renews_at(self) -> datetime | None:
        """When what was used starts anew, if nobody does anything: never in a trial, nor after its end or the end of
        the grace."""
        turns_before = self.ends_at is not None and self.ends_at <= self.period.ends_at
        if self.plan.trial is not None or self.ended_at is not None or turns_before or self.state == State.READ_ONLY:
            return None
        return self.period.ends_at

    @property
    def erases_at(self) -> datetime | None:
        """When the content is erased, unless somebody buys before."""
        if self.ended_at is None:
            return None
        kept_until = self.ended_at + KEPT_AFTER_END
        return max(kept_until, self.erases_from or kept_until)


class TrialExpired(AppError):
    code = "trial-expired"
    status = 402
    is_for_payment = True


class PaymentRequired(AppError):
    code = "payment-required"
    status = 402
    is_for_payment = True


def effective(subscription: Facts, now: datetime) -> EffectivePlan:
    # Within one zone of summer time Python adds and compares what clocks show, not how much time has passed.
    now = now.astimezone(UTC)
    if subscription.status == "trialing":
        return _of_trial(subscription, now)
    plan, pending = PLANS[Tier(subscription.tier)], _pending(subscription)
    ended_at = subscription.ended_at or now if subscription.status == "canceled" else None
    if pending and now >= pending.at:
        ended_at = ended_at or (pending.at if pending.plan is None else None)
        plan, pending = pending.plan or plan, None
    month = _month(subscription.anchor_at, now)
    if ended_at:
        return _ended(EffectivePlan(plan, State.ENDED, month, ended_at=ended_at), subscription, now)
    leaving_at = pending.at if pending and pending.plan is None else None
    if subscription.status == "past_due" and subscription.past_due_since is not None:
        grace_ends_at = subscription.past_due_since + PAST_DUE_GRACE
        if now >= grace_ends_at:
            return EffectivePlan(plan, State.READ_ONLY, month, pending, ends_at=leaving_at)
        return EffectivePlan(plan, State.GRACE, month, pending, ends_at=min(grace_ends_at, leaving_at or grace_ends_at))
    return EffectivePlan(plan, State.ACTIVE, month, pending, ends_at=leaving_at)


def period_before(subscription: Facts, current: EffectivePlan) -> Span:
    """A month by the same anchor; before a trial, as long as it."""
    present = current.period
    if current.plan.trial is not None:
        return Span(present.starts_at - (present.ends_at - present.starts_at), present.starts_at)
    return _month(subscription.anchor_at, present.starts_at - timedelta(microseconds=1))


def _of_trial(subscription: Facts, now: datetime) -> EffectivePlan:
    plan, end = PLANS[Tier.TRIAL], subscription.trial_ends_at
    trial = Span(subscription.started_at, end)
    if now < end:
        return EffectivePlan(plan, State.TRIAL, trial, ends_at=end)
    return _ended(EffectivePlan(plan, State.TRIAL_ENDED, trial, ended_at=end), subscription, now)


def _ended(current: EffectivePlan, subscription: Facts, now: datetime) -> EffectivePlan:
    """With what happens to the content. What was erased after an earlier end says nothing of this one."""
    erased_at = subscription.content_erased_at
    if erased_at is not None and current.ended_at is not None and erased_at < current.ended_at:
        erased_at = None
    ended = replace(current, erased_at=erased_at, erases_from=subscription.erases_from)
    assert ended.erases_at is not None
    return replace(ended, erases_soon=ended.erases_at <= now)


def _pending(subscription: Facts) -> Pending | None:
    if subscription.pending_at is None:
        return None
    tier = subscription.pending_tier
    return Pending(PLANS[Tier(tier)] if tier else None, subscription.pending_at)


def check_access(current: EffectivePlan, *, is_read: bool) -> None:
    """Raises TrialExpired or PaymentRequired when this plan does not let its workspace do it."""
    if current.access == Access.FULL or (is_read and current.access == Access.READ_ONLY):
        return
    if current.reason == TrialExpired.code:
        raise TrialExpired(
            f"The trial has ended. Choose a plan to go on; {_kept(current)}.",
            trial_ends_at=current.period.ends_at,
            upgrade_url=upgrade_url(),
        )
    raise PaymentRequired(
        "The last payment failed, so only reading is possible until it is made."
        if current.access == Access.READ_ONLY
        else f"The subscription has ended. Choose a plan to go on; {_kept(current)}.",
        upgrade_url=upgrade_url(),
    )


def _kept(current: EffectivePlan) -> str:
    assert current.erases_at is not None
    if current.erased_at is not None:
        return f"what was read from Notion was erased on {day(current.erased_at)}"
    if current.erases_soon:
        return "what is here is erased soon"
    return f"what is here is kept until {day(current.erases_at)}"


def _month(anchor: datetime, now: datetime) -> Span:
    """The month around `now`, counted from the anchor itself, so that the 31st returns after a short month."""
    anchor = anchor.astimezone(UTC)
    count = (now.year - anchor.year) * 12 + now.month - anchor.month
    if _months_after(anchor, count) > now:
        count -= 1
    return Span(_months_after(anchor, count), _months_after(anchor, count + 1))


def _months_after(anchor: datetime, count: int) -> datetime:
    years, month = divmod(anchor.month - 1 + count, 12)
    year = anchor.year + years
    return anchor.replace(year=year, month=month + 1, day=min(anchor.day, calendar.monthrange(year, month + 1)[1]))
