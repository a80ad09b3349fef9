"""A worker killed at every point of sending: whoever goes on brings exactly one page to Notion, and loses nothing."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction

from accounts import tenancy
from devkit.home import PROJECT
from tasks import sending
from tasks.models import Outgoing, Task
from tests.devkit.machine import eventually
from tests.outside import NotionWorkspace
from tests.people import Person
from tests.tasks.test_both_ways import TITLE, history, in_notion, patch, synced, task
from tests.threads import waiting

__all__ = ["synced"]

RUN = "import django, sys; django.setup(); from tests.tasks import kill_sender; kill_sender.main(*sys.argv[1:])"
HANGING = {"hang": {"hang": {}}, "commit_then": {"commit_then": {"status": "hang"}}}
NEW = "Order paper"
# Where it hangs: which request, and whether Notion has done it.
BEFORE_THE_ATTEMPT = [("GET", "/data_sources/", "hang")]
CREATING = [*BEFORE_THE_ATTEMPT, ("POST", "/v1/pages$", "hang"), ("POST", "/v1/pages$", "commit_then")]
CHANGING = [
    ("GET", "/v1/pages/", "hang"),
    *BEFORE_THE_ATTEMPT,
    ("PATCH", "/v1/pages/", "hang"),
    ("PATCH", "/v1/pages/", "commit_then"),
]


def worker(person: Person) -> "subprocess.Popen[bytes]":
    with tenancy.within(person.workspace):
        outgoing_id = str(Outgoing.objects.values_list("pk", flat=True).get())
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "SYNC_LEASE_SECONDS": "1"}
    command = [sys.executable, "-c", RUN, str(person.workspace.pk), outgoing_id]
    return subprocess.Popen(command, cwd=PROJECT, env=environment)


@contextmanager
def killed_at_the_end(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    try:
        yield
    finally:
        process.kill()
        process.wait()


def killed_where_it_hangs(person: Person, acme: NotionWorkspace, method: str, path: str, how: str) -> None:
    since = len(acme.emulator.journal())
    acme.fault(HANGING[how], method=method, path_regex=path, times=1)
    process = worker(person)
    with killed_at_the_end(process):
        if how == "commit_then":
            # Its answer is kept back, so what it did is all there is to see.
            eventually(lambda: _is_done(person, acme))
        else:
            eventually(lambda: any(how in entry["faults"] for entry in acme.requests(since)))
        assert process.poll() is None, "it should have been killed"


def _is_done(person: Person, acme: NotionWorkspace) -> bool:
    rows = in_notion(acme)
    return NEW in rows or (rows[TITLE]["properties"]["Due"]["date"] or {}).get("start") == "2026-12-03"


def killed_while_it_settles(person: Person, acme: NotionWorkspace) -> None:
    """Notion has answered; what was kept about it is not committed, for somebody else holds the task."""
    with tenancy.within(person.workspace):
        task_id = Outgoing.objects.values_list("task_id", flat=True).get()
        writing = {"POST": "/v1/pages$", "PATCH": "/v1/pages/"}
        slow = [acme.fault({"slow": {"ms": 60_000}}, method=how, path_regex=path) for how, path in writing.items()]
        process = worker(person)
        with killed_at_the_end(process):
            eventually(lambda: Outgoing.objects.exclude(sent={}).exists())
            with transaction.atomic():
                Task.objects.select_for_update().get(pk=task_id)
                for each in slow:
                    acme.calm(each)
                eventually(lambda: _is_done(person, acme) and waiting())
                assert process.poll() is None, "it should have been killed"
                process.kill()
                process.wait()


def go_on(person: Person) -> None:
    """Another worker comes again and again; it may begin when the dead one's lease is over."""

    def is_sent() -> bool:
        with tenancy.within(person.workspace):
            for outgoing_id in Outgoing.objects.values_list("pk", flat=True):
                sending.send(outgoing_id=str(outgoing_id))
            return not Outgoing.objects.exists()

    eventually(is_sent)


def made(person: Person) -> dict[str, Any]:
    answer = person.api.post("/tasks", {"title": NEW, "source": "notion", "status": "Doing"})
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def check_made_once(person: Person, acme: NotionWorkspace) -> None:
    rows = in_notion(acme)
    assert [title for title in rows if NEW in title] == [NEW]
    assert rows[NEW]["properties"]["Status"]["status"]["name"] == "Doing"
    now = task(person, NEW)
    assert (now["sync_state"], now["status"], now["notion_page_id"]) == ("synced", "Doing", rows[NEW]["id"])


def check_changed(person: Person, acme: NotionWorkspace) -> None:
    now = task(person)
    assert in_notion(acme)[TITLE]["properties"]["Due"]["date"]["start"] == "2026-12-03"
    assert (now["sync_state"], now["due_on"]) == ("synced", "2026-12-03")
    assert [line["new"] for line in history(person, now["id"])] == ["2026-12-03"]


@pytest.mark.parametrize(("method", "path", "how"), CREATING)
def test_a_new_task_is_made_once(synced: Person, acme: NotionWorkspace, method: str, path: str, how: str) -> None:
    made(synced)

    killed_where_it_hangs(synced, acme, method, path, how)
    go_on(synced)

    check_made_once(synced, acme)


def test_a_new_task_whose_answer_was_not_kept_is_made_once(synced: Person, acme: NotionWorkspace) -> None:
    made(synced)

    killed_while_it_settles(synced, acme)
    go_on(synced)

    check_made_once(synced, acme)


@pytest.mark.parametrize(("method", "path", "how"), CHANGING)
def test_a_change_arrives(synced: Person, acme: NotionWorkspace, method: str, path: str, how: str) -> None:
    patch(synced, due_on="2026-12-03")

    killed_where_it_hangs(synced, acme, method, path, how)
    go_on(synced)

    check_changed(synced, acme)


def test_a_change_whose_answer_was_not_kept_arrives(synced: Person, acme: NotionWorkspace) -> None:
    patch(synced, due_on="2026-12-03")

    killed_while_it_settles(synced, acme)
    go_on(synced)

    check_changed(synced, acme)
