"""Looking at a sync while it works: events through a real web process and a real worker."""

import json
import re
from contextlib import ExitStack

import httpx
import pytest
from django.utils import timezone

from accounts import tenancy, tokens
from agent.models import SyncRun
from agent.sync import services
from devkit.notion.process import EmulatorProcess
from tests.devkit.machine import eventually
from tests.outside import HANDBOOK, NotionWorkspace, connect, seeded
from tests.people import Person, put_on_plan, sign_up
from tests.stack import Stack

PAGES = 30


@pytest.fixture
def slow(emulator: EmulatorProcess, chroma: str) -> NotionWorkspace:
    """A Notion whose pages take about ten seconds altogether."""
    pages = [{"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": f"Words of page {n}."}]} for n in range(PAGES)]
    notion = seeded(emulator, {"pages": [HANDBOOK | {"pages": pages}]}, ["handbook"])
    notion.fault({"slow": {"ms": 300}}, path_regex="/children")
    return notion


@pytest.fixture
def alice() -> Person:
    person = sign_up("Alice")
    put_on_plan(person, "pro")
    return person


def client(stack: Stack, person: Person) -> httpx.Client:
    headers = {"Authorization": f"Bearer {tokens.issue(person.membership).access}"}
    return httpx.Client(base_url=stack.url, headers=headers, timeout=60)


def browser(stack: Stack, person: Person) -> httpx.Client:
    cookies = {"sessionid": person.web.cookies["sessionid"].value}
    return httpx.Client(base_url=stack.url, cookies=cookies, timeout=60)


def started(person: Person) -> str:
    with tenancy.within(person.workspace):
        return str(services.start(membership=person.membership).pk)


def status(person: Person, run: str) -> str:
    with tenancy.within(person.workspace):
        return str(SyncRun.objects.values_list("status", flat=True).get(pk=run))


class Heard:
    """Events as they come, one by one."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.iter_lines()

    def next(self) -> tuple[str, str, str]:
        """Id, name and data."""
        event: dict[str, str] = {}
        for line in self._lines:
            name, _, value = line.partition(": ")
            if name in {"id", "event", "data"}:
                event[name] = event.get(name, "") + value
            elif not line and "event" in event:
                return event["id"], event["event"], event.get("data", "")
        raise EOFError

    def until(self, wanted: str) -> str:
        while (heard := self.next())[1] != wanted:
            pass
        return heard[2]


def test_a_program_hears_how_far_it_is_until_the_end(stack: Stack, alice: Person, slow: NotionWorkspace) -> None:
    connect(alice, slow)
    run = started(alice)

    with client(stack, alice) as http, http.stream("GET", f"/agent/sync/{run}/events") as response:
        heard = Heard(response)
        said = [heard.next()]
        while said[-1][1] != "done":
            said.append(heard.next())
    with client(stack, alice) as http:
        last = said[-1][0]
        again = http.get(f"/agent/sync/{run}/events", headers={"Last-Event-ID": last})
        late = http.get(f"/agent/sync/{run}/events")

    states = [json.loads(data) for _, name, data in said if name == "progress"]
    figures = [(state["done"], state["known"]) for state in states]
    assert len(figures) >= 3
    assert figures == sorted(figures)
    assert max(done for done, _ in figures) > 0
    assert json.loads(said[-1][2])["status"] == "complete"
    assert again.status_code == 204
    assert re.findall(r"^event: (\w+)$", late.text, re.MULTILINE) == ["done"]


def test_a_page_is_drawn_by_the_worker_and_hears_of_each_step(
    stack: Stack, alice: Person, slow: NotionWorkspace
) -> None:
    connect(alice, slow)
    run = started(alice)
    eventually(lambda: status(alice, run) == "running")

    with browser(stack, alice) as http, http.stream("GET", f"/app/sync/{run}/events?seen=running") as response:
        heard = Heard(response)
        drawn = heard.until("progress")
        with client(stack, alice) as program:
            program.post(f"/agent/sync/{run}/pause")
            heard.until("paused")
            program.post(f"/agent/sync/{run}/resume")
            heard.until("progress")
            program.post(f"/agent/sync/{run}/cancel")
        heard.until("done")

    assert 'class="facts"' in drawn
    assert "Handbook" in drawn
    assert status(alice, run) == "cancelled"


def test_looking_holds_no_thread(stack: Stack, alice: Person, slow: NotionWorkspace) -> None:
    """More than the web process has threads, all of them at a sync that says nothing for now."""
    connect(alice, slow)
    run = started(alice)
    with tenancy.within(alice.workspace):
        services.pause(membership=alice.membership, sync_run_id=SyncRun.objects.get().pk, now=timezone.now())

    with ExitStack() as open_streams, client(stack, alice) as http:
        heard = []
        for _ in range(20):
            opened = httpx.Client(base_url=stack.url, headers=http.headers, timeout=60)
            open_streams.enter_context(opened)
            heard.append(open_streams.enter_context(opened.stream("GET", f"/agent/sync/{run}/events")))

        assert http.get("/agent/coverage").status_code == 200
        http.post(f"/agent/sync/{run}/cancel")
        ends = [Heard(response).until("done") for response in heard]

    assert {json.loads(end)["status"] for end in ends} == {"cancelled"}
