"""Connecting, choosing and the pages of sources, through the real views."""

from typing import Any

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, OAuthState
from agent.models import Page, Source, SyncRun
from agent.sync import finding, performing, services
from devkit.notion.process import EmulatorProcess
from tasks.models import Task, TaskSource
from tests.agent.sync.working import sync
from tests.index import handbook
from tests.outside import HANDBOOK, NotionWorkspace, connect, seeded
from tests.people import Person, put_on_plan

TROUBLED = (Page.State.SKIPPED, Page.State.FAILED, Page.State.UNREACHABLE)


def look(person: Person, connection: Connection) -> None:
    """What the worker does when the list of databases is asked for."""
    finding.find_sources(connection_id=str(connection.id))


def choose(person: Person, connection: Connection, tasks_source: object = "") -> None:
    """The wizard's second step with everything ticked, and the sync that follows it."""
    with tenancy.within(person.workspace):
        ids = [str(key) for key in Source.objects.values_list("id", flat=True)]
    form = {"source": ids, "tasks_source": str(tasks_source), "workspace": str(person.workspace.pk)}
    answer = person.web.post(f"/app/connect/{connection.id}/choose", form)
    assert answer["Location"] == f"/app/connect/{connection.id}/sync"
    with tenancy.within(person.workspace):
        performing.perform(sync_run_id=str(SyncRun.objects.get(status="queued").pk))


@pytest.mark.parametrize("state", TROUBLED)
def test_pages_that_are_not_searchable_are_listed_with_state_and_reason(
    alice: Person, chroma: str, state: Page.State
) -> None:
    handbook(alice)
    with tenancy.within(alice.workspace):
        gone_at = timezone.now() if state in {Page.State.TRASHED, Page.State.UNREACHABLE} else None
        Page.objects.filter(title="Time off").update(state=state, reason="Notion said no.", gone_at=gone_at)
        source = Source.objects.get()

    pages = [alice.web.get(path) for path in ("/app/sources", f"/app/sources/{source.pk}")]

    assert [page.status_code for page in pages] == [200, 200]
    for page in pages:
        assert "Notion said no." in page.content.decode()
        assert f">{state.label}</span>" in page.content.decode()


def test_none_of_them_holds_tasks_is_kept_through_a_sync(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        look(alice, connection)

    choose(alice, connection)

    with tenancy.within(alice.workspace):
        assert (Task.objects.count(), TaskSource.objects.get().is_refusal) == (0, True)
    assert "Tell us which database holds tasks." in alice.web.get("/app/tasks").content.decode()


def test_a_first_sync_counts_the_pages_of_a_tree_as_they_are_read(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    address = f"/app/connect/{connection.id}/sync"
    with tenancy.within(alice.workspace):
        look(alice, connection)
        run = services.start(membership=alice.membership)
        SyncRun.objects.update(status="running")
        tree = Source.objects.get(kind="page")

    before = alice.web.get(address).content.decode()
    with tenancy.within(alice.workspace):
        Page.objects.filter(title="Travel").update(source=tree, sync_run=run.pk, state="indexed")
    after = alice.web.get(address).content.decode()

    assert "No page read yet" in before
    assert "1 page so far" in after
    assert "0 of 0" not in before + after


def test_the_choice_of_tasks_can_be_changed_and_taken_back(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        look(alice, connection)
        plan = Source.objects.get(kind="database")
    choose(alice, connection)

    choose(alice, connection, plan.pk)
    with tenancy.within(alice.workspace):
        mapped = Task.objects.count()
    choose(alice, connection)

    with tenancy.within(alice.workspace):
        assert (mapped, Task.objects.count()) == (3, 0)
    assert '<option value="" selected' not in alice.web.get(f"/app/connect/{connection.id}/choose").content.decode()


def test_saving_the_same_choice_again_keeps_the_columns_that_were_set(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        look(alice, connection)
        plan = Source.objects.get(kind="database")
    choose(alice, connection, plan.pk)
    with tenancy.within(alice.workspace):
        TaskSource.objects.update(due_property="")

    choose(alice, connection, plan.pk)

    with tenancy.within(alice.workspace):
        assert TaskSource.objects.get().due_property == ""


def test_each_source_is_shown_with_its_place_and_known_pages(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        look(alice, connection)
        Source.objects.filter(kind="database").update(place="Handbook")

    page = alice.web.get(f"/app/connect/{connection.id}/choose").content.decode()

    assert page.count("3 pages") == 2  # the handbook with its two pages, and three tasks
    assert '<span class="detail"><bdi>Handbook</bdi></span>' in page


@pytest.mark.parametrize(("tier", "is_shared"), [("teams", True), ("plus", False)])
def test_a_token_is_shared_only_where_there_are_others(
    alice: Person, acme: NotionWorkspace, tier: str, is_shared: bool
) -> None:
    put_on_plan(alice, tier)

    shown = alice.web.get("/app/connect").content.decode()
    alice.web.post("/app/connect", {"token": acme.token, "is_shared": "on", "workspace": str(alice.workspace.pk)})

    assert ("Share with everybody in this workspace" in shown) == is_shared
    assert Connection.objects.get(workspace=alice.workspace).is_shared == is_shared


def test_two_sources_of_one_database_are_told_apart(alice: Person, emulator: EmulatorProcess, chroma: str) -> None:
    table = {"key": "t", "title": "Roadmap", "parent": "handbook", "sources": [{"key": "one"}, {"key": "two"}]}
    connection = connect(alice, seeded(emulator, {"pages": [HANDBOOK], "databases": [table]}, ["handbook"]))
    with tenancy.within(alice.workspace):
        sync(alice)

    listed = alice.web.get("/app/sources").content.decode()
    offered = alice.web.get(f"/app/connect/{connection.pk}/choose").content.decode()

    for page in (listed, offered):
        assert "Source 1 of 2 in “Roadmap”" in page
        assert "Source 2 of 2 in “Roadmap”" in page


def test_a_source_that_is_gone_is_not_counted_with_those_of_its_database(
    alice: Person, emulator: EmulatorProcess, chroma: str
) -> None:
    table = {"key": "t", "title": "Roadmap", "parent": "handbook", "sources": [{"key": "one"}, {"key": "two"}]}
    acme = seeded(emulator, {"pages": [HANDBOOK], "databases": [table]}, ["handbook"])
    connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
        acme.edit(op="trash", id=acme.source("two"))
        sync(alice)
        assert Source.objects.get(notion_id=acme.source("two")).is_gone

    assert "of 2 in “Roadmap”" not in alice.web.get("/app/sources").content.decode()


@pytest.mark.parametrize("status", [Connection.Status.ACTIVE, Connection.Status.REAUTHORIZE])
def test_sharing_is_off_unless_access_to_a_shared_connection_is_restored(
    team_owner: Person, chroma: str, status: Connection.Status
) -> None:
    Connection.objects.filter(pk=handbook(team_owner).pk).update(is_shared=True, status=status)

    page = team_owner.web.get("/app/connect").content.decode()

    box = page.split('id="is-shared"', 1)[1].split(">", 1)[0]
    assert ("checked" in box) == (status == Connection.Status.REAUTHORIZE)


@pytest.mark.parametrize(("address", "is_shared"), [("?shared=1", True), ("", False)])
def test_the_way_over_notion_remembers_whether_to_share(
    team_owner: Person, emulator: EmulatorProcess, address: str, is_shared: bool
) -> None:
    answer = team_owner.web.get(f"/app/connect/notion{address}")

    assert answer.status_code == 302
    assert OAuthState.objects.get(workspace_id=team_owner.workspace.pk).is_shared == is_shared


def test_charlie_gets_404(alice: Person, charlie: Person, chroma: str) -> None:
    connection = handbook(alice)
    with tenancy.within(alice.workspace):
        source = Source.objects.get()

    for address in (f"/app/sources/{source.pk}", f"/app/connect/{connection.pk}/choose"):
        assert charlie.web.get(address).status_code == 404


def test_databases_are_added_to_ones_own_connection_that_is_read(team_owner: Person, bob: Person) -> None:
    def connection(owner: Person, **more: Any) -> Connection:
        return Connection.objects.create(workspace=team_owner.workspace, owner=owner.user, kind="token", **more)

    connection(team_owner, bot_id="alices", notion_workspace_id="first", is_shared=True)
    before = bob.web.get("/app/sources").content.decode()
    own = connection(bob, bot_id="bobs", notion_workspace_id="second")

    after = bob.web.get("/app/sources").content.decode()

    assert "Sync now" in before
    assert "/choose" not in before
    assert f"/app/connect/{own.pk}/choose" in after
    assert bob.web.get(f"/app/connect/{own.pk}/choose").status_code == 200


def columns_page(person: Person, connection: Connection, **asked: object) -> str:
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return str(person.web.get(f"/app/connect/{connection.id}/choose?{query}").content.decode())


def test_the_wizard_shows_three_rows_as_tasks_before_anything_is_read(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        look(alice, connection)
        database = Source.objects.get(kind="database")
        due = next(column["id"] for column in database.schema.values() if column["type"] == "date")
        tree = Source.objects.get(kind="page")

    guessed = columns_page(alice, connection)
    unused = columns_page(alice, connection, tasks_source=database.pk, columns_of=database.pk, due_property="")
    of_another = columns_page(alice, connection, tasks_source=database.pk, columns_of=tree.pk, due_property="")
    none = columns_page(alice, connection, tasks_source="")

    assert all(words in guessed for words in ("Write the announcement", "Check the contract", "Choose a printer"))
    assert f'<option value="{due}" selected>' in guessed
    assert ("20\N{NO-BREAK SPACE}Nov" in guessed, "20\N{NO-BREAK SPACE}Nov" in unused) == (True, False)
    # Columns of the database that was shown before say nothing about this one.
    assert "20\N{NO-BREAK SPACE}Nov" in of_another
    assert "Write the announcement" not in none
    assert "1 database, 1 page tree" in guessed


def test_columns_chosen_in_the_wizard_are_used_from_the_first_sync(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        look(alice, connection)
        ids = [str(key) for key in Source.objects.values_list("id", flat=True)]
        database = Source.objects.get(kind="database")
        status = next(column["id"] for column in database.schema.values() if column["type"] == "status")
    form = {"source": ids, "tasks_source": database.pk, "columns_of": database.pk, "status_property": status}

    answer = alice.web.post(f"/app/connect/{connection.id}/choose", form)

    with tenancy.within(alice.workspace):
        performing.perform(sync_run_id=str(SyncRun.objects.get().pk))
        tasks = dict(Task.objects.values_list("title", "status"))
        assert (answer.status_code, tasks["Check the contract"]) == (302, "Done")
        assert not Task.objects.exclude(due_on=None).exists()


def test_without_a_script_a_button_shows_the_columns(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        look(alice, connection)
        database = Source.objects.get(kind="database")
    form = {"source": [], "tasks_source": database.pk, "action": "columns"}

    answer = alice.web.post(f"/app/connect/{connection.id}/choose", form)

    assert (answer.status_code, "Write the announcement" in answer.content.decode()) == (200, True)
    with tenancy.within(alice.workspace):
        assert not SyncRun.objects.exists()


def test_the_source_page_shows_what_other_columns_would_mean(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
        database = Source.objects.get(kind="database")

    used, unused = (
        alice.web.get(f"/app/sources/{database.pk}{query}").content.decode()
        for query in ("", f"?columns_of={database.pk}&status_property=")
    )

    assert (">Doing</span>" in used, ">Doing</span>" in unused) == (True, False)
    with tenancy.within(alice.workspace):
        assert TaskSource.objects.get().status_property


@pytest.mark.parametrize(("plan", "is_offered"), [("pro", False), ("plus", True)])
def test_another_notion_is_offered_where_the_plan_has_room(
    alice: Person, acme: NotionWorkspace, plan: str, is_offered: bool
) -> None:
    put_on_plan(alice, plan)
    connect(alice, acme)

    page = alice.web.get("/app/sources").content.decode()

    assert ("Connect another Notion" in page) == is_offered


@pytest.mark.parametrize("value", ["zz", "a\0b", "x" * 501, "-1", "é"])
def test_an_address_with_nonsense_in_it_breaks_no_page(alice: Person, acme: NotionWorkspace, value: str) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        run = sync(alice)
        database = Source.objects.get(kind="database")
    columns = {"columns_of": database.pk, "status_property": value, "due_property": value, "labels_property": value}
    asked = [
        (f"/app/connect/{connection.pk}/choose", {"found": value, "tasks_source": value, "columns_of": value}),
        (f"/app/connect/{connection.pk}/choose", {"tasks_source": database.pk, **columns}),
        (f"/app/sources/{database.pk}", columns),
        (f"/app/sync/{run.pk}/events", {"seen": value}),
    ]

    answers = [alice.web.get(path, query) for path, query in asked]
    saved = alice.web.post(asked[1][0], {"source": database.pk, "tasks_source": database.pk, **columns})

    is_refused = "\0" in value
    assert [answer.status_code for answer in answers] == [400 if is_refused else 200] * 4
    assert saved.status_code == (400 if is_refused else 302)
    with tenancy.within(alice.workspace):
        assert bool(TaskSource.objects.get().status_property) == is_refused
