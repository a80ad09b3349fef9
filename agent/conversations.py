"""Threads of questions: found, renamed, shared, deleted."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.models import AuditAction, Membership, User
from agent.events import Events
from agent.models import Conversation, Run
from agent.runs.reading import as_seen
from agent.runs.services import NoConversation, NotYours, readable_conversations
from billing.models import Subscription
from billing.permissions import check_can_use
from billing.plans import Feature
from config.errors import InvalidField
from usage import services as usage

LONGEST_TITLE = 200


def readable(membership: Membership) -> QuerySet[Conversation]:
    """The member's own, and what others shared with the workspace; the newest first."""
    return readable_conversations(membership).order_by("-updated_at", "id")


def get(*, membership: Membership, conversation_id: uuid.UUID) -> Conversation:
    conversation = readable(membership).filter(pk=conversation_id).first()
    if conversation is None:
        raise NoConversation("There is no such conversation.")
    return conversation


def get_own(*, membership: Membership, conversation_id: uuid.UUID) -> Conversation:
    conversation = get(membership=membership, conversation_id=conversation_id)
    if conversation.owner_id != membership.user_id:
        raise NotYours("This conversation was shared with you to read.")
    return conversation


def turns(conversation: Conversation, *, membership: Membership) -> list[Run]:
    """The runs in order, with their steps, as this member may read them."""
    runs = conversation.runs.order_by("created_at", "id").prefetch_related("steps")
    return as_seen(runs, by=membership)


def rename(conversation: Conversation, *, title: str) -> None:
    title = " ".join(title.split())
    if not title or len(title) > LONGEST_TITLE or "\x00" in title:
        raise InvalidField(f"A title has 1 to {LONGEST_TITLE} characters.", pointer="/title")
    Conversation.objects.filter(pk=conversation.pk).update(title=title)
    conversation.title = title


def share(conversation: Conversation, *, membership: Membership, is_shared: bool) -> None:
    """Let everybody in the workspace read it, or nobody else. Raises PlanRequired."""
    if is_shared:
        check_can_share(membership)
    with transaction.atomic():
        if Conversation.objects.filter(pk=conversation.pk, is_shared=not is_shared).update(is_shared=is_shared):
            audit.record(
                AuditAction.CONVERSATION_SHARED,
                workspace_id=membership.workspace_id,
                by=membership.user,
                about=conversation.pk,
                before={"shared": not is_shared},
                after={"shared": is_shared},
            )
    conversation.is_shared = is_shared


def check_can_share(membership: Membership) -> None:
    check_can_use(Subscription.objects.get(workspace_id=membership.workspace_id), Feature.SHARED_CONVERSATIONS)


def delete(conversation: Conversation, *, workspace_id: uuid.UUID, now: datetime) -> None:
    """With its runs. One that waits is not counted; one at work ends soon, and its worker charges what was used."""
    with transaction.atomic():
        runs = list(conversation.runs.select_for_update().only("id", "status", "hold_id"))
        for run in runs:
            if run.status == Run.Status.QUEUED and run.hold_id is not None:
                usage.release(hold_id=run.hold_id, cost=usage.Cost(run_id=run.pk), now=now)
        conversation.delete()
    for run in runs:
        Events(workspace_id, run.pk).forget()


def names(user_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """What to call these members."""
    users = User.objects.filter(pk__in=set(user_ids)).values_list("id", "name", "email")
    return {key: name or email for key, name, email in users}


def as_markdown(conversation: Conversation, runs: Iterable[Run]) -> str:
    parts = [f"# {conversation.title}"]
    for run in runs:
        parts += [f"## {' '.join(run.prompt.split())}", run.answer or f"({run.error or run.status})"]
        sources = [_source_line(citation) for citation in run.citations]
        if sources:
            parts.append("\n".join(sources))
    return "\n\n".join(parts) + "\n"


def _source_line(citation: dict[str, Any]) -> str:
    return f"[{citation['n']}] {citation['title'] or 'Untitled'}: “{citation['quote']}” {citation['url']}".rstrip()
