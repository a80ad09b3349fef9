"""Members who edit tasks here, people who edit their rows in Notion, and a Notion that is in trouble, at random."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from accounts import tenancy
from accounts.models import Job
from integrations import notion
from tasks import mirroring
from tasks.models import Outgoing, Task, TaskChange, TaskSource
from tests.agent.sync.working import sync
from tests.outside import NotionWorkspace
from tests.people import Person
from tests.tasks.test_both_ways import deliver, in_notion

# More than the 25 that a page shows.
PEOPLE = [f"Person {number}" for number in range(32)]
LABELS = ["red", "green", "blue", "grey"]
PRIORITIES = ["High", "Low"]
COLUMNS = {
    "Task": "title",
    "Status": {"status": {"To-do": ["Not started"], "In progress": ["Doing"], "Complete": ["Done"]}},
    "Due": "date",
    "Owner": "people",
    "Priority": {"select": PRIORITIES},
    "Tags": {"multi_select": LABELS},
}
NAMES = {
    "title": "Task",
    "status": "Status",
    "due_on": "Due",
    "assignees": "Owner",
    "priority": "Priority",
    "labels": "Tags",
}
# A value of these comes once, so that it is known who wrote it.
UNIQUE = ("title", "due_on")
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
Key = tuple[str, Any]


def workspace() -> dict[str, Any]:
    everybody = [f"p{number}" for number in range(len(PEOPLE))]
    rows = [{"Task": f"Row {n}", "Status": "Doing", "Due": "2026-11-20", "Owner": everybody} for n in range(3)]
    table = {"key": "tasks_main", "properties": COLUMNS, "rows": rows}
    users = [{"key": "anna", "name": "Anna Berg"}]
    return {
        "users": users + [{"key": key, "name": name} for key, name in zip(everybody, PEOPLE, strict=True)],
        "pages": [{"key": "handbook", "title": "Handbook"}],
        "databases": [{"key": "tasks", "title": "Launch plan", "parent": "handbook", "sources": [table]}],
    }


@dataclass
class Storm:
    alice: Person
    acme: NotionWorkspace
    dice: random.Random
    # So many seconds Notion's clock is behind ours: then what was written here is the later edit.
    behind: float
    made: int = 0
    said: list[str] = field(default_factory=list)
    # By task and field, what a member wrote here last; by page and field, what was written in Notion last.
    here: dict[Key, Any] = field(default_factory=dict)
    there: dict[Key, Any] = field(default_factory=dict)
    # When each value was first and last written on each side, by the clock of that side.
    here_at: dict[Key, list[datetime]] = field(default_factory=dict)
    there_at: dict[Key, list[datetime]] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    # Page and field of the last edit: the other side often edits the same.
    hot: tuple[str, str] = ("", "")

    def __post_init__(self) -> None:
        self.acme.emulator.control("clock", {"workspace": "acme", "advance": -self.behind})
        for row in in_notion(self.acme).values():
            for name, value in values_of(row).items():
                self._write(self.there_at, name, value, datetime.now(UTC) - timedelta(days=1))

    def step(self) -> None:
        steps: list[tuple[Callable[[], None], int]] = [
            (self.edit_here, 8),
            (self.edit_there, 6),
            (self.make_here, 4),
            (self.rename_there, 1),
            (self.lose_an_answer, 4),
            (self.trouble, 4),
            (self.send, 5),
            (self.sync, 3),
        ]
        act = self.dice.choices([each for each, _ in steps], [weight for _, weight in steps])[0]
        self.said.append(act.__name__)
        act()

    def known(self, name: str, value: Any) -> Any:
        """To be compared: options by their newest name, lists without an order."""
        while name == "status" and value in self.renamed:
            value = self.renamed[value]
        return tuple(sorted(value)) if isinstance(value, list) else str(value or "")

    def _write(self, side: dict[Key, list[datetime]], name: str, value: Any, at: datetime) -> None:
        times = side.setdefault((name, self.known(name, value)), [at, at])
        times[1] = at

    def value(self, name: str, statuses: list[str]) -> Any:
        """Titles and days that come once, so that each can be found again."""
        self.made += 1
        some: dict[str, Callable[[], Any]] = {
            "title": lambda: f"Title {self.made}",
            "due_on": lambda: str(date(2027, 1, 1) + timedelta(days=self.made)),
            "status": lambda: self.dice.choice(statuses),
            "assignees": lambda: self.dice.sample(PEOPLE, k=self.dice.choice([1, 3, 27, 30])),
            "priority": lambda: self.dice.choice(PRIORITIES),
            "labels": lambda: self.dice.sample(LABELS, k=2),
        }
        return some[name]()

    def lose_an_answer(self) -> None:
        """Notion has what was sent and we do not know; then the member changes their mind."""
        self.quiet()
        deliver(self.alice)
        self.edit_here(among=UNIQUE, same=0, back=0)
        lost = {"commit_then": {"status": "reset"}}
        self.acme.fault(lost, method="PATCH", path_regex=f"/v1/pages/{self.hot[0]}", times=1)
        deliver(self.alice)
        self.edit_here(same=1, back=0.7)

    def edit_here(self, *, among: Sequence[str] = tuple(NAMES), same: float = 0.6, back: float = 0.4) -> None:
        with tenancy.within(self.alice.workspace):
            tasks = {str(task.pk): task for task in Task.objects.filter(trashed_at=None)}
            statuses = [each["name"] for each in TaskSource.objects.get().columns["status"]["options"]]
        ids = sorted(tasks, key=lambda key: (tasks[key].title, key))
        task_id, name = self.dice.choice(ids), self.dice.choice(among)
        hot = [key for key in ids if tasks[key].notion_page_id == self.hot[0]]
        if hot and self.dice.random() < same:
            task_id, name = hot[0], self.hot[1]
        self.hot = (tasks[task_id].notion_page_id, name)
        value = self.value(name, statuses)
        before = tasks[task_id].base.get(name)
        if self.dice.random() < back and name in UNIQUE and before and before[1]:
            # Back to what Notion has, as far as is known.
            value = before[1]
        self._write(self.here_at, name, value, datetime.now(UTC))
        answer = self.alice.api.patch(f"/tasks/{task_id}", {name: value})
        assert answer.status_code == 200, answer.content
        self._write(self.here_at, name, value, datetime.now(UTC))
        self.here[task_id, name] = value

    def make_here(self) -> None:
        title = self.value("title", [])
        self._write(self.here_at, "title", title, datetime.now(UTC))
        answer = self.alice.api.post("/tasks", {"title": title, "source": "notion"})
        assert answer.status_code == 201, answer.content
        self.here[answer.json()["id"], "title"] = title

    def edit_there(self) -> None:
        rows = {row["id"]: row for _, row in sorted(in_notion(self.acme).items())}
        row, name = self.dice.choice(list(rows.values())), self.dice.choice(list(NAMES))
        if self.dice.random() < 0.6 and self.hot[0] in rows:
            row, name = rows[self.hot[0]], self.hot[1]
        self.hot = (row["id"], name)
        value = self.value(name, [self.known("status", each) for each in ("Not started", "Doing", "Done")])
        if name == "title":
            self.acme.edit(op="set_title", id=row["id"], title=value)
        else:
            seed = [f"p{PEOPLE.index(each)}" for each in value] if name == "assignees" else value
            self.acme.edit(op="set_property", id=row["id"], name=NAMES[name], value=seed)
        self._write(self.there_at, name, value, datetime.now(UTC) - timedelta(seconds=self.behind))
        self.there[row["id"], name] = value

    def rename_there(self) -> None:
        option = self.known("status", self.dice.choice(["Not started", "Doing", "Done"]))
        self.made += 1
        to = f"Status {self.made}"
        source = self.acme.source("tasks_main")
        self.acme.edit(op="rename_option", source=source, name="Status", option=option, to=to)
        self.renamed[option] = to
        for side in (self.here_at, self.there_at):
            for key in [key for key in side if key == ("status", option)]:
                side["status", to] = side.pop(key)

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
                    mirroring.look(**job.arguments)
                except notion.NotionError:
                    job.save(force_insert=True)

    def quiet(self) -> None:
        self.acme.emulator.control(f"faults?token={self.acme.token}", method="DELETE")

    def calm(self) -> None:
        self.quiet()
        for _ in range(6):
            with tenancy.within(self.alice.workspace):
                failed = [str(each) for each in Task.objects.filter(sync_state="failed").values_list("pk", flat=True)]
            for task_id in failed:
                for action in ("retry", "make"):
                    self.alice.api.post(f"/tasks/{task_id}/sync", {"action": action})
            self.send()
            self.sync()
        with tenancy.within(self.alice.workspace):
            assert not Outgoing.objects.exists(), list(Outgoing.objects.values())

    # -- what has to hold afterwards

    def states(self) -> tuple[dict[str, Any], dict[str, Any]]:
        theirs = {row["id"]: values_of(row) for row in in_notion(self.acme).values()}
        with tenancy.within(self.alice.workspace):
            ours = {task.notion_page_id: {name: getattr(task, name) for name in NAMES} for task in Task.objects.all()}
        return _comparable(ours), _comparable(theirs)

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
                held = [getattr(task, name)]
                held += TaskChange.objects.filter(task=task, field=name).values_list("old", flat=True)
                if self.known(name, value) not in {self.known(name, each) for each in held}:
                    lost.append((str(task.pk), name, value))
        return lost

    def invented(self) -> list[Any]:
        """What the history says that somebody wrote, and nobody did; conflicts that the earlier edit won."""
        wrong: list[Any] = []
        with tenancy.within(self.alice.workspace):
            changes = list(TaskChange.objects.order_by("at", "pk"))
        for change in changes:
            name = change.field
            old, new = self.known(name, change.old), self.known(name, change.new)
            is_theirs = change.origin == TaskChange.Origin.NOTION
            mine, theirs = (old, new) if is_theirs else (new, old)
            if (name, new) not in (self.there_at if is_theirs else self.here_at):
                wrong.append(("nobody wrote it", change.origin, name, change.old, change.new, change.is_conflict))
            elif change.is_conflict:
                both = self.here_at.get((name, mine)), self.there_at.get((name, theirs))
                if None in both:
                    wrong.append(("no conflict", change.origin, name, change.old, change.new))
                elif both[0] and both[1] and self._is_earlier(change, both[0], both[1]):
                    wrong.append(("the earlier edit won", change.origin, name, change.old, change.new))
        return wrong

    def _is_earlier(self, change: TaskChange, mine: list[datetime], theirs: list[datetime]) -> bool:
        """Notion tells whole minutes, of the whole row; in the same minute it wins."""
        if change.origin == TaskChange.Origin.DOCENT:
            return _minute(theirs[0]) >= _minute(mine[1])
        return _minute(change.at - timedelta(seconds=self.behind)) < _minute(mine[0])


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _comparable(sides: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        key: {name: sorted(value) if isinstance(value, list) else str(value or "") for name, value in values.items()}
        for key, values in sides.items()
    }


def values_of(row: dict[str, Any]) -> dict[str, Any]:
    shown = {name: row["properties"][column] for name, column in NAMES.items()}
    return {
        "title": "".join(part["plain_text"] for part in shown["title"]["title"]),
        "status": (shown["status"]["status"] or {}).get("name", ""),
        "due_on": (shown["due_on"]["date"] or {}).get("start", ""),
        "assignees": [user["name"] for user in shown["assignees"]["people"]],
        "priority": (shown["priority"]["select"] or {}).get("name", ""),
        "labels": [label["name"] for label in shown["labels"]["multi_select"]],
    }
