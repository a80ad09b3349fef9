"""Writing to Notion what stands in the outbox: never twice, never lost, and only over what we have seen.

Each step is kept before the next begins, so a worker may die at any line: whoever comes next reads Notion first.
"""

import logging
import random
import time
import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import connections
from accounts.models import Connection
from billing import reading
from billing.effective import PaymentRequired, TrialExpired
from integrations import notion
from integrations.notion import Notion
from tasks import attempts, guarding, outbox, tracing, writing
from tasks.answers import adopt, take_over, written
from tasks.asking import DatabaseGone, Gone, columns_now, opened, page_of, whole
from tasks.models import Outgoing, Task

log = logging.getLogger(__name__)
Json = dict[str, Any]
# Whether a plan that has ended goes on.
LOOK_AGAIN = timedelta(hours=1)
MOST_CONFLICTS = 3
# Whatever Notion makes of a request is there by then.
NOTION_GIVES_UP = timedelta(seconds=60)
DATABASE_GONE = (
    "The task database is in Notion's trash, or no longer shared with Docent. The change goes with the sync that finds"
    " it back."
)


def send(*, outgoing_id: str) -> None:
    lease = attempts.claim(outgoing_id)
    if lease is None:
        return
    connection = None
    try:
        outgoing = Outgoing.objects.get(pk=outgoing_id)
        connection = Connection.objects.filter(pk=outgoing.connection_id, status=Connection.Status.ACTIVE).first()
        if connection is None:
            attempts.wait(outgoing_id, "Connect Notion again; the change goes then.", due_in=None)
            return
        reading.check_is_open(connection.workspace_id, now=timezone.now())
        with opened(connection, outgoing_id, lease) as client:
            _send_all(client, outgoing_id, lease)
    except (TrialExpired, PaymentRequired) as closed:
        attempts.wait(outgoing_id, f"{closed.detail} The change goes then.", due_in=LOOK_AGAIN.total_seconds())
    except Gone:
        attempts.gone(outgoing_id)
    except DatabaseGone:
        attempts.wait(outgoing_id, DATABASE_GONE, due_in=None)
    except notion.Unauthorized:
        if connection is not None:
            connections.refused(connection)
        attempts.wait(
            outgoing_id, "Notion no longer accepts the connection. Connect again; the change goes then.", due_in=None
        )
    except (notion.Unreachable, notion.Conflict) as error:
        attempts.wait(outgoing_id, str(error), due_in=getattr(error, "retry_after", None) or 0.0)
    except tracing.Doubtful as doubt:
        attempts.fail(outgoing_id, str(doubt), state=Outgoing.State.DOUBTFUL)
    except writing.NoColumn as error:
        attempts.fail(outgoing_id, f"The database has no column any more that could hold this: {error}.")
    except notion.NotionError as error:
        attempts.fail(outgoing_id, f"Notion said: {error}")
    except (attempts.Taken, Outgoing.DoesNotExist, Task.DoesNotExist):
        log.info("%s is in other hands or gone", outgoing_id)
    finally:
        attempts.release(outgoing_id, lease)


def _send_all(client: Notion, outgoing_id: str, lease: uuid.UUID) -> None:
    conflicts = 0
    while True:
        outgoing = Outgoing.objects.select_related("task__task_source").filter(pk=outgoing_id).first()
        if outgoing is None or outgoing.state != Outgoing.State.WAITING or not outgoing.fields:
            return
        try:
            if not outgoing.task.notion_page_id:
                _create(client, outgoing, lease)
            else:
                _update(client, outgoing, lease)
        except notion.Conflict:
            conflicts += 1
            if conflicts >= MOST_CONFLICTS:
                raise
            time.sleep(settings.NOTION_FIRST_PAUSE_SECONDS * conflicts * random.uniform(0.5, 1.0))
        except notion.Refused as error:
            if _is_away(client, outgoing, error):
                raise DatabaseGone from error
            raise


def _is_away(client: Notion, outgoing: Outgoing, error: notion.Refused) -> bool:
    """Whether it was refused for want of its database; a row that is gone was told apart before."""
    if not isinstance(error, notion.NotFound):
        return "archived" in str(error)
    source = outgoing.task.task_source
    assert source is not None
    try:
        client.data_source(source.data_source_id)
    except notion.NotFound:
        return True
    return False


def _create(client: Notion, outgoing: Outgoing, lease: uuid.UUID) -> None:
    task, source = outgoing.task, outgoing.task.task_source
    assert source is not None
    try:
        found = tracing.made_before(client, outgoing) if outgoing.attempted_at is not None else None
    except tracing.Doubtful:
        # What is not wanted any more is not asked for.
        if task.trashed_at is None:
            raise
        found = None
    if found is not None:
        adopt(outgoing, found)
        return
    if task.trashed_at is not None:
        _throw_away(task)
        return
    fields = {name: each["fact"] for name, each in outgoing.fields.items() if name != outbox.TRASH}
    values = writing.properties(fields, columns_now(client, outgoing))
    attempted_at = timezone.now()
    attempts.note(outgoing, lease, attempted_at=attempted_at, is_absent=False, sent=fields)
    try:
        page = client.create_page(writing.new_page(source.data_source_id, values, task.pk))
    except (notion.Refused, notion.RateLimited, notion.NotConnected):
        # Certain: no page was made, and only an earlier attempt has to be looked for.
        earlier = {"attempted_at": outgoing.attempted_at, "is_absent": outgoing.is_absent, "sent": outgoing.sent}
        attempts.note(outgoing, lease, **earlier)
        raise
    except notion.Unreachable as error:
        if not error.is_answer:
            # Notion may still be at it: that it is not there yet proves nothing, however soon that is seen.
            attempts.note(outgoing, lease, attempted_at=attempted_at - tracing.SOON)
            error.retry_after = max(error.retry_after or 0.0, NOTION_GIVES_UP.total_seconds())
        made = error.details.get("committed_resource_id")
        found = client.page(made) if isinstance(made, str) else _look_at_once(client, outgoing, lease, error)
        if found is None:
            raise
        page = found
    adopt(outgoing, page)


def _look_at_once(client: Notion, outgoing: Outgoing, lease: uuid.UUID, answered: notion.Unreachable) -> Json | None:
    """Before anybody can have moved it, thrown it away or changed it."""
    attempted = Outgoing.objects.select_related("task__task_source").get(pk=outgoing.pk)
    try:
        found = tracing.look_at_once(client, attempted)
    except notion.NotionError as error:
        log.info("whether Notion made the task is not known: %s", error)
        return None
    if found is None and answered.is_answer:
        attempts.note(outgoing, lease, is_absent=True)
    return found


def _throw_away(task: Task) -> None:
    """Notion never had it. Unless it was brought back meanwhile: then it is made after all."""
    with transaction.atomic():
        thrown_away = Task.objects.select_for_update().filter(pk=task.pk).exclude(trashed_at=None).first()
        if thrown_away is not None:
            thrown_away.delete()


def _update(client: Notion, outgoing: Outgoing, lease: uuid.UUID) -> None:
    page = page_of(client, outgoing.task)
    trash = outgoing.fields.get(outbox.TRASH)
    if page.get("in_trash") and not (trash and trash["fact"] is False):
        if trash:
            written(outgoing, page, {outbox.TRASH: trash})
            return
        raise Gone
    guarding.hold(outgoing, page)
    with transaction.atomic():
        task = Task.objects.select_for_update().get(pk=outgoing.task_id)
        take_over(task, page)
    left = Outgoing.objects.filter(pk=outgoing.pk).first()
    if left is None or not left.fields:
        return
    sending = _next(left.fields)
    facts = {name: each["fact"] for name, each in sending.items()}
    attempts.note(left, lease, sent=left.sent | facts)
    try:
        if outbox.TRASH in facts:
            body: Json = {outbox.TRASH: facts[outbox.TRASH]}
        else:
            exact = {name: each["exact"] for name, each in sending.items() if "exact" in each}
            body = {"properties": writing.properties(facts, columns_now(client, left), page, exact=exact)}
        with guarding.noted(sending):
            answer = client.update_page(outgoing.task.notion_page_id, body)
    except (writing.NoColumn, notion.Invalid, notion.Restricted) as error:
        # Also when only a page above it is in the trash.
        if "archived" in str(error) or page_of(client, outgoing.task).get("in_trash"):
            raise Gone from error
        if outbox.TRASH not in left.fields or outbox.TRASH in sending:
            raise
        log.info("what Notion refused goes with its task: %s", error)
        written(left, page, sending)
        return
    written(left, whole(client, answer), sending)


def _next(fields: Json) -> Json:
    """A page is changed before it goes into the trash, or after it is back."""
    trash = {name: each for name, each in fields.items() if name == outbox.TRASH}
    rest = {name: each for name, each in fields.items() if name != outbox.TRASH}
    is_going = bool(trash) and trash[outbox.TRASH]["fact"]
    return rest if rest and (is_going or not trash) else trash


def give_up(*, outgoing_id: str) -> None:
    attempts.fail(outgoing_id, "Sending this stopped the worker every time.")
