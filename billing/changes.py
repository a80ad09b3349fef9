"""Changes of plan as an owner makes them. How money follows is the gateway's part.

Every change holds the lock on its subscription's row from the question to the last write, so that two tabs, a staff
member and a webhook follow each other.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from django.conf import settings
from django.db import transaction

from accounts import tenancy
from accounts.models import Membership
from accounts.permissions import check_can_buy
from billing import seats as seating
from billing import wishes
from billing.choices import (
    PAY_FIRST,
    PAYS,
    NothingToChange,
    UpgradeNotAllowed,
    check_downgrade,
    check_standing,
    check_upgrade,
)
from billing.effective import EffectivePlan, effective
from billing.gateways import ACTIVE, AlreadyBought, Change, Refused, gateway
from billing.gateways.manual import Manual
from billing.models import PlanRequest, Subscription
from billing.moments import day
from billing.plans import PLANS, Tier


class MonthTurns(Refused):
    """A moment later it is known from when on what is chosen would hold."""

    code = "payments-unavailable"
    status = 503


@contextmanager
def locked(workspace_id: uuid.UUID, now: datetime) -> Iterator[Subscription]:
    """The subscription, locked and with what the clock has made true written into it. Opens a transaction.

    Raises NotAMember for a workspace that was deleted: nothing may be bought for it any more.
    """
    with transaction.atomic():
        subscription = Subscription.objects.select_for_update().filter(workspace_id=workspace_id).first()
        if subscription is None or tenancy.is_deleted(workspace_id):
            raise tenancy.NotAMember("This workspace was deleted.")
        wishes.catch_up(subscription, now)
        yield subscription


def upgrade(*, membership: Membership, tier: Tier, now: datetime, seats: int | None = None, seen: str = "") -> Change:
    """At once. Raises Forbidden, AlreadyBought, PlanHasChanged, UpgradeNotAllowed with what is allowed, or InvalidField
    for seats that do not fit. `seen` is the `standing` that whoever chose was shown, here and in what follows."""
    check_can_buy(membership)
    _check_is_known(membership.workspace_id, now)
    with _choosing(membership, now, seen) as (subscription, current, _):
        check_upgrade(current, tier)
        seating.wanted(membership.workspace, PLANS[tier], seats)
        gateway().introduce(subscription)
    with _choosing(membership, now, seen) as (subscription, current, wish):
        check_upgrade(current, tier)
        quantity = seating.wanted(membership.workspace, PLANS[tier], seats)
        is_fixed = seats is not None and PLANS[tier].is_per_seat
        change = gateway().change(
            subscription, tier=tier, seats=quantity, is_fixed=is_fixed, by=membership.user_id, now=now
        )
        return _with_undone(change, current, wish, now)


def downgrade(*, membership: Membership, tier: Tier, now: datetime, seen: str = "") -> Change:
    """At the period's end; until then it can be taken back. A wish that waits is withdrawn.

    Raises Forbidden, AlreadyBought, PlanHasChanged, NothingToChange when it is planned already, or DowngradeNotAllowed.
    """
    check_can_buy(membership)
    _check_is_known(membership.workspace_id, now)
    with _choosing(membership, now, seen) as (subscription, current, wish):
        check_downgrade(current, tier)
        gateway().schedule(subscription, tier=tier, by=membership.user_id, now=now)
        wishes.withdraw_older(subscription, by=membership.user, deed="chosen a smaller plan", now=now)
        return _with_undone(Change(ACTIVE, subscription), current, wish, now)


def cancel(*, membership: Membership, now: datetime, seen: str = "") -> Change:
    """At the period's end; until then it can be taken back. A wish that waits is withdrawn.

    Raises Forbidden, AlreadyBought, PlanHasChanged or NothingToChange.
    """
    check_can_buy(membership)
    _check_is_known(membership.workspace_id, now)
    with _choosing(membership, now, seen) as (subscription, current, wish):
        if current.state not in PAYS:
            raise NothingToChange("There is no paid subscription to cancel.")
        if current.pending and current.pending.plan is None:
            raise NothingToChange(f"The subscription is cancelled already and ends on {day(current.pending.at)}.")
        gateway().schedule(subscription, tier=None, by=membership.user_id, now=now)
        wishes.withdraw_older(subscription, by=membership.user, deed="cancelled the subscription", now=now)
        return _with_undone(Change(ACTIVE, subscription), current, wish, now)


def resume(*, membership: Membership, now: datetime, seen: str = "") -> Change:
    """Takes back a downgrade or cancellation that has not happened yet.

    Raises Forbidden, AlreadyBought, PlanHasChanged or NothingToChange.
    """
    check_can_buy(membership)
    _check_is_known(membership.workspace_id, now)
    with _choosing(membership, now, seen) as (subscription, current, wish):
        if current.pending is None:
            raise NothingToChange("No change is pending.")
        gateway().resume(subscription, by=membership.user_id, now=now)
        return _with_undone(Change(ACTIVE, subscription), current, wish, now)


def withdraw(*, membership: Membership, now: datetime, seen: str = "") -> Change:
    """Takes back a wish that staff has not answered. Raises Forbidden, PlanHasChanged or NothingToChange."""
    check_can_buy(membership)
    with _choosing(membership, now, seen) as (subscription, current, wish):
        if wish is None:
            raise NothingToChange("No wish waits for an answer.")
        wishes.withdraw_older(subscription, by=membership.user, deed="taken it back", now=now)
        return _with_undone(Change(ACTIVE, subscription), current, wish, now)


def set_seats(*, membership: Membership, seats: int | None, now: datetime, seen: str = "") -> Change:
    """Fixes the number of seats, or with None lets them follow the members again.

    Where it is hosted and nobody pays for them here, more seats wait for staff, as a larger plan does. What applies at
    once withdraws a wish that waits.
    Raises Forbidden, AlreadyBought, PlanHasChanged, NothingToChange on a plan without seats, UpgradeNotAllowed while a
    payment is late, or InvalidField.
    """
    check_can_buy(membership)
    _check_is_known(membership.workspace_id, now)
    with _choosing(membership, now, seen) as (subscription, current, wish):
        if current.state not in PAYS or not current.plan.is_per_seat:
            raise NothingToChange("The present plan is not paid by seat.")
        if current.is_late:
            raise UpgradeNotAllowed(PAY_FIRST, allowed=[])
        quantity = seating.wanted(membership.workspace, current.plan, seats)
        had = subscription.paid_in(current.period.starts_at)
        if quantity > had and more_seats_wait(subscription, now=now):
            by, is_fixed = membership.user_id, seats is not None
            change = Manual().change(subscription, tier=current.tier, seats=quantity, is_fixed=is_fixed, by=by, now=now)
            return _with_undone(change, current, wish, now)
        subscription.fixed_seats = seats
        gateway().set_seats(subscription, seats=quantity, now=now)
        wishes.withdraw_older(subscription, by=membership.user, deed="changed the number of seats", now=now)
        return _with_undone(Change(ACTIVE, subscription), current, wish, now)


def more_seats_wait(subscription: Subscription, *, now: datetime) -> bool:
    """Whether staff has to say yes to them: where it is hosted and nobody pays for them here."""
    return settings.IS_PRODUCTION and not gateway().is_bought(subscription, now=now)


def portal_url(*, membership: Membership, now: datetime) -> str:
    """Raises Forbidden or NoPortal."""
    check_can_buy(membership)
    with locked(membership.workspace_id, now) as subscription:
        return gateway().portal_url(subscription)


def check_no_turn(subscription: Subscription, *, now: datetime) -> None:
    """Raises MonthTurns."""
    if gateway().is_turning(subscription, now=now):
        raise MonthTurns(
            "A month ends just now at the payment provider. Nothing was changed: choose again in a few minutes.",
            retry_after=60,
        )


@contextmanager
def _choosing(
    membership: Membership, now: datetime, seen: str = ""
) -> Iterator[tuple[Subscription, EffectivePlan, PlanRequest | None]]:
    """The locked subscription, where it stands, and the wish that waits. Raises PlanHasChanged."""
    with locked(membership.workspace_id, now) as subscription:
        current = effective(subscription, now)
        check_standing(subscription, current, seen)
        yield subscription, current, wishes.waiting(membership.workspace_id)


def _with_undone(change: Change, was: EffectivePlan, waited: PlanRequest | None, now: datetime) -> Change:
    """What others may have chosen at the same moment does not go without a word."""
    is_planned = effective(change.subscription, now).pending == was.pending
    if waited is not None:
        waited.refresh_from_db()
    return replace(
        change,
        dropped=None if is_planned else was.pending,
        withdrawn=waited if waited is not None and waited.decided_at is not None else None,
    )


def _check_is_known(workspace_id: uuid.UUID, now: datetime) -> None:
    """Raises AlreadyBought when there is a plan that was not heard of here: what was chosen was chosen without it; and
    MonthTurns."""
    before, current = heard(workspace_id, now)
    check_no_turn(Subscription.objects.get(workspace_id=workspace_id), now=now)
    if current.state not in PAYS:
        return
    if before.state not in PAYS:
        raise AlreadyBought(f"Your payment for {current.plan.name} has come: it is yours now.")
    if before.tier != current.tier:
        raise AlreadyBought(f"Meanwhile the plan has become {current.plan.name}.")


def heard(workspace_id: uuid.UUID, now: datetime) -> tuple[EffectivePlan, EffectivePlan]:
    """The plan as it stood here and as it stands; written at once, since a refusal that follows must not undo it."""
    with locked(workspace_id, now) as subscription:
        before = effective(subscription, now)
        gateway().look(subscription, now=now, is_before_change=True)
        return before, effective(subscription, now)
