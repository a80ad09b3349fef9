"""Every kind of block as the words that are searched and cited."""

import random
from typing import Any

import pytest

from agent.markdown import outline_of, passages_in, passages_of, to_markdown
from tests.agent.notion_blocks import NOT_THERE, RECORDED, Json, block, recorded_objects, recorded_tree, row, text

recorded = pytest.mark.skipif(not RECORDED.is_dir(), reason=NOT_THERE)


def markdown(*blocks: object) -> str:
    return to_markdown(passages_of(blocks).passages)


def mention(kind: str, target: Any, words: str, href: str | None = None) -> Json:
    return {"type": "mention", "mention": {"type": kind, kind: target}, "plain_text": words, "href": href}


def test_passages_keep_their_block_and_their_headings() -> None:
    blocks = [block("heading_1", "Onboarding", id="h"), block("paragraph", "Order a laptop.", id="p")]

    heading, paragraph = passages_of(blocks).passages

    assert (heading.block_id, heading.kind, heading.text) == ("h", "heading", "# Onboarding")
    assert (paragraph.block_id, paragraph.kind, paragraph.heading_path) == ("p", "paragraph", ("Onboarding",))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (block("paragraph", "one\ntwo"), "one\ntwo"),
        (block("paragraph", "top", block("paragraph", "below")), "top\n\n  below"),
        (block("heading_4", "Deep"), "#### Deep"),
        (block("bulleted_list_item", "a", block("bulleted_list_item", "b")), "- a\n  - b"),
        (block("to_do", "a", checked=True), "- [x] a"),
        (block("to_do", "a", checked=False), "- [ ] a"),
        (block("toggle", "Details", block("paragraph", "inside")), "**Details**\n\ninside"),
        (block("quote", "a\nb", block("paragraph", "c")), "> a\n> b\n\n> c"),
        (block("callout", "Mind", icon={"type": "emoji", "emoji": "💡"}), "> 💡 Mind"),
        (block("callout", "Mind", icon=None), "> Mind"),
        (block("code", "a = 1", language="python", caption=[]), "```python\na = 1\n```"),
        (block("code", "```", language="plain text"), "````\n```\n````"),
        (block("code", "*a* | b", caption=[text("Why")]), "```\n*a* | b\n```\n\nWhy"),
        (block("equation", expression="x^2"), "$$\nx^2\n$$"),
        (block("divider"), "---"),
        (block("breadcrumb"), ""),
        (block("table_of_contents"), ""),
        (block("template", "Add", block("paragraph", "x")), "Add\n\n  x"),
        (block("synced_block", None, block("paragraph", "shared"), synced_from=None), "shared"),
        (block("child_page", id="a-1", title="Plan"), "[Plan](https://www.notion.so/a1)"),
        (block("child_database", id="a-1", title=""), "[Untitled](https://www.notion.so/a1)"),
        (block("link_to_page", type="page_id", page_id="a-1"), "[Linked page](https://www.notion.so/a1)"),
        (block("bookmark", url="https://a.example/", caption=[]), "https://a.example/"),
        (block("embed", url="https://a.example/", caption=[text("Map")]), "[Map](https://a.example/)"),
        (block("link_preview", url="https://a.example/"), "https://a.example/"),
        (block("bookmark", url="javascript:alert(1)", caption=[text("Click")]), "Click"),
        (block("image", id="a-1", caption=[text("Floor plan")]), "![Floor plan](#a1)"),
        (block("file", id="a-1", name="offer.pdf", caption=[text("March")]), "[offer.pdf](#a1) March"),
        (block("a_new_type", "Words of tomorrow"), "Words of tomorrow"),
        (block("transcription", None, block("paragraph", "Said"), title=[text("Weekly")]), "**Weekly**\n\nSaid"),
        (block("meeting_notes", None, block("paragraph", "Said"), title=[text("Weekly")]), "**Weekly**\n\nSaid"),
    ],
)
def test_each_block_has_its_markdown(given: Json, expected: str) -> None:
    assert markdown(given) == expected


def test_numbers_count_neighbours_and_start_again() -> None:
    items = [block("numbered_list_item", words) for words in "ab"]
    later = block("numbered_list_item", "c", block("numbered_list_item", "deep"), list_start_index=7)

    assert markdown(*items, block("paragraph", "x"), later) == "1. a\n2. b\n\nx\n\n7. c\n   1. deep"


def test_a_table_is_a_passage_per_row_with_its_header_first() -> None:
    table = block("table", None, row("Role", "Person", id="1"), row("Lead|s", "An\nna", id="2"), has_column_header=True)

    passages = passages_of([table]).passages

    assert [(each.block_id, each.kind) for each in passages] == [("1", "table"), ("2", "table")]
    assert to_markdown(passages) == "| Role | Person |\n| --- | --- |\n| Lead\\|s | An na |"


def test_a_table_without_header_gets_an_empty_one_and_the_next_stands_apart() -> None:
    table = block("table", None, row("a", "b"), has_column_header=False, table_width=2)

    assert markdown(table, table) == "|  |  |\n| --- | --- |\n| a | b |\n\n|  |  |\n| --- | --- |\n| a | b |"


def test_headings_of_a_column_do_not_reach_the_next() -> None:
    left = block("column", None, block("heading_2", "Left"), block("paragraph", "l"))
    right = block("column", None, block("paragraph", "r"))
    blocks = [block("heading_1", "Top"), block("column_list", None, left, right), block("paragraph", "after")]

    paths = {each.text: each.heading_path for each in passages_of(blocks).passages}

    assert paths["l"] == ("Top", "Left")
    assert paths["r"] == paths["after"] == ("Top",)


def test_headings_of_a_synced_block_go_on_behind_it() -> None:
    synced = block("synced_block", None, block("heading_2", "Rules"))

    assert passages_of([synced, block("paragraph", "x")]).passages[-1].heading_path == ("Rules",)


def test_a_higher_heading_ends_the_lower() -> None:
    kinds = ["heading_1", "heading_3", "heading_2", "heading_1"]

    paths = [each.heading_path for each in passages_of([block(kind, kind[-1]) for kind in kinds]).passages]

    assert paths == [("1",), ("1", "3"), ("1", "2"), ("1",)]


def test_tabs_show_their_labels_and_content() -> None:
    tab = block(
        "tab", None, block("paragraph", "Overview", block("paragraph", "Inside")), block("paragraph", "Details")
    )

    assert markdown(tab) == "**Overview**\n\nInside\n\n**Details**"


def test_mentions_and_equations_are_words() -> None:
    words = [
        mention("user", {"id": "u"}, "@Anna"),
        text(" on "),
        mention("date", {"start": "2026-07-15"}, "2026-07-15"),
        text(" see "),
        mention("page", {"id": "p"}, "Roadmap", "https://www.notion.so/p1"),
        text(" "),
        {"type": "equation", "equation": {"expression": "e^x"}, "plain_text": "e^x"},
        mention("link_mention", {"href": "https://a.example", "title": "A site"}, ""),
    ]

    assert markdown(block("paragraph", words)) == (
        "@Anna on 2026-07-15 see [Roadmap](https://www.notion.so/p1) $e^x$A site"
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([text("all "), text("bold", bold=True), text(" here")], "all **bold** here"),
        ([text("D", bold=True), text("ocent")], "Docent"),
        ([text("sty", bold=True), text("les", italic=True)], "styles"),
        ([text("so", bold=True), text(".")], "**so**."),
        ([text("li", "https://a.example"), text("nk", "https://b.example")], "link"),
        ([text(" both ", bold=True, italic=True)], "***both***"),
        ([text("gone", strikethrough=True)], "~~gone~~"),
        ([text("a`b", code=True)], "`` a`b ``"),
        ([text("2*3", bold=True)], "2*3"),
        ([text("here", "https://a.example/(x)")], "[here](https://a.example/%28x%29)"),
        ([text("here", "/abc")], "[here](https://www.notion.so/abc)"),
        ([text("here", "javascript:alert(1)")], "here"),
        ([text("here", "https://s3.example/f?X-Amz-Signature=1")], "here"),
        ([text("half \ud83d"), text("\ude00 \0whole")], "half 😀 whole"),
        ([text("half \ud83d")], "half �"),
    ],
)
def test_styles_stand_only_where_they_do_no_harm(words: list[Json], expected: str) -> None:
    assert markdown(block("paragraph", words)) == expected


def test_links_to_pages_carry_the_title_we_know() -> None:
    link = block("link_to_page", type="database_id", database_id="d1")

    passage = passages_of([link], title_of=lambda object_id: {"d1": "Tasks"}.get(object_id)).passages[0]

    assert passage.text == "[Tasks](https://www.notion.so/d1)"


def test_signed_file_addresses_never_appear() -> None:
    url = "https://prod-files-secure.example/plan.png?X-Amz-Signature=secret"
    image = block("image", id="a-1", type="file", file={"url": url, "expiry_time": "2026"}, caption=[])

    assert markdown(image) == "![plan.png](#a1)"


def test_what_cannot_be_read_is_counted() -> None:
    blocks = [block("unsupported", id="u", block_type="ai_block"), block("alien", id="x", shape=1), None, "text"]

    rendered = passages_of(blocks)

    assert rendered.passages == []
    assert [remark.block_id for remark in rendered.remarks] == ["u", "x", "", ""]
    assert [remark.kind for remark in rendered.remarks] == ["ai_block", "alien", "", ""]


def test_words_of_an_unknown_kind_are_read_and_the_rest_is_missed() -> None:
    rendered = passages_of([block("alien", "Hello")])

    assert [passage.text for passage in rendered.passages] == ["Hello"]
    assert [remark.kind for remark in rendered.remarks] == ["alien"]


def test_sixty_levels_are_read() -> None:
    deep = block("paragraph", "bottom")
    for _ in range(5_000):
        deep = block("toggle", "t", deep)

    passages = passages_of([deep]).passages

    assert len(passages) == 5_001
    assert passages[-1].text == "bottom"


@recorded
def test_a_recorded_page_of_24_kinds_is_read_whole() -> None:
    rendered = passages_of(recorded_tree("blocks_page_with_24_types_tree_v2026.json"))

    words = to_markdown(rendered.passages)

    assert "| Cell 1, 1 | Cell 1, 2 |" in words
    assert "$$\n|x|=" in words
    assert "### Headline 3" in words
    assert "X-Amz" not in words
    assert [remark.kind for remark in rendered.remarks] == ["button", "ai_block"]


@recorded
def test_every_recorded_text_is_found_again() -> None:
    for given in recorded_objects("block"):
        rendered = passages_of([given | {"children": []}])

        said = "".join(item["plain_text"] for item in given[given["type"]].get("rich_text", []))
        shown = to_markdown(rendered.passages)
        assert all(word in shown for word in said.split()), given["type"]


@recorded
def test_passages_are_found_again_in_their_markdown() -> None:
    for given in [recorded_objects("block"), *([one] for one in recorded_objects("block"))]:
        passages = passages_of(given).passages

        assert passages_in(to_markdown(passages), outline_of(passages)) == passages


@recorded
def test_damaged_blocks_never_raise() -> None:
    chance = random.Random(7)
    rubbish = [None, 1, "x", [], {}, [None], {"type": 3}, True, -1.5]

    def damaged(value: Any) -> Any:
        if chance.random() < 0.06:
            return chance.choice(rubbish)
        if isinstance(value, dict):
            return {key: damaged(each) for key, each in value.items()}
        return [damaged(each) for each in value] if isinstance(value, list) else value

    for _ in range(20):
        for given in recorded_objects("block"):
            passages = passages_of([damaged(given), {"children": [damaged(given)], "type": "column"}]).passages

            assert all(isinstance(passage.text, str) and passage.text.strip() for passage in passages)
