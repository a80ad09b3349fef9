"""Random edits on both sides, under random faults: afterwards both sides say the same, and what was lost is in history.

DOCENT_SEED repeats a run; `make soak` runs it longer.
"""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from accounts import tenancy
from accounts.models import Job
from tasks import sending
from tasks.models import Outgoing, Task, TaskChange
from tests.agent.sync.working import sync
from tests.outside import NotionWorkspace
from tests.people import Person
from tests.storm import ROUND, STORM
from tests.tasks.test_both_ways import deliver, in_notion, synced

__all__ = ["synced"]

STEPS = 30 * STORM
STATUSES = ["Not started", "Doing", "Done"]
NAMES = {"title": "Task", "status": "Status", "due_on": "Due"}
TROUBLE: list[Any] = [
    "409",
    "500",
    "502",
    "503",
    "504",
    "reset",
    "empty_body",
    "cut_json",
    {"429": {"retry_after": 0}},
    {"commit_then": {"status": "503"}},
    {"commit_then": {"status": "504"}},
    {"commit_then": {"status": "reset"}},
    # As often as not an answer is lost.
    *[{"commit_then": {"status": "reset"}}] * 4,
]


@dataclass
class Storm:
    alice: Person
    acme: NotionWorkspace
    dice: random.Random
    made: int = 0
    said: list[str] = field(default_factory=list)
    # By task and field, what a member wrote here last; by page and field, what was written in Notion last.
    here: dict[tuple[str, str], Any] = field(default_factory=dict)
    there: dict[tuple[str, str], Any] = field(default_factory=dict)

    def step(self) -> None:
        steps: list[tuple[Callable[[], None], int]] = [
            (self.edit_here, 6),
            (self.edit_there, 6),
            (self.make_here, 4),
            (self.trouble, 4),
            (self.send, 5),
            (self.sync, 3),
        ]
        act = self.dice.choices([each for each, _ in steps], [weight for _, weight in steps])[0]
        self.said.append(act.__name__)
        act()

    def value(self, name: str) -> Any:
        """Titles and days that come once, so that each can be found again."""
        self.made += 1
        if name == "title":
            return f"Title {self.made}"
        return (
            self.dice.choice(STATUSES) if name == "status" else f"2027-{self.made % 12 + 1:02}-{self.made % 28 + 1:02}"
        )

    def edit_here(self) -> None:
        with tenancy.within(self.alice.workspace):
            tasks = Task.objects.filter(trashed_at=None).order_by("title", "pk")
            ids = [str(key) for key in tasks.values_list("pk", flat=True)]
        task_id, name = self.dice.choice(ids), self.dice.choice(list(NAMES))
        value = self.value(name)
        answer = self.alice.api.patch(f"/tasks/{task_id}", {name: value})
        assert answer.status_code == 200, answer.content
        self.here[task_id, name] = value

    def make_here(self) -> None:
        title = self.value("title")
        answer = self.alice.api.post("/tasks", {"title": title, "source": "notion"})
        assert answer.status_code == 201, answer.content
        self.here[answer.json()["id"], "title"] = title

    def edit_there(self) -> None:
        row = self.dice.choice([each for _, each in sorted(in_notion(self.acme).items())])
        name = self.dice.choice(list(NAMES))
        value = self.value(name)
        if name == "title":
            self.acme.edit(op="set_title", id=row["id"], title=value)
        else:
            self.acme.edit(op="set_property", id=row["id"], name=NAMES[name], value=value)
        self.there[row["id"], name] = value

    def trouble(self) -> None:
        method, path = self.dice.choice([("GET", ""), ("POST", ""), ("POST", "/v1/pages$"), ("PATCH", "/v1/pages/")])
        do = self.dice.choice(TROUBLE)
        self.acme.fault(do, method=method, path_regex=path, times=self.dice.randint(1, 4))

    def send(self) -> None:
        deliver(self.alice)
        self.look()

    def sync(self) -> None:
        with tenancy.within(self.alice.workspace):
            sync(self.alice)
        self.look()

    def look(self) -> None:
        """The jobs that rows older than our writes have asked for."""
        jobs = Job.objects.filter(workspace=self.alice.workspace, name="tasks.jobs.look")
        for job in list(jobs):
            job.delete()
            with tenancy.within(self.alice.workspace):
                try:
                    sending.look(**job.arguments)
                except sending.notion.NotionError:
                    job.save(force_insert=True)

    def calm(self) -> None:
        self.acme.emulator.control(f"faults?token={self.acme.token}", method="DELETE")
        for _ in range(6):
            with tenancy.within(self.alice.workspace):
                failed = [str(each) for each in Task.objects.filter(sync_state="failed").values_list("pk", flat=True)]
            for task_id in failed:
                self.alice.api.post(f"/tasks/{task_id}/sync", {"action": "retry"})
            self.send()
            self.sync()
        with tenancy.within(self.alice.workspace):
            assert not Outgoing.objects.exists(), list(Outgoing.objects.values())

    def states(self) -> tuple[list[Any], list[Any]]:
        def due(row: dict[str, Any]) -> str | None:
            date = row["properties"]["Due"]["date"]
            return date["start"] if date else None

        def status(row: dict[str, Any]) -> str:
            return str((row["properties"]["Status"]["status"] or {}).get("name", ""))

        def title(row: dict[str, Any]) -> str:
            return "".join(part["plain_text"] for part in row["properties"]["Task"]["title"])

        theirs = [(row["id"], title(row), status(row), due(row)) for row in in_notion(self.acme).values()]
        with tenancy.within(self.alice.workspace):
            ours = [
                (task.notion_page_id, task.title, task.status, str(task.due_on) if task.due_on else None)
                for task in Task.objects.all()
            ]
        return sorted(ours), sorted(theirs)

    def missing(self) -> list[Any]:
        """What was written last on one side, holds no longer, and is nowhere in the history."""
        lost = []
        with tenancy.within(self.alice.workspace):
            pages = {task.notion_page_id: task for task in Task.objects.all()}
            tasks = {str(task.pk): task for task in pages.values()}
            written = [(tasks.get(key), name, value) for (key, name), value in self.here.items()]
            written += [(pages.get(key), name, value) for (key, name), value in self.there.items()]
            for task, name, value in written:
                if task is None:
                    lost.append((name, value, "its task is gone"))
                    continue
                holds = str(getattr(task, name)) == value
                if not holds and not TaskChange.objects.filter(task=task, field=name, old=value).exists():
                    lost.append((str(task.pk), name, value))
        return lost


@pytest.mark.timeout(120 * STORM)
def test_both_sides_end_the_same_and_nothing_is_lost(synced: Person, acme: NotionWorkspace) -> None:
    seed = int(os.environ.get("DOCENT_SEED") or random.SystemRandom().randrange(10**9) + ROUND)
    print(f"DOCENT_SEED={seed}")
    storm = Storm(synced, acme, random.Random(seed))

    for _ in range(STEPS):
        storm.step()
    storm.calm()

    ours, theirs = storm.states()
    assert ours == theirs
    assert storm.missing() == []
    assert len(theirs) == 3 + storm.said.count("make_here")
