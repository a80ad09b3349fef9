"""What is asked and what comes back, over Alice's connection."""

import logging

import pytest

from integrations.notion import (
    Conflict,
    Invalid,
    NotConfigured,
    NotFound,
    Notion,
    Refused,
    Restricted,
    Unauthorized,
    Unmetered,
    Unreachable,
)
from tests.integrations.wire import PAGE, TOKEN, Clock, ScriptedServer, answer, error, listing


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
        (error(409, "row_limit_exceeded"), Conflict),
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


def test_a_page_that_was_being_saved_is_read_again(notion: Notion, server: ScriptedServer) -> None:
    server.says(error(409, "conflict_error"), error(409, "conflict_error"), answer(200, {"id": PAGE}))

    assert notion.page(PAGE)["id"] == PAGE


def test_a_page_that_is_saved_for_ever_is_a_conflict(notion: Notion, server: ScriptedServer) -> None:
    server.says(error(409, "conflict_error"))

    with pytest.raises(Conflict):
        notion.page(PAGE)

    assert len(server.requests) == 5


def test_a_write_that_met_another_is_not_repeated(notion: Notion, server: ScriptedServer) -> None:
    server.says(error(409, "conflict_error"))

    with pytest.raises(Conflict):
        notion.update_page(PAGE, {"properties": {}})

    assert len(server.requests) == 1


def test_what_no_database_can_hold_does_not_come_in(notion: Notion, server: ScriptedServer) -> None:
    server.says(
        answer(200, {"id": PAGE, "a\0b": [{"title": "Half \ud83d, whole \U0001f600, \0nothing"}, float("inf")]})
    )

    page = notion.page(PAGE)

    assert page == {"id": PAGE, "ab": [{"title": "Half \ufffd, whole \U0001f600, nothing"}, None]}


def test_a_refusal_is_said_in_words_that_can_be_kept(notion: Notion, server: ScriptedServer) -> None:
    server.says(error(400, "validation_error", "No \0 and no \ud83d"))

    with pytest.raises(Invalid, match=r"^No  and no \ufffd$"):
        notion.page(PAGE)


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
