"""Erasing a person two weeks after their word. It may be killed at any moment: each round goes on with what is left."""

import logging
import uuid
from datetime import datetime

from django.db import OperationalError

from accounts import tenancy
from accounts.models import ErasureCertificate, Membership
from accounts.schemas import NoSchemaReady
from agent import certifying, deletion, events
from agent.models import Conversation, Export, Run
from billing import account_deletion
from billing.gateways import Refused
from tasks.models import Task

log = logging.getLogger(__name__)


def sweep(*, now: datetime) -> None:
    account_deletion.remind(now=now)
    for user_id in account_deletion.due(now=now):
        erase(user_id, now=now)


def erase(user_id: uuid.UUID, *, now: datetime) -> None:
    """One that cannot be erased now must not keep the others waiting."""
    try:
        user = account_deletion.begin(user_id=user_id, now=now, then=deletion.enqueue)
        if user is not None:
            certifying.begin_account(user)
            account_deletion.leave(user=user, now=now, before=forget_private)
            account_deletion.erase(user=user, now=now)
            log.info("user %s is erased", user_id)
            certifying.finish_for(ErasureCertificate.Kind.ACCOUNT, user_id)
    except account_deletion.Later:
        log.info("user %s waits for what is being erased", user_id)
    except (Refused, NoSchemaReady, OperationalError) as error:
        log.warning("the erasing of user %s waits: %s", user_id, error)


def forget_private(member: Membership) -> None:
    """What nobody else could read in the team. What was shared, and what was counted, stays the team's."""
    with tenancy.within(member.workspace):
        own = Conversation.objects.filter(owner_id=member.user_id, is_shared=False)
        runs = Run.objects.filter(conversation__in=own).values_list("pk", flat=True)
        events.erase(member.workspace_id, list(runs))
        own.delete()
        Task.objects.filter(owner_id=member.user_id, is_shared=False, connection_id=None).delete()
        Export.objects.filter(owner_id=member.user_id).delete()
