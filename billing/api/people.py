import uuid
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services as accounts_services
from accounts import sign_in, tokens
from accounts.api import PasswordField, user_json, workspace_json
from accounts.edge import MemberAPI, PublicAPI
from accounts.models import Connection, Membership, User, Workspace
from billing import services
from billing.api.described import ProfileFields, RegisteredFields
from billing.api.subscription import subscription_json
from billing.effective import effective
from billing.models import Subscription
from billing.plans import Tier
from config.body import Body


class Register(PublicAPI):
    class Input(Body):
        email = serializers.EmailField(max_length=254)
        password = PasswordField()
        name = serializers.CharField(max_length=120, required=False, allow_blank=True)
        workspace_name = serializers.CharField(max_length=120, required=False, allow_blank=True)

    @extend_schema(request=Input, responses={201: RegisteredFields})
    def post(self, request: Request) -> Response:
        form = self.Input(data=request.data)
        form.is_valid(raise_exception=True)
        sign_in.check_sign_up_rate(request._request)
        try:
            made = services.register(**form.validated_data, now=timezone.now())
        except services.EmailTaken as error:
            if not settings.EMAIL_VERIFICATION_REQUIRED:
                raise
            sign_in.send_verification(request._request, email=error.registration.user.email, user=None)
            return Response(_registered(error.registration), status=201)
        if settings.EMAIL_VERIFICATION_REQUIRED:
            sign_in.send_verification(request._request, email=made.user.email, user=made.user)
            return Response(_registered(made), status=201)
        pair = tokens.begin(made.membership)
        return Response(_registered(made, pair), status=201)


def _registered(made: services.Registration, pair: tokens.Pair | None = None) -> dict[str, Any]:
    return {
        "user": user_json(made.user),
        "workspace": workspace_json(made.membership),
        "subscription": subscription_json(made.subscription),
        "email_verification": "required" if settings.EMAIL_VERIFICATION_REQUIRED else "not_required",
        "access": pair.access if pair else None,
        "refresh": pair.refresh if pair else None,
    }


class Profile(MemberAPI):
    open_when_expired = True

    class Input(Body):
        name = serializers.CharField(max_length=120, required=False, allow_blank=True)

    @extend_schema(responses=ProfileFields)
    def get(self, request: Request) -> Response:
        profile = profile_json(self.membership)
        if self.api_key_id is not None:
            # A key belongs to one workspace, and tells of no other.
            profile["workspaces"] = [workspace_json(self.membership)]
        return Response(profile)

    @extend_schema(request=Input, responses=ProfileFields)
    def patch(self, request: Request) -> Response:
        form = self.Input(data=request.data)
        form.is_valid(raise_exception=True)
        if "name" in form.validated_data:
            accounts_services.rename_user(user=self.membership.user, name=form.validated_data["name"])
        return Response(profile_json(self.membership))


def profile_json(membership: Membership) -> dict[str, Any]:
    user = membership.user
    subscription = Subscription.objects.get(workspace_id=membership.workspace_id)
    tier = effective(subscription, timezone.now()).tier
    is_team = tier == Tier.TEAMS
    memberships = (
        Membership.objects.filter(user=user)
        .exclude(workspace__state=Workspace.State.ERASING)
        .select_related("workspace")
        .order_by("joined_at", "pk")
    )
    return {
        **user_json(user),
        "subscription_tier": tier,
        "trial_ends_at": subscription.trial_ends_at,
        "team_id": membership.workspace_id if is_team else None,
        "team_role": membership.role if is_team else None,
        "notion_workspace_id": _notion_workspace_id(user, membership.workspace_id),
        "workspaces": [workspace_json(other) for other in memberships],
    }


def _notion_workspace_id(user: User, workspace_id: uuid.UUID) -> str | None:
    mine = Connection.objects.filter(workspace_id=workspace_id, owner=user).exclude(
        status=Connection.Status.DISCONNECTED
    )
    return mine.order_by("connected_at").values_list("notion_workspace_id", flat=True).first() or None
