"""What the plan page shows: where the workspace stands, in words, and the plans beside each other."""

from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from accounts.models import PRESENT, Membership, Role
from accounts.permissions import can_buy
from accounts.roles import Action
from billing import choices, gateways, seats, wishes
from billing.effective import EffectivePlan, State, effective
from billing.models import Subscription
from billing.moments import day, exactly, here
from billing.permissions import is_included
from billing.plans import COMING, CURRENCY, KEPT_AFTER_END, PAST_DUE_GRACE, PLANS, Feature, Plan, Tier
from billing.standing import sentence
from config.templatetags.ui import money

WHO = {
    Tier.TRIAL: "To find out whether it answers your questions.",
    Tier.PRO: "For one person who asks now and then.",
    Tier.PLUS: "For one person who asks all day.",
    Tier.TEAMS: "For everybody who works together.",
}
STATES = {
    State.TRIAL: ("Trial", ""),
    State.TRIAL_ENDED: ("Trial ended", "bad"),
    State.ACTIVE: ("Active", "ok"),
    State.GRACE: ("Payment late", "warn"),
    State.READ_ONLY: ("Read only", "bad"),
    State.ENDED: ("Ended", "bad"),
}
NEXT_UNKNOWN = "The next invoice is not known now: the payment provider does not answer."
CHANGING = "The plan is being changed at the payment provider: look again in a moment."
LAST_UNKNOWN = "Whether a last invoice comes is not known now: the payment provider does not answer."
REFUSAL_STANDS = timedelta(days=30)
# What lies further ahead was not heard by our clock: in a demo time is moved on at the stand-in for Stripe.
AHEAD = timedelta(hours=1)
INVOICE_STATES = {
    "paid": ("Paid", "ok"),
    "open": ("Not paid", "warn"),
    "uncollectible": ("Not paid", "bad"),
    "void": ("Void", ""),
}


def pricing(*, is_member: bool) -> dict[str, Any]:
    """For everybody, from the table of plans alone."""
    columns = [
        {
            "plan": plan,
            "who": WHO[plan.tier],
            "action": ("" if plan.trial else f"Choose {plan.name}") if is_member else "Start the trial",
            "url": f"{reverse('plan')}?confirm={plan.tier}" if is_member else reverse("account_signup"),
            "is_primary": plan.trial is not None,
            "why_not": "Once, at the beginning",
        }
        for plan in PLANS.values()
    ]
    return {
        "columns": columns,
        "features": list(Feature),
        "coming": COMING,
        "can_see_prices": True,
        "is_member": is_member,
        "trial_days": (PLANS[Tier.TRIAL].trial or timedelta()).days,
        "currency": CURRENCY.upper(),
        "kept_days": KEPT_AFTER_END.days,
    }


def plan_page(membership: Membership, *, now: datetime, is_heard: bool = True) -> dict[str, Any]:
    """`is_heard`: whether the payment provider could be asked where the plan stands."""
    subscription = Subscription.objects.select_related("workspace").get(workspace_id=membership.workspace_id)
    current = effective(subscription, now)
    is_owner = can_buy(membership)
    money_part = _money(subscription, current, now) if is_owner else {}
    return {
        "section": "plan",
        "current": current.plan,
        "subscription": {
            **_standing(
                subscription,
                current,
                now,
                invoice=money_part.get("next_invoice"),
                is_away=money_part.get("is_away", False),
                is_changing=money_part.get("is_changing", False),
            ),
            **_left_over(current, membership),
        },
        "columns": [_column(plan, current, subscription, now) for plan in PLANS.values()],
        "features": list(Feature),
        "coming": COMING,
        "can_manage": is_owner,
        "seen": choices.standing(subscription, current),
        "can_see_prices": membership.may(Action.SEE_PRICES),
        "can_cancel": is_owner and current.state in choices.PAYS and not _is_leaving(current),
        "can_set_seats": is_owner and current.state == State.ACTIVE and current.plan.is_per_seat,
        "owners": "" if is_owner else owners(membership),
        "is_unheard": not is_heard,
        **money_part,
    }


def owners(membership: Membership) -> str:
    """By name, who of them can sign in."""
    active = membership.workspace.memberships.filter(PRESENT, role=Role.OWNER)
    return get_text_list([str(each.user) for each in active.select_related("user").order_by("joined_at")], _("and"))


def _money(subscription: Subscription, current: EffectivePlan, now: datetime) -> dict[str, Any]:
    """What the payment provider knows. When it does not answer, the page says so and the rest stays."""
    gateway = gateways.gateway()
    shown: dict[str, Any] = {
        "has_portal": gateway.has_portal(subscription),
        "late": _late(subscription, current),
        "is_given": gateways.is_given(subscription, now=now) and current.state in choices.PAYS,
    }
    is_bought = gateway.is_bought(subscription, now=now)
    away = {**shown, "invoices_away": True, "is_away": is_bought}
    if gateway.is_silent(subscription, now=now):
        return away
    try:
        invoices = gateway.invoices(subscription)
    except gateways.Silent:
        gateway.remember_silence(subscription, now=now)
        return away
    except gateways.Refused:
        return away
    shown |= {"invoices": [_invoice(each) for each in invoices.newest], "has_older_invoices": invoices.has_older}
    try:
        return {**shown, "next_invoice": seats.next_invoice(subscription, current, now)}
    except gateways.Unheard:
        return {**shown, "is_changing": True}
    except gateways.Refused:
        return {**shown, "is_away": is_bought}


def _invoice(invoice: gateways.Invoice) -> dict[str, Any]:
    words, tone = INVOICE_STATES.get(invoice.status, (invoice.status, ""))
    return {
        "on": invoice.at,
        "number": invoice.number,
        "cents": invoice.amount_cents,
        "currency": invoice.currency,
        "status_words": words,
        "tone": tone,
        "pdf_url": invoice.pdf_url,
    }


def _late(subscription: Subscription, current: EffectivePlan) -> dict[str, Any] | None:
    if subscription.past_due_since is None or not current.is_late:
        return None
    grace_ends_at = subscription.past_due_since + PAST_DUE_GRACE
    until = grace_ends_at if current.state == State.READ_ONLY else current.ends_at or grace_ends_at
    return {
        "since": day(subscription.past_due_since),
        "until": exactly(until, here()),
        "is_the_end": until == current.leaves_at,
        "is_read_only": current.state == State.READ_ONLY,
    }


def _is_leaving(current: EffectivePlan) -> bool:
    return current.pending is not None and current.pending.plan is None


def _standing(
    subscription: Subscription,
    current: EffectivePlan,
    now: datetime,
    *,
    invoice: gateways.Preview | None,
    is_away: bool,
    is_changing: bool,
) -> dict[str, Any]:
    words, tone = STATES[current.state]
    ahead = _ahead(subscription, now)
    if is_changing:
        comes = CHANGING
    else:
        comes = "" if ahead and not current.ended_at else _next(current, invoice, is_away=is_away)
    return {
        "state_words": words,
        "state_tone": tone,
        "total_cents": monthly_cents(subscription, current),
        "sentences": [comes, ahead, _limit(current)],
        "seats": seats.charged(subscription, current) if current.plan.is_per_seat else None,
        "seats_are_fixed": subscription.fixed_seats is not None,
        "pending": _pending(current),
        **_wish(subscription, now),
    }


def _left_over(current: EffectivePlan, membership: Membership) -> dict[str, Any]:
    """What the plan is for somebody whom it does not include."""
    if current.ended_at or is_included(current, membership):
        return {}
    return {
        "state_words": STATES[State.READ_ONLY][0],
        "state_tone": "warn",
        "sentences": [f"{current.plan.name} is for one person: you can only read here until the plan is Teams again."],
    }


def _wish(subscription: Subscription, now: datetime) -> dict[str, str]:
    """What was asked of staff, while it waits; a no, until something else is asked for or given."""
    wish = wishes.newest(subscription.workspace_id)
    if wish is None:
        return {}
    what = wishes.in_words(wish)
    if wish.decided_at is None:
        return {"asked": f"Your wish for {what} waits for our answer."}
    is_news = subscription.changed_at <= wish.decided_at and now - wish.decided_at < REFUSAL_STANDS
    if wish.outcome != wishes.Outcome.REFUSED or not is_news:
        return {}
    return {"refused": f"We refused your wish for {what} on {day(wish.decided_at)}. Our answer: {wish.reason}"}


def monthly_cents(subscription: Subscription, current: EffectivePlan) -> int | None:
    """What is paid a month; where nobody takes money, the price."""
    return None if current.ended_at else seats.monthly_cents(subscription, current)


def _ahead(subscription: Subscription, now: datetime) -> str:
    """Of two clocks no sentence about what comes would be true."""
    heard = (subscription.paid_from, subscription.past_due_since, subscription.ended_at)
    theirs = max((at for at in heard if at is not None), default=now)
    if theirs - now < AHEAD:
        return ""
    return (
        f"The payment provider's clock is ahead of ours: there it is {day(theirs)} or later. Payments and invoices go"
        " by its clock, everything else on this page by ours."
    )


def _next(current: EffectivePlan, invoice: gateways.Preview | None, *, is_away: bool) -> str:
    """What comes next, and when exactly. Of a late payment the part below it tells."""
    if current.is_late:
        return ""
    if current.state != State.ACTIVE or current.ends_at is not None:
        ends = sentence(current, here())
        if is_away:
            return f"{ends} {LAST_UNKNOWN}"
        return f"{ends} {last_invoice(invoice.then_cents, invoice)}" if invoice else ends
    if invoice is not None and invoice.next_at is not None:
        return f"Next invoice: {money(invoice.then_cents, invoice.currency)} on {day(invoice.next_at)}."
    month = f"The month ends on {day(current.period.ends_at)}; then the limits start anew."
    return f"{month} {NEXT_UNKNOWN}" if is_away else month


def last_invoice(cents: int, invoice: gateways.Preview) -> str:
    """Of what ends."""
    on = f" on {day(invoice.next_at)}" if invoice.next_at else ""
    return f"What was added in this month comes on a last invoice{on}: {money(cents, invoice.currency)}."


def _limit(current: EffectivePlan) -> str:
    if current.state == State.READ_ONLY:
        return "Reading is possible; questions and changes wait for the payment."
    if current.ended_at:
        return ""
    if current.state == State.TRIAL:
        return "At a limit, questions stop until a plan is chosen; everything else goes on."
    until = " until the next month begins" if current.renews_at else ""
    return f"At a limit, questions stop{until}; everything else goes on."


def _pending(current: EffectivePlan) -> str:
    if current.pending is None:
        return ""
    at, plan = current.pending.at, current.pending.plan
    what = f"The plan changes to {plan.name}" if plan else "The subscription ends"
    return f"{what} on {day(at)}. {until_then(current, at)}"


def until_then(current: EffectivePlan, at: datetime) -> str:
    """What works until a change that is planned, or asked for, happens."""
    if current.state == State.READ_ONLY:
        return "Until then only reading is possible, unless the late payment is made."
    if current.state == State.GRACE and current.ends_at is not None:
        if current.ends_at < at:
            until = exactly(current.ends_at, here())
            return f"Everything works until {until}; after that only reading, until the late payment is made."
        return "Everything works until then. The late payment stays due."
    return "Until then everything stays as it is."


def _column(plan: Plan, current: EffectivePlan, subscription: Subscription, now: datetime) -> dict[str, Any]:
    """At the price it is sold at; the present plan at what is paid for it."""
    upgrades, downgrades = choices.upgrades(current), choices.downgrades(current)
    is_next = current.pending is not None and current.pending.plan == plan
    action = ""
    if plan.tier in upgrades:
        action = f"Upgrade to {plan.name}" if current.state == State.ACTIVE else f"Choose {plan.name}"
    elif plan.tier in downgrades:
        is_turning = gateways.gateway().is_turning(subscription, now=now)
        action = f"Move to {plan.name}" + ("" if is_turning else f" on {day(current.period.ends_at)}")
    is_current = plan.tier == current.tier and not current.ended_at
    return {
        "plan": subscription.priced(plan) if is_current else plan,
        "who": WHO[plan.tier],
        "is_current": is_current,
        "action": action,
        "is_primary": plan.tier in upgrades[:1],
        "why_not": "" if action else _why_not(plan, current, is_next=is_next),
    }


def _why_not(plan: Plan, current: EffectivePlan, *, is_next: bool) -> str:
    if is_next and current.pending is not None:
        return f"From {day(current.pending.at)}"
    if plan.trial is not None:
        return "Once, at the beginning"
    return "After the late payment" if current.state in {State.GRACE, State.READ_ONLY} else ""
