"""What a workspace may do now: one pure function of its subscription's facts and the moment of asking.

Nothing else compares dates with a subscription. A trial ends by the clock, not by a job.
"""

import calendar
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from billing.plans import PAST_DUE_GRACE, PLANS, Plan, Tier, upgrade_url
from config.errors import AppError


class Access(StrEnum):
    FULL = "full"
    READ_ONLY = "read_only"
    CLOSED = "closed"


class Facts(Protocol):
    """The part of a subscription that decides; `billing.models.Subscription` has it."""

    tier: str
    status: str
    started_at: datetime
    trial_ends_at: datetime
    anchor_at: datetime
    past_due_since: datetime | None


@dataclass(frozen=True)
class Span:
    """From `starts_at` until just before `ends_at`."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class EffectivePlan:
    """`reason` is the code of the refusal when access is not full, else empty."""

    plan: Plan
    access: Access
    period: Span
    reason: str = ""

    @property
    def tier(self) -> Tier:
        return self.plan.tier


class TrialExpired(AppError):
    code = "trial-expired"
    status = 402


class PaymentRequired(AppError):
    code = "payment-required"
    status = 402


def effective(subscription: Facts, now: datetime) -> EffectivePlan:
    plan = PLANS[Tier(subscription.tier)]
    if subscription.status == "trialing":
        trial = Span(subscription.started_at, subscription.trial_ends_at)
        if now < subscription.trial_ends_at:
            return EffectivePlan(plan, Access.FULL, trial)
        return EffectivePlan(plan, Access.CLOSED, trial, TrialExpired.code)
    month = _month(subscription.anchor_at, now)
    if subscription.status == "active":
        return EffectivePlan(plan, Access.FULL, month)
    if subscription.status == "past_due" and subscription.past_due_since is not None:
        is_in_grace = now < subscription.past_due_since + PAST_DUE_GRACE
        return (
            EffectivePlan(plan, Access.FULL, month)
            if is_in_grace
            else EffectivePlan(plan, Access.READ_ONLY, month, PaymentRequired.code)
        )
    return EffectivePlan(plan, Access.CLOSED, month, PaymentRequired.code)


def check_access(current: EffectivePlan, *, is_read: bool) -> None:
    """Raises TrialExpired or PaymentRequired when this plan does not let its workspace do it."""
    if current.access == Access.FULL or (is_read and current.access == Access.READ_ONLY):
        return
    if current.reason == TrialExpired.code:
        raise TrialExpired(
            "The trial has ended. Choose a plan to go on; what is here stays and can be exported.",
            trial_ends_at=current.period.ends_at,
            upgrade_url=upgrade_url(),
        )
    raise PaymentRequired(
        "The last payment failed, so only reading is possible until it is made."
        if current.access == Access.READ_ONLY
        else "The subscription has ended. Choose a plan to go on; what is here stays and can be exported.",
        upgrade_url=upgrade_url(),
    )


def _month(anchor: datetime, now: datetime) -> Span:
    """The month around `now`, counted from the anchor itself, so that the 31st returns after a short month."""
    count = (now.year - anchor.year) * 12 + now.month - anchor.month
    if _months_after(anchor, count) > now:
        count -= 1
    return Span(_months_after(anchor, count), _months_after(anchor, count + 1))


def _months_after(anchor: datetime, count: int) -> datetime:
    years, month = divmod(anchor.month - 1 + count, 12)
    year = anchor.year + years
    return anchor.replace(year=year, month=month + 1, day=min(anchor.day, calendar.monthrange(year, month + 1)[1]))
