"""Erasing what was read from Notion, and what was asked of it, some time after service has ended.

Account, workspace, members, local tasks, usage log and subscription stay. It may be killed at any moment: what is to
be erased is decided once, under the subscription's lock, and everything after that may be repeated.
"""

import logging
import uuid
from datetime import datetime

from django.utils import timezone

from accounts import background, tenancy
from accounts import connections as authorizations
from accounts.models import Connection
from agent import deletion, events
from agent.exports import services as exports
from agent.models import Conversation, Run
from agent.sync import ending
from billing import erasure

log = logging.getLogger(__name__)
AT_ONCE = 200


def sweep(*, now: datetime) -> int:
    """Have workers erase where the time has come; what they could not finish is asked for again."""
    from agent.jobs import erase_content

    deletion.finish_schemas()
    deletion.resume()
    waiting = erasure.due(now=now)
    return sum(background.enqueue(erase_content, workspace_id=each, key="content") for each in waiting)


def erase(*, now: datetime) -> None:
    """The job, inside the workspace. A purchase that came first leaves nothing to do."""
    workspace_id = tenancy.active_workspace_id()
    assert workspace_id is not None
    with tenancy.shared():
        decided = erasure.decide(workspace_id=workspace_id, now=now)
        if decided is None:
            return
        for connection in decided.ended:
            authorizations.revoke(connection)
    ended = Connection.objects.filter(workspace_id=workspace_id, status=Connection.Status.DISCONNECTED)
    for connection_id in list(ended.values_list("id", flat=True)):
        background.renew_lease()
        ending.erase(connection_id=str(connection_id))
    number = _erase_conversations(workspace_id, before=decided.decided_at)
    # These hold conversations.
    exports.forget(made_before=timezone.now())
    with tenancy.shared():
        erasure.finish(workspace_id=workspace_id, decided_at=decided.decided_at)
    log.info("workspace %s: %d conversations are erased", workspace_id, number)


def _erase_conversations(workspace_id: uuid.UUID, *, before: datetime) -> int:
    """With their runs. Whoever bought meanwhile has begun new ones, which stay."""
    number = 0
    while batch := list(Conversation.objects.filter(created_at__lte=before).values_list("pk", flat=True)[:AT_ONCE]):
        background.renew_lease()
        runs = Run.objects.filter(conversation__in=batch).values_list("pk", flat=True)
        events.erase(workspace_id, list(runs))
        Conversation.objects.filter(pk__in=batch).delete()
        number += len(batch)
    return number
