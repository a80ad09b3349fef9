import pytest
from django.http import HttpResponse
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, Role
from agent.exports import services as exports
from agent.live import reading as live
from agent.models import Chunk, Export, Loss, Page, Source, SyncRun
from agent.sync import ending, performing, services, vanishing
from agent.sync.session import opened
from devkit.notion.process import EmulatorProcess
from integrations import vectors
from tests.agent.asking import ask
from tests.agent.sync.working import keep_a_page, sync, syncing
from tests.outside import HANDBOOK, NotionWorkspace, connect, seeded
from tests.people import Person, join


def test_a_trashed_page_is_no_longer_searched(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.edit(op="trash", id=acme.page("travel"))
        run = sync(alice)
        page = Page.objects.get(title="Travel")
        chunks = {str(key) for key in Chunk.objects.values_list("id", flat=True)}

    assert run.status == "complete"
    assert page.state in {"trashed", "unreachable"}
    assert set(vectors.workspace(alice.workspace.id).collection(connection.id).ids()) == chunks


def test_absence_from_search_deletes_nothing(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.fault({"search_omit": {"ids": [acme.page("travel"), acme.page("security")]}}, path_regex="search")
        run = sync(alice)
        states = dict(Page.objects.values_list("title", "state"))

    assert run.status == "complete"
    assert states["Travel"] == states["Security"] == "indexed"


@pytest.fixture
def losing(alice: Person, emulator: EmulatorProcess, chroma: str) -> tuple[Connection, NotionWorkspace]:
    """Ten pages were read, then the connection lost eight of them."""
    notion = pages_of_facts(emulator, 10)
    connection = connect(alice, notion)
    with tenancy.within(alice.workspace):
        sync(alice)
    lose(notion, *range(8))
    return connection, notion


@pytest.fixture
def emptied(alice: Person, losing: tuple[Connection, NotionWorkspace]) -> tuple[Connection, NotionWorkspace]:
    """And a sync saw that."""
    with tenancy.within(alice.workspace):
        sync(alice)
    return losing


def confirm(person: Person, connection: Connection) -> HttpResponse:
    """Press the button of the sync that was ended last."""
    with tenancy.within(person.workspace):
        last = SyncRun.objects.latest("created_at")
    form = {"action": "confirm", "sync": str(last.pk), "workspace": str(person.workspace.pk)}
    answer: HttpResponse = person.web.post(f"/app/connect/{connection.pk}/sync", form)
    return answer


def test_many_pages_vanishing_at_once_are_kept(alice: Person, emptied: tuple[Connection, NotionWorkspace]) -> None:
    with tenancy.within(alice.workspace):
        run = SyncRun.objects.latest("created_at")

        assert (run.status, run.vanished, run.vanished_of) == ("partial", 8, 10)
        assert "8 of 10 pages seem gone" in run.reason
        assert "could not be read" not in run.reason
        assert Chunk.objects.values("page").distinct().count() == 10


@pytest.mark.parametrize("address", ["/app/sources", "/app/connect/{}/sync"])
def test_pages_that_seem_gone_are_shown_with_what_confirming_does(
    alice: Person, emptied: tuple[Connection, NotionWorkspace], address: str
) -> None:
    page = alice.web.get(address.format(emptied[0].pk)).content.decode()

    assert "8 of 10 pages seem gone from Notion." in page
    assert page.index("are deleted here for good and no answer is drawn") < page.index("Delete the copies of 8 pages")
    # While Notion does not let us in, nobody can look whether they are.
    Connection.objects.filter(pk=emptied[0].pk).update(status=Connection.Status.REAUTHORIZE)
    assert "Delete the copies" not in alice.web.get(address.format(emptied[0].pk)).content.decode()


def test_a_confirmed_loss_removes_what_is_still_gone(
    alice: Person, emptied: tuple[Connection, NotionWorkspace]
) -> None:
    connection, notion = emptied
    notion.edit(op="share", id=notion.page("p0"), token=notion.token)

    confirm(alice, connection)

    with tenancy.within(alice.workspace):
        run = SyncRun.objects.get(status="queued")
        performing.perform(sync_run_id=str(run.pk))
        run.refresh_from_db()
        assert (run.status, run.vanished) == ("complete", 0)
        assert set(Chunk.objects.values_list("page__title", flat=True)) == {"Page 0", "Page 8", "Page 9"}
    assert "seem gone" not in alice.web.get("/app/sources").content.decode()


@pytest.mark.parametrize(("more", "erased", "hidden"), [((8,), 8, 1), ((8, 9), 0, 0)])
def test_a_confirmation_is_about_what_was_shown(
    alice: Person, emptied: tuple[Connection, NotionWorkspace], more: tuple[int, ...], erased: int, hidden: int
) -> None:
    connection, notion = emptied
    lose(notion, *more)
    confirm(alice, connection)

    with tenancy.within(alice.workspace):
        run = SyncRun.objects.get(status="queued")
        performing.perform(sync_run_id=str(run.pk))
        run.refresh_from_db()

        assert (Page.objects.count(), Page.objects.filter(state__in=Page.LOST).count()) == (10 - erased, hidden)
        assert (run.vanished, run.is_loss_confirmed) == ((0, True) if erased else (10, False))


def test_a_full_sync_for_tasks_confirms_no_loss(alice: Person, emptied: tuple[Connection, NotionWorkspace]) -> None:
    with tenancy.within(alice.workspace):
        run = services.start_connection(emptied[0], requested_by=None, is_full=True)
        performing.perform(sync_run_id=str(run.pk))

        assert Chunk.objects.values("page").distinct().count() == 10


def test_a_full_sync_that_a_member_asks_for_confirms_the_loss(
    alice: Person, emptied: tuple[Connection, NotionWorkspace]
) -> None:
    with tenancy.within(alice.workspace):
        sync(alice, is_full=True)

        assert Chunk.objects.values("page").distinct().count() == 2


def test_a_full_sync_confirms_no_loss_that_nobody_was_told_of(
    alice: Person, losing: tuple[Connection, NotionWorkspace]
) -> None:
    with tenancy.within(alice.workspace):
        run = sync(alice, is_full=True)

        assert (run.status, run.vanished, run.is_loss_confirmed) == ("partial", 8, False)
        assert Chunk.objects.values("page").distinct().count() == 10
        assert vanishing.kept(losing[0]) == vanishing.Question(run.pk, 8, 10)


@pytest.mark.parametrize(("known", "most"), [(3, 2), (6, 3), (9, 4), (10, 5), (25, 5), (26, 5), (50, 10), (1000, 200)])
def test_more_than_half_of_a_small_connection_is_not_lost_unasked(known: int, most: int) -> None:
    assert int(vanishing.most_at_once(known)) == most


@pytest.mark.parametrize(("gone", "left"), [(3, 3), (4, 6)])
def test_most_of_a_small_connection_is_kept(
    alice: Person, emulator: EmulatorProcess, chroma: str, gone: int, left: int
) -> None:
    pages = [{"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": f"Fact number {n}."}]} for n in range(6)]
    notion = seeded(emulator, {"pages": pages}, [f"p{n}" for n in range(6)])
    connect(alice, notion)
    with tenancy.within(alice.workspace):
        sync(alice)
        for n in range(gone):
            notion.edit(op="unshare", id=notion.page(f"p{n}"), token=notion.token)
        sync(alice)

        assert Page.objects.searchable().count() == left


def test_what_was_left_out_does_not_hide_that_most_of_the_rest_is_gone(
    alice: Person, emulator: EmulatorProcess, chroma: str
) -> None:
    pages = [{"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": f"Fact number {n}."}]} for n in range(6)]
    left_out = {
        "key": "rooms",
        "title": "Rooms",
        "parent": "p0",
        "sources": [{"key": "all", "properties": {"Room": "title"}, "rows": [{"Room": f"R{n}"} for n in range(30)]}],
    }
    notion = seeded(emulator, {"pages": pages, "databases": [left_out]}, [f"p{n}" for n in range(6)])
    connect(alice, notion)
    with tenancy.within(alice.workspace):
        sync(alice)
        Source.objects.filter(title="Rooms").update(is_chosen=False)
        sync(alice)
        for n in range(1, 6):
            notion.edit(op="unshare", id=notion.page(f"p{n}"), token=notion.token)
        run = sync(alice)

        assert (run.status, run.vanished, run.vanished_of) == ("partial", 5, 6)


def test_programs_are_told_of_what_is_kept_and_confirm_it(
    alice: Person, emptied: tuple[Connection, NotionWorkspace]
) -> None:
    [row] = alice.api.get("/agent/coverage").json()["connections"]
    found = alice.api.get(f"/agent/sync/{row['kept']['sync_id']}").json()["pages"]

    answer = alice.api.post(f"/agent/sync/{row['kept']['sync_id']}/confirm")

    assert found == {"known": 10, "indexed": 0, "unchanged": 2, "skipped": 0, "failed": 0, "kept": 8, "trashed": 0}
    assert (row["kept"]["pages"], row["kept"]["of"], row["pages"]["older"]) == (8, 10, 8)
    assert answer.status_code == 202
    with tenancy.within(alice.workspace):
        performing.perform(sync_run_id=answer.json()["id"])
        assert Page.objects.count() == 2
    [after] = alice.api.get("/agent/coverage").json()["connections"]
    assert (after["kept"], after["pages"]["known"], after["pages"]["older"]) == (None, 2, 0)
    again = alice.api.post(f"/agent/sync/{row['kept']['sync_id']}/confirm")
    assert (again.status_code, again.json()["type"].rpartition("/")[2]) == (409, "nothing-to-confirm")


def test_a_loss_is_not_confirmed_in_silence_while_a_sync_looks_at_it(
    alice: Person, emptied: tuple[Connection, NotionWorkspace]
) -> None:
    with tenancy.within(alice.workspace):
        kept = SyncRun.objects.latest("created_at")
        services.start(membership=alice.membership)
        SyncRun.objects.filter(status="queued").update(status="running")

    answer = alice.api.post(f"/agent/sync/{kept.pk}/confirm")

    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (409, "busy")


def test_the_overview_tells_of_what_is_kept(alice: Person, emptied: tuple[Connection, NotionWorkspace]) -> None:
    assert "8 of 10 pages seem gone from Notion." in alice.web.get("/app").content.decode()


def test_a_page_with_too_much_below_it_goes_when_a_member_says_so(
    alice: Person, emulator: EmulatorProcess, chroma: str
) -> None:
    below = [{"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": f"Fact number {n}."}]} for n in range(8)]
    top = {"key": "top", "title": "Top", "blocks": [{"p": "All facts."}], "pages": below}
    other = {"key": "other", "title": "Other", "blocks": [{"p": "Something else."}]}
    notion = seeded(emulator, {"pages": [top, other]}, ["top", "other"])
    connection = connect(alice, notion)
    with tenancy.within(alice.workspace):
        sync(alice)
        notion.edit(op="trash", id=notion.page("top"))
        with opened(connection, SyncRun(connection_id=connection.pk)) as session:
            session.is_only_looking = True
            live.read_page(session, notion.page("top"), edited_at=timezone.now())
        # Too many to go unasked: a sync was begun, and asks.
        performing.perform(sync_run_id=str(SyncRun.objects.get(status="queued").pk))
    assert "9 of 10 pages seem gone" in alice.web.get("/app/sources").content.decode()
    [row] = alice.api.get("/agent/coverage").json()["connections"]
    assert (row["kept"]["pages"], row["pages"]["indexed"], row["pages"]["missing"]) == (9, 1, 9)

    confirm(alice, connection)

    with tenancy.within(alice.workspace):
        performing.perform(sync_run_id=str(SyncRun.objects.get(status="queued").pk))
        assert list(Page.objects.values_list("title", flat=True)) == ["Other"]


def test_pages_of_a_connection_that_shows_none_are_older_ones(
    alice: Person, emptied: tuple[Connection, NotionWorkspace]
) -> None:
    for n in (8, 9):
        emptied[1].edit(op="unshare", id=emptied[1].page(f"p{n}"), token=emptied[1].token)
    with tenancy.within(alice.workspace):
        assert sync(alice).status == "failed"

    [row] = alice.api.get("/agent/coverage").json()["connections"]

    assert (row["kept"]["pages"], row["pages"]["indexed"], row["pages"]["older"]) == (10, 0, 10)
    confirm(alice, emptied[0])
    with tenancy.within(alice.workspace):
        performing.perform(sync_run_id=str(SyncRun.objects.get(status="queued").pk))
        assert not Page.objects.exists()


def test_what_another_sync_has_seen_since_is_not_confirmed(
    alice: Person, emptied: tuple[Connection, NotionWorkspace]
) -> None:
    confirm(alice, emptied[0])
    with tenancy.within(alice.workspace):
        SyncRun.objects.filter(status="queued").update(status="complete")
        count = SyncRun.objects.count()

    confirm(alice, emptied[0])

    with tenancy.within(alice.workspace):
        assert SyncRun.objects.count() == count


def test_who_may_not_change_the_connection_sees_the_loss_and_cannot_confirm_it(
    team_owner: Person, emulator: EmulatorProcess
) -> None:
    bob, vera = join(team_owner, "Bob"), join(team_owner, "Vera", Role.VIEWER)
    connection = connect(team_owner, seeded(emulator, {"pages": [HANDBOOK]}, ["handbook"]), is_shared=True)
    with tenancy.within(team_owner.workspace):
        SyncRun.objects.create(connection_id=connection.pk, status="partial", vanished=1, vanished_of=1)
        keep_a_page(connection)

    for person, status in ((bob, 404), (vera, 403)):
        page = person.web.get("/app/sources").content.decode()
        assert "1 of 1 page seems gone" in page
        assert 'value="confirm"' not in page
        assert confirm(person, connection).status_code == status
    with tenancy.within(team_owner.workspace):
        assert not services.start(membership=bob.membership, is_full=True).is_loss_confirmed


def test_a_refused_page_stays_until_it_is_proven_gone(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.edit(op="append", parent=acme.page("travel"), blocks=[{"p": "More."}])
        acme.fault(
            {"error": {"status": 404, "code": "object_not_found", "message": "Could not find block"}},
            path_regex=f"blocks/{acme.page('travel')}/children",
        )
        run = sync(alice)

        assert run.status == "partial"
        assert Page.objects.get(title="Travel").state == "failed"
        assert Chunk.objects.filter(page__title="Travel").exists()


def test_a_page_that_an_event_brings_while_a_sync_reads_is_not_taken_for_gone(
    alice: Person, acme: NotionWorkspace
) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        with syncing(alice, acme), opened(connection, SyncRun(connection_id=connection.pk)) as session:
            session.is_only_looking = True
            page = {"title": "Visitors", "blocks": [{"p": "Visitors sign in at the door."}]}
            brought = acme.edit(op="add_page", parent=acme.page("handbook"), page=page)["id"]
            live.read_page(session, brought, edited_at=timezone.now())
        sync(alice)

        assert Page.objects.get(notion_id=brought).state == "indexed"
        assert Chunk.objects.filter(page__notion_id=brought, text__contains="sign in at the door").exists()


def lose(notion: NotionWorkspace, *numbers: int) -> None:
    for n in numbers:
        notion.edit(op="unshare", id=notion.page(f"p{n}"), token=notion.token)


def lose_by_an_event(connection: Connection, notion: NotionWorkspace, number: int) -> None:
    lose(notion, number)
    with opened(connection, SyncRun(connection_id=connection.pk)) as session:
        session.is_only_looking = True
        live.read_page(session, notion.page(f"p{number}"), edited_at=timezone.now())


def pages_of_facts(emulator: EmulatorProcess, number: int) -> NotionWorkspace:
    pages = [{"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": f"Fact number {n}."}]} for n in range(number)]
    return seeded(emulator, {"pages": pages}, [f"p{n}" for n in range(number)])


def answered_from() -> int:
    return Page.objects.searchable().count()


def second_look_is_due() -> None:
    for model in (Page, Source):
        model._default_manager.exclude(gone_at=None).update(gone_at=timezone.now() - vanishing.SECOND_LOOK_AFTER)


def test_what_vanishes_little_by_little_is_kept_as_what_vanishes_at_once(
    alice: Person, emulator: EmulatorProcess, chroma: str
) -> None:
    notion = pages_of_facts(emulator, 12)
    connection = connect(alice, notion)
    with tenancy.within(alice.workspace):
        sync(alice)
        for gone in ((0, 1), (2, 3), (4,)):
            lose(notion, *gone)
            assert sync(alice).status == "complete"
            second_look_is_due()

        lose(notion, 5)
        asking = sync(alice)

        assert (asking.status, asking.vanished, answered_from()) == ("partial", 1, 7)
    confirm(alice, connection)
    with tenancy.within(alice.workspace):
        performing.perform(sync_run_id=str(SyncRun.objects.get(status="queued").pk))
        assert answered_from() == 6
        # Confirmed, it counts no more.
        lose(notion, 6, 7)
        assert (sync(alice).status, answered_from()) == ("complete", 4)


def test_what_comes_makes_up_for_nothing_that_vanishes(alice: Person, emulator: EmulatorProcess, chroma: str) -> None:
    notion = pages_of_facts(emulator, 12)
    connection = connect(alice, notion)
    with tenancy.within(alice.workspace):
        sync(alice)
        for gone in ((0, 1, 2), (3, 4)):
            replace(notion, *gone)
            assert sync(alice).status == "complete"
            second_look_is_due()
        # The first ones are erased by now.
        replace(notion, 5)
        asking = sync(alice)

        assert (asking.status, asking.vanished, answered_from()) == ("partial", 1, 13)
        assert Loss.objects.count() == 5
    # Shared again, three of them are no loss.
    for n in (0, 1, 2):
        notion.edit(op="share", id=notion.page(f"p{n}"), token=notion.token)
    with tenancy.within(alice.workspace):
        assert (sync(alice).status, Loss.objects.count()) == ("complete", 2)
        ending._forget(connection.pk)
        assert not Loss.objects.exists()


def replace(notion: NotionWorkspace, *numbers: int) -> None:
    """As many pages come as go."""
    lose(notion, *numbers)
    for n in numbers:
        page = {"title": f"New {n}", "blocks": [{"p": f"New fact {n}."}]}
        notion.edit(op="add_page", parent=notion.page("p11"), page=page)


def test_what_vanished_days_ago_does_not_count(alice: Person, emulator: EmulatorProcess, chroma: str) -> None:
    notion = pages_of_facts(emulator, 12)
    connect(alice, notion)
    with tenancy.within(alice.workspace):
        sync(alice)
        lose(notion, 0, 1, 2, 3, 4)
        sync(alice)
        Page.objects.exclude(gone_at=None).update(gone_at=timezone.now() - vanishing.TOGETHER_WITHIN)
        sync(alice)

        lose(notion, 5)

        assert (sync(alice).status, answered_from()) == ("complete", 6)


def test_the_last_page_of_a_connection_does_not_go_by_an_event(
    alice: Person, emulator: EmulatorProcess, chroma: str
) -> None:
    notion = pages_of_facts(emulator, 2)
    connection = connect(alice, notion)
    with tenancy.within(alice.workspace):
        sync(alice)

        lose_by_an_event(connection, notion, 0)
        lose_by_an_event(connection, notion, 1)

        assert (answered_from(), SyncRun.objects.filter(status="queued").count()) == (1, 1)


def test_answers_that_quoted_an_erased_page_are_erased_with_it(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
    asked = "How are trains booked?"
    answers = {prompt: ask(alice, prompt) for prompt in (asked, "When do laptops lock themselves?")}
    quoting, other = (f"/agent/runs/{each['id']}" for each in answers.values())
    assert "second class" in answers[asked]["answer"]

    acme.edit(op="trash", id=acme.page("travel"))
    with tenancy.within(alice.workspace):
        sync(alice)
        export = exports.ask(membership=alice.membership, now=timezone.now())
        second_look_is_due()
        sync(alice)

        assert not Export.objects.filter(pk=export.pk).exists()
    after = alice.api.get(quoting).json()
    assert "second class" not in alice.api.get(f"{quoting}/events").content.decode()
    assert (after["prompt"], [(each["quote"], each["title"]) for each in after["citations"]]) == (asked, [("", "")])
    assert "Travel" not in alice.web.get(f"/app/ask/{answers[asked]['conversation_id']}").content.decode()
    assert after["answer"] == "This answer rested on a page that is gone from Notion, and was erased with it."
    assert "five minutes" in alice.api.get(other).json()["answer"]
