"""Pages in a person's index, put there without Notion."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection
from agent import indexing
from agent.models import Page, Source
from agent.passages import Passage
from tests.people import Person


@dataclass
class Written:
    page: Page
    block_ids: list[str]


def connect(person: Person, *, name: str = "Northwind", is_shared: bool = False) -> Connection:
    return Connection.objects.create(
        workspace=person.workspace,
        owner=person.user,
        is_shared=is_shared,
        kind=Connection.Kind.TOKEN,
        bot_id=str(uuid.uuid4()),
        notion_workspace_name=name,
        sealed_access_token="sealed",
        last_synced_at=timezone.now(),
    )


def write(
    person: Person, connection: Connection, title: str, *paragraphs: str, edited_at: datetime | None = None
) -> Written:
    """An indexed page of these paragraphs, each a block of its own."""
    blocks = [str(uuid.uuid4()) for _ in paragraphs]
    passages = [Passage(block, "paragraph", text, ()) for block, text in zip(blocks, paragraphs, strict=True)]
    with tenancy.within(person.workspace):
        source, _ = Source.objects.get_or_create(
            connection_id=connection.id, notion_id=str(connection.id), defaults={"kind": "page", "title": "Handbook"}
        )
        page = Page.objects.create(
            connection_id=connection.id,
            source=source,
            notion_id=str(uuid.uuid4()),
            title=title,
            url=f"https://www.notion.so/{uuid.uuid4().hex}",
            edited_at=edited_at or timezone.now(),
            indexed_at=timezone.now(),
            state=Page.State.INDEXED,
        )
        indexing.prepare(page, passages, workspace_id=person.workspace.pk, lines=()).replace()
    return Written(page, blocks)


HANDBOOK = {
    "Time off": (
        "Everyone has 28 days of paid holiday a year, counted in working days.",
        "Up to 5 unused days move to the next year and expire on 31 March.",
    ),
    "Expenses": (
        "Hotels are paid up to 140 euros a night, breakfast included.",
        "Send receipts to expenses@northwind.example within 30 days.",
    ),
    "On call": ("Engineers on the rota receive 150 euros for each week on call.",),
    "Insurance": ("The accident insurance has the policy number AH-77120-G and holds in leisure time too.",),
}


def handbook(person: Person, *, is_shared: bool = False) -> Connection:
    connection = connect(person, is_shared=is_shared)
    for title, paragraphs in HANDBOOK.items():
        write(person, connection, title, *paragraphs)
    return connection
