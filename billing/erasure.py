"""When the content of an ended workspace may be erased, and that it was. What content is, is known above."""

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts import audit, connections
from accounts.models import AuditAction, Connection, Workspace
from billing import hearing, reminding
from billing.effective import EffectivePlan, effective
from billing.models import Subscription
from billing.reminders import FIRST_WARNING, LAST_WARNING, NOTICE

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Erasure:
    """`decided_at`: what came later stays. `ended`: connections that ended with it, with their tokens as they were."""

    decided_at: datetime
    ended: tuple[Connection, ...] = ()


def due(*, now: datetime) -> list[uuid.UUID]:
    """Workspaces whose time has come. Reads an index of those that got their last warning, and no other row."""
    waiting = Subscription.objects.filter(erases_from__lte=now, workspace__state=Workspace.State.ACTIVE)
    return list(waiting.order_by("erases_from").values_list("workspace_id", flat=True)[:200])


def decide(*, workspace_id: uuid.UUID, now: datetime) -> Erasure | None:
    """Under the subscription's lock, so that a purchase of the same moment comes before it, or finds it decided.

    The connections end in the same transaction: from then on nothing more is read. None: nothing is to be erased now,
    or whether it was paid for is not known. Asked again after a crash, it answers what was decided before.
    """
    is_decided = Subscription.objects.get(workspace_id=workspace_id).is_erasing
    if not is_decided and not hearing.is_sure(workspace_id, now=now):
        log.warning("the content of workspace %s waits: whether it was paid for is not known", workspace_id)
        return None
    with transaction.atomic():
        subscription = Subscription.objects.select_for_update().get(workspace_id=workspace_id)
        if subscription.is_erasing:
            assert subscription.content_erased_at is not None
            return Erasure(subscription.content_erased_at)
        current = effective(subscription, now)
        if current.ended_at is None:
            subscription.erases_from = None
        elif subscription.erases_from is not None and _is_ripe(subscription, current, now):
            ended = tuple(Connection.objects.filter(workspace_id=workspace_id).order_by("pk"))
            for connection in ended:
                connections.end(connection)
            subscription.content_erased_at = now
            subscription.save()
            audit.record(AuditAction.CONTENT_ERASED, workspace_id=workspace_id)
            log.info("erasing the content of workspace %s, which ended at %s", workspace_id, current.ended_at)
            return Erasure(now, ended)
        subscription.save()
    return None


def finish(*, workspace_id: uuid.UUID, decided_at: datetime) -> None:
    Subscription.objects.filter(workspace_id=workspace_id, content_erased_at=decided_at).update(erases_from=None)
    log.info("the content of workspace %s is erased", workspace_id)


def _is_ripe(subscription: Subscription, current: EffectivePlan, now: datetime) -> bool:
    """Both warnings have gone out, the last one at least a day ago. If not, it waits for that."""
    assert current.ended_at is not None
    assert current.erases_at is not None
    first, last = (
        reminding.sent_at(subscription, kind=kind, about=current.ended_at) for kind in (FIRST_WARNING, LAST_WARNING)
    )
    ripe_at = max(current.erases_at, last + NOTICE) if first and last else None
    if ripe_at is None:
        log.error("the content of workspace %s waits: a warning could not be sent", subscription.workspace_id)
    if ripe_at is None or ripe_at > now:
        subscription.erases_from = ripe_at or now + NOTICE
        return False
    return True
