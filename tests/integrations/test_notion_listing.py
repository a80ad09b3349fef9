"""Reading to the end, whatever the cursors do."""

import pytest

from integrations.notion import BrokenAnswer, Incomplete, LoopedListing, Notion, StaleCursor
from tests.integrations.wire import PAGE, ScriptedServer, answer, error, listing


def test_children_are_paged_to_the_end(notion: Notion, server: ScriptedServer) -> None:
    server.says(listing(["a", "b"], "c"), listing([], "d"), listing(["c"]))

    assert [block["id"] for block in notion.children(PAGE)] == ["a", "b", "c"]

    assert [request.path.partition("?")[2] for request in server.requests] == [
        "page_size=100",
        "page_size=100&start_cursor=c",
        "page_size=100&start_cursor=d",
    ]


STALE = error(400, "validation_error", "The start_cursor provided is invalid: c")


def test_children_start_again_once_when_their_cursor_dies(notion: Notion, server: ScriptedServer) -> None:
    server.says(listing(["a", "b"], "c"), STALE, listing(["a", "new"], "d"), listing(["d"]))

    assert [block["id"] for block in notion.children(PAGE)] == ["a", "new", "d"]


def test_query_starts_again_without_repeating_rows(notion: Notion, server: ScriptedServer) -> None:
    server.says(listing(["a", "b"], "c"), STALE, listing(["b", "a"], "d"), listing(["d"]))

    assert [row["id"] for row in notion.query(PAGE)] == ["a", "b", "d"]


def test_a_cursor_that_keeps_dying_is_an_error(notion: Notion, server: ScriptedServer) -> None:
    server.says(listing(["a"], "c"), STALE, listing(["a"], "c"), STALE)

    with pytest.raises(StaleCursor):
        list(notion.children(PAGE))


def test_a_repeated_cursor_ends_the_listing(notion: Notion, server: ScriptedServer) -> None:
    server.says(listing(["a"], "c"))

    with pytest.raises(LoopedListing):
        list(notion.query(PAGE))

    assert len(server.requests) == 2


def test_empty_pages_without_end_are_a_loop(notion: Notion, server: ScriptedServer) -> None:
    server.says(*(listing([], f"cursor {number}") for number in range(60)))

    with pytest.raises(LoopedListing):
        list(notion.query(PAGE))


@pytest.mark.parametrize(
    "fault",
    [
        {"results": None, "has_more": False},
        {"results": [None]},
        {"results": [], "has_more": True, "next_cursor": None},
        {},
    ],
)
def test_a_malformed_listing_is_asked_again(notion: Notion, server: ScriptedServer, fault: dict[str, object]) -> None:
    server.says(answer(200, fault), listing(["a"]))

    assert [block["id"] for block in notion.children(PAGE)] == ["a"]


def test_a_listing_that_stays_malformed_is_broken(notion: Notion, server: ScriptedServer) -> None:
    server.says(answer(200, {"results": None}))

    with pytest.raises(BrokenAnswer):
        list(notion.children(PAGE))


def test_a_gateway_timeout_halves_the_page(notion: Notion, server: ScriptedServer) -> None:
    late = error(504, "gateway_timeout")
    server.says(late, late, listing(["a"], "b"), listing(["b"]))

    assert len(list(notion.query(PAGE))) == 2

    assert [request.body["page_size"] for request in server.requests] == [100, 50, 25, 25]


def test_a_cut_query_says_so_after_its_rows(notion: Notion, server: ScriptedServer) -> None:
    server.says(listing(["a"], request_status={"type": "incomplete"}))
    rows = notion.query(PAGE)

    assert next(rows)["id"] == "a"
    with pytest.raises(Incomplete):
        next(rows)


def test_query_leaves_an_empty_filter_out(notion: Notion, server: ScriptedServer) -> None:
    server.says(listing([]))

    list(notion.query(PAGE, filter={}, sorts=[{"timestamp": "last_edited_time", "direction": "ascending"}]))

    assert set(server.requests[0].body) == {"sorts", "page_size"}


def test_search_answers_one_page_and_its_cursor(notion: Notion, server: ScriptedServer) -> None:
    server.says(listing(["a"], "next"))

    found = notion.search("data_source", cursor="here", page_size=10)

    assert (found.next_cursor, found.complete) == ("next", True)
    assert server.requests[0].body["filter"] == {"property": "object", "value": "data_source"}
    assert server.requests[0].body["start_cursor"] == "here"


def test_a_long_property_is_read_whole(notion: Notion, server: ScriptedServer) -> None:
    server.says(listing(["p", "p"], "3"), listing(["p"]))

    assert len(notion.page_property(PAGE, "%3FB%3AW")) == 3

    assert server.requests[0].path == f"/v1/pages/{PAGE}/properties/%3FB%3AW?page_size=100"


def test_a_simple_property_is_one_item(notion: Notion, server: ScriptedServer) -> None:
    server.says(answer(200, {"object": "property_item", "type": "number", "id": "x", "number": 2}))

    assert [item["number"] for item in notion.page_property(PAGE, "x")] == [2]
