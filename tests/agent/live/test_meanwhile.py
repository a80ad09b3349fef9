"""An event and a sync at the same time: who asked Notion last has the last word."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection
from agent.live import reading as live
from agent.models import Page, SyncRun
from agent.sync import accounting, discovery, performing, reading, services, settling, vanishing
from agent.sync.session import opened
from devkit.notion.process import EmulatorProcess
from tasks.models import Task
from tests.agent.live.telling import covered, event, post, texts, work
from tests.agent.sync.working import long_ago, sync, syncing
from tests.outside import HANDBOOK, TASKS, NotionWorkspace, connect, seeded
from tests.people import Person, put_on_plan
from tests.threads import elsewhere

pytestmark = pytest.mark.usefixtures("subscribed")

PAGES = [{"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": f"Fact {n}."}]} for n in range(6)]


@pytest.fixture
def notion(emulator: EmulatorProcess, chroma: str) -> NotionWorkspace:
    shared = ["handbook", *(f"p{n}" for n in range(6))]
    return seeded(emulator, {"pages": [HANDBOOK, *PAGES], "databases": [TASKS]}, shared)


@pytest.fixture
def connection(alice: Person, notion: NotionWorkspace) -> Connection:
    put_on_plan(alice, "plus")
    return connect(alice, notion)


@pytest.fixture
def read(alice: Person, connection: Connection) -> Connection:
    with tenancy.within(alice.workspace):
        assert sync(alice).status == "complete"
        long_ago()
    return connection


def told(person: Person, connection: Connection, notion: NotionWorkspace, op: str, notion_id: str) -> None:
    notion.edit(op=op, id=notion_id)
    kind = {"trash": "page.deleted", "restore": "page.undeleted"}[op]

    def tell() -> None:
        post(event(connection, kind, notion_id))
        work(person)

    elsewhere(tell)


def beside(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, act: Callable[[], None], *, is_after: bool = True
) -> None:
    """Once, beside the sync that calls this function."""
    real, acts = getattr(module, name), [act]

    def calling(session: Any, *given: Any, **more: Any) -> Any:
        if not is_after and not session.is_only_looking and acts:
            acts.pop()()
        answer = real(session, *given, **more)
        if is_after and not session.is_only_looking and acts:
            acts.pop()()
        return answer

    monkeypatch.setattr(module, name, calling)


def state_of(notion_id: str) -> str:
    return Page.objects.get(notion_id=notion_id).state


def test_a_page_that_is_deleted_while_a_sync_reads_others_stays_gone(
    alice: Person, notion: NotionWorkspace, connection: Connection
) -> None:
    with tenancy.within(alice.workspace), syncing(alice, notion):
        waiting = Page.objects.filter(sync_run=None, title__startswith="Page")
        last = waiting.order_by("observed_edited_at", "-id").values_list("notion_id", flat=True)[0]
        told(alice, connection, notion, "trash", last)

    with tenancy.within(alice.workspace):
        assert state_of(last) == "trashed"
        assert SyncRun.objects.get().trashed == 1


@pytest.mark.parametrize("moment", ["discover", "place"])
def test_a_row_that_is_deleted_is_no_task_for_a_sync_that_listed_it(
    alice: Person, notion: NotionWorkspace, read: Connection, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    with tenancy.within(alice.workspace):
        row = Page.objects.get(title="Choose a printer").notion_id
        Page.objects.exclude(notion_id=row).update(sync_run=None)
        module = {"discover": discovery, "place": accounting}[moment]
        real = getattr(module, moment)
        done: list[str] = []

        def calling(session: Any, *given: Page) -> Any:
            answer = real(session, *given)
            if not (session.is_only_looking or done or (given and given[0].notion_id != row)):
                done.append(row)
                told(alice, read, notion, "trash", row)
            return answer

        monkeypatch.setattr(module, moment, calling)
        run = sync(alice)

        assert (done, state_of(row), run.trashed) == ([row], "trashed", 1)
        assert not Task.objects.filter(gone_at=None, title="Choose a printer").exists()


@pytest.mark.parametrize("is_confirmed", [False, True])
def test_a_page_that_is_restored_after_a_sync_proved_it_gone_stays(
    alice: Person, notion: NotionWorkspace, read: Connection, monkeypatch: pytest.MonkeyPatch, is_confirmed: bool
) -> None:
    page = notion.page("p1")
    with tenancy.within(alice.workspace):
        for n in range(6) if is_confirmed else [1]:
            notion.edit(op="trash", id=notion.page(f"p{n}"))
        if is_confirmed:
            asking = sync(alice)
            assert asking.vanished == 6
        beside(monkeypatch, vanishing, "_ask_for_each", lambda: told(alice, read, notion, "restore", page))
        if is_confirmed:
            run = services.confirm_loss(membership=alice.membership, connection_id=read.pk, sync_run_id=str(asking.pk))
            performing.perform(sync_run_id=str(run.pk))
        else:
            sync(alice)

        assert state_of(page) == "indexed"
        left = Page.objects.filter(title__startswith="Page").count()
    assert left == (1 if is_confirmed else 6)
    assert "Fact 1." in texts(alice)
    assert covered(alice)["pages"]["older"] == 0


def test_a_page_that_is_restored_before_a_sync_erases_it_stays(
    alice: Person, notion: NotionWorkspace, read: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = notion.page("p1")
    told(alice, read, notion, "trash", page)
    with tenancy.within(alice.workspace):
        Page.objects.filter(state="trashed").update(gone_at=timezone.now() - vanishing.SECOND_LOOK_AFTER)
        beside(monkeypatch, settling, "erase", lambda: told(alice, read, notion, "restore", page), is_after=False)

        run = sync(alice)

        assert (state_of(page), run.status) == ("indexed", "complete")
    assert "Fact 1." in texts(alice)


@pytest.mark.parametrize("which", ["top", "low"])
def test_a_page_that_goes_again_while_it_is_read_after_it_was_back_stays_hidden(
    alice: Person, emulator: EmulatorProcess, chroma: str, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    low = {"key": "low", "title": "Low", "blocks": [{"p": "Deep."}]}
    top = {"key": "top", "title": "Top", "blocks": [{"p": "High."}], "pages": [low]}
    others = [{"key": f"q{n}", "title": f"Other {n}", "blocks": [{"p": f"Fact {n}."}]} for n in range(8)]
    notion = seeded(emulator, {"pages": [top, *others]}, ["top", *(f"q{n}" for n in range(8))])
    put_on_plan(alice, "plus")
    connection = connect(alice, notion)
    with tenancy.within(alice.workspace):
        sync(alice)
        long_ago()
        told(alice, connection, notion, "trash", notion.page("top"))
        notion.edit(op="restore", id=notion.page("top"))
        real = reading._write

        def writing(session: Any, page: Page, *given: Any) -> None:
            if not session.is_only_looking and page.notion_id == notion.page(which):
                # It was fetched as it is, and is not written down yet.
                told(alice, connection, notion, "trash", notion.page("top"))
            real(session, page, *given)

        monkeypatch.setattr(reading, "_write", writing)
        sync(alice)

        assert state_of(notion.page(which)) == "trashed"


def test_a_page_that_is_back_is_read_again_when_another_judged_it_meanwhile(
    alice: Person, notion: NotionWorkspace, read: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = notion.page("p1")
    with tenancy.within(alice.workspace):
        told(alice, read, notion, "trash", page)
        real, acts = accounting.read, [page]

        def look_too() -> None:
            with tenancy.within(alice.workspace), opened(read, SyncRun(connection_id=read.pk)) as session:
                session.is_only_looking = True
                live.read_page(session, page, edited_at=timezone.now())

        def reading_it(session: Any, found: Page, *given: Any) -> None:
            if found.notion_id in acts:
                acts.clear()
                notion.edit(op="trash", id=page)
                elsewhere(look_too)
                notion.edit(op="restore", id=page)
            real(session, found, *given)

        monkeypatch.setattr(accounting, "read", reading_it)
        told(alice, read, notion, "restore", page)

        assert (acts, state_of(page)) == ([], "indexed")
