from collections.abc import Callable, Sequence
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services, tokens, zones
from accounts.described import PairFields, SettingsFields, SignedIn
from accounts.edge import MemberAPI, PublicAPI
from accounts.models import Membership, User
from accounts.sign_in import sign_in
from config.body import Body, Choice
from config.errors import InvalidField

NOTIFICATIONS = ("sync_problems", "quota_warnings", "product_news")


def user_json(user: User) -> dict[str, Any]:
    return {"id": user.pk, "email": user.email, "name": user.name, "created_at": user.created_at}


def workspace_json(membership: Membership) -> dict[str, Any]:
    return {"id": membership.workspace_id, "name": membership.workspace.name, "role": membership.role}


class PasswordField(serializers.CharField):
    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=1_000, trim_whitespace=False, **options)


class Login(PublicAPI):
    class Input(Body):
        email = serializers.CharField(max_length=254)
        password = PasswordField()
        totp = serializers.CharField(max_length=20, required=False, allow_blank=True)

    @extend_schema(request=Input, responses=SignedIn)
    def post(self, request: Request) -> Response:
        form = self.Input(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        membership = sign_in(
            request._request, email=given["email"], password=given["password"], code=given.get("totp", "")
        )
        pair = tokens.begin(membership)
        return Response(
            {
                "access": pair.access,
                "refresh": pair.refresh,
                "user": user_json(membership.user),
                "workspace": workspace_json(membership),
            }
        )


class RefreshInput(Body):
    refresh = serializers.CharField(max_length=4_000)


class Refresh(PublicAPI):
    @extend_schema(request=RefreshInput, responses=PairFields)
    def post(self, request: Request) -> Response:
        form = RefreshInput(data=request.data)
        form.is_valid(raise_exception=True)
        pair = tokens.rotate(form.validated_data["refresh"], now=timezone.now())
        return Response({"access": pair.access, "refresh": pair.refresh})


class Logout(PublicAPI):
    @extend_schema(request=RefreshInput, responses={204: None})
    def post(self, request: Request) -> Response:
        form = RefreshInput(data=request.data)
        form.is_valid(raise_exception=True)
        tokens.revoke(form.validated_data["refresh"])
        return Response(status=204)


@extend_schema_field(
    inline_serializer("ChosenNotifications", {name: serializers.BooleanField(required=False) for name in NOTIFICATIONS})
)
class NotificationsField(serializers.DictField):
    child = serializers.BooleanField()

    def to_representation(self, value: dict[str, bool]) -> dict[str, bool]:
        return {name: value.get(name, True) for name in NOTIFICATIONS}

    def to_internal_value(self, data: Any) -> dict[str, bool]:
        choices: dict[str, bool] = super().to_internal_value(data)
        if unknown := sorted(set(choices) - set(NOTIFICATIONS)):
            raise serializers.ValidationError(f"Unknown: {unknown[0]}. Known: {', '.join(NOTIFICATIONS)}.")
        return choices


class ConfigFields(Body):
    timezone = serializers.CharField(max_length=64, required=False)
    language = Choice(choices=["en"], required=False)
    model = serializers.CharField(max_length=80, required=False, allow_blank=True)
    email_notifications = NotificationsField(required=False)
    default_sharing = Choice(choices=["private", "workspace"], required=False)

    def validate_model(self, value: str) -> str:
        models = self.context["models"]
        if value and value not in models:
            raise serializers.ValidationError(f"There is no such model here. Known: {', '.join(models)}.")
        return value

    def validate_timezone(self, value: str) -> str:
        try:
            return zones.checked(value)
        except InvalidField as error:
            raise serializers.ValidationError(error.detail) from error


class Config(MemberAPI):
    """The member's own settings. `models`: the names of those that can answer; an empty one leaves it to Docent."""

    models: Callable[[], Sequence[str]] = tuple

    @extend_schema(responses=SettingsFields)
    def get(self, request: Request) -> Response:
        return Response(ConfigFields(self.membership.user).data)

    @extend_schema(request=ConfigFields, responses=SettingsFields)
    def patch(self, request: Request) -> Response:
        form = ConfigFields(data=request.data, partial=True, context={"models": self.models()})
        form.is_valid(raise_exception=True)
        user = services.configure(user=self.membership.user, **form.validated_data)
        return Response(ConfigFields(user).data)
