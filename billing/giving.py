"""Plans that staff gives: a change that waited for a yes, or one that nobody asked for.

Where Stripe takes the money, nothing is given beside what is being paid for: Stripe's next word would undo it.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from django.db.models import F

from accounts import audit
from accounts.models import User, Workspace
from accounts.names import cleaned
from accounts.permissions import Forbidden
from accounts.tenancy import NotAMember
from billing import seats as seating
from billing import wishes
from billing.changes import locked
from billing.choices import NotAllowed
from billing.effective import State, effective
from billing.gateways import gateway
from billing.models import GivenPlan, PlanRequest, Subscription
from billing.plans import PLANS, Plan, Tier
from billing.wishes import Outcome
from config.errors import InvalidField


class IsPaidFor(NotAllowed):
    code = "is-paid-for"
    status = 409


def withdraw_lapsed(*, now: datetime) -> None:
    """Wishes for more seats of a plan that is over by the clock. A wish for another plan waits on, and nobody is locked
    for it (`wishes.withdraw_with_plan`)."""
    lapsed = PlanRequest.objects.filter(
        decided_at=None,
        tier=F("workspace__subscription__tier"),
        requested_at__lt=F("workspace__subscription__pending_at"),
        workspace__subscription__pending_at__lte=now,
    ).exclude(workspace__state=Workspace.State.ERASING)
    for workspace_id in lapsed.values_list("workspace_id", flat=True):
        with suppress(NotAMember), locked(workspace_id, now):
            pass  # Whoever takes the lock writes what the clock has made true.


def approve(*, request_id: int, by: User, now: datetime) -> Subscription:
    """Staff says yes to a change of plan, and the customer hears of it.

    Raises PlanRequest.DoesNotExist, Forbidden, AlreadyDecided, IsPaidFor or gateways.Refused.
    """
    with _answering(request_id, by, now) as (subscription, wish):
        wishes.decide(wish, Outcome.APPROVED, by=by.email, now=now)
        fixed = wish.fixed_with(subscription.workspace.memberships.count())
        by_id = wish.requested_by_id
        with audit.acting(audit.member(wish.requested_by), really=audit.staff(by)):
            _put_on(subscription, PLANS[Tier(wish.tier)], fixed=fixed, by=by_id, now=now, keeps_planned=True)
        wishes.tell(wish, subscription)
    return subscription


def refuse(*, request_id: int, by: User, why: str, now: datetime) -> Subscription:
    """Staff says no, and why: the customer reads it.

    Raises PlanRequest.DoesNotExist, Forbidden, InvalidField or AlreadyDecided.
    """
    reason = _said(why)
    with _answering(request_id, by, now) as (subscription, wish):
        wishes.decide(wish, Outcome.REFUSED, by=by.email, now=now, reason=reason)
        wishes.tell(wish, subscription)
    return subscription


@contextmanager
def _answering(request_id: int, by: User, now: datetime) -> Iterator[tuple[Subscription, PlanRequest]]:
    _check_is_staff(by)
    workspace_id = PlanRequest.objects.values_list("workspace_id", flat=True).get(pk=request_id)
    with locked(workspace_id, now):
        pass  # What the clock has withdrawn is written at once: a refusal that follows must not undo it.
    with locked(workspace_id, now) as subscription, audit.acting(audit.staff(by)):
        # Whoever writes a request holds the subscription's lock, and asks for no second one.
        yield subscription, PlanRequest.objects.get(pk=request_id)


def _check_is_staff(by: User) -> None:
    if not (by.is_staff and by.is_active):
        raise Forbidden("Only staff decides about plans.")


def _said(why: str) -> str:
    """It stands in sentences of ours, on the customer's page and in a mail."""
    said = cleaned(why)
    if not said:
        raise InvalidField("Say why.", pointer="/why")
    return said


def give(
    *, workspace: Workspace, tier: Tier, by: User, why: str, now: datetime, seats: int | None = None
) -> Subscription:
    """From now on this plan, and who gave it and why is kept. What the customer had asked for is answered with it:
    fewer seats than that are a no. The same once more does nothing.

    Raises Forbidden, InvalidField, IsPaidFor or gateways.Refused.
    """
    _check_is_staff(by)
    reason = _said(why)
    plan = PLANS[tier]
    if plan.trial is not None:
        raise InvalidField("A trial cannot be given.", pointer="/tier")
    with locked(workspace.pk, now) as subscription, audit.acting(audit.staff(by), reason=reason):
        seating.wanted(workspace, plan, seats)
        if _is_given(subscription, plan, seats, now):
            return subscription
        _put_on(subscription, plan, fixed=seats if plan.is_per_seat else None, by=by.pk, now=now)
        GivenPlan.objects.create(
            workspace=workspace, tier=tier, seats=subscription.seats, given_by=by.email, why=reason, given_at=now
        )
        members = workspace.memberships.count()
        for wish in PlanRequest.objects.filter(workspace=workspace, decided_at=None):
            if wish.tier == tier and (wish.fixed_with(members) or 1) <= subscription.seats:
                wishes.decide(wish, Outcome.APPROVED, by=by.email, now=now)
            else:
                given = f"You were given {plan.with_seats(subscription.seats)}."
                wishes.decide(wish, Outcome.REFUSED, by=by.email, now=now, reason=given)
            wishes.tell(wish, subscription)
    return subscription


def _is_given(subscription: Subscription, plan: Plan, seats: int | None, now: datetime) -> bool:
    """Nothing is asked for, planned or paid for beside it."""
    last = GivenPlan.objects.filter(workspace_id=subscription.workspace_id).order_by("-given_at", "-pk").first()
    fixed = seats if plan.is_per_seat else None
    stands = last is not None and (last.tier, last.seats) == (plan.tier, subscription.seats)
    stands = stands and (subscription.tier, subscription.fixed_seats) == (plan.tier, fixed)
    is_open = subscription.pending_at is not None or wishes.waiting(subscription.workspace_id) is not None
    return stands and not is_open and effective(subscription, now).state == State.ACTIVE


def _put_on(
    subscription: Subscription,
    plan: Plan,
    *,
    fixed: int | None,
    by: uuid.UUID,
    now: datetime,
    keeps_planned: bool = False,
) -> None:
    """`fixed`: the number of seats that was asked for or given; None: one for each member."""
    gateway().hear(subscription, now=now)
    if gateway().is_bought(subscription, now=now):
        raise IsPaidFor("A subscription is being paid for. It has to end before a plan is given.")
    subscription.fixed_seats = fixed
    quantity = seating.wanted(subscription.workspace, plan, fixed)
    current = effective(subscription, now)
    if keeps_planned and current.tier == plan.tier and current.state == State.ACTIVE:
        # More seats of the plan that stands: whether it ends or becomes smaller is another matter.
        subscription.pay_for(quantity, now=now)
        subscription.changed_by, subscription.changed_at = by, now
        subscription.save()
    else:
        subscription.buy(plan.tier, seats=quantity, by=by, now=now)
