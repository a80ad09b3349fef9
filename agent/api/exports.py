"""Taking everything along: the export of what a member may read. It stays open when a trial or plan has ended."""

import uuid
from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.edge import MemberAPI
from accounts.roles import MAY, Action
from agent.exports import services
from agent.models import Export
from agent.runs.shown import moment
from config.negotiation import Negotiation

FILE = "application/zip"


class ExportFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=Export.Status.choices)
    created_at = serializers.DateTimeField()
    ready_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField()
    bytes = serializers.IntegerField()
    download_url = serializers.CharField(allow_null=True, help_text="Null until it is ready.")


class WorkspaceExport(MemberAPI):
    """What the member may read, as one zip file that a worker makes and that is kept for a day."""

    schema_of_view = "workspace"
    open_when_expired = True
    open_when_suspended = frozenset({"GET", "HEAD", "POST"})
    while_closing = MAY[Action.DELETE_WORKSPACE]

    @extend_schema(responses=ExportFields)
    def get(self, request: Request) -> Response:
        """The newest one."""
        export = services.newest(membership=self.membership, now=timezone.now())
        if export is None:
            raise services.NoExport("No export was asked for, or it was made more than a day ago. POST asks for one.")
        return Response(shown(export))

    @extend_schema(request=None, responses={202: ExportFields})
    def post(self, request: Request) -> Response:
        """Have one made. While one is being made: that one."""
        return Response(shown(services.ask(membership=self.membership, now=timezone.now())), status=202)


class JSONOrFile(Negotiation):
    also = (FILE,)


class ExportFile(MemberAPI):
    schema_of_view = "workspace"
    open_when_expired = True
    open_when_suspended = frozenset({"GET", "HEAD"})
    while_closing = MAY[Action.DELETE_WORKSPACE]
    content_negotiation_class = JSONOrFile

    @extend_schema(responses={(200, FILE): OpenApiTypes.BINARY})
    def get(self, request: Request, export_id: uuid.UUID) -> StreamingHttpResponse:
        """The file itself."""
        export = services.download(membership=self.membership, export_id=export_id, now=timezone.now())
        parts = services.data(export, workspace=self.membership.workspace)
        response = StreamingHttpResponse(parts, content_type=FILE)
        response["Content-Length"] = str(export.size)
        response["Content-Disposition"] = f'attachment; filename="docent-{export.created_at:%Y-%m-%d}.zip"'
        return response


def shown(export: Export) -> dict[str, Any]:
    is_ready = export.status == Export.Status.READY
    return {
        "id": str(export.pk),
        "status": export.status,
        "created_at": moment(export.created_at),
        "ready_at": moment(export.ready_at),
        "expires_at": moment(services.expires_at(export)),
        "bytes": export.size,
        "download_url": f"/workspace/export/{export.pk}" if is_ready else None,
    }
