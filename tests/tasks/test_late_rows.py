"""Nobody waits for Notion's answer any more, and Notion makes the task's row only then, after it was looked for."""

import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import Job
from devkit.notion.process import EmulatorProcess
from integrations.notion import Notion, Unmetered
from tasks import writing
from tasks.models import Outgoing, Task
from tests.agent.sync.working import sync
from tests.outside import HANDBOOK, TASKS, NotionWorkspace, connect, seeded
from tests.people import Person
from tests.tasks.test_both_ways import deliver
from tests.tasks.test_lost_answers import NEW, PRIVATE, line_of, long_after, rows, settle, shown


@pytest.fixture
def notion(emulator: EmulatorProcess, chroma: str) -> NotionWorkspace:
    return seeded(emulator, {"pages": [HANDBOOK, PRIVATE], "databases": [TASKS]}, ["handbook"])


@pytest.fixture
def asked(alice: Person, notion: NotionWorkspace) -> Person:
    """For a new task, which nobody has sent yet."""
    connect(alice, notion)
    with tenancy.within(alice.workspace):
        sync(alice)
    assert alice.api.post("/tasks", {"title": NEW, "source": "notion"}).status_code == 201
    return alice


def made_late(person: Person, notion: NotionWorkspace) -> None:
    """As the request said that we gave up."""
    client = Notion(notion.token, notion.emulator.url, budget=Unmetered())
    with tenancy.within(person.workspace):
        task = Task.objects.get(title=NEW)
        title = {"Task": {"title": [{"text": {"content": NEW}}]}}
    client.create_page(writing.new_page(notion.source("tasks_main"), title, task.pk))


def take_away(notion: NotionWorkspace, how: str) -> None:
    [row] = rows(notion)
    if how == "line":
        notion.edit(op="trash", id=line_of(notion, row))
    else:
        notion.edit(op="move", id=row, to=notion.page("private"))


@pytest.mark.parametrize("how", ["line", "row"])
@pytest.mark.parametrize("cut", ["reset", "504"])
def test_a_row_made_after_we_looked_is_not_made_again(
    asked: Person, notion: NotionWorkspace, cut: str, how: str
) -> None:
    notion.fault(cut, method="POST", path_regex="/v1/pages$", times=1)
    deliver(asked)
    made_late(asked, notion)
    take_away(notion, how)

    deliver(asked)

    assert len(rows(notion)) == 1
    assert [each["doubtful"] for each in shown(asked)] == [True]


def test_a_row_made_after_we_stopped_waiting_is_not_made_again(
    asked: Person, notion: NotionWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = Notion.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "timeout", 1.0)
    with notion.held(method="POST", path_regex="/v1/pages$"):
        deliver(asked)
        assert rows(notion) == []
    until = time.monotonic() + 20
    while not rows(notion):
        assert time.monotonic() < until
    take_away(notion, "line")

    long_after(asked)
    deliver(asked)

    assert len(rows(notion)) == 1
    assert [each["doubtful"] for each in shown(asked)] == [True]


def test_a_row_that_is_made_late_and_left_alone_is_the_tasks(asked: Person, notion: NotionWorkspace) -> None:
    notion.fault("reset", method="POST", path_regex="/v1/pages$", times=1)
    deliver(asked)
    with tenancy.within(asked.workspace):
        due_at = Job.objects.filter(name__endswith="send").latest("due_at").due_at
    # Not before Notion has given up.
    assert due_at > timezone.now() + timedelta(seconds=50)
    made_late(asked, notion)

    deliver(asked)

    assert [(each["notion_page_id"], each["sync_state"]) for each in shown(asked)] == [(rows(notion)[0], "synced")]


def test_what_a_cut_request_did_not_make_is_made_when_a_member_says_so(asked: Person, notion: NotionWorkspace) -> None:
    notion.fault("reset", method="POST", path_regex="/v1/pages$", times=1)
    for _ in range(2):
        deliver(asked)
    assert ([each["doubtful"] for each in shown(asked)], rows(notion)) == ([True], [])

    settle(asked, "make")
    deliver(asked)

    assert len(rows(notion)) == 1


@pytest.fixture
def leaving(notion: NotionWorkspace) -> Iterator[str]:
    """The address of a Notion that answers once, and then is not to be reached."""

    class Once(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.server.server_close()
            asked = {name: self.headers[name] for name in ("Authorization", "Notion-Version")}
            answer: Any = httpx.get(f"{notion.emulator.url}{self.path}", headers=asked)
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

    server = HTTPServer(("127.0.0.1", 0), Once)
    thread = Thread(target=server.handle_request)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    thread.join()


def test_a_request_that_nobody_took_is_sent_whenever_notion_is_back(
    asked: Person, notion: NotionWorkspace, leaving: str, settings: Any
) -> None:
    here, settings.NOTION_API_URL = settings.NOTION_API_URL, leaving
    deliver(asked)
    with tenancy.within(asked.workspace):
        assert list(Outgoing.objects.values_list("state", "attempted_at")) == [("waiting", None)]
        assert "ConnectError" in Outgoing.objects.get().reason

    settings.NOTION_API_URL = here
    deliver(asked)

    assert [(each["notion_page_id"], each["sync_state"]) for each in shown(asked)] == [(rows(notion)[0], "synced")]
