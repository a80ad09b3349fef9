"""Changes of plan: what may change into what, and when. How money follows is the gateway's part.

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
from accounts.permissions import can_buy, check_can_buy
from billing import seats as seating
from billing import wishes
from billing.effective import EffectivePlan, State, effective
from billing.gateways import ACTIVE, AlreadyBought, Change, Preview, Refused, gateway, is_given
from billing.gateways.manual import Manual
from billing.models import PlanRequest, Subscription
from billing.moments import day
from billing.plans import PLANS, Tier
from config.errors import AppError

PAY_FIRST = "The last payment failed. Pay it first, then change the plan."
PAYS = {State.ACTIVE, State.GRACE, State.READ_ONLY}


class NotAllowed(AppError):
    """The present state does not have this change."""


class UpgradeNotAllowed(NotAllowed):
    code = "upgrade-not-allowed"
    status = 409


class DowngradeNotAllowed(NotAllowed):
    code = "downgrade-not-allowed"
    status = 409


class NothingToChange(NotAllowed):
    code = "nothing-to-change"
    status = 409


@contextmanager
def locked(workspace_id: uuid.UUID, now: datetime) -> Iterator[Subscription]:
    """The subscription, locked and with what the clock has made true written into it. Opens a transaction.

    Raises NotAMember for a workspace that was deleted: nothing may be bought for it any more.
    """
    with transaction.atomic():
        subscription = Subscription.objects.select_for_update().filter(workspace_id=workspace_id).first()
        if subscription is None or tenancy.is_deleted(workspace_id):
            raise tenancy.NotAMember("This workspace was deleted.")
        subscription.catch_up(now)
        yield subscription


def look(*, membership: Membership, now: datetime, awaits: bool = False) -> bool:
    """Before an owner is told where the plan stands: word of what was paid for may be late or lost.

    `awaits`: somebody comes back from paying. False when it is not known now: then the plan is as it was last heard of.
    """
    if not can_buy(membership):
        return True
    mine = Subscription.objects.filter(workspace_id=membership.workspace_id)
    if not awaits and gateway().is_heard(mine.get(), now=now):
        return True
    try:
        with transaction.atomic():
            # Whoever holds it asks too, or is about to.
            subscription = mine.select_for_update(skip_locked=True).first()
            if subscription is None:
                return False
            gateway().look(subscription, now=now, is_brief=True)
    except Refused:
        return False
    return True


def upgrades(current: EffectivePlan) -> tuple[Tier, ...]:
    """Upwards only; what has ended may begin again with any plan. While a payment is late, it comes first."""
    if current.state in {State.GRACE, State.READ_ONLY}:
        return ()
    return PLANS[Tier.TRIAL].upgrades if current.state == State.ENDED else current.plan.upgrades


def downgrades(current: EffectivePlan) -> tuple[Tier, ...]:
    return current.plan.downgrades if current.state == State.ACTIVE else ()


def upgrade(*, membership: Membership, tier: Tier, now: datetime, seats: int | None = None) -> Change:
    """At once. Raises Forbidden, AlreadyBought, UpgradeNotAllowed with what is allowed, or InvalidField for seats that
    do not fit."""
    check_can_buy(membership)
    _check_is_known(membership.workspace_id, now)
    with locked(membership.workspace_id, now) as subscription:
        _check_upgrade(effective(subscription, now), tier)
        seating.wanted(membership.workspace, PLANS[tier], seats)
        gateway().introduce(subscription)
    with locked(membership.workspace_id, now) as subscription:
        _check_upgrade(effective(subscription, now), tier)
        quantity = seating.wanted(membership.workspace, PLANS[tier], seats)
        is_fixed = seats is not None and PLANS[tier].is_per_seat
        return gateway().change(
            subscription, tier=tier, seats=quantity, is_fixed=is_fixed, by=membership.user_id, now=now
        )


def downgrade(*, membership: Membership, tier: Tier, now: datetime) -> Subscription:
    """At the period's end; until then it can be taken back. Raises Forbidden, AlreadyBought or DowngradeNotAllowed."""
    check_can_buy(membership)
    _check_is_known(membership.workspace_id, now)
    with locked(membership.workspace_id, now) as subscription:
        _check_downgrade(effective(subscription, now), tier)
        gateway().schedule(subscription, tier=tier, by=membership.user_id, now=now)
    return subscription


def cancel(*, membership: Membership, now: datetime) -> Subscription:
    """At the period's end; until then it can be taken back. Raises Forbidden, AlreadyBought or NothingToChange."""
    check_can_buy(membership)
    _check_is_known(membership.workspace_id, now)
    with locked(membership.workspace_id, now) as subscription:
        current = effective(subscription, now)
        if current.state not in PAYS:
            raise NothingToChange("There is no paid subscription to cancel.")
        if current.pending and current.pending.plan is None:
            raise NothingToChange(f"The subscription is cancelled already and ends on {day(current.pending.at)}.")
        gateway().schedule(subscription, tier=None, by=membership.user_id, now=now)
    return subscription


def resume(*, membership: Membership, now: datetime) -> Subscription:
    """Takes back a downgrade or cancellation that has not happened yet.

    Raises Forbidden, AlreadyBought or NothingToChange.
    """
    check_can_buy(membership)
    _check_is_known(membership.workspace_id, now)
    with locked(membership.workspace_id, now) as subscription:
        if effective(subscription, now).pending is None:
            raise NothingToChange("No change is pending.")
        gateway().resume(subscription, by=membership.user_id, now=now)
    return subscription


def withdraw(*, membership: Membership, now: datetime) -> Subscription:
    """Takes back a wish that staff has not answered. Raises Forbidden or NothingToChange."""
    check_can_buy(membership)
    with locked(membership.workspace_id, now) as subscription:
        wish = PlanRequest.objects.filter(workspace_id=membership.workspace_id, decided_at=None).first()
        if wish is None:
            raise NothingToChange("No wish waits for an answer.")
        wishes.decide(wish, wishes.Outcome.WITHDRAWN, by=membership.user.email, now=now)
    return subscription


def preview(*, membership: Membership, tier: Tier, now: datetime, seats: int | None = None) -> Preview:
    """What a change to this plan costs, or for a smaller one will cost; with the present plan, another number of seats.

    Raises what the change itself would raise.
    """
    check_can_buy(membership)
    if not gateway().is_heard(membership.workspace.subscription, now=now):
        _heard(membership.workspace_id, now)
    with locked(membership.workspace_id, now) as subscription:
        current = effective(subscription, now)
        quantity = seating.wanted(membership.workspace, PLANS[tier], seats)
        # After an end a smaller plan is bought like any other.
        is_smaller = tier in current.plan.downgrades and tier not in upgrades(current)
        if is_smaller or (tier == current.tier and current.state == State.ACTIVE and current.plan.is_per_seat):
            if is_smaller:
                _check_downgrade(current, tier)
                asked = _smaller(subscription, current, tier, quantity, now)
            else:
                rest = gateway().more_seats(subscription, seats=quantity, now=now)
                asked = _other_seats(subscription, current, quantity, rest)
            # What was given stays free, however small it becomes.
            is_free = is_given(subscription, now=now)
            return replace(asked, then_cents=0, next_at=None) if is_free else asked
        _check_upgrade(current, tier)
        return replace(gateway().preview(subscription, tier=tier, seats=quantity, now=now), drops=current.pending)


def set_seats(*, membership: Membership, seats: int | None, now: datetime) -> Change:
    """Fixes the number of seats, or with None lets them follow the members again.

    Where it is hosted and nobody pays for them here, more seats wait for staff, as a larger plan does.
    Raises Forbidden, NothingToChange on a plan without seats, UpgradeNotAllowed while a payment is late, or
    InvalidField.
    """
    check_can_buy(membership)
    with locked(membership.workspace_id, now) as subscription:
        current = effective(subscription, now)
        if current.state not in PAYS or not current.plan.is_per_seat:
            raise NothingToChange("The present plan is not paid by seat.")
        if current.is_late:
            raise UpgradeNotAllowed(PAY_FIRST, allowed=[])
        quantity = seating.wanted(membership.workspace, current.plan, seats)
        had = subscription.paid_in(current.period.starts_at)
        if quantity > had and more_seats_wait(subscription, now=now):
            return Manual().change(
                subscription, tier=current.tier, seats=quantity, is_fixed=True, by=membership.user_id, now=now
            )
        subscription.fixed_seats = seats
        gateway().set_seats(subscription, seats=quantity, now=now)
    return Change(ACTIVE, subscription)


def more_seats_wait(subscription: Subscription, *, now: datetime) -> bool:
    """Whether staff has to say yes to them: where it is hosted and nobody pays for them here."""
    return settings.IS_PRODUCTION and not gateway().is_bought(subscription, now=now)


def portal_url(*, membership: Membership, now: datetime) -> str:
    """Raises Forbidden or NoPortal."""
    check_can_buy(membership)
    with locked(membership.workspace_id, now) as subscription:
        return gateway().portal_url(subscription)


def _check_is_known(workspace_id: uuid.UUID, now: datetime) -> None:
    """Raises AlreadyBought when there is a plan that was not heard of here: what was chosen was chosen without it."""
    before, current = _heard(workspace_id, now)
    if current.state not in PAYS:
        return
    if before.state not in PAYS:
        raise AlreadyBought(f"Your payment for {current.plan.name} has come: it is yours now.")
    if before.tier != current.tier:
        raise AlreadyBought(f"Meanwhile the plan has become {current.plan.name}.")


def _heard(workspace_id: uuid.UUID, now: datetime) -> tuple[EffectivePlan, EffectivePlan]:
    """The plan as it stood here and as it stands; written at once, since a refusal that follows must not undo it."""
    with locked(workspace_id, now) as subscription:
        before = effective(subscription, now)
        gateway().look(subscription, now=now)
        return before, effective(subscription, now)


def _smaller(subscription: Subscription, current: EffectivePlan, tier: Tier, seats: int, now: datetime) -> Preview:
    """A smaller plan from the next month on; what was added in this one is on the same invoice."""
    invoice = gateway().next_invoice(subscription, seats=subscription.seats, now=now)
    at = current.period.ends_at
    return Preview(
        takes_effect_at=at,
        due_now_cents=0,
        then_cents=PLANS[tier].monthly_cents(seats),
        next_at=at,
        rest_cents=max(0, invoice.rest_cents) if invoice else 0,
        drops=current.pending,
    )


def _other_seats(subscription: Subscription, current: EffectivePlan, seats: int, rest: Preview) -> Preview:
    """The rest of this month, and what comes after it with what is planned for then: a smaller plan, or nothing."""
    then, at = subscription.priced(current.plan).monthly_cents(seats), current.period.ends_at
    if current.pending is None:
        return replace(rest, then_cents=then, next_at=at)
    if current.pending.plan is None:
        return replace(rest, then_cents=0, next_at=None)
    return replace(rest, then_cents=subscription.priced(current.pending.plan).monthly_cents(1), next_at=at)


def _check_upgrade(current: EffectivePlan, tier: Tier) -> None:
    allowed = upgrades(current)
    if tier in allowed:
        return
    if current.is_late:
        words = PAY_FIRST
    elif allowed:
        words = f"From {current.plan.name} you can change to {_listed(allowed)}."
    else:
        words = f"{current.plan.name} is the highest plan."
    raise UpgradeNotAllowed(words, allowed=list(allowed))


def _check_downgrade(current: EffectivePlan, tier: Tier) -> None:
    allowed = downgrades(current)
    if tier in allowed:
        return
    words = f"From {current.plan.name} you can go down to {_listed(allowed)}." if allowed else "There is no plan below."
    if current.is_late:
        words = PAY_FIRST
    raise DowngradeNotAllowed(words, allowed=list(allowed))


def _listed(tiers: tuple[Tier, ...]) -> str:
    return " or ".join(PLANS[tier].name for tier in tiers)
