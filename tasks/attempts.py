"""An attempt to send what stands in the outbox: who makes it, what is kept about it, and how it ends."""

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import background
from tasks import merging, outbox
from tasks.models import Outgoing, Task

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(minutes=15)


class Taken(Exception):
    """Another worker has it now."""


def claim(outgoing_id: str) -> uuid.UUID | None:
    now, lease = timezone.now(), uuid.uuid4()
    free = Q(lease=None) | Q(leased_until__lt=now)
    wanted = Outgoing.objects.filter(pk=outgoing_id, state=Outgoing.State.WAITING)
    if wanted.filter(free).update(lease=lease, leased_until=now + life()):
        return lease
    held = wanted.first()
    if held is not None and held.leased_until is not None:
        # Its holder goes on with what was edited meanwhile, unless it has died.
        outbox.wake(held, due_at=held.leased_until + timedelta(seconds=1))
    return None


def life() -> timedelta:
    return timedelta(seconds=settings.SYNC_LEASE_SECONDS)


def note(outgoing: Outgoing, lease: uuid.UUID, **facts: Any) -> None:
    background.renew_lease()
    held = Outgoing.objects.filter(pk=outgoing.pk, lease=lease)
    if not held.update(leased_until=timezone.now() + life(), **facts):
        raise Taken(str(outgoing.pk))


def release(outgoing_id: str, lease: uuid.UUID) -> None:
    with transaction.atomic():
        held = Outgoing.objects.select_for_update().filter(pk=outgoing_id, lease=lease).first()
        if held is None:
            return
        Outgoing.objects.filter(pk=outgoing_id).update(lease=None, leased_until=None)
        if held.state == Outgoing.State.WAITING and held.fields and not held.reason:
            # Edited after we looked last.
            outbox.wake(held, due_at=timezone.now())


def _ended(outgoing_id: str, **facts: Any) -> Outgoing | None:
    """With the locks in the order of every edit: the task, then its outbox."""
    outgoing = Outgoing.objects.filter(pk=outgoing_id).first()
    task = Task.objects.select_for_update().filter(pk=outgoing.task_id).first() if outgoing else None
    current = Outgoing.objects.select_for_update().filter(pk=outgoing_id).first() if task else None
    if task is None or current is None:
        return None
    for name, value in facts.items():
        setattr(current, name, value)
    current.task = task
    return current


def wait(outgoing_id: str, reason: str, *, due_in: float | None) -> None:
    with transaction.atomic():
        current = _ended(outgoing_id, reason=reason[:500])
        if current is None:
            return
        current.tries += 1
        merging.settle(current.task, current)
        if due_in is not None:
            pause = min(FIRST_PAUSE * 2 ** min(current.tries - 1, 10), LONGEST_PAUSE)
            outbox.wake(current, due_at=timezone.now() + max(pause, timedelta(seconds=due_in)))


def fail(outgoing_id: str, reason: str, *, state: Outgoing.State = Outgoing.State.FAILED) -> None:
    with transaction.atomic():
        current = _ended(outgoing_id, state=state, reason=reason[:500])
        if current is not None:
            merging.settle(current.task, current)


def gone(outgoing_id: str) -> None:
    with transaction.atomic():
        reason = "In Notion this task is in the trash, in another place, or no longer shared with Docent."
        current = _ended(outgoing_id, state=Outgoing.State.FAILED, reason=reason)
        if current is not None:
            current.task.sync_state = Task.SyncState.GONE
            merging.settle(current.task, current)
