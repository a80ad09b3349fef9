"""What a change of plan or of seats costs, shown before it is confirmed."""

from dataclasses import dataclass, replace
from datetime import datetime

from accounts.models import Membership
from accounts.permissions import check_can_buy
from billing import hearing
from billing import seats as seating
from billing.changes import check_no_turn, read
from billing.choices import PlanHasChanged, check_downgrade, check_upgrade, standing, upgrades
from billing.effective import EffectivePlan, State, effective
from billing.gateways import Preview, gateway, is_given
from billing.models import Subscription
from billing.plans import PLANS, Tier

# How often amounts are asked for while others change what they rest on.
TRIES = 3


def preview(*, membership: Membership, tier: Tier, now: datetime, seats: int | None = None) -> Preview:
    """What a change to this plan costs, or for a smaller one will cost; with the present plan, another number of seats.

    Nothing is locked while the gateway is asked: what the amounts rest on is compared afterwards.
    Raises what the change itself would raise, and PlanHasChanged where others go on changing the plan meanwhile.
    """
    check_can_buy(membership)
    if not gateway().is_heard(membership.workspace.subscription, now=now):
        hearing.write_unless_held(membership.workspace_id, now)
    before = _present(membership, now)
    for _ in range(TRIES):
        check_no_turn(before.subscription, now=now)
        asked = _asked(membership, before.subscription, before.current, tier, seats, now)
        after = _present(membership, now)
        if after.facts == before.facts:
            return replace(asked, seen=standing(after.subscription, after.current))
        before = after
    words = "The plan was changed while the amounts were asked for. Please choose again."
    raise PlanHasChanged(words, seen=standing(before.subscription, before.current))


@dataclass(frozen=True)
class _Present:
    """`facts`: what amounts rest on."""

    subscription: Subscription
    current: EffectivePlan
    facts: tuple[object, ...]


def _present(membership: Membership, now: datetime) -> _Present:
    subscription = read(membership.workspace_id, now)
    current = effective(subscription, now)
    is_seated = current.plan.is_per_seat
    counted = (subscription.seats, subscription.paid_seats, subscription.paid_from) if is_seated else ()
    members = membership.workspace.memberships.count()
    return _Present(subscription, current, (standing(subscription, current), members, counted))


def _asked(
    membership: Membership,
    subscription: Subscription,
    current: EffectivePlan,
    tier: Tier,
    seats: int | None,
    now: datetime,
) -> Preview:
    quantity = seating.wanted(membership.workspace, PLANS[tier], seats)
    # After an end a smaller plan is bought like any other.
    is_smaller = tier in current.plan.downgrades and tier not in upgrades(current)
    if is_smaller or (tier == current.tier and current.state == State.ACTIVE and current.plan.is_per_seat):
        if is_smaller:
            check_downgrade(current, tier)
            asked = _smaller(subscription, current, tier, quantity, now)
        else:
            asked = _other_seats(subscription, current, quantity, now)
        # What was given stays free, however small it becomes.
        is_free = is_given(subscription, now=now)
        return replace(asked, then_cents=0, next_at=None, invoice_cents=None) if is_free else asked
    check_upgrade(current, tier)
    return replace(gateway().preview(subscription, tier=tier, seats=quantity, now=now), drops=current.pending)


def _smaller(subscription: Subscription, current: EffectivePlan, tier: Tier, seats: int, now: datetime) -> Preview:
    """A smaller plan from the next month on; what was added in this one is on the same invoice."""
    invoice = gateway().invoice_after(subscription, tier=tier, now=now)
    at = current.period.ends_at
    return Preview(
        takes_effect_at=at,
        due_now_cents=0,
        then_cents=PLANS[tier].monthly_cents(seats),
        next_at=at,
        rest_cents=max(0, invoice.rest_cents) if invoice else 0,
        invoice_cents=invoice.invoice_cents if invoice else None,
        lines=invoice.lines if invoice else (),
        drops=current.pending,
    )


def _other_seats(subscription: Subscription, current: EffectivePlan, seats: int, now: datetime) -> Preview:
    """The rest of this month, and what comes after it with what is planned for then: a smaller plan, or nothing."""
    rest = gateway().more_seats(subscription, seats=seats, now=now)
    if current.leaves_at:
        return rest
    invoice = gateway().next_invoice(subscription, seats=seats, now=now)
    smaller = current.pending and current.pending.plan
    plan, quantity = (smaller, 1) if smaller else (current.plan, seats)
    return replace(
        rest,
        then_cents=subscription.priced(plan).monthly_cents(quantity),
        next_at=current.period.ends_at,
        invoice_cents=invoice.invoice_cents if invoice else None,
        lines=invoice.lines if invoice else (),
    )
