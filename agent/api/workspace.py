from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.edge import MemberAPI
from accounts.models import Membership, Workspace
from accounts.permissions import check_can_change_settings, check_can_delete_workspace
from agent import configuring, deletion
from agent.models import Proposal
from agent.sync import intervals
from config.body import Body, Choice
from config.numbers import WholeNumber


class WorkspaceFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    sync_interval_minutes = WholeNumber(
        allow_null=True, help_text="How often Notion is read by itself. Null: never, by the plan."
    )
    shortest_sync_interval_minutes = serializers.IntegerField(allow_null=True)
    longest_sync_interval_minutes = serializers.IntegerField()
    write_policy = serializers.ChoiceField(
        choices=Workspace.WritePolicy.choices,
        help_text="Whether the agent asks before each change (`ask`), makes those of `write_kinds` by itself where"
        " nothing but its member's words led to them (`allow`), or changes nothing (`never`).",
    )
    write_kinds = serializers.ListField(child=serializers.ChoiceField(choices=Proposal.Kind.choices))


class Deletion(Body):
    confirm = serializers.CharField(max_length=200, help_text="The workspace's name, as it is shown.")


class DeletionFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    erases_at = serializers.DateTimeField(help_text="When erasing begins; it takes minutes.")
    erases = serializers.ListField(child=serializers.CharField())
    keeps = serializers.ListField(child=serializers.CharField())


class OneWorkspace(MemberAPI):
    """What concerns everybody in the workspace. For owners and admins; only an owner can delete it."""

    asks_for_payments = True

    @property
    def open_when_expired(self) -> bool:
        """Nobody is kept here because of a trial or a payment that ended."""
        return self.request.method == "DELETE"

    class Input(Body):
        name = serializers.CharField(max_length=120, required=False)
        sync_interval_minutes = WholeNumber(
            min_value=1,
            max_value=intervals.LONGEST // intervals.MINUTE,
            allow_null=True,
            required=False,
            help_text="Null: as often as the plan allows.",
        )
        write_policy = Choice(Workspace.WritePolicy.choices, required=False)
        write_kinds = serializers.ListField(child=Choice(Proposal.Kind.choices), max_length=20, required=False)

    @extend_schema(responses=WorkspaceFields)
    def get(self, request: Request) -> Response:
        check_can_change_settings(self.membership)
        return Response(shown(self.membership))

    @extend_schema(responses=WorkspaceFields)
    def patch(self, request: Request) -> Response:
        check_can_change_settings(self.membership)
        form = self.Input(data=request.data)
        form.is_valid(raise_exception=True)
        configuring.configure(by=self.membership, now=timezone.now(), **form.validated_data)
        return Response(shown(self.membership))

    @extend_schema(request=Deletion, responses={202: DeletionFields})
    def delete(self, request: Request) -> Response:
        """Everything in it, for everybody, at once and for good. The subscription ends, and nothing more is charged."""
        check_can_delete_workspace(self.membership)
        form = Deletion(data=request.data)
        form.is_valid(raise_exception=True)
        now, workspace = timezone.now(), self.membership.workspace
        deletion.delete(by=self.membership, confirm=form.validated_data["confirm"], now=now)
        about = {"id": workspace.pk, "name": workspace.name, "erases_at": now}
        return Response({**about, "erases": deletion.ERASES, "keeps": deletion.KEEPS}, status=202)


def shown(membership: Membership) -> dict[str, Any]:
    workspace, now = membership.workspace, timezone.now()
    least, used = intervals.shortest(workspace, now=now), intervals.interval_of(workspace, now=now)
    return {
        "id": workspace.pk,
        "name": workspace.name,
        "sync_interval_minutes": used and used // intervals.MINUTE,
        "shortest_sync_interval_minutes": least and least // intervals.MINUTE,
        "longest_sync_interval_minutes": intervals.LONGEST // intervals.MINUTE,
        "write_policy": workspace.write_policy,
        "write_kinds": workspace.write_kinds,
    }
