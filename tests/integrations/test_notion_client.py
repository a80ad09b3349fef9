"""How the client meets what the wire can do, over Alice's connection. Nobody sleeps: the waits are written down."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from integrations.notion import (
    BrokenAnswer,
    Conflict,
    Incomplete,
    Invalid,
    LoopedListing,
    NotConfigured,
    NotFound,
    Notion,
    Patience,
    RateLimited,
    Refused,
    Restricted,
    StaleCursor,
    TimedOut,
    Unauthorized,
    Unmetered,
    Unreachable,
)
from tests.integrations.wire import SILENCE, ScriptedServer, answer, error, listing, scripted_server

TOKEN = "ntn_alice_1234567890"
PAGE = "393abc1e-edcd-81f5-ae94-ec2d55fe98ed"
PROXY = "<html><body>404 Not Found</body></html>"


class Clock:
    """Time passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        yield server


@pytest.fixture
def notion(server: ScriptedServer, clock: Clock) -> Iterator[Notion]:
    with Notion(TOKEN, server.url, budget=Unmetered(clock), wait=clock.wait, timeout=5) as notion:
        yield notion


def test_page_comes_with_the_pinned_version_and_the_token(notion: Notion, server: ScriptedServer) -> None:
    server.says(answer(200, {"object": "page", "id": PAGE, "a_new_field": {}}))

    page = notion.page(PAGE.replace("-", ""))

    assert page["id"] == PAGE
    assert server.requests[0].path == f"/v1/pages/{PAGE}"
    assert server.requests[0].headers["notion-version"] == "2026-03-11"
    assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (error(400, "validation_error"), Invalid),
        (error(401, "unauthorized"), Unauthorized),
        (error(403, "restricted_resource"), Restricted),
        (error(404, "object_not_found"), NotFound),
        (error(404, "something_else"), Refused),
        (error(409, "conflict_error"), Conflict),
        (
            error(429, "rate_limited", additional_data={"rate_limit_reason": "public_api_request_blocked"}),
            Restricted,
        ),
        (answer(301, "", headers={"Location": "/elsewhere"}), Unreachable),
    ],
)
def test_each_refusal_has_its_class_and_is_not_repeated(
    notion: Notion, server: ScriptedServer, sent: bytes, expected: type[Exception]
) -> None:
    server.says(sent)

    with pytest.raises(expected) as caught:
        notion.page(PAGE)

    assert type(caught.value) is expected
    assert len(server.requests) == (5 if expected is Unreachable else 1)


@pytest.mark.parametrize(
    "fault",
    [
        error(500, "internal_server_error"),
        answer(502, PROXY),
        error(503, "database_connection_unavailable"),
        error(504, "gateway_timeout"),
        answer(200, '{"object": "page", "id"'),
        answer(200, ""),
        answer(200, "[]"),
        answer(200, {"object": "page"}),
        answer(200, "{}", cut=10),
        b"",
        b"nonsense\r\n\r\n",
    ],
)
def test_a_passing_fault_is_asked_again(notion: Notion, server: ScriptedServer, clock: Clock, fault: bytes) -> None:
    server.says(fault, fault, answer(200, {"object": "page", "id": PAGE}))

    assert notion.page(PAGE)["id"] == PAGE

    assert len(server.requests) == 3
    assert 0 < clock.waits[0] < 5


@pytest.mark.parametrize("status", [401, 403, 404, 429])
def test_a_proxy_never_speaks_for_notion(notion: Notion, server: ScriptedServer, status: int) -> None:
    server.says(answer(status, PROXY))

    with pytest.raises(Unreachable):
        notion.page(PAGE)


def test_gives_up_after_five_tries(notion: Notion, server: ScriptedServer) -> None:
    server.says(answer(502, PROXY))

    with pytest.raises(Unreachable) as caught:
        notion.me()

    assert caught.value.status == 502
    assert len(server.requests) == 5


def test_nobody_there_is_unreachable(clock: Clock) -> None:
    with scripted_server() as gone:
        pass

    with Notion(TOKEN, gone.url, budget=Unmetered(clock), wait=clock.wait) as notion, pytest.raises(Unreachable):
        notion.me()


def test_a_silent_server_is_a_timeout(server: ScriptedServer, clock: Clock) -> None:
    server.says(SILENCE)
    notion = Notion(TOKEN, server.url, budget=Unmetered(clock), patience=Patience(tries=1), timeout=0.2)

    with notion, pytest.raises(TimedOut):
        notion.me()


@pytest.mark.parametrize(
    ("headers", "more", "seconds"),
    [
        ({"Retry-After": "120"}, {}, 120),
        ({"Retry-After": "0.5"}, {}, 1),
        ({}, {"additional_data": {"retry_after": "7"}}, 7),
        ({"Retry-After": "soon"}, {}, 30),
        ({"Retry-After": "nan"}, {}, 30),
        ({"Retry-After": "-3"}, {}, 1),
    ],
)
def test_rate_limit_is_waited_out_as_long_as_notion_says(
    notion: Notion, server: ScriptedServer, clock: Clock, headers: dict[str, str], more: dict[str, Any], seconds: int
) -> None:
    server.says(error(429, "rate_limited", headers=headers, **more), answer(200, {"id": PAGE}))

    notion.page(PAGE)

    assert sum(clock.waits) == pytest.approx(seconds)
    assert max(clock.waits) <= 5


def test_overload_is_waited_out_like_a_rate_limit(notion: Notion, server: ScriptedServer, clock: Clock) -> None:
    server.says(error(529, "service_overload"), answer(200, {"id": PAGE}))

    notion.page(PAGE)

    assert sum(clock.waits) == pytest.approx(30)


def test_a_wait_too_long_goes_to_the_caller_at_once(notion: Notion, server: ScriptedServer, clock: Clock) -> None:
    server.says(error(429, "rate_limited", headers={"Retry-After": "3600"}))

    with pytest.raises(RateLimited) as caught:
        notion.page(PAGE)

    assert caught.value.retry_after == 3600
    assert clock.waits == []


def test_endless_rate_limits_end(notion: Notion, server: ScriptedServer, clock: Clock) -> None:
    server.says(error(429, "rate_limited", headers={"Retry-After": "0"}))

    with pytest.raises(RateLimited):
        notion.page(PAGE)

    assert sum(clock.waits) <= 300


def test_waiting_can_be_called_off(server: ScriptedServer, clock: Clock) -> None:
    class LeaseLost(Exception):
        pass

    def wait(seconds: float) -> None:
        raise LeaseLost

    server.says(error(500, "internal_server_error"))

    with Notion(TOKEN, server.url, budget=Unmetered(clock), wait=wait) as notion, pytest.raises(LeaseLost):
        notion.me()


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
    assert not notion.query_slice(PAGE).complete


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


@pytest.mark.parametrize("bad", ["", "../users", f"{PAGE}/children", "not an id"])
def test_what_is_no_id_never_reaches_the_wire(notion: Notion, server: ScriptedServer, bad: str) -> None:
    with pytest.raises(Invalid):
        notion.page(bad)

    assert server.requests == []


@pytest.mark.parametrize("bad", ["", "a/b", "a?b", "..", "%2e%2e"])
def test_what_is_no_property_id_never_reaches_the_wire(notion: Notion, server: ScriptedServer, bad: str) -> None:
    with pytest.raises(Invalid):
        notion.page_property(PAGE, bad)

    assert server.requests == []


def test_a_write_is_not_repeated_when_its_fate_is_unknown(notion: Notion, server: ScriptedServer) -> None:
    server.says(error(503, "service_unavailable", additional_data={"committed_resource_id": PAGE}))

    with pytest.raises(Unreachable) as caught:
        notion.create_page({"parent": {}})

    assert caught.value.details["committed_resource_id"] == PAGE
    assert len(server.requests) == 1


def test_a_rate_limited_write_is_sent_again(notion: Notion, server: ScriptedServer) -> None:
    server.says(error(429, "rate_limited", headers={"Retry-After": "2"}), answer(200, {"id": PAGE}))

    assert notion.update_page(PAGE, {"properties": {}})["id"] == PAGE


def test_append_answers_only_what_was_made(notion: Notion, server: ScriptedServer) -> None:
    server.says(listing(["new", "sibling", "sibling"], "more"))

    made = notion.append_children(PAGE, [{"type": "divider", "divider": {}}], {"type": "start"})

    assert [block["id"] for block in made] == ["new"]


def test_a_dead_token_is_renewed_once(server: ScriptedServer, clock: Clock) -> None:
    server.says(error(401, "unauthorized"), answer(200, {"id": PAGE}))
    dead: list[str] = []

    def renew(token: str) -> str:
        dead.append(token)
        return "ntn_alice_second"

    with Notion(TOKEN, server.url, budget=Unmetered(clock), wait=clock.wait, renew=renew) as notion:
        notion.me()

    assert dead == [TOKEN]
    assert server.requests[1].headers["authorization"] == "Bearer ntn_alice_second"


def test_a_renewed_token_that_is_dead_too_is_unauthorized(server: ScriptedServer, clock: Clock) -> None:
    server.says(error(401, "unauthorized"))

    notion = Notion(TOKEN, server.url, budget=Unmetered(clock), renew=lambda token: "ntn_new")

    with notion, pytest.raises(Unauthorized):
        notion.me()

    assert len(server.requests) == 2


@pytest.mark.parametrize("pasted", ["", "ntn_ä", "ntn_a\r\nHost: evil", "two words", "\ud800"])
def test_what_is_no_token_is_not_configured(pasted: str) -> None:
    with pytest.raises(NotConfigured) as caught:
        Notion(pasted, "http://127.0.0.1", budget=Unmetered())

    assert not pasted or pasted not in str(caught.value)


def test_an_address_without_http_is_not_configured() -> None:
    with pytest.raises(NotConfigured):
        Notion(TOKEN, "ftp://example.org", budget=Unmetered())


@pytest.mark.parametrize("value", ["half \ud83d", float("nan")])
def test_what_json_cannot_hold_is_invalid(notion: Notion, server: ScriptedServer, value: object) -> None:
    with pytest.raises(Invalid):
        notion.create_page({"value": value})

    assert server.requests == []


def test_the_token_is_nowhere_to_be_read(
    notion: Notion, server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.says(error(400, "validation_error", f"Bearer {TOKEN} is wrong, {TOKEN} too"))

    with pytest.raises(Invalid) as caught:
        notion.me()

    assert "alice" not in f"{caught.value!r} {caught.value} {notion!r} {caplog.text}"
