"""A crowd that waits and listens: four times as many as the web process has threads."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
from django.conf import settings
from django.db import connections

from accounts import tenancy, tokens
from accounts.models import Job
from agent.models import Run
from tests.index import handbook
from tests.people import Person, put_on_plan
from tests.stack import Stack
from tests.storm import STORM
from usage.models import Period

QUESTION = "How many days of paid holiday do we have?"
EACH = 8 * STORM
OTHERS = 10
STREAM = {"Accept": "text/event-stream"}


@dataclass
class Crowd:
    """EACH who wait, EACH who stream their own answer, EACH programs and EACH pages that listen to somebody's."""

    stack: Stack
    person: Person
    http: httpx.AsyncClient

    async def gather(self) -> tuple[list[asyncio.Task[int]], list[asyncio.Task[str]]]:
        waiting = [asyncio.create_task(self.wait()) for _ in range(EACH)]
        opened = [asyncio.Event() for _ in range(3 * EACH)]
        streams = [asyncio.create_task(self.listen("POST", "/agent/run", each)) for each in opened[:EACH]]
        await asyncio.to_thread(self.until_asked, 2 * EACH)
        run_ids = await asyncio.to_thread(self.run_ids)
        for run_id, api, page in zip(run_ids, opened[EACH : 2 * EACH], opened[2 * EACH :], strict=True):
            streams.append(asyncio.create_task(self.listen("GET", f"/agent/runs/{run_id}/events", api)))
            streams.append(asyncio.create_task(self.listen("GET", f"/app/runs/{run_id}/events", page)))
        async with asyncio.timeout(60):
            await asyncio.gather(*(each.wait() for each in opened))
        return waiting, streams

    async def wait(self) -> int:
        return (await self.http.post("/agent/run", json={"prompt": QUESTION})).status_code

    async def listen(self, method: str, path: str, opened: asyncio.Event) -> str:
        """The name of the last event."""
        body = {"prompt": QUESTION} if method == "POST" else None
        async with self.http.stream(method, path, json=body, headers=STREAM) as response:
            assert response.headers["content-type"].startswith("text/event-stream"), response.status_code
            opened.set()
            names = [line async for line in response.aiter_lines() if line.startswith("event: ")]
        return names[-1].removeprefix("event: ")

    def until_asked(self, number: int) -> None:
        asked = Job.objects.filter(workspace=self.person.workspace, name="agent.jobs.run")
        deadline = time.monotonic() + 60
        while (count := asked.count()) < number:
            # A thread that looks for ever would keep the whole process from ending.
            assert time.monotonic() < deadline, f"{count} of {number} were asked"
            time.sleep(0.05)

    def run_ids(self) -> list[str]:
        with tenancy.within(self.person.workspace):
            return [str(key) for key in Run.objects.values_list("pk", flat=True)[:EACH]]


def test_who_waits_or_listens_holds_no_thread_and_no_database_connection(stack: Stack, alice: Person) -> None:
    put_on_plan(alice, "teams", seats=3)
    handbook(alice)
    stack.worker.kill()

    statuses, ends, busy = asyncio.run(crowded(stack, alice))

    assert statuses == [200] * EACH
    assert ends == ["done"] * 3 * EACH
    # The least: who waits in silence has Django asked now and then, all of them at about the same time.
    assert min(busy) <= 1
    with tenancy.within(alice.workspace):
        period = Period.objects.get(member_id=alice.user.pk)
        assert (period.requests_used, period.requests_held, period.tokens_held) == (2 * EACH, 0, 0)


async def crowded(stack: Stack, person: Person) -> tuple[list[int], list[str], list[int]]:
    """What the crowd was told in the end; how many connections were at work while others were answered."""
    signed_in = await asyncio.to_thread(lambda: person.web.cookies["sessionid"].value)
    token = await asyncio.to_thread(lambda: tokens.issue(person.membership).access)
    async with httpx.AsyncClient(
        base_url=stack.url,
        headers={"Authorization": f"Bearer {token}"},
        cookies={"sessionid": signed_in},
        timeout=120,
        limits=httpx.Limits(max_connections=None),
    ) as http:
        waiting, streams = await Crowd(stack, person, http).gather()
        busy = []
        for _ in range(OTHERS):
            busy.append(await asyncio.to_thread(busy_connections))
            answer = await http.get("/agent/conversations?limit=1")
            assert answer.status_code == 200
        assert not any(each.done() for each in (*waiting, *streams))
        await asyncio.to_thread(stack.restart_worker)
        return await asyncio.gather(*waiting), await asyncio.gather(*streams), busy


def busy_connections() -> int:
    """Of processes that are not this one: in a statement, or in a transaction between two."""
    ours: Any = connections["default"]
    ours.close()
    ours.close_pool()
    owner: dict[str, Any] = settings.DATABASES["owner"]
    with psycopg.connect(dbname=owner["NAME"], host=owner["HOST"], user=owner["USER"]) as server:
        row = server.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = 'docent_web' AND state <> 'idle'"
        ).fetchone()
    assert row is not None
    return int(row[0])
