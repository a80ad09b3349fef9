"""Conversations over JSON: the member's own, and those shared with the workspace to read."""

import uuid
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.edge import MemberAPI
from agent import conversations
from agent.api.answers import ConversationAndRuns, ConversationFields, ConversationPage
from agent.models import Conversation
from agent.proposals.shown import all_json
from agent.runs import shown
from config import paging
from config.body import Body


class Conversations(MemberAPI):
    schema_of_view = "workspace"
    filters = paging.PAGED

    @extend_schema(responses=ConversationPage)
    def get(self, request: Request) -> Response:
        found = paging.piece(
            conversations.readable(self.membership), request.query_params, by="updated_at", newest_first=True
        )
        mine = self.membership.user_id
        return Response({"results": [row(each, by=mine) for each in found.rows], "next": found.next})


class OneConversation(MemberAPI):
    schema_of_view = "workspace"

    class Input(Body):
        title = serializers.CharField(max_length=conversations.LONGEST_TITLE, required=False)
        shared = serializers.BooleanField(required=False)

    @extend_schema(responses=ConversationAndRuns)
    def get(self, request: Request, conversation_id: uuid.UUID) -> Response:
        conversation = conversations.get(membership=self.membership, conversation_id=conversation_id)
        turns = conversations.turns(conversation, membership=self.membership)
        runs = all_json(turns, by=self.membership)
        return Response({**row(conversation, by=self.membership.user_id), "runs": runs})

    @extend_schema(request=Input, responses=ConversationFields)
    def patch(self, request: Request, conversation_id: uuid.UUID) -> Response:
        form = self.Input(data=request.data)
        form.is_valid(raise_exception=True)
        conversation = conversations.get_own(membership=self.membership, conversation_id=conversation_id)
        if "shared" in form.validated_data:
            conversations.share(conversation, membership=self.membership, is_shared=form.validated_data["shared"])
        if "title" in form.validated_data:
            conversations.rename(conversation, title=form.validated_data["title"])
        return Response(row(conversation, by=self.membership.user_id))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, conversation_id: uuid.UUID) -> Response:
        conversation = conversations.get_own(membership=self.membership, conversation_id=conversation_id)
        conversations.delete(conversation, workspace_id=self.membership.workspace_id, now=timezone.now())
        return Response(status=204)


def row(conversation: Conversation, *, by: uuid.UUID) -> dict[str, Any]:
    return {
        "id": str(conversation.id),
        "title": conversation.title,
        "shared": conversation.is_shared,
        "is_mine": conversation.owner_id == by,
        "created_at": shown.moment(conversation.created_at),
        "updated_at": shown.moment(conversation.updated_at),
    }
