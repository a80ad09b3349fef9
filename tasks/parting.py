"""Tasks whose rows are gone from Notion: hidden at the first look and deleted at the second, as pages are."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from tasks.models import Outgoing, Task, TaskSource

TRASH_LIFE = timedelta(days=30)


def forget(*, connection_id: uuid.UUID, notion_page_ids: Sequence[str] | None = None) -> bool:
    """Delete these mirrored tasks, or with no ids all of the connection's, and its mapping. Whether there were any.

    One that a member put into the trash can be brought back for as long as Notion keeps it; one with edits that Notion
    does not have says that it is gone.
    """
    if notion_page_ids is None:
        with transaction.atomic():
            list(TaskSource.objects.select_for_update().filter(connection_id=connection_id).order_by("pk"))
            tasks = Task.objects.filter(connection_id=connection_id)
            list(tasks.select_for_update().order_by("pk").values_list("pk"))
            number, _ = tasks.delete()
            TaskSource.objects.filter(connection_id=connection_id).delete()
        return bool(number)
    with transaction.atomic():
        going = list(_parting(connection_id, notion_page_ids))
        for task in going:
            task.delete()
    return bool(going)


def hide(*, connection_id: uuid.UUID, notion_page_ids: Sequence[str]) -> None:
    """Their rows are gone from Notion as far as one look tells: as `forget`, and `show_again` takes it back."""
    with transaction.atomic(savepoint=False):
        for task in _parting(connection_id, notion_page_ids):
            task.gone_at = task.gone_at or timezone.now()
            task.save(update_fields=["gone_at"])


def show_again(*, connection_id: uuid.UUID, notion_page_ids: Sequence[str]) -> None:
    hidden = Task.objects.filter(connection_id=connection_id, notion_page_id__in=notion_page_ids)
    hidden.exclude(gone_at=None).update(gone_at=None)


def _parting(connection_id: uuid.UUID, notion_page_ids: Sequence[str]) -> Iterator[Task]:
    """Those of which nothing has to be kept. Locked, in the caller's transaction."""
    now = timezone.now()
    tasks = Task.objects.select_for_update().filter(connection_id=connection_id)
    for task in tasks.filter(notion_page_id__in=notion_page_ids).order_by("pk"):
        unsent = Outgoing.objects.filter(task=task).exclude(state=Outgoing.State.DISCARDED)
        if unsent.exists() and task.trashed_at is None:
            # The sender finds out by itself; until then nothing is lost.
            task.sync_state = Task.SyncState.GONE
            task.save(update_fields=["sync_state"])
        elif task.trashed_at is None or task.trashed_at < now - TRASH_LIFE:
            yield task
