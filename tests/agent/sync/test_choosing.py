import uuid
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection
from agent.exports import services as exports
from agent.models import Chunk, Export, Page, Run, Source, SyncRun
from agent.runs.forgetting import LEFT_OUT
from agent.sync import choosing, coverage, finding, live, performing, services, vanishing
from config.errors import InvalidField
from devkit.notion.process import EmulatorProcess
from integrations import vectors
from integrations.notion.errors import RateLimited
from tasks.models import Task, TaskSource
from tests.agent.asking import ask
from tests.agent.live.test_meanwhile import beside
from tests.agent.sync.working import sync, syncing
from tests.agent.test_forgetting import kept
from tests.outside import HANDBOOK, TASKS, NotionWorkspace, connect, seeded
from tests.people import Person
from tests.threads import elsewhere


def every_source() -> set[uuid.UUID]:
    return set(Source.objects.values_list("id", flat=True))


def test_what_is_found_after_the_form_was_drawn_is_read_too(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        finding.find_sources(connection_id=str(connection.id))
        shown = {source.kind: str(source.pk) for source in Source.objects.all()}
        late = Source.objects.create(connection_id=connection.id, notion_id=uuid.uuid4(), kind="page", title="Late")

    form = {"source": [shown["page"]], "shown": list(shown.values())}
    alice.web.post(f"/app/connect/{connection.id}/choose", form | {"workspace": str(alice.workspace.pk)})

    with tenancy.within(alice.workspace):
        chosen = dict(Source.objects.values_list("title", "is_chosen"))
    assert chosen == {"Handbook": True, "Launch plan": False, late.title: True}


def test_a_search_that_notion_holds_up_goes_back_into_the_queue(
    alice: Person, acme: NotionWorkspace, emulator: EmulatorProcess
) -> None:
    connection = connect(alice, acme)
    fault = emulator.fault({"429": {"retry_after": 45}}, path_regex="/v1/search")

    # Within its patience it would sleep for 45 seconds; the test's time would be over.
    with tenancy.within(alice.workspace), pytest.raises(RateLimited):
        finding.find_sources(connection_id=str(connection.id))

    emulator.control(f"faults?id={fault}", method="DELETE")


def test_choosing_one_more_keeps_what_was_read_of_the_others(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        finding.find_sources(connection_id=str(connection.id))
        tree = Source.objects.get(kind="page")
        chosen = {"membership": alice.membership, "connection": connection, "shown_ids": every_source()}
        choosing.choose(source_ids={tree.pk}, **chosen)
        sync(alice)
        before = set(Chunk.objects.values_list("pk", flat=True))

        choosing.choose(source_ids=every_source(), **chosen)

        assert set(Chunk.objects.values_list("pk", flat=True)) == before
        run = sync(alice)
        assert (run.status, run.indexed, run.unchanged) == ("complete", 3, 3)
        assert set(Chunk.objects.filter(page__source=tree).values_list("pk", flat=True)) == before


def test_sources_that_were_not_chosen_are_not_read(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        finding.find_sources(connection_id=str(connection.id))
        tree = Source.objects.get(kind="page")
        choosing.choose(
            membership=alice.membership, connection=connection, source_ids={tree.id}, shown_ids=every_source()
        )
        run = sync(alice)

        assert not Task.objects.exists()
        assert set(Page.objects.filter(state="indexed").values_list("source__title", flat=True)) == {"Handbook"}
        assert run.status == "complete"


def test_what_syncs_said_of_a_source_goes_with_it_and_who_listens_goes_on(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    with tenancy.within(alice.workspace):
        events = live.SyncEvents(alice.workspace.pk, sync(alice).pk)
        events.watch()
        assert events.said()

        finding.leave_out_source(Source.objects.get(kind="database"), by=alice.membership)

    assert events.said() == []
    assert events.is_watched()


def test_a_source_that_is_chosen_again_waits_to_be_read(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        tree = Source.objects.get(kind="page")
        finding.leave_out_source(tree, by=alice.membership)
        assert coverage.searchable([connection.pk])["complete"]
        choosing.choose(
            membership=alice.membership, connection=connection, source_ids=every_source(), shown_ids=every_source()
        )

        assert not coverage.searchable([connection.pk])["complete"]
        performing.perform(sync_run_id=str(SyncRun.objects.get(status="queued").pk))
        assert coverage.searchable([connection.pk])["complete"]


@pytest.mark.parametrize("kind", ["database", "page"])
def test_a_source_that_is_chosen_again_beside_a_sync_is_read_by_it(
    alice: Person, acme: NotionWorkspace, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
        source = Source.objects.get(kind=kind)
        finding.leave_out_source(source, by=alice.membership)
        acme.edit(op="add_row", source=acme.source("tasks_main"), row={"Task": "Book the hall"})
        acme.edit(op="add_page", parent=acme.page("handbook"), page={"title": "Parties", "blocks": ["On Friday."]})

        def choose_again() -> None:
            with tenancy.within(alice.workspace):
                every = {"source_ids": every_source(), "shown_ids": every_source()}
                choosing.choose(membership=alice.membership, connection=connection, **every)

        # All of it is listed and accounted for by then.
        beside(monkeypatch, vanishing, "look_for_the_unseen", lambda: elsewhere(choose_again))
        run = sync(alice)
        assert run.status == "queued"
        performing.perform(sync_run_id=str(run.pk))
        run.refresh_from_db()

        assert (run.status, run.reason) == ("complete", "")
        assert not Page.objects.exclude(state="indexed").exists()
        assert Page.objects.filter(title__in=["Book the hall", "Parties"]).count() == 2
        assert coverage.searchable([connection.pk])["complete"]


def test_a_source_left_out_in_the_middle_of_a_sync_stays_out(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        finding.find_sources(connection_id=str(connection.id))
        source = Source.objects.get(kind="database")
        with syncing(alice, acme):
            finding.leave_out_source(source, by=alice.membership)

        assert not Chunk.objects.filter(page__source=source).exists()
        assert not Task.objects.exists()


def choose_the_database(person: Person, connection: Connection) -> None:
    with tenancy.within(person.workspace):
        chosen = set(Source.objects.filter(kind="database").values_list("id", flat=True))
        choosing.choose(
            membership=person.membership, connection=connection, source_ids=chosen, shown_ids=every_source()
        )


def test_a_hidden_page_keeps_nothing_when_its_source_is_left_out(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
        acme.edit(op="trash", id=acme.page("travel"))
        sync(alice)
        assert Chunk.objects.filter(page__title="Travel").exists()

    choose_the_database(alice, connection)

    with tenancy.within(alice.workspace):
        performing.perform(sync_run_id=str(SyncRun.objects.get(status="queued").pk))
        travel = Page.objects.get(title="Travel")
        assert (travel.state, travel.markdown) == ("trashed", "")
        assert not Chunk.objects.filter(page__source__is_chosen=False).exists()
        chunks = {str(key) for key in Chunk.objects.values_list("id", flat=True)}
        assert set(vectors.workspace(alice.workspace.id).collection(connection.id).ids()) == chunks


def test_a_source_that_is_left_out_beside_a_sync_which_has_read_it_is_forgotten(
    alice: Person, acme: NotionWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        beside(
            monkeypatch,
            vanishing,
            "look_for_the_unseen",
            lambda: elsewhere(lambda: choose_the_database(alice, connection)),
        )

        assert sync(alice).status == "complete"

        assert not Chunk.objects.filter(page__source__is_chosen=False).exists()
        assert not Page.objects.searchable().filter(source__is_chosen=False).exists()


def test_a_database_that_search_lists_before_its_page_is_shown_with_its_place(
    alice: Person, emulator: EmulatorProcess, chroma: str
) -> None:
    old = HANDBOOK | {"edited": "2020-01-01T09:00:00.000Z"}
    connection = connect(alice, seeded(emulator, {"pages": [old], "databases": [TASKS]}, ["handbook"]))

    with tenancy.within(alice.workspace):
        finding.find_sources(connection_id=str(connection.id))

        assert Source.objects.get(kind="database").place == "Handbook"


def post(person: Person, address: str, **form: object) -> HttpResponse:
    answer: HttpResponse = person.web.post(address, form | {"workspace": str(person.workspace.pk)})
    return answer


def test_columns_changed_in_the_middle_of_a_sync_reach_every_row(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        source = Source.objects.get(kind="database")
        before = Task.objects.exclude(due_on=None).count()
        with syncing(alice, acme):
            choosing.remap(membership=alice.membership, source=source, columns={"due_property": ""})
        performing.perform(sync_run_id=str(SyncRun.objects.get(status="queued", is_full=True).pk))

        assert (before, Task.objects.exclude(due_on=None).count()) == (2, 0)


def test_a_tasks_database_that_is_not_chosen_is_refused(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        finding.find_sources(connection_id=str(connection.id))
        tree, plan = Source.objects.get(kind="page"), Source.objects.get(kind="database")

    answer = post(alice, f"/app/connect/{connection.id}/choose", source=tree.pk, tasks_source=plan.pk)

    assert answer.status_code == 422
    assert "“Launch plan” is to hold your tasks but is not chosen" in answer.content.decode()
    assert f'<option value="{plan.pk}" selected' in answer.content.decode()
    with tenancy.within(alice.workspace):
        assert Source.objects.filter(is_chosen=True).count() == 2
        assert not TaskSource.objects.exists()
        assert not SyncRun.objects.exists()


def test_an_unknown_tasks_database_is_refused_by_its_field(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace), pytest.raises(InvalidField) as refused:
        choosing.choose(
            membership=alice.membership,
            connection=connection,
            source_ids=set(),
            shown_ids=every_source(),
            tasks_source=str(uuid.uuid4()),
        )

    assert refused.value.extra["errors"][0]["pointer"] == "/tasks_source"


def test_columns_of_a_database_that_is_not_chosen_are_refused(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        finding.find_sources(connection_id=str(connection.id))
        Source.objects.filter(kind="database").update(is_chosen=False)
        plan = Source.objects.get(kind="database")

    answer = post(alice, f"/app/sources/{plan.pk}", action="map")

    assert answer.status_code == 400
    assert "Choose it first." in answer.content.decode()


def test_choosing_waits_for_what_a_sync_writes_and_holds_nothing_that_it_needs(
    alice: Person, acme: NotionWorkspace
) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
        run = services.start(membership=alice.membership)
        form = {source.kind: str(source.pk) for source in Source.objects.all()}
    asked = {"source": list(form.values()), "tasks_source": form["database"]}

    with ThreadPoolExecutor(1) as member:
        with tenancy.within(alice.workspace), transaction.atomic():
            SyncRun.objects.select_for_update().get(pk=run.pk)
            chosen = member.submit(elsewhere, lambda: post(alice, f"/app/connect/{connection.id}/choose", **asked))
            wait([chosen], timeout=1)
            assert not chosen.done()
            assert len(Source.objects.select_for_update(nowait=True)) == 2
            assert len(TaskSource.objects.select_for_update(nowait=True)) == 1
        assert chosen.result().status_code == 302


def remove(person: Person, source: Source) -> HttpResponse:
    return post(person, f"/app/sources/{source.pk}", action="remove", confirm=source.title)


def test_a_removed_source_holds_no_tasks_any_more(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
        plan = Source.objects.get(kind="database")
    said = alice.web.get(f"/app/sources/{plan.pk}").content.decode()

    answer = remove(alice, plan)

    refused = alice.api.post("/tasks", {"title": "Order more paper", "source": "notion"})
    assert "they leave Docent too" in said
    assert (answer.status_code, refused.status_code) == (302, 409)
    assert "No Notion database holds tasks yet." in refused.json()["detail"]
    with tenancy.within(alice.workspace):
        sync(alice)
        assert TaskSource.objects.get().is_refusal


def test_a_database_left_out_of_the_choice_holds_no_tasks_any_more(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
        tree = Source.objects.get(kind="page")

        choosing.choose(
            membership=alice.membership, connection=connection, source_ids={tree.pk}, shown_ids=every_source()
        )

        assert TaskSource.objects.get().is_refusal


def test_a_source_whose_tasks_have_unsent_changes_is_not_removed(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
        plan = Source.objects.get(kind="database")
    alice.api.post("/tasks", {"title": "Order more paper", "source": "notion"})

    answer = remove(alice, plan)

    assert answer.status_code == 422
    assert "1 task has a change that is not in Notion yet" in answer.content.decode()
    with tenancy.within(alice.workspace):
        assert (Source.objects.get(pk=plan.pk).is_chosen, Task.objects.count()) == (True, 4)


@pytest.mark.parametrize("how", ["removed", "not chosen"])
def test_what_a_source_said_goes_with_it_and_comes_back(alice: Person, acme: NotionWorkspace, how: str) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
        tree, plan = Source.objects.get(kind="page"), Source.objects.get(kind="database")
        export = exports.ask(membership=alice.membership, now=timezone.now())
    asked = "How are trains booked?"
    answered = ask(alice, asked)
    assert "second class" in answered["answer"]

    if how == "removed":
        assert remove(alice, tree).status_code == 302
    with tenancy.within(alice.workspace):
        if how == "not chosen":
            shown = {"source_ids": {plan.pk}, "shown_ids": every_source()}
            choosing.choose(membership=alice.membership, connection=connection, **shown)
            sync(alice)

        assert [page.observed for page in Page.objects.filter(source=tree) if "properties" in page.observed] == []
        assert Run.objects.get(pk=answered["id"]).answer == LEFT_OUT
        assert not Export.objects.filter(pk=export.pk).exists()
        sync(alice)
        assert not Page.objects.filter(source=tree, observed__has_key="properties").exists()
        choosing.choose(
            membership=alice.membership, connection=connection, source_ids=every_source(), shown_ids=every_source()
        )
        sync(alice)
    assert "second class" not in kept(alice)
    assert "second class" in ask(alice, asked)["answer"]


def test_tasks_of_a_source_that_is_left_out_are_in_no_export(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
        tree = Source.objects.get(kind="page")
        export = exports.ask(membership=alice.membership, now=timezone.now())

        choosing.choose(
            membership=alice.membership, connection=connection, source_ids={tree.pk}, shown_ids=every_source()
        )

        assert not Export.objects.filter(pk=export.pk).exists()
