import uuid
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import workspace_json
from accounts.edge import MemberAPI
from accounts.models import Invitation, Role
from accounts.models.invitation import INVITABLE
from accounts.permissions import check_can_manage_members
from billing.api.described import InvitationPage, JoinedFields, NewInvitation
from billing.models import Subscription
from billing.permissions import check_can_use
from billing.plans import Feature
from billing.team import invitations
from config.body import Body, Choice
from config.paging import PAGED, piece


def invitation_json(invitation: Invitation) -> dict[str, Any]:
    by = invitation.invited_by
    return {
        "id": invitation.pk,
        "email": invitation.email,
        "role": invitation.role,
        "invited_by": {"id": by.pk, "name": str(by)},
        "created_at": invitation.created_at,
        "expires_at": invitation.expires_at,
        "is_expired": invitation.is_expired(timezone.now()),
    }


class Invitations(MemberAPI):
    """Those that wait for an answer. The link stands in the mail; where addresses are not verified, in the answer too,
    once."""

    asks_for_payments = True
    keeps_answers = False
    filters = PAGED

    class Input(Body):
        email = serializers.EmailField(max_length=254)
        role = Choice(choices=INVITABLE, default=Role.MEMBER)

    @extend_schema(responses=InvitationPage)
    def get(self, request: Request) -> Response:
        subscription = Subscription.objects.get(workspace_id=self.membership.workspace_id)
        check_can_manage_members(self.membership)
        check_can_use(subscription, Feature.MEMBERS)
        rows = Invitation.objects.filter(workspace_id=self.membership.workspace_id).waiting()
        found = piece(rows.select_related("invited_by"), request.query_params, by="created_at", newest_first=True)
        return Response({"results": [invitation_json(row) for row in found.rows], "next": found.next})

    @extend_schema(request=Input, responses={201: NewInvitation})
    def post(self, request: Request) -> Response:
        form = self.Input(data=request.data)
        form.is_valid(raise_exception=True)
        sent = invitations.invite(
            by=self.membership,
            email=form.validated_data["email"],
            role=Role(form.validated_data["role"]),
            now=timezone.now(),
        )
        return Response({**invitation_json(sent.invitation), "link": link_to_show(sent)}, status=201)


def link_to_show(sent: invitations.Link) -> str | None:
    """Where addresses are verified, the link proves that its mail was read, so nobody else may see it."""
    return None if settings.EMAIL_VERIFICATION_REQUIRED else sent.url


class OneInvitation(MemberAPI):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, invitation_id: uuid.UUID) -> Response:
        invitations.revoke(by=self.membership, invitation_id=invitation_id, now=timezone.now())
        return Response(status=204)


class Accept(MemberAPI):
    """Joins the workspace. The next sign-in opens it."""

    asks_for_payments = True
    open_when_expired = True

    class Input(Body):
        token = serializers.CharField(max_length=200)

    @extend_schema(request=Input, responses=JoinedFields)
    def post(self, request: Request) -> Response:
        form = self.Input(data=request.data)
        form.is_valid(raise_exception=True)
        joined = invitations.accept(token=form.validated_data["token"], user=self.membership.user, now=timezone.now())
        return Response({"workspace": workspace_json(joined)})
