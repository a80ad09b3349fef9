"""Seats of a plan that is paid by member. They follow the members, unless an owner has fixed their number."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Membership, Workspace
from billing import wishes
from billing.effective import EffectivePlan, check_access, effective
from billing.gateways import Preview, Refused, gateway
from billing.models import Subscription
from billing.permissions import check_can_use
from billing.plans import Feature, Plan
from config.errors import AppError, InvalidField

MOST = 500


class SeatsFull(AppError):
    code = "seats-full"
    status = 409


def wanted(workspace: Workspace, plan: Plan, seats: int | None) -> int:
    """The number of seats to pay for: as asked, else one for each member. Raises InvalidField when they do not fit."""
    members: int = workspace.memberships.count()
    if not plan.is_per_seat:
        if seats not in {None, 1}:
            raise InvalidField(f"{plan.name} is for one person.", pointer="/seats")
        return 1
    if seats is None:
        return members
    if not members <= seats <= MOST:
        raise InvalidField(f"Seats: from {members}, one for each member, to {MOST}.", pointer="/seats")
    return seats


def take(*, workspace: Workspace, now: datetime) -> None:
    """Before somebody joins. Locks the subscription until the caller's transaction ends, so that seats are counted.

    Raises PlanRequired, SeatsFull, TrialExpired or PaymentRequired.
    """
    subscription = _locked(workspace.pk, now)
    check_access(effective(subscription, now), is_read=False)
    check_can_use(subscription, Feature.MEMBERS)
    members = workspace.memberships.count()
    full = subscription.fixed_seats or MOST
    if members >= full:
        taken = f"All {full} seats are" if full > 1 else "The one seat is"
        raise SeatsFull(f"{taken} taken. An owner can add seats or remove a member.", seats=full)


def follow(*, workspace: Workspace, now: datetime) -> None:
    """After somebody has joined or left, in the same transaction: seats not fixed become the number of members."""
    subscription = _locked(workspace.pk, now)
    plan = effective(subscription, now).plan
    seats = due(subscription)
    if plan.is_per_seat and subscription.seats != seats:
        gateway().set_seats(subscription, seats=seats, now=now)


def due(subscription: Subscription) -> int:
    """How many seats of a plan that is paid by seat are to be paid for."""
    members = Membership.objects.filter(workspace_id=subscription.workspace_id)
    return subscription.fixed_seats or max(1, members.count())


def charged(subscription: Subscription, current: EffectivePlan) -> int:
    """How many the present plan is paid for: those that are due, also while who takes the money is being told."""
    return due(subscription) if current.plan.is_per_seat else 1


def owned(subscription: Subscription, current: EffectivePlan) -> int:
    """How many the workspace may use in this period: the most that it pays for, or is about to."""
    if not current.plan.is_per_seat:
        return 1
    return max(subscription.paid_in(current.period.starts_at), due(subscription))


def monthly_cents(subscription: Subscription, current: EffectivePlan) -> int:
    return subscription.priced(current.plan).monthly_cents(charged(subscription, current))


def next_invoice(subscription: Subscription, current: EffectivePlan, now: datetime) -> Preview | None:
    """With the seats that are due. None: nothing will be due. Raises Refused, Unheard among them."""
    return gateway().next_invoice(subscription, seats=charged(subscription, current), now=now)


@dataclass(frozen=True)
class OneMore:
    """Cents; all are None while who takes the money does not say. `rest`: of the present period, on the next invoice,
    or where none may come on one `at_once`, with what waits and the balance. The next invoice as things are, and with
    one member more; where nobody sends invoices, the price."""

    rest: int | None = None
    as_it_is: int | None = None
    then: int | None = None
    at_once: int | None = None


def one_more(*, subscription: Subscription, now: datetime) -> OneMore:
    """What it costs when somebody joins."""
    current, present = effective(subscription, now), due(subscription)
    seats = present if subscription.fixed_seats else present + 1
    try:
        return _one_more(subscription, current, present, seats, now)
    except Refused:
        return OneMore()


def _one_more(subscription: Subscription, current: EffectivePlan, present: int, seats: int, now: datetime) -> OneMore:
    if current.leaves_at:
        preview = gateway().more_seats(subscription, seats=seats, now=now)
        return OneMore(preview.rest_cents, at_once=preview.due_now_cents)
    plan = subscription.priced(current.plan)

    def amounts(seats: int) -> tuple[int, int]:
        invoice = gateway().next_invoice(subscription, seats=seats, now=now)
        return (invoice.then_cents, invoice.rest_cents) if invoice else (plan.monthly_cents(seats), 0)

    as_it_is, waiting = amounts(present)
    then, rest = (as_it_is, waiting) if seats == present else amounts(seats)
    return OneMore(rest - waiting, as_it_is, then)


def _locked(workspace_id: uuid.UUID, now: datetime) -> Subscription:
    subscription = Subscription.objects.select_for_update().get(workspace_id=workspace_id)
    wishes.catch_up(subscription, now)
    return subscription
