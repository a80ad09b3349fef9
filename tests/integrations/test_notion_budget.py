"""One budget for all who use a connection, in a real Valkey. Time is passed in, except where two processes share it."""

import multiprocessing
import time

import pytest
import redis

from devkit.home import free_port
from integrations.notion import Budget, RateLimited, Unreachable
from tests.integrations.wire import Clock


def port_of(valkey: redis.Redis) -> int:
    port = valkey.connection_pool.connection_kwargs["port"]
    assert isinstance(port, int)
    return port


def test_a_burst_goes_at_once_and_then_the_rate_holds(valkey: redis.Redis, clock: Clock) -> None:
    budget = Budget(valkey, "alice", rate=2.5, burst=5, clock=clock)

    waits = [budget.acquire(clock.wait) for _ in range(55)]

    assert waits[:5] == [0, 0, 0, 0, 0]
    assert 20 <= sum(waits) <= 23


def test_no_minute_ever_sees_more_than_notion_allows(valkey: redis.Redis, clock: Clock) -> None:
    budget = Budget(valkey, "alice", clock=clock)
    sent = []

    for _ in range(600):
        budget.acquire(clock.wait)
        sent.append(clock.now)

    assert all(later - earlier > 60 for earlier, later in zip(sent, sent[180:], strict=False))


class Windows:
    """Notion's fixed windows, for so many connections that take turns as their budgets let them."""

    def __init__(self, clock: Clock, budgets: list[Budget], *, phase: float, is_shared: bool) -> None:
        self.clock, self.budgets, self.phase, self.is_shared = clock, budgets, phase, is_shared
        self.served: dict[tuple[int, int], int] = {}
        self.asked = self.refused = 0

    def run(self, minutes: int) -> None:
        end = self.clock.now + minutes * 60
        while self.clock.now < end:
            needed = [budget._try() for budget in self.budgets]
            for number, budget in enumerate(self.budgets):
                if not needed[number]:
                    self.ask(number, budget)
            if all(needed):
                self.clock.now += min(needed)

    def ask(self, number: int, budget: Budget) -> None:
        window, into = divmod(self.clock.now + self.phase, 60)
        key = (0 if self.is_shared else number, int(window))
        self.asked += 1
        if self.served.get(key, 0) == 180:
            self.refused += 1
            budget.block(60 - into, whole_workspace=self.is_shared)
        else:
            self.served[key] = self.served.get(key, 0) + 1


@pytest.mark.parametrize("phase", [0, 17.3, 59.9])
def test_a_connection_uses_its_windows_and_is_never_told_off(valkey: redis.Redis, clock: Clock, phase: float) -> None:
    windows = Windows(clock, [Budget(valkey, "alice", keep=2, clock=clock)], phase=phase, is_shared=False)

    windows.run(20)

    assert windows.refused == 0
    assert sum(windows.served.values()) >= 0.95 * 180 * 20


@pytest.mark.parametrize("phase", [0, 31])
def test_connections_of_one_workspace_learn_what_they_share(valkey: redis.Redis, clock: Clock, phase: float) -> None:
    both = [Budget(valkey, name, workspace="acme", keep=2, clock=clock) for name in ("alice", "bob")]
    windows = Windows(clock, both, phase=phase, is_shared=True)

    windows.run(60)

    assert windows.refused < 0.01 * windows.asked
    assert sum(windows.served.values()) >= 0.95 * 180 * 60


def test_what_the_workspace_is_told_holds_for_all_its_connections_and_no_other(
    valkey: redis.Redis, clock: Clock
) -> None:
    alice, bob, charlie = (
        Budget(valkey, name, workspace=workspace, clock=clock)
        for name, workspace in (("alice", "acme"), ("bob", "acme"), ("charlie", "other"))
    )
    alice.block(90, whole_workspace=True)

    assert charlie.acquire(clock.wait) == 0
    assert bob.acquire(clock.wait) >= 90


def test_who_waits_for_an_answer_goes_before_a_sync_that_waited_longer(valkey: redis.Redis, clock: Clock) -> None:
    sync, agent = Budget(valkey, "alice", keep=2, clock=clock), Budget(valkey, "alice", clock=clock)
    while not agent._try():
        pass

    sync_needs, agent_needs = sync._try(), agent._try()
    clock.now += agent_needs

    assert sync._try() > 0
    assert agent._try() == 0
    assert sync_needs > agent_needs


def test_connections_do_not_share_a_budget(valkey: redis.Redis, clock: Clock) -> None:
    Budget(valkey, "alice", burst=1, clock=clock).acquire(clock.wait)

    assert Budget(valkey, "charlie", burst=1, clock=clock).acquire(clock.wait) == 0


def test_nobody_sends_until_retry_after_is_over(valkey: redis.Redis, clock: Clock) -> None:
    Budget(valkey, "alice", clock=clock).block(90)
    blocked_at = clock.now
    other = Budget(valkey, "alice", clock=clock)

    with pytest.raises(RateLimited):
        other.acquire(clock.wait, at_most=80)
    other.acquire(clock.wait)

    assert clock.now >= blocked_at + 90


def test_a_shorter_pause_does_not_shorten_a_longer_one(valkey: redis.Redis, clock: Clock) -> None:
    budget = Budget(valkey, "alice", clock=clock)
    budget.block(90)
    budget.block(1)

    assert budget.acquire(clock.wait) >= 90


def test_after_a_pause_the_rate_is_halved_and_grows_back(valkey: redis.Redis, clock: Clock) -> None:
    budget = Budget(valkey, "alice", rate=2, burst=1, clock=clock)
    budget.block(10)
    budget.acquire(clock.wait)

    slow = budget.acquire(clock.wait)
    clock.now += 600
    budget.acquire(clock.wait)
    fast = budget.acquire(clock.wait)

    assert 0.9 < slow < 1.1
    assert 0.5 <= fast < 0.6


def test_workers_told_off_for_one_burst_slow_down_once(valkey: redis.Redis, clock: Clock) -> None:
    budget = Budget(valkey, "alice", rate=2, burst=1, clock=clock)
    for _ in range(5):
        budget.block(10)
    budget.acquire(clock.wait)

    assert 0.9 < budget.acquire(clock.wait) < 1.1


def test_background_work_leaves_room_for_people(valkey: redis.Redis, clock: Clock) -> None:
    sync = Budget(valkey, "alice", burst=6, keep=2, clock=clock)
    agent = Budget(valkey, "alice", burst=6, clock=clock)
    for _ in range(20):
        sync.acquire(clock.wait)

    assert [agent.acquire(clock.wait), agent.acquire(clock.wait)] == [0, 0]
    assert sync.acquire(clock.wait) > 0


def test_waits_come_in_slices(valkey: redis.Redis, clock: Clock) -> None:
    budget = Budget(valkey, "alice", clock=clock)
    budget.block(30)

    budget.acquire(clock.wait)

    assert max(clock.waits) <= 5
    assert sum(clock.waits) == pytest.approx(30, abs=0.5)


def test_a_clock_that_goes_back_gives_nothing_away_and_blocks_nobody(valkey: redis.Redis, clock: Clock) -> None:
    budget = Budget(valkey, "alice", rate=1, burst=2, clock=clock)
    budget.acquire(clock.wait)
    budget.acquire(clock.wait)
    clock.now -= 1_000

    assert 1 <= budget.acquire(clock.wait) < 1.2


def test_a_budget_out_of_reach_stops_the_request() -> None:
    with pytest.raises(Unreachable):
        Budget(redis.Redis(port=free_port()), "alice").acquire()


def spend(port: int, requests: int, rate: float) -> None:
    """What each of two workers does."""
    client = redis.Redis(port=port)
    client.blpop(["go"])
    budget = Budget(client, "alice", rate=rate, burst=5)
    for _ in range(requests):
        budget.acquire()
        client.rpush("sent", repr(time.time()))


def test_two_processes_together_keep_the_rate_and_the_pause(valkey: redis.Redis, clock: Clock) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=spend, args=(port_of(valkey), 15, 40.0)) for _ in range(2)]
    for worker in workers:
        worker.start()
    blocked_at = time.time()
    Budget(valkey, "alice", rate=40.0, burst=5).block(0.5)
    valkey.rpush("go", "", "")
    for worker in workers:
        worker.join(60)

    sent = sorted(float(moment) for moment in valkey.lrange("sent", 0, -1))

    assert len(sent) == 30
    assert sent[0] >= blocked_at + 0.5
    # Half the rate after a pause; one request waits in the bucket at its end.
    assert sent[-1] - blocked_at >= 0.5 + 29 / 25
