import uuid
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services as accounts_services
from accounts import sign_in, tenancy, tokens
from accounts.api import PasswordField, user_json, workspace_json
from accounts.edge import MemberAPI, PublicAPI
from accounts.models import Connection, Membership, User, Workspace
from accounts.roles import EVERYBODY
from billing import account_deletion, services
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
        if self.api_key_id is not None or tenancy.impersonation_of(request._request) is not None:
            # A key belongs to one workspace, and tells of no other; nor do our staff hear of others.
            profile["workspaces"] = [workspace_json(self.membership)]
        return Response(profile)

    @extend_schema(request=Input, responses=ProfileFields)
    def patch(self, request: Request) -> Response:
        form = self.Input(data=request.data)
        form.is_valid(raise_exception=True)
        if "name" in form.validated_data:
            accounts_services.rename_user(user=self.membership.user, name=form.validated_data["name"])
        return Response(profile_json(self.membership))


class GoneWorkspace(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class AccountFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    erases_at = serializers.DateTimeField(help_text="Until then, signing in on the page keeps it.")
    workspaces = GoneWorkspace(many=True, help_text="Which go with it, since nobody else is in them.")


class Account(MemberAPI):
    """The person's own, in whatever workspace they are and whatever has become of that."""

    open_when_expired = True
    while_closing = EVERYBODY
    asks_for_payments = True

    class Input(Body):
        password = PasswordField()
        totp = serializers.CharField(max_length=20, required=False, allow_blank=True)

    @extend_schema(request=Input, responses={202: AccountFields})
    def delete(self, request: Request) -> Response:
        """Sessions, tokens and API keys end at once; after 14 days the account is erased, with the workspaces that
        nobody else is in."""
        form = self.Input(data=request.data)
        form.is_valid(raise_exception=True)
        user, given = self.membership.user, form.validated_data
        sign_in.confirm(request._request, user, password=given["password"], code=given.get("totp", ""))
        erases_at = account_deletion.close(user=user, now=timezone.now())
        gone = Workspace.objects.filter(closed_with=user.pk).order_by("name").values("id", "name")
        return Response({"id": user.pk, "erases_at": erases_at, "workspaces": list(gone)}, status=202)


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
