"""A row in Notion that is the one which a doubtful task's attempt made, as a member says who sees it there."""

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.dateparse import parse_datetime

from accounts.models import Connection
from config.errors import InvalidField
from integrations import notion
from integrations.notion.links import page_id_from_url
from tasks import asking, outbox, tracing, writing
from tasks.answers import adopt
from tasks.models import Outgoing, Task

Json = dict[str, Any]
SETTLED = "This task is not in doubt, or is being looked for just now. See what becomes of it."
ANOTHERS = "This row is that of another task made in Docent. Give the link of this one's row, or discard the task here."


def recognise(task: Task, *, link: str) -> None:
    """The row is the task's from now on. Raises InvalidField where it cannot be that row, and NotionAway."""
    outgoing = Outgoing.objects.filter(task=task, state=Outgoing.State.DOUBTFUL).first()
    if outgoing is None:
        raise _refused(SETTLED)
    row = _shown(outgoing, link)
    made_at = parse_datetime(str(row.get("created_time")))
    if made_at is not None and outgoing.attempted_at is not None and made_at < outgoing.attempted_at - tracing.OVERLAP:
        raise _refused("This row was there before the task was sent. Give the link of the one that was made then.")
    with transaction.atomic():
        row_of_another = Q(connection_id=outgoing.connection_id, notion_page_id=row["id"])
        held = Task.objects.select_for_update().filter(Q(pk=task.pk) | row_of_another).order_by("pk")
        others = [each for each in held if each.pk != task.pk]
        doubtful = Outgoing.objects.select_for_update().filter(pk=outgoing.pk, state=Outgoing.State.DOUBTFUL).first()
        if doubtful is None:
            raise _refused(SETTLED)
        # A sync gives a task the time of its row, to the minute.
        if any(each.created_at != made_at for each in others):
            raise _refused(ANOTHERS)
        if Outgoing.objects.filter(task__in=others).exists():
            raise _refused("This row has changes here that are not in Notion yet. Send or discard them first.")
        doubtful.state, doubtful.reason, doubtful.tries = Outgoing.State.WAITING, "", 0
        doubtful.version += 1
        doubtful.save()
        adopt(doubtful, row)
        # What was edited since the attempt goes to the row.
        for left in Outgoing.objects.filter(pk=doubtful.pk):
            outbox.wake(left)


def _shown(outgoing: Outgoing, link: str) -> Json:
    notion_id = page_id_from_url(link)
    connection = Connection.objects.filter(pk=outgoing.connection_id, status=Connection.Status.ACTIVE).first()
    if notion_id is None:
        raise _refused("This is no link to a page in Notion. Copy it there with “Copy link”.")
    if connection is None:
        raise asking.NotionAway("Connect Notion again, then say which row it is.")
    try:
        with asking.opened(connection) as client:
            row = asking.whole(client, client.page(notion_id))
            lines = tracing.lines(client, row)
    except notion.NotFound as error:
        raise _refused("Notion does not show this page to Docent.") from error
    except notion.NotionError as error:
        raise asking.NotionAway(f"Notion did not show the page: {error}. Try again.") from error
    if row.get("in_trash") or asking.has_moved(outgoing.task, row):
        raise _refused(
            "This page is no row of the task database any more. Put it back there, or discard the task here."
        )
    if any(writing.MARKER in line and writing.marker(outgoing.task_id) not in line for line in lines):
        raise _refused(ANOTHERS)
    return row


def _refused(words: str) -> InvalidField:
    return InvalidField(words, pointer="/page")
