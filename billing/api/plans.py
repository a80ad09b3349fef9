from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.edge import MemberAPI, PublicAPI
from accounts.zones import zone_of
from billing.api.described import PlansFields, TrialFields
from billing.plans import COMING, CURRENCY, PLANS, Plan
from billing.trial import trial_status


class TrialStatus(MemberAPI):
    open_when_expired = True
    asks_for_payments = True

    @extend_schema(responses=TrialFields)
    def get(self, request: Request) -> Response:
        zone = zone_of(self.membership.user)
        return Response(trial_status(membership=self.membership, now=timezone.now(), zone=zone))


class Plans(PublicAPI):
    @extend_schema(responses=PlansFields)
    def get(self, request: Request) -> Response:
        return Response({"plans": [plan_json(plan) for plan in PLANS.values()]})


def plan_json(plan: Plan) -> dict[str, Any]:
    return {
        "tier": plan.tier,
        "name": plan.name,
        "price_cents": plan.price_cents,
        "price_per_user_cents": plan.price_per_user_cents,
        "currency": CURRENCY,
        "interval": "month",
        "trial_days": plan.trial.days if plan.trial else 0,
        "limits": {"requests": plan.requests, "tokens": plan.tokens},
        "features": list(plan.features),
        "coming": [feature for feature in plan.features if feature in COMING],
    }
