"""What a sync asks of Postgres: statements cost a customer time, page after page."""

import uuid
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import tenancy
from agent.models import Chunk
from tests.people import Person


def statements(person: Person, work: Any) -> list[str]:
    """Without those that begin and end transactions."""
    with tenancy.within(person.workspace), CaptureQueriesContext(connection) as said:
        work()
    sent = [str(each["sql"]).strip() for each in said.captured_queries]
    return [sql for sql in sent if not sql.startswith(("BEGIN", "COMMIT"))]


def test_rows_are_deleted_without_being_read(alice: Person) -> None:
    sent = statements(alice, lambda: Chunk.objects.filter(page=uuid.uuid4()).delete())

    assert [sql.split()[0] for sql in sent] == ["DELETE"]
