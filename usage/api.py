import uuid
from datetime import timedelta, tzinfo
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import tenancy
from accounts.edge import MemberAPI
from accounts.models import Membership, Role
from accounts.permissions import check_can_manage_members
from accounts.zones import zone_of
from billing.models import Subscription
from billing.permissions import check_can_use
from billing.plans import Feature
from billing.team import members
from config.body import Body, Choice
from config.errors import InvalidField
from config.numbers import WholeNumber
from config.paging import PAGED, piece
from config.spans import SPANNED, asked
from usage import analytics
from usage.described import EntryPage, MemberFields, MemberPage, QuotaFields, SummaryFields
from usage.edge import MeteredAPI
from usage.models import Entry
from usage.quota import Metric, Quota, quota

LONGEST_SPAN = timedelta(days=366)
SERIES = ["day", "member", "kind", "model", "source"]


class QuotaOfMember(MeteredAPI):
    open_when_expired = True

    @extend_schema(responses=QuotaFields)
    def get(self, request: Request) -> Response:
        return Response(quota_json(quota(membership=self.membership, now=timezone.now())))


def quota_json(left: Quota) -> dict[str, Any]:
    return {
        "tier": left.tier,
        "period": {"starts_at": left.plan.period.starts_at, "ends_at": left.plan.period.ends_at},
        "requests": _metric_json(left.requests),
        "tokens": _metric_json(left.tokens),
        "forecast": {
            "requests_run_out_at": left.requests.runs_out_at,
            "tokens_run_out_at": left.tokens.runs_out_at,
        },
    }


def _metric_json(metric: Metric) -> dict[str, int]:
    return {"limit": metric.limit, "used": metric.used, "held": metric.held, "remaining": metric.remaining}


class Logs(MeteredAPI):
    filters = (*SPANNED, *PAGED)

    @extend_schema(responses=EntryPage)
    def get(self, request: Request) -> Response:
        entries = analytics.visible_to(self.membership)
        starts_at, ends_at = asked(request.query_params, zone_of(self.membership.user))
        if starts_at:
            entries = entries.filter(at__gte=starts_at)
        if ends_at:
            entries = entries.filter(at__lt=ends_at)
        found = piece(entries, request.query_params, by="at", newest_first=True)
        return Response({"results": [entry_json(entry) for entry in found.rows], "next": found.next})


def entry_json(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.pk,
        "at": entry.at,
        "user_id": entry.member_id,
        "kind": entry.kind,
        "run_id": entry.run_id,
        "api_key_id": entry.api_key_id,
        "requests": entry.requests,
        "input_tokens": entry.input_tokens,
        "output_tokens": entry.output_tokens,
        "model": entry.model,
        "outcome": entry.outcome,
        "milliseconds": entry.milliseconds,
    }


class Summary(MeteredAPI):
    """`from` and `to` are days or moments; without them the present period until now."""

    filters = (*SPANNED, OpenApiParameter("by", OpenApiTypes.STR, enum=SERIES))

    @extend_schema(responses=SummaryFields)
    def get(self, request: Request) -> Response:
        zone = zone_of(self.membership.user)
        span = self._span(request, zone)
        by = request.query_params.get("by") or "day"
        if by not in SERIES:
            raise InvalidField(f"Group by {', '.join(SERIES[:-1])} or {SERIES[-1]}.", pointer="/by")
        found = analytics.figures(membership=self.membership, span=span, zone=zone)
        if by == "member":
            series = analytics.by_member(membership=self.membership, span=span)
        elif by == "source":
            series = analytics.by_source(found.totals, membership=self.membership, span=span)
        else:
            series = getattr(found, f"by_{by}")
        latency = analytics.latency(membership=self.membership, span=span)
        return Response({"totals": {**found.totals.as_json(), "latency_ms": latency}, "series": series})

    def _span(self, request: Request, zone: tzinfo) -> analytics.Span:
        now = timezone.now()
        starts_at, ends_at = asked(request.query_params, zone)
        ends_at = ends_at or now
        if starts_at is None:
            present = quota(membership=self.membership, now=now).plan.period
            starts_at = min(present.starts_at, ends_at)
        if starts_at > ends_at or ends_at - starts_at > LONGEST_SPAN:
            raise InvalidField("From a moment before `to`, and at most 366 days.", pointer="/from")
        return analytics.Span(starts_at, ends_at)


class Users(MeteredAPI):
    """The people of a team, with what they have used."""

    schema_of_view: ClassVar[str] = "workspace"
    filters = PAGED

    @extend_schema(responses=MemberPage)
    def get(self, request: Request) -> Response:
        workspace_id = self.membership.workspace_id
        subscription = Subscription.objects.get(workspace_id=workspace_id)
        everybody = Membership.objects.filter(workspace_id=workspace_id)
        # Whom a team left over can still be seen and removed.
        if everybody.count() == 1:
            check_can_use(subscription, Feature.MEMBERS)
        check_can_manage_members(self.membership)
        found = piece(everybody, request.query_params, by="joined_at")
        return Response({"results": people_json(found.rows, subscription), "next": found.next})


class OneUser(MemberAPI):
    """One of the people. Leaving, one's own DELETE, is always possible."""

    @property
    def open_when_expired(self) -> bool:
        return self.request.method == "DELETE"

    class Input(Body):
        class Caps(Body):
            requests = WholeNumber(min_value=0, required=False, allow_null=True)
            tokens = WholeNumber(min_value=0, required=False, allow_null=True)

        role = Choice(choices=Role.choices, required=False)
        caps = Caps(required=False)

    @extend_schema(request=Input, responses=MemberFields)
    def patch(self, request: Request, user_id: uuid.UUID) -> Response:
        form = self.Input(data=request.data)
        form.is_valid(raise_exception=True)
        role, caps = form.validated_data.get("role"), form.validated_data.get("caps")
        member = members.change(
            by=self.membership, user_id=user_id, role=Role(role) if role else None, caps=caps, now=timezone.now()
        )
        subscription = Subscription.objects.get(workspace_id=member.workspace_id)
        with tenancy.within(member.workspace):
            return Response(people_json([member], subscription)[0])

    @extend_schema(responses={204: None})
    def delete(self, request: Request, user_id: uuid.UUID) -> Response:
        members.remove(by=self.membership, user_id=user_id, now=timezone.now())
        return Response(status=204)


def people_json(memberships: list[Membership], subscription: Subscription) -> list[dict[str, Any]]:
    ids = [membership.user_id for membership in memberships]
    people = analytics.people(ids)
    used = analytics.used_by(ids, subscription=subscription, now=timezone.now())
    return [
        {
            "id": row.user_id,
            "email": people[row.user_id].email,
            "name": people[row.user_id].name,
            "role": row.role,
            "joined_at": row.joined_at,
            "last_active_at": row.last_active_at,
            "requests_used": used.get(row.user_id, (0, 0))[0],
            "tokens_used": used.get(row.user_id, (0, 0))[1],
            "caps": {"requests": row.request_cap, "tokens": row.token_cap},
        }
        for row in memberships
        if row.user_id in people
    ]
