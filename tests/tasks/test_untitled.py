"""What a title is shown as is not written over it: a row without one is "Untitled" here, and a long one is cut."""

from typing import Any

import pytest

from accounts import tenancy
from tasks import sending
from tasks.models import Outgoing, Task
from tests.agent.sync.working import sync
from tests.outside import NotionWorkspace, connect
from tests.people import Person

LONG = "Quarterly review " * 150


def deliver(person: Person) -> None:
    with tenancy.within(person.workspace):
        for key in list(Outgoing.objects.values_list("pk", flat=True)):
            sending.send(outgoing_id=str(key))


def in_notion(acme: NotionWorkspace, key: str) -> dict[str, Any]:
    state = acme.emulator.control("state")["workspaces"]
    return dict(next(each["objects"][key]["properties"] for each in state if key in each["objects"]))


@pytest.mark.parametrize(("title", "shown"), [("", "Untitled"), (LONG, LONG[:2000])], ids=["none", "long"])
@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "alone"])
def test_a_change_of_another_field_leaves_the_title_as_it_is(
    alice: Person, acme: NotionWorkspace, title: str, shown: str, is_whole: bool
) -> None:
    key = acme.edit(op="add_row", source=acme.source("tasks_main"), row={"Task": title, "Status": "Doing"})["id"]
    connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
        task = Task.objects.get(notion_page_id=key)
    assert task.title == shown

    answer = alice.api.patch(f"/tasks/{task.pk}", {"due_on": "2026-12-24"} | ({"title": shown} if is_whole else {}))
    deliver(alice)

    assert (answer.status_code, answer.json()["title"].strip()) == (200, shown.strip())
    row = in_notion(acme, key)
    assert row["Due"]["date"]["start"] == "2026-12-24"
    assert "".join(part["plain_text"] for part in row["Task"]["title"]) == title
    alice.api.patch(f"/tasks/{task.pk}", {"title": "Another one"})
    deliver(alice)
    assert in_notion(acme, key)["Task"]["title"][0]["plain_text"] == "Another one"
