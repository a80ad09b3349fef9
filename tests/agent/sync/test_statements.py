"""What a sync asks of Postgres: statements cost a customer time, page after page."""

import uuid
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import tenancy
from agent.models import Chunk
from devkit.notion.process import EmulatorProcess
from tests.agent.sync.working import sync
from tests.outside import connect, seeded
from tests.people import Person, put_on_plan, sign_up

PAGES = 5


def statements(person: Person, work: Any) -> list[str]:
    """Without those that begin and end transactions."""
    with tenancy.within(person.workspace), CaptureQueriesContext(connection) as said:
        work()
    sent = [str(each["sql"]).strip() for each in said.captured_queries]
    return [sql for sql in sent if not sql.startswith(("BEGIN", "COMMIT"))]


def in_a_sync_of(emulator: EmulatorProcess, number: int) -> int:
    pages = [{"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": f"Says {n}."}]} for n in range(number)]
    notion = seeded(emulator, {"pages": pages}, [str(page["key"]) for page in pages])
    person = sign_up("Alice")
    put_on_plan(person, "plus")
    connect(person, notion)
    return len(statements(person, lambda: sync(person)))


def test_a_page_more_costs_a_first_sync_few_statements(emulator: EmulatorProcess, chroma: str) -> None:
    few, more = in_a_sync_of(emulator, 1), in_a_sync_of(emulator, 1 + PAGES)
    assert more - few <= 21 * PAGES


def test_rows_are_deleted_without_being_read(alice: Person) -> None:
    sent = statements(alice, lambda: Chunk.objects.filter(page=uuid.uuid4()).delete())

    assert [sql.split()[0] for sql in sent] == ["DELETE"]
