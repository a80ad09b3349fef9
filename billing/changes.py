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
from django.db import OperationalError, transaction
from psycopg.errors import LockNotAvailable

from accounts import audit, tenancy
from accounts.models import AuditAction, Membership
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
    has,
    is_dropped,
    is_planned,
    standing,
)
from billing.effective import EffectivePlan, effective
from billing.gateways import ACTIVE, CHECKOUT_REQUIRED, PENDING_APPROVAL, AlreadyBought, Change, Refused, gateway
from billing.gateways.manual import Manual
from billing.models import PlanRequest, Subscription
from billing.plans import PLANS, Tier
from integrations.stripe import alive

# Of two seconds (`DATABASE_LOCK_SECONDS`): somebody who changes seats or the plan is several answers of Stripe's at it.
WAITS = 5


class MonthTurns(Refused):
    """A moment later it is known from when on what is chosen would hold."""

    code = "payments-unavailable"
    status = 503


@contextmanager
def locked(workspace_id: uuid.UUID, now: datetime, *, waits: int = 1) -> Iterator[Subscription]:
    """The subscription, locked and with what the clock has made true written into it. Opens a transaction.

    `waits`: how often a request waits for who holds it, as long as Stripe answers meanwhile.
    Raises NotAMember for a workspace that was deleted: nothing may be bought for it any more.
    """
    with transaction.atomic():
        subscription = _lock(workspace_id, waits)
        if subscription is None or tenancy.is_deleted(workspace_id):
            raise tenancy.NotAMember("This workspace was deleted.")
        wishes.catch_up(subscription, now)
        yield subscription


def _lock(workspace_id: uuid.UUID, waits: int) -> Subscription | None:
    while True:
        waits -= 1
        try:
            with transaction.atomic():
                return Subscription.objects.select_for_update().filter(workspace_id=workspace_id).first()
        except OperationalError as error:
            is_held = isinstance(error.__cause__, LockNotAvailable)
            if not (is_held and waits and alive.has_answered_just_now()):
                raise


def read(workspace_id: uuid.UUID, now: datetime) -> Subscription:
    """As `locked`, for who changes nothing: it waits for nobody, and locks only to write down what the clock has made
    true. Raises NotAMember."""
    mine = Subscription.objects.filter(workspace_id=workspace_id)
    subscription = mine.first()
    if subscription is None or tenancy.is_deleted(workspace_id):
        raise tenancy.NotAMember("This workspace was deleted.")
    if subscription.pending_at is not None and subscription.pending_at <= now:
        with transaction.atomic():
            free = mine.select_for_update(skip_locked=True).first()
            if free is not None:
                wishes.catch_up(free, now)
                return free
        # Who holds it sees to the wishes.
        subscription.catch_up(now)
    return subscription


def upgrade(*, membership: Membership, tier: Tier, now: datetime, seats: int | None = None, seen: str = "") -> Change:
    """At once. `seen` is the `standing` that whoever chose was shown, here and in what follows: a wish that is met
    already, since it was sent twice, is answered as the first time.

    Raises Forbidden, AlreadyBought, PlanHasChanged, UpgradeNotAllowed with what is allowed, or InvalidField for seats
    that do not fit.
    """
    check_can_buy(membership)
    news = heard(membership.workspace_id, now)
    is_fixed = seats is not None and PLANS[tier].is_per_seat

    def ask(subscription: Subscription, current: EffectivePlan, wish: PlanRequest | None) -> int | Change:
        """The seats to be paid, or the answer where nothing is left to do."""
        if has(subscription, current, tier, seats):
            return Change(ACTIVE, subscription)
        _check_is_known(subscription, news, now)
        quantity = seating.wanted(membership.workspace, PLANS[tier], seats)
        if wishes.is_for(wish, tier=tier, seats=quantity, is_fixed=is_fixed):
            return Change(PENDING_APPROVAL, subscription)
        check_standing(subscription, current, seen, drops=True)
        check_upgrade(current, tier)
        return quantity

    with _choosing(membership, now) as (subscription, current, wish):
        quantity = ask(subscription, current, wish)
        if isinstance(quantity, Change):
            return quantity
    # Without the lock: who pays already is looked for among all who do.
    gateway().introduce(subscription)
    with _choosing(membership, now) as (subscription, current, wish):
        quantity = ask(subscription, current, wish)
        if isinstance(quantity, Change):
            return quantity
        change = gateway().change(
            subscription, tier=tier, seats=quantity, is_fixed=is_fixed, by=membership.user_id, now=now
        )
        if change.status == CHECKOUT_REQUIRED:
            after = {"tier": tier, "seats": quantity}
            audit.record(AuditAction.PLAN_ASKED, workspace_id=membership.workspace_id, after=after)
        return _with_undone(change, current, wish, now)


def downgrade(*, membership: Membership, tier: Tier, now: datetime, seen: str = "") -> Change:
    """At the period's end; until then it can be taken back. A wish that waits is withdrawn.

    Raises Forbidden, AlreadyBought, PlanHasChanged or DowngradeNotAllowed.
    """
    check_can_buy(membership)
    with _choosing_known(membership, now) as (subscription, current, wish):
        if is_planned(current, tier):
            return Change(ACTIVE, subscription)
        check_standing(subscription, current, seen)
        check_downgrade(current, tier)
        gateway().schedule(subscription, tier=tier, by=membership.user_id, now=now)
        wishes.withdraw_older(subscription, by=membership.user, deed="chosen a smaller plan", now=now)
        return _with_undone(Change(ACTIVE, subscription), current, wish, now)


def cancel(*, membership: Membership, now: datetime, seen: str = "") -> Change:
    """At the period's end; until then it can be taken back. A wish that waits is withdrawn.

    Raises Forbidden, AlreadyBought, PlanHasChanged or NothingToChange.
    """
    check_can_buy(membership)
    with _choosing_known(membership, now) as (subscription, current, wish):
        if current.leaves_at is not None:
            return Change(ACTIVE, subscription)
        check_standing(subscription, current, seen)
        if current.state not in PAYS:
            raise NothingToChange("There is no paid subscription to cancel.")
        gateway().schedule(subscription, tier=None, by=membership.user_id, now=now)
        wishes.withdraw_older(subscription, by=membership.user, deed="cancelled the subscription", now=now)
        return _with_undone(Change(ACTIVE, subscription), current, wish, now)


def resume(*, membership: Membership, now: datetime, seen: str = "") -> Change:
    """Takes back a downgrade or cancellation that has not happened yet.

    Raises Forbidden, AlreadyBought, PlanHasChanged or NothingToChange.
    """
    check_can_buy(membership)
    with _choosing_known(membership, now) as (subscription, current, wish):
        if is_dropped(subscription, current, seen):
            return Change(ACTIVE, subscription)
        check_standing(subscription, current, seen)
        if current.pending is None:
            raise NothingToChange("No change is pending.")
        gateway().resume(subscription, by=membership.user_id, now=now)
        return _with_undone(Change(ACTIVE, subscription), current, wish, now)


def withdraw(*, membership: Membership, now: datetime, seen: str = "") -> Change:
    """Takes back a wish that staff has not answered. Raises Forbidden, PlanHasChanged or NothingToChange."""
    check_can_buy(membership)
    with _choosing(membership, now) as (subscription, current, wish):
        if wishes.is_withdrawn(subscription):
            return Change(ACTIVE, subscription)
        check_standing(subscription, current, seen)
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
    with _choosing_known(membership, now) as (subscription, current, wish):
        if current.state not in PAYS or not current.plan.is_per_seat:
            check_standing(subscription, current, seen)
            raise NothingToChange("The present plan is not paid by seat.")
        if current.is_late:
            raise UpgradeNotAllowed(PAY_FIRST, allowed=[])
        quantity = seating.wanted(membership.workspace, current.plan, seats)
        if wishes.is_for(wish, tier=current.tier, seats=quantity, is_fixed=seats is not None):
            return Change(PENDING_APPROVAL, subscription)
        is_old = seen not in {"", standing(subscription, current)}
        if is_old and wish is None and seats == subscription.fixed_seats:
            return Change(ACTIVE, subscription)
        check_standing(subscription, current, seen)
        return _with_undone(_with_seats(membership, subscription, current, quantity, seats, now), current, wish, now)


def _with_seats(
    membership: Membership,
    subscription: Subscription,
    current: EffectivePlan,
    quantity: int,
    fixed: int | None,
    now: datetime,
) -> Change:
    had, is_fixed = subscription.paid_in(current.period.starts_at), fixed is not None
    if quantity > had and more_seats_wait(subscription, now=now):
        by = membership.user_id
        return Manual().change(subscription, tier=current.tier, seats=quantity, is_fixed=is_fixed, by=by, now=now)
    subscription.fixed_seats = fixed
    gateway().set_seats(subscription, seats=quantity, now=now)
    wishes.withdraw_older(subscription, by=membership.user, deed="changed the number of seats", now=now)
    return Change(ACTIVE, subscription)


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


Chosen = tuple[Subscription, EffectivePlan, PlanRequest | None]


@contextmanager
def _choosing(membership: Membership, now: datetime) -> Iterator[Chosen]:
    """The locked subscription, where it stands, and the wish that waits."""
    acting = audit.acting(audit.member(membership.user))
    with locked(membership.workspace_id, now, waits=WAITS) as subscription, acting:
        yield subscription, effective(subscription, now), wishes.waiting(membership.workspace_id)


@contextmanager
def _choosing_known(membership: Membership, now: datetime) -> Iterator[Chosen]:
    """After it was heard what stands. Raises AlreadyBought and MonthTurns."""
    news = heard(membership.workspace_id, now)
    with _choosing(membership, now) as (subscription, current, wish):
        _check_is_known(subscription, news, now)
        yield subscription, current, wish


def _with_undone(change: Change, was: EffectivePlan, waited: PlanRequest | None, now: datetime) -> Change:
    """What others may have chosen at the same moment does not go without a word."""
    stays = effective(change.subscription, now).pending == was.pending
    if waited is not None:
        waited.refresh_from_db()
    return replace(
        change,
        dropped=None if stays else was.pending,
        withdrawn=waited if waited is not None and waited.decided_at is not None else None,
    )


def _check_is_known(subscription: Subscription, news: tuple[EffectivePlan, EffectivePlan], now: datetime) -> None:
    """`news`: what was `heard`. Raises AlreadyBought when there is a plan that was not heard of here: what was chosen
    was chosen without it; and MonthTurns."""
    before, current = news
    check_no_turn(subscription, now=now)
    if current.state not in PAYS:
        return
    if before.state not in PAYS:
        raise AlreadyBought(f"Your payment for {current.plan.name} has come: it is yours now.")
    if before.tier != current.tier:
        raise AlreadyBought(f"Meanwhile the plan has become {current.plan.name}.")


def heard(workspace_id: uuid.UUID, now: datetime) -> tuple[EffectivePlan, EffectivePlan]:
    """The plan as it stood here and as it stands; written at once, since a refusal that follows must not undo it."""
    with locked(workspace_id, now, waits=WAITS) as subscription:
        before = effective(subscription, now)
        gateway().look(subscription, now=now, is_before_change=True)
        return before, effective(subscription, now)
