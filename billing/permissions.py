"""What a plan lets its members do."""

import uuid
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, QuerySet
from django.utils import timezone
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.models import PRESENT, ApiKey, Membership, Role
from billing.effective import EffectivePlan, PaymentRequired, TrialExpired, check_access, effective
from billing.models import Subscription
from billing.plans import PLANS, Feature, Plan, Tier, upgrade_url
from config.errors import AppError


class PlanRequired(AppError):
    code = "plan-required"
    status = 403
    is_for_payment = True


class PlanIsOpen(BasePermission):
    """Refuses with 402 when trial or payment has ended, except on views with `open_when_expired = True`; then with 403
    what is asked with an API key on a plan that has none."""

    def has_permission(self, request: Request, view: Any) -> bool:
        membership: Membership | None = getattr(request._request, "membership", None)
        must_be_open = not getattr(view, "open_when_expired", False)
        has_key = isinstance(request.auth, ApiKey)
        if membership is None or not (must_be_open or has_key):
            return True
        subscription = Subscription.objects.get(workspace_id=membership.workspace_id)
        if must_be_open:
            _check_open(effective(subscription, timezone.now()), membership, method=request.method or "")
        if has_key:
            check_can_use(subscription, Feature.API_KEYS)
        return True


def check_open(membership: Membership, *, method: str) -> None:
    """Raises TrialExpired, PaymentRequired or, for whom a team left over, PlanRequired. Late payers may read."""
    _check_open(plan_of(membership), membership, method=method)


def _check_open(current: EffectivePlan, membership: Membership, *, method: str) -> None:
    is_read = method in SAFE_METHODS
    check_access(current, is_read=is_read)
    if not is_read:
        check_included(current, membership)


def is_included(current: EffectivePlan, membership: Membership) -> bool:
    """False for whom a team left over on a plan for one person."""
    return current.plan.is_per_seat or the_one(membership.workspace_id) == membership


def the_one(workspace_id: uuid.UUID) -> Membership | None:
    """Whom a plan for one person is for: the owner, of several the first."""
    return owners_of(workspace_id).first()


def owners_of(workspace_id: uuid.UUID | OuterRef) -> QuerySet[Membership]:
    """Who of them can sign in, those first who came first."""
    owners = Membership.objects.filter(PRESENT, workspace_id=workspace_id, role=Role.OWNER)
    return owners.order_by("joined_at", "pk")


def check_included(current: EffectivePlan, membership: Membership) -> None:
    """Raises PlanRequired for whom a team left over."""
    if not is_included(current, membership):
        raise PlanRequired(
            f"{current.plan.name} is for one person: the others can read here until the plan is Teams again.",
            plan=Tier.TEAMS,
            upgrade_url=upgrade_url(),
        )


def check_can_change(membership: Membership) -> None:
    """As `check_open`, for services that stand behind a page which stays open."""
    check_open(membership, method="POST")


def can_change(membership: Membership) -> bool:
    try:
        check_can_change(membership)
    except (TrialExpired, PaymentRequired, PlanRequired):
        return False
    return True


def plan_of(membership: Membership, *, now: datetime | None = None) -> EffectivePlan:
    return effective(Subscription.objects.get(workspace_id=membership.workspace_id), now or timezone.now())


def can_use(subscription: Subscription, feature: Feature) -> bool:
    return feature in effective(subscription, timezone.now()).plan.features


def check_can_use(subscription: Subscription, feature: Feature) -> None:
    """Raises PlanRequired, which names the cheapest plan that has the feature."""
    if can_use(subscription, feature):
        return
    cheapest = cheapest_with(feature)
    raise PlanRequired(
        f"{feature.label}: this comes with the {cheapest.name} plan.", plan=cheapest.tier, upgrade_url=upgrade_url()
    )


def cheapest_with(feature: Feature) -> Plan:
    plans = [plan for plan in PLANS.values() if feature in plan.features]
    return min(plans, key=lambda plan: plan.price_cents + plan.price_per_user_cents)
