import uuid
from typing import Any

from django.db.models import Count
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import connections as authorizations
from accounts import tenancy
from accounts.edge import MemberAPI
from accounts.models import Connection, Membership
from agent.api.answers import HEARD
from agent.models import Disconnection, Source, SyncRun
from agent.sync import choosing, coverage, ending, finding, live, services
from agent.sync.described import (
    AuthorizeFields,
    BegunFields,
    CoverageOfConnections,
    EventOfSync,
    IntegrationFields,
    SyncFields,
)
from billing import reading
from config.body import Body
from config.handover import Mode
from config.headers import LAST_EVENT_ID, LOCATION
from config.negotiation import STREAM, JSONOrStream


class NotionIntegration(MemberAPI):
    """The member's connection to Notion."""

    schema_of_view = "workspace"
    # The address to authorize at carries the state, which is kept as a digest alone.
    keeps_answers = False

    @property
    def open_when_expired(self) -> bool:
        """Disconnecting stays possible after a trial."""
        return self.request.method == "DELETE"

    class Input(Body):
        token = serializers.CharField(max_length=400, required=False)
        shared = serializers.BooleanField(required=False, default=False)
        sync = serializers.BooleanField(required=False, default=True)

    class Choice(Body):
        sources = serializers.ListField(child=serializers.UUIDField(), allow_empty=False)

    @extend_schema(responses=IntegrationFields)
    def get(self, request: Request) -> Response:
        return Response(integration(self.membership))

    @extend_schema(request=Input, responses={201: IntegrationFields, 200: AuthorizeFields})
    def post(self, request: Request) -> Response:
        """With a token connects by it (201). Without one answers where the member lets Docent in (200)."""
        form = self.Input(data=request.data)
        form.is_valid(raise_exception=True)
        now, token = timezone.now(), form.validated_data.get("token")
        with tenancy.shared():
            if token is None:
                url = authorizations.begin_authorization(
                    membership=self.membership, session_key="", is_shared=form.validated_data["shared"], now=now
                )
                return Response({"authorize_url": url})
            connection = reading.connect_with_token(
                membership=self.membership, token=token, is_shared=form.validated_data["shared"], now=now
            )
        if form.validated_data["sync"]:
            services.start_connection(connection, requested_by=self.membership.user_id)
        else:
            finding.look_for_sources(connection)
        return Response(integration(self.membership), status=201)

    @extend_schema(request=Choice, parameters=[LOCATION], responses={202: BegunFields})
    def patch(self, request: Request) -> Response:
        """What is read from now on: these sources and no others."""
        form = self.Choice(data=request.data)
        form.is_valid(raise_exception=True)
        return _begun(choosing.choose_only(membership=self.membership, source_ids=set(form.validated_data["sources"])))

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        ending.disconnect(membership=self.membership)
        return Response(status=204)


def integration(membership: Membership) -> dict[str, Any]:
    return {**_connected(membership), "ended": [_ended(each) for each in ending.ended(membership)]}


def _ended(ended: Disconnection) -> dict[str, Any]:
    """`erased_at`: when nothing was found any more; null while it is being erased."""
    names = ("notion_workspace_name", "ended_at", "is_revoked", "pages", "passages", "tasks", "erased_at")
    return {name.removeprefix("is_"): getattr(ended, name) for name in names}


def _connected(membership: Membership) -> dict[str, Any]:
    mine = Connection.objects.readable_by(membership)
    found = sorted(mine, key=lambda each: (each.owner_id != membership.user_id, each.connected_at))
    connection = found[0] if found else None
    if connection is None:
        return {
            "connected": False,
            "status": "none",
            "notion_workspace_id": None,
            "notion_workspace_name": None,
            "connected_at": None,
            "last_synced_at": None,
            "looking": False,
            "cut_short": False,
            "sources": [],
        }
    sources = Source.objects.filter(connection_id=connection.id).annotate(number=Count("pages")).order_by("title", "id")
    return {
        "connected": connection.status == Connection.Status.ACTIVE,
        "status": connection.status,
        "notion_workspace_id": connection.notion_workspace_id,
        "notion_workspace_name": connection.notion_workspace_name,
        "connected_at": connection.connected_at,
        "last_synced_at": connection.last_synced_at,
        "looking": finding.is_looking(connection),
        "cut_short": finding.gave_up_looking(connection),
        "sources": [
            {
                "id": source.id,
                "notion_id": source.notion_id,
                "kind": source.kind,
                "title": source.title,
                "chosen": source.is_chosen,
                "pages": source.number,
            }
            for source in sources
        ],
    }


class StartSync(MemberAPI):
    schema_of_view = "workspace"

    class Input(Body):
        full = serializers.BooleanField(required=False, default=False)
        connection_id = serializers.UUIDField(required=False)

    @extend_schema(request=Input, parameters=[LOCATION], responses={202: BegunFields})
    def post(self, request: Request) -> Response:
        form = self.Input(data=request.data)
        form.is_valid(raise_exception=True)
        run = services.start(
            membership=self.membership,
            is_full=form.validated_data["full"],
            connection_id=form.validated_data.get("connection_id"),
        )
        return _begun(run)


def _begun(run: SyncRun) -> Response:
    return Response({"id": run.id, "status": run.status}, status=202, headers={"Location": f"/agent/sync/{run.id}"})


class OneSync(MemberAPI):
    schema_of_view = "workspace"

    @extend_schema(responses=SyncFields)
    def get(self, request: Request, sync_id: uuid.UUID) -> Response:
        return Response(shown(services.get(membership=self.membership, sync_run_id=sync_id)))


class SyncEvents(MemberAPI):
    """The sync's server-sent events: `progress` with its newest state, at most once a second, and `done`."""

    schema_of_view = "workspace"
    content_negotiation_class = JSONOrStream

    @extend_schema(parameters=[LAST_EVENT_ID], responses={(200, STREAM): EventOfSync, 204: HEARD})
    def get(self, request: Request, sync_id: uuid.UUID) -> HttpResponse:
        run = services.get(membership=self.membership, sync_run_id=sync_id)
        return live.answer(request._request, run, mode=Mode.STREAM)


class PauseSync(MemberAPI):
    schema_of_view = "workspace"

    @extend_schema(request=None, responses=SyncFields)
    def post(self, request: Request, sync_id: uuid.UUID) -> Response:
        return Response(shown(services.pause(membership=self.membership, sync_run_id=sync_id, now=timezone.now())))


class ResumeSync(MemberAPI):
    schema_of_view = "workspace"

    @extend_schema(request=None, responses=SyncFields)
    def post(self, request: Request, sync_id: uuid.UUID) -> Response:
        return Response(shown(services.resume(membership=self.membership, sync_run_id=sync_id, now=timezone.now())))


class CancelSync(MemberAPI):
    schema_of_view = "workspace"

    @extend_schema(request=None, responses=SyncFields)
    def post(self, request: Request, sync_id: uuid.UUID) -> Response:
        return Response(shown(services.stop(membership=self.membership, sync_run_id=sync_id, now=timezone.now())))


class ConfirmLoss(MemberAPI):
    """Pages that this sync kept, since too many seemed gone at once, are gone."""

    schema_of_view = "workspace"

    @extend_schema(request=None, parameters=[LOCATION], responses={202: SyncFields})
    def post(self, request: Request, sync_id: uuid.UUID) -> Response:
        kept = services.get(membership=self.membership, sync_run_id=sync_id)
        run = services.confirm_loss(membership=self.membership, connection_id=kept.connection_id, sync_run_id=kept.pk)
        return Response(shown(run), status=202, headers={"Location": f"/agent/sync/{run.id}"})


def shown(run: SyncRun) -> dict[str, Any]:
    return {
        "id": run.id,
        "status": run.status,
        "kind": "full" if run.is_full or run.is_first else "changes",
        "reason": run.reason,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "pages": {
            "known": run.known,
            "indexed": run.indexed,
            "unchanged": run.unchanged,
            "skipped": run.skipped,
            "failed": run.unread,
            "kept": run.kept,
            "trashed": run.trashed,
        },
        "problems": coverage.problems(run),
    }


class Coverage(MemberAPI):
    schema_of_view = "workspace"

    @extend_schema(responses=CoverageOfConnections)
    def get(self, request: Request) -> Response:
        return Response(coverage.coverage(membership=self.membership, now=timezone.now()))
