"""Tasks that came from Notion, made the way the sync makes them."""

import uuid
from typing import Any

from accounts import tenancy
from accounts.models import Connection
from tasks import mirroring, sources
from tasks.models import Task
from tests.people import Person

SOURCE = "0c1f4a52-aaaa-4bbb-8ccc-1234567890ab"
SCHEMA: dict[str, Any] = {
    "Task": {"id": "title", "name": "Task", "type": "title", "title": {}},
    "Status": {
        "id": "st",
        "name": "Status",
        "type": "status",
        "status": {
            "options": [{"id": "o1", "name": "Doing"}, {"id": "o2", "name": "Done"}],
            "groups": [{"name": "In progress", "option_ids": ["o1"]}, {"name": "Complete", "option_ids": ["o2"]}],
        },
    },
    "Due": {"id": "du", "name": "Due", "type": "date", "date": {}},
    "Owner": {"id": "ow", "name": "Owner", "type": "people", "people": {}},
}


def connection(person: Person, *, is_shared: bool = False) -> Connection:
    made = Connection.objects.create(
        workspace=person.workspace,
        owner=person.user,
        is_shared=is_shared,
        kind=Connection.Kind.TOKEN,
        bot_id=str(uuid.uuid4()),
        sealed_access_token="",
    )
    with tenancy.within(person.workspace):
        sources.map_source(connection_id=made.pk, data_source_id=SOURCE, title="Launch plan", schema=SCHEMA)
    return made


def from_notion(connection: Connection, title: str, *, due: str = "", status: str = "Doing", who: str = "") -> str:
    """The id of a task that is a row of the connection's database."""
    page_id = str(uuid.uuid4())
    row = {
        "id": page_id,
        "url": f"https://www.notion.so/{page_id}",
        "created_time": "2026-11-01T09:00:00.000Z",
        "last_edited_time": "2026-11-20T09:00:00.000Z",
        "properties": {
            "Task": {"id": "title", "type": "title", "title": [{"plain_text": title}]},
            "Status": {
                "id": "st",
                "type": "status",
                "status": {"id": "o2" if status == "Done" else "o1", "name": status},
            },
            "Due": {"id": "du", "type": "date", "date": {"start": due} if due else None},
            "Owner": {"id": "ow", "type": "people", "people": [{"name": who}] if who else []},
        },
    }
    with tenancy.within(connection.workspace):
        mirroring.mirror(
            connection_id=connection.pk,
            owner_id=connection.owner_id,
            data_source_id=SOURCE,
            row=row,
        )
        return str(Task.objects.get(notion_page_id=page_id).pk)


def local(person: Person, title: str, **values: Any) -> str:
    answer = person.api.post("/tasks", {"title": title, **values})
    assert answer.status_code == 201, answer.content
    return str(answer.json()["id"])
