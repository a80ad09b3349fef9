from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.formats import date_format

from accounts.edge import MemberPage
from accounts.models import Membership, Role
from accounts.permissions import can_buy
from billing import changes, gateways
from billing.effective import Access, EffectivePlan, State, effective
from billing.models import PlanRequest, Subscription
from billing.moments import zone_of
from billing.plans import COMING, PLANS, Feature, Plan, Tier
from billing.standing import sentence
from config.errors import InvalidField

WHO = {
    Tier.TRIAL: "To find out whether it answers your questions.",
    Tier.PRO: "For one person who asks now and then.",
    Tier.PLUS: "For one person who asks all day.",
    Tier.TEAMS: "For everybody who works together.",
}


class PlanPage(MemberPage):
    open_when_expired = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(
            request, "billing/plan.html", plan_context(self.membership, chosen=request.GET.get("confirm", ""))
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        seats = request.POST.get("seats", "")
        try:
            tier = Tier(request.POST.get("tier", ""))
            change = changes.upgrade(
                membership=self.membership, tier=tier, seats=int(seats) if seats else None, now=timezone.now()
            )
        except ValueError:
            messages.error(request, "Choose a plan and a number of members.")
        except (changes.UpgradeNotAllowed, InvalidField) as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, _done(change, PLANS[tier]))
        return redirect("plan")


def _done(change: gateways.Change, plan: Plan) -> str:
    if change.status == gateways.PENDING_APPROVAL:
        return f"Your wish for {plan.name} was sent. You will hear from us."
    return f"You are on {plan.name} now."


def plan_context(membership: Membership, *, chosen: str) -> dict[str, Any]:
    subscription = Subscription.objects.get(workspace_id=membership.workspace_id)
    current = effective(subscription, timezone.now())
    allowed = changes.upgrades(current)
    owner = (
        membership.workspace.memberships.filter(role=Role.OWNER).select_related("user").order_by("joined_at").first()
    )
    return {
        "section": "plan",
        "current": current.plan,
        "subscription": _subscription(subscription, current, zone_of(membership.user)),
        "columns": [_column(plan, current, allowed) for plan in PLANS.values()],
        "features": list(Feature),
        "coming": COMING,
        "can_manage": can_buy(membership),
        "can_see_prices": membership.may_manage,
        "can_cancel": False,
        "owner_name": str(owner.user) if owner else "",
        "invoices": [],
        "confirm": _confirm(membership, chosen, allowed) if can_buy(membership) else None,
    }


def _subscription(subscription: Subscription, current: EffectivePlan, zone: ZoneInfo) -> dict[str, Any]:
    waiting = PlanRequest.objects.filter(workspace_id=subscription.workspace_id, decided_at=None).first()
    is_team = current.plan.is_per_seat
    words, tone = STATES[current.access]
    return {
        "state_words": words,
        "state_tone": tone,
        "total_cents": current.plan.monthly_cents(subscription.seats),
        "sentence": _sentence(current, zone),
        "seats": subscription.seats if is_team else None,
        "pending": f"Your wish for {PLANS[Tier(waiting.tier)].name} waits for our answer." if waiting else "",
    }


STATES = {Access.FULL: ("Active", "ok"), Access.READ_ONLY: ("Payment late", "warn"), Access.CLOSED: ("Ended", "bad")}


def _sentence(current: EffectivePlan, zone: ZoneInfo) -> str:
    if current.state == State.ACTIVE and current.ends_at is None:
        return f"The month ends on {date_format(current.period.ends_at, 'j F')}; then the limits start anew."
    return sentence(current, timezone.now(), zone)


def _column(plan: Plan, current: EffectivePlan, allowed: tuple[Tier, ...]) -> dict[str, Any]:
    is_current = plan.tier == current.tier and current.access != Access.CLOSED
    can = plan.tier in allowed
    return {
        "plan": plan,
        "who": WHO[plan.tier],
        "is_current": is_current,
        "action": f"Choose {plan.name}" if can else "",
        "is_primary": can and plan.tier == allowed[0],
        "why_not": "" if can or is_current else "Below your plan" if plan.trial is None else "Once, at the beginning",
    }


def _confirm(membership: Membership, chosen: str, allowed: tuple[Tier, ...]) -> dict[str, Any] | None:
    tier = next((tier for tier in allowed if tier == chosen), None)
    if tier is None:
        return None
    plan = PLANS[tier]
    is_team = plan.is_per_seat
    seats = membership.workspace.memberships.count() if is_team else 1
    return {
        "title": f"Change to {plan.name}?",
        "lines": [
            f"{plan.requests:,} questions and {plan.tokens:,} tokens a month{' for each member' if is_team else ''}.",
            *([f"The price is for {seats} {'member' if seats == 1 else 'members'}."] if is_team else []),
            "We answer your wish before anything changes." if settings.IS_PRODUCTION else "It applies at once.",
        ],
        # No gateway here takes money.
        "today_cents": 0,
        "then_cents": plan.monthly_cents(seats),
        "tier": tier,
        "action": "upgrade",
        "button": f"Change to {plan.name}",
        "asks_seats": is_team,
        "seats": seats,
        "seats_least": seats,
    }
