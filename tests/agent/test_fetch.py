"""Reading a page block by block, from a Notion that answers what the test says."""

from collections.abc import Iterator

import pytest

from agent import fetch
from agent.fetch import fetch_blocks
from agent.markdown import passages_of
from agent.remarks import Remark
from integrations.notion import Invalid, NotFound, StaleCursor, TimedOut, Unauthorized, Unreachable
from tests.agent.notion_blocks import NOT_THERE, RECORDED, Json, block, recorded_lists

recorded = pytest.mark.skipif(not RECORDED.is_dir(), reason=NOT_THERE)


class Tree:
    """Children by id; an error instead of children is raised."""

    def __init__(self, **children: list[Json] | Exception) -> None:
        self.lists = children
        self.asked: list[str] = []

    def children(self, block_id: str) -> Iterator[Json]:
        self.asked.append(block_id)
        answer = self.lists[block_id]
        if isinstance(answer, Exception):
            raise answer
        return iter(answer)


def parent(id: str, kind: str = "toggle", **payload: object) -> Json:
    return block(kind, id, id=id, **payload) | {"has_children": True}


def words(blocks: list[Json]) -> list[str]:
    return [passage.text.strip() for passage in passages_of(blocks).passages]


def test_blocks_come_with_what_is_below_them_in_order() -> None:
    tree = Tree(
        page=[parent("a"), block("paragraph", "end")],
        a=[parent("b"), block("paragraph", "2")],
        b=[block("paragraph", "1")],
    )

    blocks, remarks = fetch_blocks(tree, "page")

    assert words(blocks) == ["**a**", "**b**", "1", "2", "end"]
    assert remarks == []


def test_only_parents_are_asked_for_children() -> None:
    documents = [parent("sub", "child_page"), parent("table", "child_database"), block("paragraph", "x")]
    tree = Tree(page=documents)

    fetch_blocks(tree, "page")

    assert tree.asked == ["page"]


@pytest.mark.parametrize(("error", "reason"), [(NotFound("gone"), fetch.GONE), (Invalid("no"), fetch.NOT_READABLE)])
def test_a_refused_block_does_not_cost_the_page(error: Exception, reason: str) -> None:
    tree = Tree(page=[parent("bad"), parent("good")], bad=error, good=[block("paragraph", "kept")])

    blocks, remarks = fetch_blocks(tree, "page")

    assert words(blocks) == ["**bad**", "**good**", "kept"]
    assert remarks == [Remark(reason, "bad")]


def test_a_synced_copy_whose_original_is_not_shared_is_left_out() -> None:
    copy = parent("copy", "synced_block", synced_from={"type": "block_id", "block_id": "original"})
    tree = Tree(page=[copy, block("paragraph", "rest")], copy=NotFound("not shared"))

    blocks, remarks = fetch_blocks(tree, "page")

    assert words(blocks)[-1] == "rest"
    assert remarks == [Remark(fetch.NOT_SHARED, "copy")]


@pytest.mark.parametrize("error", [Unreachable("502"), TimedOut("504"), Unauthorized("401"), StaleCursor("cursor")])
def test_a_failure_in_the_middle_fails_the_page(error: Exception) -> None:
    tree = Tree(page=[parent("a"), parent("b")], a=[], b=error)

    with pytest.raises(type(error)):
        fetch_blocks(tree, "page")


@pytest.mark.parametrize("error", [NotFound("gone"), Invalid("no page")])
def test_a_refusal_of_the_page_itself_is_raised(error: Exception) -> None:
    with pytest.raises(type(error)):
        fetch_blocks(Tree(page=error), "page")


def test_a_synced_block_inside_itself_is_read_once() -> None:
    copy = parent("copy", "synced_block", synced_from={"type": "block_id", "block_id": "original"})
    tree = Tree(page=[parent("original", "synced_block", synced_from=None)], original=[block("paragraph", "x"), copy])

    blocks, remarks = fetch_blocks(tree, "page")

    assert words(blocks) == ["x"]
    assert remarks == [Remark(fetch.CYCLE, "copy")]


def test_two_pages_that_sync_each_other_come_to_an_end() -> None:
    tree = Tree(page=[parent("a")], a=[parent("b")], b=[parent("a")])

    _, remarks = fetch_blocks(tree, "page")

    assert remarks == [Remark(fetch.CYCLE, "a")]


def test_sixty_levels_are_read() -> None:
    levels: dict[str, list[Json] | Exception] = {f"b{n}": [parent(f"b{n + 1}")] for n in range(60)}
    tree = Tree(page=[parent("b0")], b60=[block("paragraph", "bottom")], **levels)

    blocks, _ = fetch_blocks(tree, "page")

    assert words(blocks)[-1] == "bottom"


def test_endless_depth_ends_with_a_remark() -> None:
    levels: dict[str, list[Json] | Exception] = {f"b{n}": [parent(f"b{n + 1}")] for n in range(200)}

    _, remarks = fetch_blocks(Tree(page=[parent("b0")], **levels), "page")

    assert [remark.reason for remark in remarks] == [fetch.TOO_DEEP]


def test_a_page_too_long_is_cut_with_a_remark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MOST_BLOCKS", 10)

    blocks, remarks = fetch_blocks(Tree(page=[block("paragraph", str(n)) for n in range(11)]), "page")

    assert len(blocks) == 10
    assert [remark.reason for remark in remarks] == [fetch.TOO_LONG]


@pytest.mark.parametrize("kind", ["meeting_notes", "transcription"])
def test_meeting_notes_come_with_summary_and_notes(kind: str) -> None:
    named = {"summary_block_id": "s", "notes_block_id": "n", "transcript_block_id": "t"}
    notes = block(kind, id="m", title=[], children=named)
    tree = Tree(
        page=[notes], s=[block("paragraph", "summary")], n=[block("paragraph", "notes")], t=[block("paragraph", "said")]
    )

    blocks, _ = fetch_blocks(tree, "page")
    in_full, _ = fetch_blocks(tree, "page", transcripts=True)

    assert words(blocks) == ["summary", "notes"]
    assert words(in_full) == ["summary", "notes", "said"]


def test_a_missing_summary_does_not_cost_the_notes() -> None:
    notes = block("meeting_notes", id="m", children={"summary_block_id": "s", "notes_block_id": "n"})
    tree = Tree(page=[notes], s=NotFound("gone"), n=[block("paragraph", "notes")])

    blocks, remarks = fetch_blocks(tree, "page")

    assert words(blocks) == ["notes"]
    assert len(remarks) == 1


@recorded
def test_a_recorded_page_is_fetched_with_all_its_levels() -> None:
    lists = recorded_lists("blocks_page_with_24_types_tree_v2026.json")
    copy, original = "38a9ce7b-60a4-81d8-ac97-df3798e81f4b", "38a9ce7b-60a4-8197-92ef-c6e1c4dad50a"
    tree = Tree(**lists | {copy: lists[original]})

    blocks, remarks = fetch_blocks(tree, next(iter(lists)))

    assert remarks == []
    assert set(tree.asked) == set(lists) - {original} | {copy}
    assert len(words(blocks)) > 30
