from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.edge import MemberAPI
from accounts.permissions import can_buy
from billing import changes, choices, hearing, previewing, seats, shown, wishes
from billing.api.described import ChangedFields, ConsequencesFields, PortalFields, PresentFields, UpgradeFields
from billing.consequences import consequences
from billing.effective import EffectivePlan, Pending, effective
from billing.gateways import PENDING_APPROVAL, Change, Preview, Refused, is_given
from billing.models import PlanRequest, Subscription
from billing.plans import PLANS, Tier
from config.body import Body, Choice
from config.numbers import WholeNumber


def subscription_json(subscription: Subscription) -> dict[str, Any]:
    current = effective(subscription, timezone.now())
    return {
        "tier": current.tier,
        "name": current.plan.name,
        "status": "canceled" if current.ended_at and subscription.status != "trialing" else subscription.status,
        "state": current.state,
        "access": current.access,
        "trial_ends_at": subscription.trial_ends_at,
        "period": {"starts_at": current.period.starts_at, "ends_at": current.period.ends_at},
        "ends_at": current.ends_at,
        "erases_at": current.erases_at,
        "pending": _pending_json(current.pending),
        "seen": choices.standing(subscription, current),
        "seats": seats.charged(subscription, current),
        "paid_seats": seats.owned(subscription, current),
        "seats_are_fixed": subscription.fixed_seats is not None,
    }


def _pending_json(pending: Pending | None) -> dict[str, Any] | None:
    return {"tier": pending.plan and pending.plan.tier, "at": pending.at} if pending else None


def _request_json(wish: PlanRequest | None) -> dict[str, Any] | None:
    if wish is None:
        return None
    return {
        "tier": wish.tier,
        "seats": wish.seats,
        "status": wish.outcome or "waiting",
        "requested_at": wish.requested_at,
        "decided_at": wish.decided_at,
        "reason": wish.reason,
    }


def _undone_json(change: Change) -> dict[str, Any]:
    """What somebody else may have chosen at the same moment, and is not so any more."""
    return {"dropped": _pending_json(change.dropped), "withdrawn": _request_json(change.withdrawn)}


def _changed_json(change: Change) -> dict[str, Any]:
    """With the wish that it has made or withdrawn, if one waited."""
    newest = wishes.newest(change.subscription.workspace_id)
    return {**subscription_json(change.subscription), **_undone_json(change), "request": _request_json(newest)}


def preview_json(preview: Preview | None) -> dict[str, Any] | None:
    if preview is None:
        return None
    return {
        "takes_effect_at": preview.takes_effect_at,
        "due_now_cents": preview.due_now_cents,
        "rest_cents": preview.rest_cents,
        "then_cents": preview.then_cents,
        "next_at": preview.next_at,
        "invoice_cents": preview.invoice_cents,
        "drops": _pending_json(preview.drops),
        "currency": preview.currency,
        "lines": [{"description": line.description, "amount_cents": line.amount_cents} for line in preview.lines],
    }


def _next_invoice(subscription: Subscription, current: EffectivePlan, now: datetime) -> tuple[Preview | None, bool]:
    """And whether it is known now: else nobody says whether there will be one."""
    try:
        return seats.next_invoice(subscription, current, now), True
    except Refused:
        return None, False


class _Plan(MemberAPI):
    open_when_expired = True
    asks_for_payments = True


class Present(_Plan):
    """Where the workspace stands: plan, period, what is pending, what is due next. Amounts only for owners."""

    @extend_schema(responses=PresentFields)
    def get(self, request: Request) -> Response:
        now = timezone.now()
        is_heard = hearing.look(membership=self.membership, now=now)
        subscription = Subscription.objects.get(workspace_id=self.membership.workspace_id)
        current = effective(subscription, now)
        is_owner = can_buy(self.membership)
        invoice, is_known = (None, None)
        if is_owner:
            invoice, is_known = _next_invoice(subscription, current, now) if is_heard else (None, False)
        is_free = current.state in choices.PAYS and is_given(subscription, now=now)
        monthly_cents = 0 if is_free else shown.monthly_cents(subscription, current)
        allowed = {"upgrades": choices.upgrades(current), "downgrades": choices.downgrades(current)}
        return Response(
            {
                **subscription_json(subscription),
                "allowed": allowed,
                "monthly_cents": monthly_cents if is_owner else None,
                "next_invoice": preview_json(invoice),
                "next_invoice_is_known": is_known,
                "request": _request_json(wishes.newest(subscription.workspace_id)) if is_owner else None,
            }
        )


class Seen(Body):
    seen = serializers.CharField(
        max_length=200,
        required=False,
        allow_blank=True,
        help_text="`seen` of GET /subscription or of a preview: if the plan, its month or the wish that waits is not"
        " so any more, nothing is done and the answer is 409 plan-changed, with the `seen` of now,"
        " unless what is asked for is so already.",
    )


class _Choosing(_Plan):
    Input: type[Body] = Seen

    def read(self, request: Request) -> dict[str, Any]:
        form = self.Input(data=request.data)
        form.is_valid(raise_exception=True)
        said = dict(form.validated_data)
        return {**said, "tier": Tier(said["tier"])} if "tier" in said else said


class Upgrade(_Choosing):
    class Input(Seen):
        tier = Choice(choices=Tier.choices)
        seats = WholeNumber(min_value=1, max_value=seats.MOST, required=False)

    @extend_schema(request=Input, responses=UpgradeFields)
    def post(self, request: Request) -> Response:
        change = changes.upgrade(membership=self.membership, **self.read(request), now=timezone.now())
        # The address to pay at lets in who has it.
        self.keeps_answers = change.checkout_url is None
        return Response(
            {
                "status": change.status,
                "subscription": subscription_json(change.subscription),
                "checkout_url": change.checkout_url,
                **_undone_json(change),
            }
        )


class PreviewChange(_Choosing):
    class Input(Body):
        tier = Choice(choices=Tier.choices)
        seats = WholeNumber(min_value=1, max_value=seats.MOST, required=False)

    @extend_schema(request=Input, responses=ConsequencesFields)
    def post(self, request: Request) -> Response:
        asked, now = self.read(request), timezone.now()
        preview = previewing.preview(membership=self.membership, **asked, now=now)
        lost = consequences(self.membership.workspace, PLANS[asked["tier"]], now=now)
        return Response(
            {"tier": asked["tier"], **(preview_json(preview) or {}), "consequences": lost, "seen": preview.seen}
        )


class Seats(_Choosing):
    class Input(Seen):
        seats = WholeNumber(min_value=1, max_value=seats.MOST, allow_null=True)

    @extend_schema(request=Input, responses={200: ChangedFields, 202: ChangedFields})
    def post(self, request: Request) -> Response:
        change = changes.set_seats(membership=self.membership, **self.read(request), now=timezone.now())
        # Nothing has changed yet of what waits for staff.
        status = 202 if change.status == PENDING_APPROVAL else 200
        return Response(_changed_json(change), status=status)


class Downgrade(_Choosing):
    class Input(Seen):
        tier = Choice(choices=Tier.choices)

    @extend_schema(request=Input, responses=ChangedFields)
    def post(self, request: Request) -> Response:
        change = changes.downgrade(membership=self.membership, **self.read(request), now=timezone.now())
        return Response(_changed_json(change))


class Cancel(_Choosing):
    @extend_schema(request=Seen, responses=ChangedFields)
    def post(self, request: Request) -> Response:
        change = changes.cancel(membership=self.membership, **self.read(request), now=timezone.now())
        return Response(_changed_json(change))


class Resume(_Choosing):
    @extend_schema(request=Seen, responses=ChangedFields)
    def post(self, request: Request) -> Response:
        change = changes.resume(membership=self.membership, **self.read(request), now=timezone.now())
        return Response(_changed_json(change))


class Withdraw(_Choosing):
    """Takes back a wish that waits for staff."""

    @extend_schema(request=Seen, responses=ChangedFields)
    def post(self, request: Request) -> Response:
        change = changes.withdraw(membership=self.membership, **self.read(request), now=timezone.now())
        return Response(_changed_json(change))


class Portal(_Plan):
    # Who has the address is let in.
    keeps_answers = False

    @extend_schema(request=None, responses=PortalFields)
    def post(self, request: Request) -> Response:
        return Response({"url": changes.portal_url(membership=self.membership, now=timezone.now())})
