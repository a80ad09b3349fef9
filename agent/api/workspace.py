from typing import Any

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services
from accounts.edge import MemberAPI
from accounts.models import Membership
from accounts.permissions import check_can_manage
from agent.sync import intervals


class WorkspaceFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    sync_interval_minutes = serializers.IntegerField(
        allow_null=True, help_text="How often Notion is read by itself. Null: never, by the plan."
    )
    shortest_sync_interval_minutes = serializers.IntegerField(allow_null=True)
    longest_sync_interval_minutes = serializers.IntegerField()


class OneWorkspace(MemberAPI):
    """What concerns everybody in the workspace. For owners and admins."""

    class Input(serializers.Serializer[Any]):
        name = serializers.CharField(max_length=120, required=False)
        sync_interval_minutes = serializers.IntegerField(
            min_value=1,
            max_value=intervals.LONGEST // intervals.MINUTE,
            allow_null=True,
            required=False,
            help_text="Null: as often as the plan allows.",
        )

    @extend_schema(responses=WorkspaceFields)
    def get(self, request: Request) -> Response:
        check_can_manage(self.membership)
        return Response(shown(self.membership))

    @extend_schema(responses=WorkspaceFields)
    def patch(self, request: Request) -> Response:
        check_can_manage(self.membership)
        form = self.Input(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        with transaction.atomic():
            if "sync_interval_minutes" in given:
                intervals.choose(by=self.membership, minutes=given["sync_interval_minutes"], now=timezone.now())
            if "name" in given:
                services.rename_workspace(workspace=self.membership.workspace, name=given["name"], by=self.membership)
        return Response(shown(self.membership))


def shown(membership: Membership) -> dict[str, Any]:
    workspace, now = membership.workspace, timezone.now()
    least, used = intervals.shortest(workspace, now=now), intervals.interval_of(workspace, now=now)
    return {
        "id": workspace.pk,
        "name": workspace.name,
        "sync_interval_minutes": used and used // intervals.MINUTE,
        "shortest_sync_interval_minutes": least and least // intervals.MINUTE,
        "longest_sync_interval_minutes": intervals.LONGEST // intervals.MINUTE,
    }
