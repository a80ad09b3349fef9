"""What a run proposes, over JSON. To who asked alone."""

import uuid
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.edge import MemberAPI
from agent.api.answers import ProposalFields
from agent.models import Proposal
from agent.proposals import services, undoing
from agent.proposals.shown import proposal_json
from config.body import Body
from tasks.forms import check_seen


class Nothing(Body):
    """No fields: a proposal says all by its id."""


class Values(Body):
    title = serializers.CharField(max_length=2000, validators=[check_seen], required=False)
    status = serializers.CharField(max_length=200, required=False, allow_blank=True)
    done = serializers.BooleanField(source="is_done", required=False)
    due_on = serializers.DateField(required=False, allow_null=True)
    priority = serializers.CharField(max_length=200, required=False, allow_blank=True)
    assignees = serializers.ListField(child=serializers.CharField(max_length=200), max_length=100, required=False)
    labels = serializers.ListField(child=serializers.CharField(max_length=200), max_length=100, required=False)


class ProposalAPI(MemberAPI):
    schema_of_view = "workspace"

    def checked(self, request: Request, kind: type[Body] = Nothing) -> dict[str, Any]:
        form = kind(data=request.data)
        form.is_valid(raise_exception=True)
        return dict(form.validated_data)

    def told(self, proposal: Proposal) -> Response:
        # 202: a job is at it, and this address says how it ends.
        status = 202 if proposal.state in Proposal.AT_WORK else 200
        return Response(proposal_json(proposal, now=timezone.now()), status=status)


class OneProposal(ProposalAPI):
    @extend_schema(responses=ProposalFields)
    def get(self, request: Request, proposal_id: uuid.UUID) -> Response:
        """A proposal as it stands."""
        proposal = services.get(by=self.membership, proposal_id=proposal_id)
        return Response(proposal_json(proposal, now=timezone.now()))


class Approve(ProposalAPI):
    @extend_schema(request=Nothing, responses={200: ProposalFields, 202: ProposalFields})
    def post(self, request: Request, proposal_id: uuid.UUID) -> Response:
        """Have it done, exactly as it was shown: 202 while it is written to Notion. The task changed since: 409
        `moved-on`, nothing is written, and `proposal` is the id of the one that shows it as it is now."""
        self.checked(request)
        return self.told(services.approve(by=self.membership, proposal_id=proposal_id, now=timezone.now()))


class Edit(ProposalAPI):
    @extend_schema(request=Values, responses={201: ProposalFields})
    def post(self, request: Request, proposal_id: uuid.UUID) -> Response:
        """Another proposal in its place, with these values; the answer is that one."""
        values = self.checked(request, Values)
        proposal = services.edit(by=self.membership, proposal_id=proposal_id, now=timezone.now(), values=values)
        return Response(proposal_json(proposal, now=timezone.now()), status=201)


class Reject(ProposalAPI):
    @extend_schema(request=Nothing, responses=ProposalFields)
    def post(self, request: Request, proposal_id: uuid.UUID) -> Response:
        self.checked(request)
        return self.told(services.reject(by=self.membership, proposal_id=proposal_id, now=timezone.now()))


class Undo(ProposalAPI):
    @extend_schema(request=Nothing, responses={200: ProposalFields, 202: ProposalFields})
    def post(self, request: Request, proposal_id: uuid.UUID) -> Response:
        """Take it back, for 30 days and as long as the task is as it was left; otherwise 409 `moved-on`."""
        self.checked(request)
        return self.told(undoing.undo(by=self.membership, proposal_id=proposal_id, now=timezone.now()))
