"""What a page shows of others is right in the sync that finds them changed, at the cost of what changed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from accounts import tenancy
from accounts.models import Connection
from agent.models import Chunk, Page, Source, SyncRun
from devkit.notion.process import EmulatorProcess
from tasks.models import Task, TaskSource
from tests.agent.sync.test_reach import later, next_in, scheduled
from tests.agent.sync.working import long_ago, sync
from tests.outside import NotionWorkspace, connect, seeded
from tests.people import Person, put_on_plan

LONG_AGO = {"edited": "2026-03-01T08:00:00Z"}
STATES = {"status": {"To-do": ["Open"], "In progress": ["Doing"], "Complete": ["Closed"]}}
CHILDREN = [{"key": "child", "title": "Child", **LONG_AGO}, {"key": "sister", "title": "Sister", **LONG_AGO}]
FEW, MANY = 9, 40


def projects(*, parent: str) -> dict[str, Any]:
    source = {
        "key": "projects",
        "properties": {"Name": "title", "State": STATES},
        "rows": [{"key": "apollo", "Name": "Apollo", "State": "Open", **LONG_AGO}],
    }
    return {"key": "projects", "title": "Projects", "parent": parent, **LONG_AGO, "sources": [source]}


def reports(*titles: str) -> dict[str, Any]:
    """About a project, whose state they show."""
    columns = {
        "Report": "title",
        "About": {"relation": "projects"},
        "State of it": {"rollup": {"relation": "About", "property": "State", "function": "show_original"}},
    }
    rows = [{"key": each.lower(), "Report": each, "About": ["apollo"], **LONG_AGO} for each in titles]
    source = {"key": "reports", "properties": columns, "rows": rows}
    return {"key": "reports", "title": "Reports", "parent": "top", **LONG_AGO, "sources": [source]}


def notion(emulator: EmulatorProcess, *, rows: int = FEW, moves_are_edits: bool = False) -> NotionWorkspace:
    """A parent with two children, another page that names one of them, and rows that relate to a project."""
    columns = {
        "Step": "title",
        "Project": {"relation": {"to": "projects", "synced": "Steps"}},
    }
    related = [{"key": f"step{n}", "Step": f"Step {n}", "Project": ["apollo"], **LONG_AGO} for n in range(rows)]
    steps = {
        "key": "steps",
        "title": "Steps",
        "parent": "top",
        **LONG_AGO,
        "sources": [{"key": "steps", "properties": columns, "rows": related}],
    }
    names = [{"p": ["Ask ", {"mention_page": "child"}, "."]}, {"link_to_page": "child"}]
    pages = [
        {
            "key": "top",
            "title": "Top",
            **LONG_AGO,
            "pages": [
                {"key": "parent", "title": "Parent", **LONG_AGO, "pages": CHILDREN},
                {"key": "other", "title": "Other", **LONG_AGO, "blocks": names},
            ],
        }
    ]
    databases = [projects(parent="top"), steps, reports("Weekly", "Monthly")]
    space = {"pages": pages, "databases": databases, "moves_are_edits": moves_are_edits}
    return seeded(emulator, space, ["top"])


@pytest.fixture(params=[True, False], ids=["moves are edits", "moves are no edits"])
def acme(request: pytest.FixtureRequest, emulator: EmulatorProcess, chroma: str) -> NotionWorkspace:
    return notion(emulator, moves_are_edits=request.param)


@pytest.fixture
def silent(emulator: EmulatorProcess, chroma: str) -> NotionWorkspace:
    return notion(emulator)


@pytest.fixture
def crowded(emulator: EmulatorProcess, chroma: str) -> NotionWorkspace:
    """With more rows than a relation shows at once."""
    return notion(emulator, rows=MANY)


def read_once(person: Person, acme: NotionWorkspace) -> Connection:
    put_on_plan(person, "pro")
    connection = connect(person, acme)
    next_in(timedelta(minutes=50))
    with tenancy.within(person.workspace):
        assert sync(person).status == "complete"
        long_ago()
    return connection


def changes(connection: Connection, acme: NotionWorkspace, *edited: str) -> SyncRun:
    """A sync of changes in a workspace so large that the first hundred of search are the edited ones alone."""
    others = [key for name, key in acme.ids["pages"].items() if name not in edited]
    acme.fault({"search_omit": {"ids": others}}, path_regex="search", times=100)
    run = scheduled(connection)
    assert run.reach == "changes"
    return run


def text(title: str) -> str:
    return "\n".join(Chunk.objects.filter(page__title=title).order_by("ordinal").values_list("text", flat=True))


def lines(title: str) -> dict[str, str]:
    return dict(Page.objects.get(title=title).properties["lines"])


def listed(acme: NotionWorkspace, since: int) -> set[str]:
    """The pages and blocks whose blocks were asked for."""
    paths = [str(each["path"]) for each in acme.requests()[since:]]
    return {path.split("/")[-2] for path in paths if path.endswith("/children")}


def test_a_new_title_stands_wherever_the_page_is_named(alice: Person, silent: NotionWorkspace) -> None:
    connection = read_once(alice, silent)
    silent.edit(op="set_title", id=silent.page("child"), title="Heir")
    asked = len(silent.requests())

    with tenancy.within(alice.workspace):
        run = changes(connection, silent, "child")

        assert (run.status, run.known, run.indexed) == ("complete", run.indexed + run.unchanged, 3)
        assert "[Heir](" in text("Parent")
        assert "Child" not in text("Parent")
        assert "Ask [Heir](" in text("Other")
        assert text("Other").count("Heir") == 2
    # Its sister is not asked for, and nothing that does not name it.
    assert listed(silent, asked) == {silent.page(key) for key in ("child", "parent", "other")}


def test_a_page_that_moves_is_shown_where_it_is(alice: Person, acme: NotionWorkspace) -> None:
    read_once(alice, acme)
    acme.edit(op="move", id=acme.page("child"), to=acme.page("other"))

    with tenancy.within(alice.workspace):
        run = sync(alice)

        assert (run.reach, run.status) == ("inventory", "complete")
        assert "Child" not in text("Parent")
        assert "Sister" in text("Parent")
        assert text("Other").count("Child") == 3


def test_a_page_in_the_trash_is_shown_no_more_and_comes_back(alice: Person, acme: NotionWorkspace) -> None:
    read_once(alice, acme)

    with tenancy.within(alice.workspace):
        acme.edit(op="trash", id=acme.page("child"))
        sync(alice)
        gone = text("Parent")
        acme.edit(op="restore", id=acme.page("child"))
        later()
        sync(alice)

        assert "Child" not in gone
        assert "Child" in text("Parent")


def test_rows_learn_a_new_title_without_a_request_for_each(alice: Person, crowded: NotionWorkspace) -> None:
    connection = read_once(alice, crowded)
    crowded.edit(op="set_title", id=crowded.page("apollo"), title="Artemis")
    asked = len(crowded.requests())

    with tenancy.within(alice.workspace):
        changes(connection, crowded, "apollo")

        assert Chunk.objects.filter(page__title__startswith="Step ", text="Project: Artemis").count() == MANY
        assert lines("Step 7") == {"Project": "Artemis"}
    assert listed(crowded, asked) == {crowded.page("apollo")}
    assert len(crowded.requests()) - asked < MANY / 2


def test_a_rollup_follows_what_it_is_worked_out_from(alice: Person, silent: NotionWorkspace) -> None:
    connection = read_once(alice, silent)
    silent.edit(op="set_property", id=silent.page("apollo"), name="State", value="Closed")

    with tenancy.within(alice.workspace):
        changes(connection, silent, "apollo")

        assert lines("Weekly")["State of it"] == "Closed"
        assert "State of it: Closed" in text("Weekly")


def test_the_other_side_of_a_relation_follows(alice: Person, crowded: NotionWorkspace) -> None:
    connection = read_once(alice, crowded)
    crowded.edit(op="set_property", id=crowded.page("step7"), name="Project", value=[])

    with tenancy.within(alice.workspace):
        changes(connection, crowded, "step7")

        assert "Step 7" not in lines("Apollo")["Steps"].split(", ")
        assert "Step 8" in lines("Apollo")["Steps"].split(", ")


def test_a_page_that_cannot_be_asked_for_again_fails_alone(alice: Person, silent: NotionWorkspace) -> None:
    connection = read_once(alice, silent)
    silent.edit(op="set_title", id=silent.page("child"), title="Heir")
    silent.fault("500", path_regex=f"pages/{silent.page('parent')}", times=20)

    with tenancy.within(alice.workspace):
        run = changes(connection, silent, "child")
        silent.emulator.control(f"faults?token={silent.token}", method="DELETE")
        again = scheduled(connection)

        assert (run.status, run.failed, again.status, again.failed) == ("partial", 1, "complete", 0)
        assert "Ask [Heir](" in text("Other")
        assert "[Heir](" in text("Parent")


def test_a_long_relation_is_read_once(alice: Person, crowded: NotionWorkspace) -> None:
    read_once(alice, crowded)
    asked = len(crowded.requests())

    with tenancy.within(alice.workspace):
        run = sync(alice)

        assert lines("Apollo")["Steps"].count("Step ") == MANY
        assert (run.status, run.indexed, run.unchanged) == ("complete", 0, run.known)
    assert not [each for each in crowded.requests()[asked:] if "/properties/" in each["path"]]


def test_a_database_is_named_by_its_own_title_and_goes_with_it(alice: Person, acme: NotionWorkspace) -> None:
    read_once(alice, acme)

    with tenancy.within(alice.workspace):
        acme.edit(op="set_title", id=acme.ids["databases"]["reports"], title="Dispatches")
        sync(alice)
        renamed = text("Top")
        acme.edit(op="trash", id=acme.ids["databases"]["reports"])
        run = sync(alice)

        assert "[Dispatches](" in renamed
        assert run.status == "complete", run.reason
        assert "Dispatches" not in text("Top")
        assert set(Page.objects.filter(title__in=["Weekly", "Monthly"]).values_list("state", flat=True)) == {"trashed"}


def test_a_worker_that_dies_on_new_columns_leaves_no_row_as_it_was(alice: Person, silent: NotionWorkspace) -> None:
    connection = read_once(alice, silent)
    silent.edit(op="rename_property", source=silent.source("steps"), name="Project", to="Part of")
    silent.fault("401", path_regex="/query", times=9)

    with tenancy.within(alice.workspace):
        failed = scheduled(connection)
        silent.emulator.control(f"faults?token={silent.token}", method="DELETE")
        Connection.objects.filter(pk=connection.pk).update(status="active")
        run = scheduled(Connection.objects.get(pk=connection.pk))

        assert (failed.status, run.reach, run.status) == ("failed", "changes", "complete")
        assert lines("Step 7") == {"Part of": "Apollo"}


def test_what_lies_in_a_page_that_moves_is_of_its_new_tree(
    alice: Person, emulator: EmulatorProcess, chroma: str
) -> None:
    inner = {"key": "inner", "title": "Inner", **LONG_AGO}
    branch = {"key": "branch", "title": "Branch", **LONG_AGO, "pages": [inner]}
    trees = [{"key": "one", "title": "One", **LONG_AGO, "pages": [branch]}, {"key": "two", "title": "Two", **LONG_AGO}]
    acme = seeded(emulator, {"pages": trees}, ["one", "two"])
    connection = read_once(alice, acme)

    with tenancy.within(alice.workspace):
        Source.objects.filter(title="Two").update(is_chosen=False)
        acme.edit(op="move", id=acme.page("branch"), to=acme.page("two"))
        acme.edit(op="append", parent=acme.page("branch"), blocks=[{"p": "Moved."}])
        changes(connection, acme, "branch")

        assert Page.objects.get(title="Inner").source == Source.objects.get(title="Two")
        assert not Chunk.objects.filter(page__title="Inner").exists()


@pytest.mark.parametrize("how", [scheduled, None])
def test_an_option_with_a_new_name_has_it_everywhere(
    alice: Person, silent: NotionWorkspace, how: Callable[[Connection], SyncRun] | None
) -> None:
    connection = read_once(alice, silent)
    asked = len(silent.requests())

    with tenancy.within(alice.workspace):
        assert Task.objects.get(title="Apollo").status == "Open"
        silent.edit(op="rename_option", source=silent.source("projects"), name="State", option="Open", to="Waiting")
        run = how(connection) if how else sync(alice)

        assert (run.status, run.reach) == ("complete", "changes" if how else "inventory")
        assert Task.objects.get(title="Apollo").status == "Waiting"
        assert lines("Apollo")["State"] == "Waiting"
        assert "State: Waiting" in text("Apollo")
        assert lines("Weekly")["State of it"] == "Waiting"
        status = TaskSource.objects.get().columns["status"]
        assert [option["name"] for option in status["options"]] == ["Waiting", "Doing", "Closed"]
    assert listed(silent, asked) == set()
