"""A page that is erased, as the second look of a sync does it, where no Notion is asked."""

from accounts import tenancy
from accounts.models import Connection
from agent.models import Page
from agent.sync import settling
from agent.sync.session import beside
from integrations.notion import Notion, Unmetered
from tests.people import Person


def erase_page(person: Person, connection: Connection, title: str) -> None:
    with (
        tenancy.within(person.workspace),
        Notion("nobody", "http://127.0.0.1:9", budget=Unmetered()) as nobody,
    ):
        settling.erase(beside(connection, nobody, Unmetered()), Page.objects.get(title=title))
