"""The demo workspace, connected and synced."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from accounts import tenancy
from agent import retrieval
from agent.sync import performing, services
from billing import reading
from devkit import demo
from devkit.notion.process import EmulatorProcess
from tests.people import Person, sign_up


@dataclass
class Northwind:
    person: Person
    # Notion's page id of each key of the demo's files.
    page_ids: dict[str, str]

    @property
    def scope(self) -> retrieval.Scope:
        return retrieval.scope(self.person.membership)


@contextmanager
def synced() -> Iterator[Northwind]:
    """Inside the workspace."""
    with EmulatorProcess() as notion:
        settings.NOTION_API_URL = notion.url
        settings.NOTION_REQUESTS_PER_SECOND = 1_000.0
        ids: dict[str, Any] = notion.seed(demo.load(), namespace="")["workspaces"]["northwind"]
        person = sign_up("Maya")
        reading.connect_with_token(
            membership=person.membership, token=demo.TOKEN, is_shared=False, now=person.membership.joined_at
        )
        with tenancy.within(person.workspace):
            run = services.start(membership=person.membership)
            performing.perform(sync_run_id=str(run.id))
            yield Northwind(person, {**ids.get("rows", {}), **ids["pages"]})
