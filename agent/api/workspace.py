from collections.abc import Collection
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import model_choices
from accounts.edge import MemberAPI
from accounts.models import Membership, Role, Workspace
from accounts.permissions import check_can_change_settings, check_can_delete_workspace
from accounts.roles import MAY, Action
from agent import configuring, deletion
from agent.models import Proposal
from agent.sync import intervals
from billing.deletion import close, restore
from config.body import Body, Choice
from config.numbers import WholeNumber
from config.providers import KINDS


class OwnModel(Body):
    kind = Choice(choices=list(KINDS), help_text="The protocol: `openai` also for servers that speak like it.")
    model = serializers.CharField(max_length=80, help_text="As the vendor calls it.")
    url = serializers.CharField(
        max_length=500, required=False, allow_blank=True, help_text="One of `model_addresses`; without it the vendor's."
    )
    key = serializers.CharField(
        max_length=model_choices.LONGEST_KEY,
        required=False,
        allow_blank=True,
        write_only=True,
        help_text="Never shown again. Without it the one that is kept for this address stays.",
    )


class OwnModelFields(serializers.Serializer[Any]):
    kind = serializers.CharField()
    model = serializers.CharField()
    url = serializers.CharField()
    has_key = serializers.BooleanField()


class WorkspaceFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    sync_interval_minutes = WholeNumber(
        allow_null=True, help_text="How often Notion is read by itself. Null: never, by the plan."
    )
    shortest_sync_interval_minutes = serializers.IntegerField(allow_null=True)
    longest_sync_interval_minutes = serializers.IntegerField()
    model = serializers.CharField(allow_blank=True, help_text="Empty: members choose, or the installation does.")
    own_model = OwnModelFields(allow_null=True)
    models = serializers.ListField(child=serializers.CharField(), help_text="Those that this installation offers.")
    model_addresses = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), help_text="Where a key may be sent, by kind."
    )
    write_policy = serializers.ChoiceField(
        choices=Workspace.WritePolicy.choices,
        help_text="Whether the agent asks before each change (`ask`), makes those of `write_kinds` by itself where"
        " nothing but its member's words led to them (`allow`), or changes nothing (`never`).",
    )
    write_kinds = serializers.ListField(child=serializers.ChoiceField(choices=Proposal.Kind.choices))


# Whoever deletes it may take that back.
MAY_TAKE_BACK = MAY[Action.DELETE_WORKSPACE]


class Deletion(Body):
    confirm = serializers.CharField(max_length=200, help_text="The workspace's name, as it is shown.")


class DeletionFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    erases_at = serializers.DateTimeField(help_text="Until then an owner may take it back; erasing takes minutes.")
    erases = serializers.ListField(child=serializers.CharField())
    keeps = serializers.ListField(child=serializers.CharField())


class OneWorkspace(MemberAPI):
    """What concerns everybody in the workspace. For owners and admins; only an owner can delete it."""

    asks_for_payments = True
    open_when_suspended = frozenset({"GET", "HEAD", "DELETE"})

    @property
    def open_when_expired(self) -> bool:
        """Nobody is kept here because of a trial or a payment that ended."""
        return self.request.method == "DELETE"

    @property
    def while_closing(self) -> Collection[Role]:
        """So that who sends it again hears of the same moment."""
        return MAY_TAKE_BACK if self.request.method == "DELETE" else ()

    class Input(Body):
        name = serializers.CharField(max_length=120, required=False)
        sync_interval_minutes = WholeNumber(
            min_value=1,
            max_value=intervals.LONGEST // intervals.MINUTE,
            allow_null=True,
            required=False,
            help_text="Null: as often as the plan allows.",
        )
        model = serializers.CharField(
            max_length=80,
            required=False,
            allow_blank=True,
            help_text="One of `models`. A key that is kept goes.",
        )
        own_model = OwnModel(required=False)
        write_policy = Choice(Workspace.WritePolicy.choices, required=False)
        write_kinds = serializers.ListField(child=Choice(Proposal.Kind.choices), max_length=20, required=False)

        def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
            if "model" in attrs and "own_model" in attrs:
                raise serializers.ValidationError({"own_model": "Give either model or own_model."})
            return attrs

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
        """Everything in it, for everybody. It closes at once and is erased after 14 days, until when an owner may take
        that back. Nothing more is charged."""
        check_can_delete_workspace(self.membership)
        form = Deletion(data=request.data)
        form.is_valid(raise_exception=True)
        workspace = self.membership.workspace
        erases_at = close(by=self.membership, confirm=form.validated_data["confirm"], now=timezone.now())
        about = {"id": workspace.pk, "name": workspace.name, "erases_at": erases_at}
        return Response({**about, "erases": deletion.ERASES, "keeps": deletion.KEEPS}, status=202)


class RestoreWorkspace(MemberAPI):
    """Takes its deletion back. Open while nothing else in it is."""

    open_when_expired = True
    while_closing = MAY_TAKE_BACK

    @extend_schema(request=None, responses=WorkspaceFields)
    def post(self, request: Request) -> Response:
        """Everything goes on as it was. What was cancelled at the payment provider stays cancelled: it ends with the
        paid period unless an owner resumes it."""
        check_can_delete_workspace(self.membership)
        restore(by=self.membership, now=timezone.now())
        self.membership.workspace.refresh_from_db()
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
        **model_choices.shown(workspace.pk),
        "models": model_choices.names(),
        "model_addresses": {kind: model_choices.addresses(kind) for kind in KINDS},
        "write_policy": workspace.write_policy,
        "write_kinds": workspace.write_kinds,
    }
