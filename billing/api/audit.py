from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.edge import MemberAPI
from accounts.models import ActorKind, AuditAction
from billing.team import auditing
from config.negotiation import Negotiation
from config.paging import PAGED, piece
from config.sheets import CSV, CSV_IN_UTF_8
from config.spans import SPANNED

CHOSEN = [
    OpenApiParameter("member", OpenApiTypes.UUID, description="Only what this user did."),
    OpenApiParameter("action", OpenApiTypes.STR, enum=AuditAction.values),
    *SPANNED,
]


class ActorFields(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=ActorKind.choices)
    id = serializers.UUIDField(allow_null=True, help_text="Of a member.")
    email = serializers.CharField(help_text="As it was then; empty but for members.")
    name = serializers.CharField(help_text="Of one of our staff; empty for all others.")


class EventFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    action = serializers.ChoiceField(choices=AuditAction.choices)
    actor = ActorFields()
    real_actor = ActorFields(allow_null=True, help_text="Who did it in the actor's name, if somebody else.")
    about = serializers.CharField(help_text="Whom or what it was done to: an e-mail address or an id.")
    before = serializers.DictField(allow_null=True)
    after = serializers.DictField(allow_null=True)
    address = serializers.CharField(allow_null=True, help_text="The network address that asked for it.")


class EventsFields(serializers.Serializer[Any]):
    results = EventFields(many=True)
    next = serializers.CharField(allow_null=True)


class JSONOrCSV(Negotiation):
    also = (CSV,)


class Audit(MemberAPI):
    """What happened in the workspace, the newest first. For owners and admins of a team; `Accept: text/csv` sends all
    of it, as far as it was filtered, as one file."""

    schema_of_view: ClassVar[str] = "workspace"
    open_when_suspended = frozenset({"GET", "HEAD"})
    content_negotiation_class = JSONOrCSV
    filters = (*CHOSEN, *PAGED)

    @extend_schema(responses={(200, "application/json"): EventsFields, (200, CSV): OpenApiTypes.STR})
    def get(self, request: Request) -> Response | StreamingHttpResponse:
        choice = auditing.choose(request.query_params, membership=self.membership)
        if request.accepted_media_type == CSV:
            return csv_of(auditing.download(membership=self.membership, choice=choice))
        found = piece(
            auditing.events(membership=self.membership, choice=choice),
            request.query_params,
            by="at",
            newest_first=True,
        )
        return Response({"results": [auditing.as_json(event) for event in found.rows], "next": found.next})


def csv_of(lines: Any) -> StreamingHttpResponse:
    response = StreamingHttpResponse(lines, content_type=CSV_IN_UTF_8)
    response["Content-Disposition"] = f'attachment; filename="audit-{timezone.now():%Y-%m-%d}.csv"'
    return response
