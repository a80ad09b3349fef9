"""Unusual shapes of workspaces and pages, each read right. What only has to be read is read once, by one sync."""

from collections.abc import Iterator
from typing import Any

import pytest

from accounts import tenancy
from accounts.models import Connection
from agent.chunking import chunk
from agent.models import Chunk, Page, Source, SyncRun
from agent.passages import Passage
from devkit.notion.process import EmulatorProcess
from tests.agent.sync.working import sync
from tests.outside import NotionWorkspace, connect, seeded
from tests.people import Person, sign_up

LEVELS = 30
ROWS = 1_000
BLOCKS = 5_000
RELATED = 300


def nested(levels: int) -> dict[str, Any]:
    inside: list[Any] = [{"p": "The bottom of the well."}]
    for level in range(levels, 0, -1):
        inside = [{"toggle": {"text": f"Level {level}", "blocks": inside}}]
    return inside[0]


def database(key: str, title: str, sources: dict[str, Any]) -> dict[str, Any]:
    return {"key": key, "title": title, "parent": "shapes", "sources": [{"key": k, **v} for k, v in sources.items()]}


SHAPES = {
    "users": [{"key": "anna", "name": "Anna Berg"}, {"key": "guest", "kind": "guest", "name": None}],
    "pages": [
        {
            "key": "shapes",
            "title": "Shapes",
            "pages": [
                {"key": "deep", "title": "Deep", "blocks": [nested(LEVELS)]},
                {"key": "long", "title": "Long", "generate": {"blocks": BLOCKS, "text": "Line {i}."}},
                {"key": "wide", "title": "Wide", "blocks": [{"table": {"rows": [[f"cell {n}"] for n in range(ROWS)]}}]},
                {"key": "untitled", "title": None, "blocks": [{"p": "Nobody named this page."}]},
                {"key": "hebrew", "title": "מדיניות חופשה", "blocks": [{"p": "לכל עובד 28 ימי חופשה."}]},
                {"key": "emoji", "title": "🚀 Launch 👩🏽‍🚀", "blocks": [{"p": "Lift-off 🎉 at noon."}]},
                {"key": "twin1", "title": "Twin", "blocks": [{"p": "The elder."}]},
                {"key": "twin2", "title": "Twin", "blocks": [{"p": "The younger."}]},
                {
                    "key": "strange",
                    "title": "Strange",
                    "blocks": [{"raw": {"type": "hologram", "hologram": {}}}, {"p": "Beside the hologram."}],
                },
                {"key": "copy", "title": "Copy", "blocks": [{"synced_copy": "original"}, {"p": "After the copy."}]},
                {"key": "view", "title": "View", "blocks": [{"linked_database": {}}, {"p": "Below the view."}]},
            ],
        },
        {
            "key": "private",
            "title": "Private",
            "blocks": [{"synced": {"key": "original", "blocks": [{"p": "Not to be seen."}]}}],
        },
    ],
    "databases": [
        database(
            "double",
            "Double",
            {
                "first": {"title": "First", "properties": {"Name": "title"}, "rows": [{"Name": "Of the first"}]},
                "second": {
                    "title": "Second",
                    "properties": {"Label": "title", "Who": "people"},
                    "rows": [{"Label": "Of the second", "Who": ["guest"]}],
                },
            },
        ),
        database(
            "wholes",
            "Wholes",
            {
                "wholes_main": {
                    "properties": {"Whole": "title", "Needs": {"relation": "parts_main"}},
                    "rows": [{"Whole": "Whole", "Needs": [f"part{n}" for n in range(RELATED)]}],
                }
            },
        ),
        # Not shared: what is related to need not be read.
        {
            "key": "parts",
            "title": "Parts",
            "parent": "private",
            "sources": [
                {
                    "key": "parts_main",
                    "properties": {"Part": "title"},
                    "rows": [{"Part": f"Part {n}", "key": f"part{n}"} for n in range(RELATED)],
                }
            ],
        },
    ],
}


@pytest.fixture(scope="module")
def read_once(emulator: EmulatorProcess, chroma: str) -> Iterator[SyncRun]:
    person = sign_up("Shapes")
    connect(person, seeded(emulator, SHAPES, ["shapes"]))
    with tenancy.within(person.workspace):
        run = sync(person)
    yield run
    with tenancy.within(person.workspace):
        SyncRun.objects.filter(pk=run.pk).delete()


@pytest.fixture
def shapes(read_once: SyncRun) -> Iterator[SyncRun]:
    connection = Connection.objects.select_related("workspace").get(pk=read_once.connection_id)
    with tenancy.within(connection.workspace):
        yield read_once


def text_of(title: str) -> str:
    return Page.objects.get(title=title).markdown


def test_every_page_is_accounted_for(shapes: SyncRun) -> None:
    assert shapes.failed == 0
    assert shapes.known == shapes.indexed == 12 + 2 + 1
    assert not Page.objects.exclude(state="indexed").exists()


def test_thirty_levels_are_read_to_the_bottom(shapes: SyncRun) -> None:
    assert Chunk.objects.filter(page__title="Deep", text__contains="The bottom of the well").exists()


def test_a_page_of_5_000_blocks_is_read_whole(shapes: SyncRun) -> None:
    said = text_of("Long")

    assert all(f"Line {n}." in said for n in (0, 99, 100, 2_500, BLOCKS - 1))
    assert said.count("Line ") == BLOCKS


def test_a_table_of_1_000_rows_is_read_whole(shapes: SyncRun) -> None:
    assert text_of("Wide").count("cell ") == ROWS


def test_a_page_without_title_is_found_by_its_text(shapes: SyncRun) -> None:
    assert Chunk.objects.get(text__contains="Nobody named this page").page.title == "Untitled"


@pytest.mark.parametrize(
    ("title", "words"), [("מדיניות חופשה", "לכל עובד 28 ימי חופשה."), ("🚀 Launch 👩🏽‍🚀", "Lift-off 🎉 at noon.")]
)
def test_all_scripts_are_kept_as_they_were_written(shapes: SyncRun, title: str, words: str) -> None:
    assert words in text_of(title)


def test_pages_of_the_same_title_stay_two(shapes: SyncRun) -> None:
    texts = Chunk.objects.filter(page__title="Twin").values_list("text", flat=True)

    assert sorted("elder" in text for text in texts) == [False, True]


def test_a_block_of_an_unknown_kind_costs_itself_alone(shapes: SyncRun) -> None:
    page = Page.objects.get(title="Strange")

    assert "Beside the hologram" in page.markdown
    assert page.warnings
    assert "hologram on “Strange”" in shapes.reason


def test_a_copy_of_what_is_not_shared_costs_itself_alone(shapes: SyncRun) -> None:
    page = Page.objects.get(title="Copy")

    assert "After the copy" in page.markdown
    assert "Not to be seen" not in page.markdown
    assert "original of a synced block" in str(page.warnings)


def test_a_linked_view_has_no_rows_and_takes_none_away(shapes: SyncRun) -> None:
    assert "Below the view" in text_of("View")
    assert Page.objects.filter(source__title="First").count() == 1


def test_both_sources_of_a_database_are_read(shapes: SyncRun) -> None:
    places = dict(Page.objects.filter(title__startswith="Of the").values_list("title", "source__title"))

    assert places == {"Of the first": "First", "Of the second": "Second"}


def test_a_guest_without_a_name_costs_nothing(shapes: SyncRun) -> None:
    assert Page.objects.get(title="Of the second").state == "indexed"


def test_a_relation_of_300_is_read_whole(shapes: SyncRun) -> None:
    typed = Page.objects.get(title="Whole").properties["typed"]

    assert [len(value) for value in typed.values() if isinstance(value, list)] == [RELATED]


def test_two_megabytes_of_code_are_cut_into_chunks_without_loss() -> None:
    code = "\n".join(f"value_{n} = compute({n})  # λ" for n in range(65_000))
    passage = Passage("b", "code", code, ("Code",))

    chunks = chunk([passage], "Code", [], count_tokens=lambda text: len(text) // 4 + 1)

    assert len(code.encode()) > 2_000_000
    kept = "\n".join(each.text for each in chunks)
    assert all(f"value_{n} = compute({n})" in kept for n in range(0, 65_000, 997))


def test_a_page_that_moves_is_of_the_tree_that_it_moved_to(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.edit(op="move", id=acme.page("security"), to=acme.page("travel"))
        run = sync(alice)
        page = Page.objects.get(title="Security")

        assert run.status == "complete"
        assert page.parent_id == acme.page("travel")
        assert Page.objects.filter(title="Security").count() == 1


def test_new_names_are_learned_without_reading_twice(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.edit(op="set_title", id=acme.page("travel"), title="Journeys")
        acme.edit(op="set_title", id=acme.ids["databases"]["tasks"], title="Rollout")
        acme.edit(op="rename_property", source=acme.source("tasks_main"), name="Due", to="Deadline")
        sync(alice)
        row = Page.objects.get(title="Write the announcement")

        assert Chunk.objects.get(page__title="Journeys").context.startswith("Journeys")
        assert not Page.objects.filter(title="Travel").exists()
        assert "Deadline" in [name for name, _ in row.properties["lines"]]
        assert Chunk.objects.filter(page=row, text__contains="Deadline").exists()
        assert Source.objects.get(kind="database").title == "Rollout"
