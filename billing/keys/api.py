import uuid
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.edge import MemberAPI
from accounts.scopes import Scope
from billing.keys import services
from config.body import Body, Choice
from config.paging import PAGED, piece


class KeyRow(serializers.Serializer[Any]):
    """For the description of the API only; `services.as_json` makes the answer."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    start = serializers.CharField(help_text="What the key begins with")
    ending = serializers.CharField(help_text="What it ends with")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="To the minute")
    is_expired = serializers.BooleanField()


class KeyPage(serializers.Serializer[Any]):
    results = KeyRow(many=True)
    next = serializers.CharField(allow_null=True)


class NewKey(KeyRow):
    key = serializers.CharField(help_text="The key itself, in this one answer")


class ApiKeys(MemberAPI):
    """One's own, in this workspace."""

    keeps_answers = False
    filters = PAGED

    class Input(Body):
        name = serializers.CharField(max_length=services.LONGEST_NAME)
        scopes = serializers.ListField(child=Choice(choices=Scope.choices), allow_empty=False, max_length=len(Scope))
        expires_at = serializers.DateTimeField(required=False, allow_null=True)

    @property
    def open_when_expired(self) -> bool:
        """What can be deleted can be found."""
        return self.request.method != "POST"

    @extend_schema(responses=KeyPage)
    def get(self, request: Request) -> Response:
        found = piece(services.mine(self.membership), request.query_params, by="created_at", newest_first=True)
        now = timezone.now()
        return Response({"results": [services.as_json(row, now=now) for row in found.rows], "next": found.next})

    @extend_schema(request=Input, responses={201: NewKey})
    def post(self, request: Request) -> Response:
        form = self.Input(data=request.data)
        form.is_valid(raise_exception=True)
        now = timezone.now()
        made = services.create(by=self.membership, **form.validated_data, now=now, request_key=self.request_key)
        return Response({**services.as_json(made.key, now=now), "key": made.secret}, status=201)


class OneApiKey(MemberAPI):
    # A key that leaked can be ended whatever became of plan and payment.
    open_when_expired = True

    @extend_schema(responses={204: None})
    def delete(self, request: Request, key_id: uuid.UUID) -> Response:
        services.revoke(by=self.membership, key_id=key_id, now=timezone.now())
        return Response(status=204)
