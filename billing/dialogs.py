"""What an owner is told and asked before a change of plan: amounts, dates, and what no longer fits."""

from dataclasses import dataclass, replace
from datetime import datetime

from django.conf import settings

from accounts.models import Membership
from billing import changes, choices, previewing, wishes
from billing import seats as seating
from billing.consequences import consequences, of_the_end
from billing.effective import EffectivePlan, State
from billing.gateways import Line, Preview, Refused, gateway, is_given
from billing.models import Subscription
from billing.moments import day
from billing.permissions import plan_of
from billing.plans import CURRENCY, PLANS, Plan, Tier
from billing.shown import LAST_UNKNOWN, last_invoice, until_then
from config.errors import InvalidField
from config.numbers import whole

TAKEN_BACK = "It can be taken back on this page until then."
SEATS_WAIT = "We answer your wish for more seats before anything changes. Fewer apply at once."
A_SEAT_MORE = "A seat more is charged for the rest of the month on the next invoice."
A_SEAT_MORE_AT_ONCE = "A seat more is charged at once for the rest of the month."


@dataclass(frozen=True)
class Offer:
    """Of so many `seats`. With a `problem` nothing can be confirmed."""

    today_cents: int | None = None
    # On the next invoice, for the rest of the present month.
    rest_cents: int | None = None
    then_cents: int | None = None
    then_on: str = ""
    # The next invoice, where it takes something else than these two together.
    invoice_cents: int | None = None
    currency: str = CURRENCY
    lines: tuple[Line, ...] = ()
    seats: int = 1
    problem: str = ""


@dataclass(frozen=True)
class Dialog:
    """`chosen`: what its address asks for; `seats_least`: 0 when it does not ask for a number of seats; `seen`: what
    its words rest on."""

    chosen: str
    title: str
    action: str
    button: str
    lines: tuple[str, ...]
    offer: Offer
    losses: tuple[str, ...] = ()
    seats_least: int = 0
    is_loss: bool = False
    seen: str = ""


def dialog(membership: Membership, *, chosen: str, seats: str, now: datetime) -> Dialog | None:
    """None when there is nothing to ask. Raises choices.NotAllowed or gateways.Refused."""
    current = plan_of(membership, now=now)
    seen = choices.standing(_subscription(membership), current)
    asked = _dialog(membership, current, chosen=chosen, seats=seats, now=now)
    return replace(asked, seen=seen) if asked else None


def _dialog(membership: Membership, current: EffectivePlan, *, chosen: str, seats: str, now: datetime) -> Dialog | None:
    if chosen == "cancel":
        return _end(membership, current, now) if current.state in choices.PAYS and not current.leaves_at else None
    plan = PLANS[Tier(chosen)] if chosen in Tier.values else current.plan
    if plan.tier in choices.upgrades(current):
        return _upgrade(membership, current, plan, seats, now)
    if choices.is_planned(current, plan.tier):
        choices.check_downgrade(current, plan.tier)
    if plan.tier in choices.downgrades(current):
        return _downgrade(membership, current, plan, now)
    if chosen == current.tier and current.state == State.ACTIVE and plan.is_per_seat:
        return _seats(membership, current, seats, now)
    return None


def _upgrade(membership: Membership, current: EffectivePlan, plan: Plan, seats: str, now: datetime) -> Dialog:
    each = " for each member" if plan.is_per_seat else ""
    is_running = current.state == State.ACTIVE
    takes_money = gateway().takes_money
    return Dialog(
        chosen=plan.tier,
        title=f"{'Upgrade to' if is_running else 'Choose'} {plan.name}",
        action="upgrade",
        button="Continue to payment" if takes_money else f"Change to {plan.name}",
        lines=(
            f"{plan.requests:,} questions and {plan.tokens:,} tokens a month{each}.",
            _how(takes_money),
            *_dropped(current, at_once=takes_money and not _is_given(membership, now)),
        ),
        offer=_offer(membership, plan, seats, now),
        # Nothing, unless something smaller than before begins after an end.
        losses=tuple(consequences(membership.workspace, plan, now=now)),
        seats_least=membership.workspace.memberships.count() if plan.is_per_seat else 0,
    )


def _how(takes_money: bool) -> str:
    if takes_money:
        return "The next page is our payment provider's. Nothing is charged before you confirm it there."
    return "We answer your wish before anything changes." if settings.IS_PRODUCTION else "It applies at once."


def _downgrade(membership: Membership, current: EffectivePlan, plan: Plan, now: datetime) -> Dialog:
    offer = _offer(membership, plan, "", now)
    then = replace(offer, today_cents=None, lines=())
    at = current.period.ends_at
    return Dialog(
        chosen=plan.tier,
        title=f"Move to {plan.name} on {day(at)}",
        action="downgrade",
        button=f"Move to {plan.name}",
        lines=(until_then(current, at), TAKEN_BACK, *_dropped(current), *_withdrawn(membership)),
        offer=Offer() if _is_given(membership, now) else then,
        losses=tuple(consequences(membership.workspace, plan, now=now)),
    )


def _seats(membership: Membership, current: EffectivePlan, seats: str, now: datetime) -> Dialog:
    plan, is_given = current.plan, _is_given(membership, now)
    offer = _offer(membership, plan, seats or str(seating.due(_subscription(membership))), now)
    offer = replace(offer, rest_cents=None) if current.leaves_at else replace(offer, today_cents=None, lines=())
    more = A_SEAT_MORE_AT_ONCE if current.leaves_at else A_SEAT_MORE
    has_price = offer.then_on and not is_given
    is_charged = gateway().takes_money and not is_given
    waits = changes.more_seats_wait(_subscription(membership), now=now)
    return Dialog(
        chosen=plan.tier,
        title="Change seats",
        action="seats",
        button="Change seats",
        lines=(
            "As many as members: then seats follow the members. More: the number is fixed until you change it.",
            *((more, *_paid_for(membership, current)) if is_charged else ()),
            *((SEATS_WAIT,) * waits),
            *_stays(current),
            *_withdrawn(membership),
        ),
        offer=offer if has_price else replace(offer, then_cents=None),
        seats_least=membership.workspace.memberships.count(),
    )


def _end(membership: Membership, current: EffectivePlan, now: datetime) -> Dialog:
    at, subscription = current.period.ends_at, _subscription(membership)
    changes.check_no_turn(subscription, now=now)
    try:
        invoice = gateway().invoice_after(subscription, tier=None, now=now)
        added = (last_invoice(invoice.then_cents, invoice),) if invoice else ()
    except Refused:
        added = (LAST_UNKNOWN,)
    return Dialog(
        chosen="cancel",
        title=f"Cancel {current.plan.name}",
        action="cancel",
        button="Cancel subscription",
        lines=(
            f"It ends on {day(at)}. {until_then(current, at)}",
            *added,
            TAKEN_BACK,
            *_dropped(current),
            *_withdrawn(membership),
        ),
        offer=Offer(),
        losses=tuple(of_the_end(membership.workspace, current, at=at)),
        is_loss=True,
    )


def _is_given(membership: Membership, now: datetime) -> bool:
    return is_given(_subscription(membership), now=now)


def _subscription(membership: Membership) -> Subscription:
    return Subscription.objects.get(workspace_id=membership.workspace_id)


def _paid_for(membership: Membership, current: EffectivePlan) -> tuple[str, ...]:
    """Seats that are gone and were charged for."""
    subscription = _subscription(membership)
    paid, until = subscription.paid_in(current.period.starts_at), day(current.period.ends_at)
    if paid <= seating.charged(subscription, current):
        return ()
    return (f"{paid} seats are paid for until {until}: up to that number nothing more is charged before.",)


def _stays(current: EffectivePlan) -> tuple[str, ...]:
    """What is planned already and will happen all the same."""
    if current.pending is None:
        return ()
    if current.pending.plan is None:
        return (f"The subscription still ends on {day(current.pending.at)}.",)
    return (f"The plan still changes to {current.pending.plan.name} on {day(current.pending.at)}.",)


def _dropped(current: EffectivePlan, *, at_once: bool = False) -> tuple[str, ...]:
    """What is planned already and will not happen then; at once: before anything is confirmed elsewhere."""
    if current.pending is None:
        return ()
    what = f"change to {current.pending.plan.name}" if current.pending.plan else "end"
    when = " as soon as you continue, also if you do not confirm the payment then" if at_once else ""
    return (f"The {what} that is planned for {day(current.pending.at)} is dropped{when}.",)


def _withdrawn(membership: Membership) -> tuple[str, ...]:
    wish = wishes.waiting(membership.workspace_id)
    if wish is None:
        return ()
    return (f"Your wish for {wishes.in_words(wish)}, which waits for our answer, is withdrawn with it.",)


def _offer(membership: Membership, plan: Plan, seats: str, now: datetime) -> Offer:
    """What it costs, for as many seats as asked for, else one for each member."""
    members = membership.workspace.memberships.count()
    said = whole(seats)
    if seats and said is None:
        return Offer(problem="Seats: a whole number.", seats=members)
    wanted = said if plan.is_per_seat else None
    try:
        preview = previewing.preview(membership=membership, tier=plan.tier, seats=wanted, now=now)
    except InvalidField as error:
        return Offer(problem=error.detail, seats=wanted or members)
    return _priced(preview, seats=wanted or members)


def _priced(preview: Preview, *, seats: int) -> Offer:
    return Offer(
        today_cents=preview.due_now_cents,
        rest_cents=preview.rest_cents,
        then_cents=preview.then_cents,
        then_on=day(preview.next_at) if preview.next_at else "",
        invoice_cents=_differing(preview),
        currency=preview.currency,
        # One line would only say the sum twice.
        lines=preview.lines if len(preview.lines) > 1 else (),
        seats=seats,
    )


def _differing(preview: Preview) -> int | None:
    """A moment between two questions may be worth a cent."""
    if preview.invoice_cents is None:
        return None
    differs = abs(preview.invoice_cents - preview.rest_cents - preview.then_cents) > 1
    return preview.invoice_cents if differs else None
