"""So many pages seem gone at once that a member is asked: their copies are kept, and answers say what Notion said."""

from typing import Any

import pytest

from accounts import tenancy
from accounts.models import Connection
from agent.composing import NOT_FOUND
from agent.live import checking
from agent.models import Chunk, Page, SyncRun
from agent.sync import performing
from devkit.notion.process import EmulatorProcess
from tests.agent.asking import ask
from tests.agent.live.test_checking import grow_old, looked_at, read_a_minute_ago
from tests.agent.sync.working import long_ago, sync
from tests.outside import NotionWorkspace, seeded
from tests.people import Person

BELOW = 9
ASKED = "How is the ferry to the island booked?"
BOOKED = "the ferry to the island is booked"


@pytest.fixture
def islands(emulator: EmulatorProcess, chroma: str) -> NotionWorkspace:
    """A top page with all others below it."""
    below = [
        {"key": f"p{n}", "title": f"Island {n}", "blocks": [{"p": f"In year {n} {BOOKED} at window {n}."}]}
        for n in range(BELOW)
    ]
    top = {"key": "atop", "title": "Atop", "blocks": [{"p": "All islands."}], "pages": below}
    return seeded(emulator, {"pages": [top]}, ["atop"])


@pytest.fixture
def read(alice: Person, islands: NotionWorkspace) -> Connection:
    return read_a_minute_ago(alice, islands)


def answered(person: Person) -> tuple[dict[str, Any], bool]:
    found = ask(person, ASKED)
    return found, BOOKED in found["answer"]


def kept_copies(person: Person) -> int:
    with tenancy.within(person.workspace):
        assert not Page.objects.filter(state__in=Page.GONE).exists()
        return Chunk.objects.values("page").distinct().count()


def test_what_lies_below_a_trashed_page_is_kept_and_not_quoted(
    alice: Person, islands: NotionWorkspace, read: Connection
) -> None:
    assert answered(alice)[1]
    grow_old(alice)
    islands.edit(op="trash", id=islands.page("atop"))

    found, is_quoted = answered(alice)

    # More pages say so than Notion is asked for before one answer.
    assert BELOW > checking.MOST_PAGES
    assert (found["answer"].startswith(NOT_FOUND), is_quoted, found["citations"]) == (True, False, [])
    assert checking.NOT_CHECKED not in found["answer"]
    assert kept_copies(alice) == BELOW + 1


def test_what_a_sync_found_in_the_trash_and_kept_is_not_searched(
    alice: Person, islands: NotionWorkspace, read: Connection
) -> None:
    islands.edit(op="trash", id=islands.page("atop"))
    with tenancy.within(alice.workspace):
        assert sync(alice).vanished == BELOW + 1
    since = len(islands.requests())

    found, is_quoted = answered(alice)

    assert (found["answer"].startswith(NOT_FOUND), is_quoted) == (True, False)
    assert looked_at(islands, since) == []
    [row] = alice.api.get("/agent/coverage").json()["connections"]
    assert (row["pages"]["indexed"], row["pages"]["older"], row["pages"]["missing"]) == (0, 0, BELOW + 1)
    assert kept_copies(alice) == BELOW + 1


@pytest.mark.parametrize("is_synced", [False, True])
def test_what_notion_no_longer_shows_is_quoted_with_these_words(
    alice: Person, islands: NotionWorkspace, read: Connection, *, is_synced: bool
) -> None:
    islands.edit(op="unshare", id=islands.page("atop"), token=islands.token)
    if is_synced:
        with tenancy.within(alice.workspace):
            sync(alice)

    found, is_quoted = answered(alice)

    assert is_quoted
    assert checking.NOT_CHECKED not in found["answer"]
    assert found["answer"].endswith((checking.NOT_SHOWN, checking.NOT_ALL_SHOWN))
    assert found["checked"] is False
    assert not any(each["checked"] for each in found["citations"])


def test_what_is_restored_is_answered_from_and_not_read_again(
    alice: Person, islands: NotionWorkspace, read: Connection
) -> None:
    with tenancy.within(alice.workspace):
        long_ago()
        islands.edit(op="trash", id=islands.page("atop"))
        sync(alice)
        islands.edit(op="restore", id=islands.page("atop"))
        since = len(islands.requests())

        assert sync(alice).status == "complete"

    blocks = [each["path"] for each in islands.requests()[since:] if f"{islands.page('p1')}/children" in each["path"]]
    assert blocks == []
    assert answered(alice)[1]


@pytest.mark.parametrize("op", ["trash", "unshare"])
def test_a_question_asks_for_one_sync_and_none_once_a_member_is_asked(
    alice: Person, islands: NotionWorkspace, read: Connection, op: str
) -> None:
    islands.edit(op=op, id=islands.page("atop"), token=islands.token)
    answered(alice)
    with tenancy.within(alice.workspace):
        sync(alice)
        count = SyncRun.objects.count()
        grow_old(alice)
    since = len(islands.requests())

    answered(alice)

    assert count == 2
    with tenancy.within(alice.workspace):
        assert SyncRun.objects.count() == count
    assert len(islands.requests()) - since <= checking.MOST_PAGES + checking.MOST_HOLDERS


def test_what_was_kept_as_no_longer_shown_and_goes_into_the_trash_is_asked_about_anew(
    alice: Person, islands: NotionWorkspace, read: Connection
) -> None:
    top = islands.page("atop")
    with tenancy.within(alice.workspace):
        islands.edit(op="unshare", id=top, token=islands.token)
        sync(alice)
    islands.edit(op="share", id=top, token=islands.token)
    islands.edit(op="trash", id=top)
    grow_old(alice)

    answered(alice)

    with tenancy.within(alice.workspace):
        performing.perform(sync_run_id=str(SyncRun.objects.get(status="queued").pk))
        assert set(Page.objects.values_list("reason", flat=True)) == {Page.KEPT[Page.State.TRASHED]}
        count = SyncRun.objects.count()
    answered(alice)
    with tenancy.within(alice.workspace):
        assert SyncRun.objects.count() == count
