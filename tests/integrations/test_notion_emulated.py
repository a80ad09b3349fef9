"""Reading the emulated Notion, as in the demo."""

import gc
import tracemalloc

import pytest

from agent.fetch import fetch_blocks
from agent.markdown import passages_of, to_markdown
from agent.properties import filled, properties_of, title_of
from devkit.demo.seed import TOKEN, load
from devkit.notion.process import EmulatorProcess
from integrations.notion import NotFound, Notion, Unmetered
from tests.integrations.acme import Acme
from tests.outside import seeded


def test_a_page_is_read_whole_without_what_is_not_shared(acme: Acme) -> None:
    blocks, remarks = fetch_blocks(acme.notion, acme.ids["pages"]["handbook"])
    rendered = passages_of(blocks)

    words = to_markdown(rendered.passages)
    assert words.startswith("# Onboarding\n\nSee @Anna Berg now\n\n**Details**\n\nnested")
    assert "| Role | Person |\n| --- | --- |\n| Lead | Anna |" in words
    assert "**One**\n\ninside" in words
    assert "the end" in words
    assert "hidden text" not in words
    assert len(remarks) == 1
    assert len(rendered.remarks) == 1


def test_250_blocks_are_all_read(acme: Acme) -> None:
    words = acme.words("long")

    assert words.count("Line ") == 250


def test_120_rows_are_all_read_with_their_properties(acme: Acme) -> None:
    schema = acme.notion.data_source(acme.source)

    rows = [properties_of(row, schema) for row in acme.notion.query(acme.source)]

    assert {row.title for row in rows} == {f"Row {n}" for n in range(120)}
    assert sorted(rows[0].lines) == [("Owner", "Anna Berg"), ("Status", "Done")]
    assert {each.value["group"] for row in rows for each in row.typed.values() if each.type == "status"} == {"Complete"}


def test_a_table_ten_times_as_long_takes_no_more_memory(emulator: EmulatorProcess) -> None:
    few, many = (most_held(emulator, rows) for rows in (200, 2_000))

    assert many < 2 * few


def most_held(emulator: EmulatorProcess, rows: int) -> int:
    """The most bytes that reading a table row by row takes."""
    table = {
        "key": "long_table",
        "title": "Long",
        "parent": "top",
        "sources": [{"key": "long_source", "properties": {"Task": "title"}, "generate": {"rows": rows}}],
    }
    notion = seeded(emulator, {"pages": [{"key": "top", "title": "Top"}], "databases": [table]}, ["top"])
    with Notion(notion.token, budget=Unmetered(), base_url=emulator.url) as client:
        tracemalloc.start()
        read = 0
        for read, _ in enumerate(client.query(notion.source("long_source")), start=1):
            if read % 100 == 0:
                # The tests look for garbage in cycles hardly ever.
                gc.collect()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert read == rows
    return most


def test_search_finds_what_is_shared_and_nothing_else(acme: Acme) -> None:
    found = acme.notion.search("page")

    titles = {title_of(page) for page in found.results}
    assert "Handbook" in titles
    assert "Secret" not in titles
    assert [title_of(source) for source in acme.notion.search("data_source").results] == ["Tasks"]


def test_a_relation_of_30_is_filled_from_its_items(acme: Acme) -> None:
    row = acme.ids["pages"]["row0"]
    acme.emulator.edit(op="set_property", id=row, name="Blocks", value=[f"row{n}" for n in range(1, 31)])
    page = acme.notion.page(row)
    cut = properties_of(page).truncated

    whole = filled(page, {key: acme.notion.page_property(row, key) for key in cut})

    assert len(cut) == 1
    assert len(properties_of(whole).typed[cut[0]].value) == 30


def test_what_is_not_shared_is_not_found(acme: Acme) -> None:
    with pytest.raises(NotFound):
        acme.notion.page(acme.ids["pages"]["secret"])


def test_the_bot_behind_the_token_is_known(acme: Acme) -> None:
    assert acme.notion.me()["type"] == "bot"


def test_every_page_of_the_demo_is_read(emulator: EmulatorProcess) -> None:
    emulator.seed(load(), namespace="")
    with Notion(TOKEN, emulator.url, budget=Unmetered()) as notion:
        found = notion.search("page").results

        for page in found:
            blocks, remarks = fetch_blocks(notion, page["id"])
            rendered = passages_of(blocks)
            assert title_of(page) != "Untitled"
            assert remarks == []
            assert {remark.reason.split()[-1] for remark in rendered.remarks} <= {"ai_block", "button", "form"}

    assert len(found) == 100
