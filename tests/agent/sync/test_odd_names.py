"""Whatever a name in Notion is, it costs nobody a page: as long as Notion lets it be, or with what cannot be kept."""

from typing import Any

import pytest

from accounts import tenancy
from agent.models import Page
from agent.sync import finding
from devkit.notion.process import EmulatorProcess
from integrations.notion import page_id_from_url
from tasks.models import Task
from tests.agent.sync.working import sync
from tests.outside import connect, seeded
from tests.people import Person

LONG = "a\0half\ud83d of " + "Quarterly 🦊 review " * 150
UNBROKEN = "w" * 2_500
PLACES = (
    *("page", "text", "icon", "database", "source", "column", "status", "select", "label", "person", "workspace"),
    *("task", "link"),
)


def named(place: str, name: str) -> dict[str, Any]:
    """A workspace in which one thing has that name, and all others have short ones."""
    says = dict.fromkeys(PLACES, "Short") | {"page": "Top", "icon": "📘", "workspace": "Acme", place: name}
    status = {"status": {"To-do": ["Not started", says["status"]], "In progress": ["Doing"], "Complete": ["Done"]}}
    row = {
        "Task": says["task"],
        "Status": says["status"],
        "Priority": says["select"],
        "Labels": [says["label"]],
        "Owner": ["anna"],
        "Link": f"https://example.com/{says['link']}",
        says["column"]: says["text"],
    }
    columns = {
        "Task": "title",
        "Status": status,
        "Priority": {"select": [says["select"]]},
        "Labels": {"multi_select": [says["label"]]},
        "Owner": "people",
        "Link": "url",
        says["column"]: "rich_text",
    }
    rooms = {"key": "all", "title": says["source"], "properties": columns, "rows": [row]}
    top = {
        "key": "top",
        "title": says["page"],
        "icon": says["icon"],
        "blocks": [{"h1": says["text"]}, {"p": [says["text"], {"mention_user": "anna"}]}],
        "pages": [{"key": "below", "title": "Below", "blocks": [{"p": "Below."}]}],
    }
    return {
        "name": says["workspace"],
        "users": [{"key": "anna", "name": says["person"]}],
        "pages": [top],
        "databases": [{"key": "rooms", "title": says["database"], "parent": "top", "sources": [rooms]}],
    }


@pytest.mark.parametrize("name", [LONG, UNBROKEN], ids=["long", "unbroken"])
@pytest.mark.parametrize("place", PLACES)
def test_a_name_is_kept_whatever_it_is(
    alice: Person, emulator: EmulatorProcess, chroma: str, place: str, name: str
) -> None:
    connection = connect(alice, seeded(emulator, named(place, name), ["top"]))

    with tenancy.within(alice.workspace):
        finding.find_sources(connection_id=str(connection.pk))
        run = sync(alice)
        addresses = dict(Page.objects.values_list("notion_id", "url"))
        tasks = list(Task.objects.all())

    assert (run.status, run.reason, run.indexed) == ("complete", "", 3)
    assert all(page_id_from_url(url) == key or "127.0.0.1" in url for key, url in addresses.items()), addresses
    assert len(tasks) == 1
    for address in ("/app/sources", "/app/tasks", f"/app/tasks/{tasks[0].pk}"):
        assert alice.web.get(address).status_code == 200, address
