"""Two workers that take stored events at the same moment."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from accounts import tenancy
from accounts.models import Connection, NotionEvent, NotionNotice
from agent.live import events
from tests import threads
from tests.agent.sync.working import sync
from tests.outside import NotionWorkspace, connect
from tests.people import Person, put_on_plan


def store(connection: Connection, notion_id: str, at: datetime) -> None:
    """What we wrote ourselves: the connection's row is left alone."""
    payload = {
        "id": str(uuid4()),
        "timestamp": at.isoformat(),
        "type": "page.content_updated",
        "authors": [{"id": connection.bot_id, "type": "bot"}],
        "accessible_by": [{"id": connection.bot_id, "type": "bot"}],
        "entity": {"id": notion_id, "type": "page"},
    }
    assert events.store(payload, now=at)


def test_events_of_the_same_pages_are_taken_in_one_order(
    monkeypatch: pytest.MonkeyPatch, alice: Person, acme: NotionWorkspace, now: datetime
) -> None:
    NotionEvent.objects.all().delete()
    put_on_plan(alice, "plus")
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
    low, middle, high = sorted(acme.page(key) for key in ("handbook", "travel", "security"))
    for seconds, page in enumerate((low, high, middle, middle, low)):
        store(connection, page, now + timedelta(seconds=seconds))
    held = NotionNotice.objects.create(
        connection=connection, kind=NotionNotice.Kind.PAGE, notion_id=high, happened_at=now, noticed_at=now
    )
    monkeypatch.setattr(events, "BATCH", 3)

    def take() -> None:
        events.take(now=now)

    threads.in_turn(NotionNotice.objects.filter(pk=held.pk), take, take)

    assert not NotionEvent.objects.filter(processed_at=None).exists()
    assert set(NotionNotice.objects.values_list("notion_id", flat=True)) == {low, middle, high}
