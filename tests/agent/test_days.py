"""A day is the asker's: what is overdue, and what is due soon, where another date is written than in UTC."""

import uuid
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts import tenancy
from agent import indexing
from agent.models import Page, Source
from agent.views.overview import DUE_WITHIN
from tasks.models import Task
from tests.agent.asking import ask
from tests.index import connect
from tests.people import Person


def elsewhere(person: Person) -> tuple[date, date]:
    """Gives them a zone in which another day is written now. Their day and that of UTC."""
    now = datetime.now(UTC)
    zone = "Pacific/Kiritimati" if now.hour >= 10 else "Pacific/Pago_Pago"
    person.user.timezone = zone
    person.user.save(update_fields=["timezone"])
    return now.astimezone(ZoneInfo(zone)).date(), now.date()


@pytest.mark.usefixtures("chroma")
def test_what_is_overdue_is_judged_by_the_askers_day(alice: Person) -> None:
    theirs, in_utc = elsewhere(alice)
    connection = connect(alice)
    with tenancy.within(alice.workspace):
        source = Source.objects.create(connection_id=connection.pk, notion_id="d", kind="database", title="Launch plan")
        for title, due in (("Earlier", min(theirs, in_utc)), ("Long ago", date(2020, 1, 1))):
            page = Page.objects.create(
                connection_id=connection.pk,
                source=source,
                notion_id=str(uuid.uuid4()),
                title=title,
                indexed_at=timezone.now(),
                state=Page.State.INDEXED,
            )
            lines = [("Status", "Doing"), ("Due", due.isoformat())]
            indexing.prepare(page, [], workspace_id=alice.workspace.pk, lines=lines).replace()

    found = {each["title"] for each in ask(alice, "Which tasks are overdue?")["citations"]}

    assert found == ({"Earlier", "Long ago"} if theirs > in_utc else {"Long ago"})


def test_what_is_due_soon_is_counted_from_the_members_day(alice: Person) -> None:
    theirs, _ = elsewhere(alice)
    connect(alice)
    with tenancy.within(alice.workspace):
        Task.objects.create(owner_id=alice.user.pk, title="On the last day", due_on=theirs + DUE_WITHIN)
        Task.objects.create(owner_id=alice.user.pk, title="After it", due_on=theirs + DUE_WITHIN + timedelta(days=1))

    page = alice.web.get("/app").content.decode()

    assert "On the last day" in page
    assert "After it" not in page
