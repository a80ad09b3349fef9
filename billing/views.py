from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views import View
from django_htmx.http import reselect, reswap, retarget

from accounts.edge import MemberPage
from accounts.models import Membership
from accounts.permissions import can_buy
from billing import changes, choices, gateways, hearing, shown
from billing import seats as seating
from billing.dialogs import Dialog, dialog
from billing.effective import State
from billing.moments import day
from billing.permissions import plan_of
from billing.plans import PLANS, Tier
from config.errors import InvalidField
from config.numbers import whole

# How often a page asks for what was bought, every two seconds, before it says that nothing has come; and which of these
# times Stripe is asked, whose event may be lost.
PATIENCE, LOOKS = 90, 5
NOT_THESE = "Nothing was done yet: the amounts that were shown were for another number of seats."


class Pricing(View):
    """For everybody. Whether somebody may be signed in decides only where the buttons lead, so nobody is looked up."""

    def get(self, request: HttpRequest) -> HttpResponse:
        is_member = settings.SESSION_COOKIE_NAME in request.COOKIES
        return render(request, "billing/pricing.html", shown.pricing(is_member=is_member))


class PlanPage(MemberPage):
    open_when_expired = True
    asks_for_payments = True

    def get(self, request: HttpRequest) -> HttpResponse:
        now, part = timezone.now(), request.headers.get("HX-Target", "")
        is_known = part == "offer" or self._look(now)
        bought = _bought(self.membership, request.GET, now, is_known=is_known)
        if part == "bought" and bought is not None and bought["waits"]:
            return render(request, "billing/_bought.html", {"bought": bought})
        confirm, notice = self._confirm(now)
        # The dialog around it stays, so what that rests on must still be so.
        if part == "offer" and confirm is not None and request.GET.get("seen", confirm.seen) == confirm.seen:
            return render(request, "billing/_offer.html", {"confirm": confirm})
        context = shown.plan_page(self.membership, now=now, is_heard=is_known)
        page = render(request, "billing/plan.html", {**context, "confirm": confirm, "notice": notice, "bought": bought})
        # A part that is over asks for the whole page: the plan stands in its frame too.
        return reswap(retarget(reselect(page, ".shell"), ".shell"), "outerHTML") if part else page

    def _look(self, now: datetime) -> bool:
        asked = whole(self.request.GET.get("asked", "")) or 0
        if asked % LOOKS and asked < PATIENCE:
            return True
        return hearing.look(membership=self.membership, now=now)

    def _confirm(self, now: datetime) -> tuple[Dialog | None, dict[str, str] | None]:
        """The dialog that is asked for, or why there is none."""
        chosen, seats = self.request.GET.get("confirm", ""), self.request.GET.get("seats", "")
        if not chosen or not can_buy(self.membership):
            return None, None
        try:
            return dialog(self.membership, chosen=chosen, seats=seats, now=now), None
        except (choices.NotAllowed, gateways.Refused) as refused:
            notice = {"tone": "bad", "text": refused.detail}
            if refused.retry_after is not None:
                notice |= {"url": self.request.get_full_path(), "action": "Try again"}
            return None, notice

    def post(self, request: HttpRequest) -> HttpResponse:
        act = ACTIONS.get(request.POST.get("action", "upgrade"))
        if act is None:
            raise InvalidField(f"Nothing here is called that. Known: {', '.join(ACTIONS)}.", pointer="/action")
        if act is not _amounts and not _was_shown(request):
            messages.warning(request, NOT_THESE)
            return redirect(_asked_anew(request))
        try:
            answer = act(self.membership, request, timezone.now())
        except choices.PlanHasChanged as changed:
            messages.error(request, changed.detail)
            return redirect(_asked_anew(request))
        except (choices.NotAllowed, gateways.Refused) as refused:
            messages.error(request, refused.detail)
        else:
            if not isinstance(answer, str):
                return answer
            messages.success(request, answer)
        return redirect("plan")


def _asked_anew(request: HttpRequest) -> str:
    """The dialog with the amounts and words of now, where the choice has one."""
    action = request.POST.get("action", "upgrade")
    if action not in {"amounts", "upgrade", "downgrade", "seats", "cancel"}:
        return reverse("plan")
    chosen = "cancel" if action == "cancel" else request.POST.get("tier", "")
    return f"{reverse('plan')}?{urlencode({'confirm': chosen, 'seats': request.POST.get('seats', '')})}"


def _bought(membership: Membership, query: QueryDict, now: datetime, *, is_known: bool) -> dict[str, Any] | None:
    """Somebody comes back from paying: the plan, whether it is there yet, and the one before.

    An old page may have brought it for later, or not at all, so nobody waits for ever. A payment that has become late
    is told of with the plan.
    """
    tier, was, asked = query.get("bought", ""), query.get("was", ""), whole(query.get("asked", "")) or 0
    if tier not in Tier.values or PLANS[Tier(tier)].trial is not None or not can_buy(membership):
        return None
    current = plan_of(membership, now=now)
    if current.tier == tier and current.is_late:
        return None
    is_there = current.tier == tier and current.state == State.ACTIVE
    is_planned = current.pending is not None and current.pending.plan == PLANS[Tier(tier)]
    named = {"workspace": str(membership.workspace_id), "bought": tier, "was": was}
    address = f"{reverse('plan')}?{urlencode(named)}"
    return {
        "plan": PLANS[Tier(tier)],
        "was": PLANS[Tier(was)] if was in Tier.values and was != tier else None,
        "current": current.plan,
        "is_there": is_there,
        "starts_on": day(current.pending.at) if is_planned and current.pending else "",
        "waits": not is_there and not is_planned and asked < PATIENCE,
        "is_known": is_known,
        "url": address,
        "next_url": f"{address}&asked={asked + 1}",
    }


# What a form of the page may do. Each answers with words of success, or with where to go on.
Answer = str | HttpResponse


def _upgrade(membership: Membership, request: HttpRequest, now: datetime) -> Answer:
    tier, seats = _tier(request), _seats(request)
    change = changes.upgrade(membership=membership, tier=tier, seats=seats, now=now, seen=_seen(request))
    if change.checkout_url is not None:
        return redirect(change.checkout_url)
    if change.status == gateways.PENDING_APPROVAL:
        return f"Your wish for {PLANS[tier].name} was sent. You will hear from us."
    return f"You are on {PLANS[tier].name} now."


def _downgrade(membership: Membership, request: HttpRequest, now: datetime) -> Answer:
    tier = _tier(request)
    after = changes.downgrade(membership=membership, tier=tier, now=now, seen=_seen(request)).subscription
    return f"The plan changes to {PLANS[tier].name} on {day(after.pending_at or now)}."


def _cancel(membership: Membership, request: HttpRequest, now: datetime) -> Answer:
    after = changes.cancel(membership=membership, now=now, seen=_seen(request)).subscription
    return f"The subscription ends on {day(after.pending_at or now)}."


def _resume(membership: Membership, request: HttpRequest, now: datetime) -> Answer:
    changes.resume(membership=membership, now=now, seen=_seen(request))
    return "The plan stays as it is."


def _withdraw(membership: Membership, request: HttpRequest, now: datetime) -> Answer:
    changes.withdraw(membership=membership, now=now, seen=_seen(request))
    return "Your wish was taken back."


def _change_seats(membership: Membership, request: HttpRequest, now: datetime) -> Answer:
    change = changes.set_seats(membership=membership, seats=_seats(request), now=now, seen=_seen(request))
    if change.status == gateways.PENDING_APPROVAL:
        return "Your wish for more seats was sent. You will hear from us."
    fixed, plan = change.subscription.fixed_seats, plan_of(membership, now=now).plan
    follows = "Seats follow the members." if fixed is None else "The number is fixed until you change it."
    return f"You have {plan.with_seats(seating.due(change.subscription))} now. {follows}"


def _was_shown(request: HttpRequest) -> bool:
    """Whether the amounts of the dialog are those of the number in its field, which asks for them a moment later."""
    seats = request.POST.get("seats")
    return request.POST.get("shown", seats) == seats


def _amounts(membership: Membership, request: HttpRequest, now: datetime) -> Answer:
    return redirect(_asked_anew(request))


def _portal(membership: Membership, request: HttpRequest, now: datetime) -> Answer:
    return redirect(changes.portal_url(membership=membership, now=now))


def _seen(request: HttpRequest) -> str:
    """What the dialog that is answered rested on."""
    return request.POST.get("seen", "")


def _tier(request: HttpRequest) -> Tier:
    said = request.POST.get("tier", "")
    if said not in Tier.values:
        raise InvalidField(f"There is no such plan. Known: {', '.join(Tier.values)}.", pointer="/tier")
    return Tier(said)


def _seats(request: HttpRequest) -> int | None:
    said = request.POST.get("seats", "")
    if said and whole(said) is None:
        raise InvalidField("Seats: a whole number.", pointer="/seats")
    # The dialog has said that seats follow the members then.
    return None if said == request.POST.get("least") else whole(said)


ACTIONS: dict[str, Callable[[Membership, HttpRequest, datetime], Answer]] = {
    "upgrade": _upgrade,
    "downgrade": _downgrade,
    "cancel": _cancel,
    "resume": _resume,
    "withdraw": _withdraw,
    "amounts": _amounts,
    "seats": _change_seats,
    "portal": _portal,
}
