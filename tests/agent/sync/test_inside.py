"""What a page names and Notion does not give costs the page nothing."""

import pytest

from accounts import tenancy
from agent.models import Chunk, Page
from devkit.notion.process import EmulatorProcess
from tests.agent.sync.working import REFUSAL, long_ago, sync
from tests.outside import NotionWorkspace, connect, seeded
from tests.people import Person

TROUBLE = pytest.mark.parametrize("trouble", [REFUSAL, "403", "500"], ids=["400", "403", "500"])


@pytest.fixture
def notion(emulator: EmulatorProcess, chroma: str) -> NotionWorkspace:
    """A page with a page and a database inside, which search never shows."""
    child = {"key": "child", "title": "Child", "blocks": [{"p": "The code is 4711."}]}
    rooms = {
        "key": "rooms",
        "title": "Rooms",
        "parent": "top",
        "sources": [{"key": "all", "rows": [{"Name": "Attic"}]}],
    }
    top = {"key": "top", "title": "Top", "blocks": [{"p": "Read me."}], "pages": [child]}
    made = seeded(emulator, {"pages": [top], "databases": [rooms]}, ["top"])
    with_rows = [row["id"] for each in emulator.control("state")["workspaces"] for row in each["objects"].values()]
    made.fault({"search_omit": {"ids": [key for key in with_rows if key != made.page("top")]}}, path_regex="search")
    return made


def indexed() -> dict[str, str]:
    return dict(Page.objects.filter(state="indexed").values_list("title", "reason"))


@TROUBLE
@pytest.mark.parametrize("inside", ["page", "database", "source"])
def test_what_is_not_given_is_asked_for_again(
    alice: Person, emulator: EmulatorProcess, notion: NotionWorkspace, trouble: object, inside: str
) -> None:
    path = {
        "page": f"pages/{notion.page('child')}$",
        "database": f"databases/{notion.ids['databases']['rooms']}$",
        "source": f"data_sources/{notion.source('all')}$",
    }[inside]
    fault = notion.fault(trouble, path_regex=path)
    connect(alice, notion)

    with tenancy.within(alice.workspace):
        first = sync(alice)
        read_first = set(indexed())
        assert Chunk.objects.filter(page__title="Top", text__contains="Read me.").exists()
        emulator.control(f"faults?id={fault}", method="DELETE")
        long_ago()
        second = sync(alice)

        assert (first.status, first.failed) == ("partial", 0)
        assert "1 block could not be read (“Top”)." in first.reason
        assert read_first == {"Top", "Attic" if inside == "page" else "Child"}
        assert (second.status, set(indexed())) == ("complete", {"Top", "Child", "Attic"})


def test_when_nothing_is_given_any_more_the_page_waits(alice: Person, emulator: EmulatorProcess, chroma: str) -> None:
    below = [{"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": "Read me."}]} for n in range(7)]
    notion = seeded(emulator, {"pages": [{"key": "top", "title": "Top", "pages": below}]}, ["top"])
    ids = [notion.page(f"p{n}") for n in range(7)]
    notion.fault({"search_omit": {"ids": ids}}, path_regex="search")
    notion.fault("500", path_regex="/pages/")
    connect(alice, notion)

    with tenancy.within(alice.workspace):
        run = sync(alice)

        assert (run.status, run.failed, Page.objects.get(title="Top").state) == ("partial", 1, "failed")
