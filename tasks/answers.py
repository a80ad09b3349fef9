"""Taking in what Notion answers: what has arrived waits no longer, and what is said beyond it is somebody's edit.

All of it under the row locks of the task and of its outbox.
"""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from tasks import merging, outbox, parting
from tasks.asking import has_moved
from tasks.mapping import read_row
from tasks.models import Outgoing, Task, TaskChange

Json = dict[str, Any]


def adopt(outgoing: Outgoing, page: Json) -> None:
    """The page is the task's. A sync may have met it before we knew: then it holds a second task, which goes."""
    with transaction.atomic():
        by_page = Q(connection_id=outgoing.connection_id, notion_page_id=page["id"])
        held = Task.objects.select_for_update().filter(Q(pk=outgoing.task_id) | by_page).order_by("pk")
        twins = {each.pk: each for each in held}
        task = twins.pop(outgoing.task_id, None)
        if task is None:
            return
        for twin in twins.values():
            TaskChange.objects.filter(task=twin).update(task=task)
            twin.delete()
        task.notion_page_id = page["id"]
        task.written_at = _edited_at(page)
        # What the attempt carried has arrived; whatever Notion says beyond it is somebody's edit.
        current = Outgoing.objects.select_for_update().get(pk=outgoing.pk)
        for field, fact in current.sent.items():
            waiting = current.fields.get(field)
            if waiting and merging.same(field, waiting["fact"], fact):
                task.base[field] = [fact, waiting["shown"]]
                del current.fields[field]
        current.sent = {}
        current.save()
        if page.get("in_trash") or has_moved(task, page):
            # Somebody took it away meanwhile. What they do not know of is kept, and says so when it is sent.
            task.save()
            merging.settle(task, current)
            parting.forget(connection_id=outgoing.connection_id, notion_page_ids=[page["id"]])
        else:
            take_over(task, page)


def written(outgoing: Outgoing, page: Json, sent: Json) -> None:
    """Notion has these. What the member edited meanwhile stays to be sent."""
    with transaction.atomic():
        task = Task.objects.select_for_update().filter(pk=outgoing.task_id).first()
        current = Outgoing.objects.select_for_update().filter(pk=outgoing.pk).first()
        if task is None or current is None:
            return
        for name, each in sent.items():
            if (current.fields.get(name) or {}).get("at") == each["at"]:
                del current.fields[name]
        if outbox.TRASH in sent and sent[outbox.TRASH]["fact"] and outbox.TRASH not in current.fields:
            # The rest cannot be written any more, and nobody sees it. Unless it was brought back meanwhile.
            current.fields = {}
        current.tries, current.reason = 0, ""
        task.written_at = _edited_at(page)
        found = read_row(task.task_source, page)
        merging.merge(task, current, page, found, now=timezone.now())
        current.sent = {name: fact for name, fact in current.sent.items() if name not in sent}
        merging.settle(task, current)


def take_over(task: Task, page: Json) -> None:
    """Under the task's lock: what Notion says, beside what waits to be sent."""
    outgoing = Outgoing.objects.select_for_update().filter(task=task).first()
    merging.merge(task, outgoing, page, read_row(task.task_source, page), now=timezone.now())
    merging.settle(task, outgoing)


def _edited_at(page: Json) -> datetime | None:
    return parse_datetime(str(page.get("last_edited_time")))
