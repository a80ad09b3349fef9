import pytest
from django.conf import settings

from accounts import tenancy
from accounts.models import Connection, NotionEvent, NotionHook
from tests.agent.live.telling import TOKEN
from tests.agent.sync.working import sync
from tests.outside import NotionWorkspace, connect
from tests.people import Person, put_on_plan


@pytest.fixture
def subscribed(monkeypatch: pytest.MonkeyPatch) -> None:
    NotionHook.objects.all().delete()
    NotionEvent.objects.all().delete()
    monkeypatch.setattr(settings, "NOTION_WEBHOOK_TOKEN", TOKEN)


@pytest.fixture
def connected(alice: Person, acme: NotionWorkspace) -> Connection:
    """Alice on Plus, everything read."""
    put_on_plan(alice, "plus")
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
    return connection
