"""The event loop's own connections to Valkey, when their other end is gone."""

import asyncio
from collections.abc import Iterator

import pytest

from config import probes, valkey, waiting
from config.exchange import Answer
from config.handover import Handover, Mode

ORDER = Handover(stream="waiting-on-stale-connections", mode=Mode.WAIT, until=("never",))


@pytest.fixture(autouse=True)
def _own_client(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """It belongs to one event loop."""
    monkeypatch.setattr(waiting, "_client", None)
    valkey.client().xadd(ORDER.stream, {"e": "done", "d": "{}"})
    yield
    valkey.client().delete(ORDER.stream)


async def make_stale(connections: int) -> None:
    """As after a restart: the other end of every pooled connection is closed."""
    together = asyncio.Barrier(connections)
    ids = await asyncio.gather(*(_numbered(together) for _ in range(connections)))
    assert len(set(ids)) == connections
    for number in set(ids):
        await asyncio.to_thread(valkey.client().client_kill_filter, _id=str(number))


async def _numbered(together: asyncio.Barrier) -> int:
    async with waiting.client().client() as client:
        number: int = await client.client_id()
        # Nobody gives a connection back before all have one.
        await together.wait()
        return number


def test_nobody_is_failed_over_a_connection_that_died_while_it_was_idle() -> None:
    first, last = Answer(202), Answer(200, body=b'{"status": "succeeded"}')

    async def ask() -> Answer:
        return last

    async def waits() -> list[int]:
        await make_stale(3)
        answers = [await waiting.wait(ORDER, first, ask) for _ in range(3)]
        await waiting.close()
        return [answer.status for answer in answers]

    assert asyncio.run(waits()) == [200, 200, 200]


def test_web_is_ready_as_soon_as_valkey_is_back() -> None:
    async def probed() -> str:
        await make_stale(1)
        missing = await probes._asked("redis", probes._redis())
        await waiting.close()
        return missing

    assert asyncio.run(probed()) == ""
