"""The demo workspace, read back from the emulator the way the product reads it, and the questions about it."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
from notion_client import Client

from devkit import demo
from devkit.demo import dates
from devkit.notion.process import EmulatorProcess

CATEGORIES = {
    "lookup", "multi-page", "table", "aggregate", "date", "person", "identifier", "conflicting",
    "related-but-missing", "off-topic", "follow-up",
}  # fmt: skip
UNANSWERABLE = {"related-but-missing", "off-topic"}
COMMON_BLOCKS = {
    "paragraph", "heading_1", "heading_2", "heading_3", "heading_4", "bulleted_list_item", "numbered_list_item",
    "to_do", "toggle", "quote", "callout", "code", "equation", "divider", "table", "table_row", "column_list",
    "column", "tab", "synced_block", "child_page", "child_database", "link_to_page", "bookmark", "embed", "image",
    "file", "pdf", "video", "breadcrumb", "table_of_contents",
}  # fmt: skip


@dataclass
class Read:
    """What one token sees of the workspace."""

    keys: dict[str, str]
    titles: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    blocks: Counter[str] = field(default_factory=Counter)
    mentions: set[str] = field(default_factory=set)

    def text_of(self, keys: list[str]) -> str:
        return normalised(" ".join(self.texts[self.keys[key]] for key in keys))


@pytest.fixture(scope="module")
def workspace() -> Iterator[Read]:
    with EmulatorProcess() as notion:
        known = notion.seed(demo.load(), namespace="")["workspaces"]["northwind"]
        client = Client(auth=demo.TOKEN, notion_version="2026-03-11", base_url=notion.url, retry=False)
        yield read(client, Read(known["pages"] | known["databases"]), known["databases"].values())
        client.close()


def read(client: Any, found: Read, databases: Any) -> Read:
    for page in every(client.search, filter={"property": "object", "value": "page"}):
        _page(client, page, found)
    for id in databases:
        source = client.databases.retrieve(id)["data_sources"][0]["id"]
        found.rows[id] = list(every(client.data_sources.query, data_source_id=source))
    return found


def _page(client: Any, page: dict[str, Any], found: Read) -> None:
    parts = [shown(one, found) for one in page["properties"].values()]
    title = next(one["title"] for one in page["properties"].values() if one["type"] == "title")
    found.titles[page["id"]] = plain(title, found)
    parts += _blocks(client, page["id"], found)
    found.texts[page["id"]] = " ".join(parts)


def _blocks(client: Any, parent: str, found: Read) -> Iterator[str]:
    for block in every(client.blocks.children.list, block_id=parent):
        found.blocks[block["type"]] += 1
        content = block[block["type"]]
        for part in (content.get("rich_text"), content.get("caption"), *content.get("cells", [])):
            yield plain(part or [], found)
        if block["has_children"] and block["type"] not in ("child_page", "child_database"):
            yield from _blocks(client, block["id"], found)


def shown(value: dict[str, Any], found: Read) -> str:
    content = value[value["type"]]
    match value["type"]:
        case "title" | "rich_text":
            return plain(content, found)
        case "select" | "status":
            return content["name"] if content else ""
        case "multi_select" | "people":
            return " ".join(one["name"] for one in content)
        case "unique_id":
            return f"{content['prefix']}-{content['number']}"
        case _:
            return str(content)


def plain(items: list[dict[str, Any]], found: Read) -> str:
    found.mentions |= {item["mention"]["type"] for item in items if item["type"] == "mention"}
    return "".join(item["plain_text"] for item in items)


def every(call: Any, **arguments: Any) -> Iterator[dict[str, Any]]:
    cursor = None
    while True:
        answer = call(**arguments, **({"start_cursor": cursor} if cursor else {}))
        yield from answer["results"]
        cursor = answer["next_cursor"]
        if not answer["has_more"]:
            return


def normalised(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def test_the_demo_token_sees_every_page_and_row(workspace: Read) -> None:
    pages = {id for key, id in workspace.keys.items() if key not in ("launch_plan", "customers", "meeting_notes")}

    assert set(workspace.texts) == pages
    in_tables = sum(len(rows) for rows in workspace.rows.values())
    assert len(pages) - in_tables >= 85


def test_the_tables_have_their_rows(workspace: Read) -> None:
    sizes = {key: len(workspace.rows[workspace.keys[key]]) for key in ("launch_plan", "customers", "meeting_notes")}

    assert sizes == {"launch_plan": 60, "customers": 12, "meeting_notes": 28}


def test_no_two_pages_share_a_title(workspace: Read) -> None:
    repeated = {title for title, count in Counter(workspace.titles.values()).items() if count > 1}

    assert repeated == set()
    assert all(workspace.titles.values())


def test_every_common_block_and_mention_occurs(workspace: Read) -> None:
    assert set(workspace.blocks) >= COMMON_BLOCKS
    assert workspace.mentions >= {"page", "database", "user", "date"}


def test_no_sentence_is_used_on_two_pages(workspace: Read) -> None:
    texts = {id: set(text.split(". ")) for id, text in workspace.texts.items()}

    counted = Counter(sentence for sentences in texts.values() for sentence in sentences if len(sentence) > 60)

    # The synced block stands on two pages by intention.
    assert [sentence for sentence, count in counted.items() if count > 1 and "three questions" not in sentence] == []


def test_pages_are_neither_stubs_nor_books(workspace: Read) -> None:
    rows = {row["id"] for rows in workspace.rows.values() for row in rows}
    words = {workspace.titles[id]: len(text.split()) for id, text in workspace.texts.items() if id not in rows}

    outside = {title: count for title, count in words.items() if not 80 <= count <= 400}

    assert outside == {}


def test_blocked_and_overdue_tasks_are_as_the_questions_say(workspace: Read) -> None:
    tasks = [row["properties"] for row in workspace.rows[workspace.keys["launch_plan"]]]

    status = Counter(task["Status"]["status"]["name"] for task in tasks)
    late = [task for task in tasks if is_late(task, demo.WRITTEN_ON)]

    assert (status["Blocked"], status["Done"], status["In review"], len(late)) == (7, 18, 6, 5)


def is_late(task: dict[str, Any], today: date) -> bool:
    due = task["Due"]["date"]
    return bool(due) and date.fromisoformat(due["start"]) < today and task["Status"]["status"]["name"] != "Done"


def test_a_rollup_adds_the_open_estimates(workspace: Read) -> None:
    customers = {row["id"]: row["properties"] for row in workspace.rows[workspace.keys["customers"]]}

    brightside = customers[workspace.keys["c_brightside"]]

    assert brightside["Work left"]["rollup"]["number"] == 5
    assert brightside["Monthly"]["formula"]["number"] == 2400


@pytest.mark.parametrize("question", demo.questions(), ids=lambda question: question["id"])
def test_the_named_pages_hold_the_answer(workspace: Read, question: dict[str, Any]) -> None:
    text = workspace.text_of(question["answer_pages"])

    assert [part for part in question["answer_contains"] if normalised(part) not in text] == []
    assert bool(question["answer_contains"]) == (question["category"] not in UNANSWERABLE)


def test_missing_codes_are_really_missing(workspace: Read) -> None:
    everything = workspace.text_of(list(workspace.keys.keys() - {"launch_plan", "customers", "meeting_notes"}))

    absent = ("hrb-9001", "nw-c-2026-055", "harbor 7", "table football", "mileage", "mongolia", "sourdough")

    assert [word for word in absent if word in everything] == []


def test_questions_are_many_varied_and_halved() -> None:
    questions = demo.questions()
    ids = [question["id"] for question in questions]

    splits = Counter(question["split"] for question in questions)

    assert len(questions) >= 120
    assert len(set(ids)) == len(ids)
    assert splits["dev"] == splits["test"]
    for split in splits:
        assert {one["category"] for one in questions if one["split"] == split} == CATEGORIES
    assert {one["after"] for one in questions if one["category"] == "follow-up"} <= set(ids)


def test_loading_later_moves_all_dates_by_the_same_weeks() -> None:
    then, later = (demo.load(demo.WRITTEN_ON + timedelta(days=days)) for days in (0, 10))

    moved = task(later, "t_terms")

    assert (task(then, "t_terms")["Due"], moved["Due"]) == ("2026-11-20", "2026-11-27")
    assert moved["edited"] == "2026-11-27T16:00:00Z"
    assert "Launch sync, 5 Nov" in titles(later)
    assert "Launch sync, 29 Oct" in titles(later)
    assert "Harbor 6 launches on 8 December 2026." in str(later)
    assert "Harbor 6 launches on 1 December 2026." not in str(later)
    assert "expire on 31 March" in str(later)


def test_every_meeting_has_its_day_in_its_title() -> None:
    for days in (0, 10, 100):
        for row in meetings(demo.load(demo.WRITTEN_ON + timedelta(days=days))):
            on = date.fromisoformat(row["Date"])
            assert row["Name"].endswith(f", {on.day} {on:%b}")


@pytest.mark.parametrize(
    ("text", "weeks", "moved"),
    [
        ("Tuesday, 24 November 2026, or the 27th", 1, "Tuesday, 1 December 2026, or the 4th"),
        ("Launch sync, 29 Oct", 1, "Launch sync, 5 Nov"),
        ("From 30 December to 2 January", 1, "From 6 January to 9 January"),
        ("25 and 26 November", 1, "2 and 3 December"),
        ("10 to 14 May 2027", 3, "31 May to 4 June 2027"),
        ("prices from December 2026", 10, "prices from February 2027"),
        ("January to April 2027", 5, "February to May 2027"),
        ("the 95th percentile of 3 Markets in May", 1, "the 95th percentile of 3 Markets in May"),
        ("by the 1st", -1, "by the 24th"),
    ],
)
def test_dates_in_sentences_keep_their_form(text: str, weeks: int, moved: str) -> None:
    assert dates.moved(text, timedelta(weeks=weeks), demo.WRITTEN_ON) == moved


def meetings(seed: dict[str, Any]) -> list[dict[str, Any]]:
    databases = seed["workspaces"][0]["databases"]
    found: list[dict[str, Any]] = next(one for one in databases if one["key"] == "meeting_notes")["sources"][0]["rows"]
    return found


def titles(seed: dict[str, Any]) -> set[str]:
    return {row["Name"] for row in meetings(seed)}


def task(seed: dict[str, Any], key: str) -> dict[str, Any]:
    databases = seed["workspaces"][0]["databases"]
    rows = next(one for one in databases if one["key"] == "launch_plan")["sources"][0]["rows"]
    found: dict[str, Any] = next(row for row in rows if row["key"] == key)
    return found
