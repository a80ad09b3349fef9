"""What passes is waited out. Nobody sleeps: the waits are written down."""

from typing import Any

import pytest

from integrations.notion import Notion, Patience, RateLimited, TimedOut, Unmetered, Unreachable
from tests.integrations.wire import PAGE, PROXY, SILENCE, TOKEN, Clock, ScriptedServer, answer, error, scripted_server


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
