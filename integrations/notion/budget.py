"""One rate for all processes that talk to Notion through one connection, and one for all connections of its workspace.

Each is a token bucket in Redis, and a moment before which nobody may send, set by Notion's Retry-After. A connection's
bucket fits into Notion's fixed windows wherever they begin, so by itself it is never told off. What a whole workspace
may do is said nowhere: its rate is learned from what went through in the minute before Notion refused, and grows
slowly, so that a refusal is rare. After any refusal the rate is at most halved, since other integrations share limits
that we cannot see.
"""

import random
import time
from collections.abc import Callable
from typing import Protocol

import redis

from integrations.notion.errors import RateLimited, Unreachable

Wait = Callable[[float], None]
Clock = Callable[[], float]

RATE = 2.9  # Notion allows 180 in a window of a minute; a minute of this and the burst before it are 179
BURST = 5.0
KEPT = 0.4  # of the burst, for people
SLICE = 5.0  # a wait is cut into pieces, so that `wait` can keep a lease alive
LONGEST_BLOCK = 86_400.0
COUNTERS = "notion:counters"
_FORGET_AFTER = 86_400_000
_SLOWEST = 0.2  # of the full rate
_RECOVERY = 300.0  # seconds from nothing to a connection's full rate
# A workspace's limit is not known: so many connections at full rate, until Notion says otherwise.
_CONNECTIONS = 4
_SLOW_RECOVERY = 1_800.0

_COMMON = """
local now = tonumber(ARGV[1])
if now == nil then
    local t = redis.call('TIME')
    now = tonumber(t[1]) + tonumber(t[2]) / 1000000
end
local function read(key, full, growth)
    local kept = redis.call('HMGET', key, 'tokens', 'at', 'not_before', 'rate', 'slowed', 'minute', 'sent', 'before')
    for i = 1, 8 do kept[i] = tonumber(kept[i] or '') end
    local it = {key = key, tokens = kept[1], at = kept[2], not_before = kept[3] or 0, slowed = kept[5] or now,
        minute = math.floor(now / 60), sent = 0, before = 0}
    it.rate = math.min(full, (kept[4] or full) + math.max(0, now - it.slowed) * growth)
    if kept[6] == it.minute then it.sent, it.before = kept[7], kept[8]
    elseif kept[6] == it.minute - 1 then it.before = kept[7] end
    return it
end
local function text(number) return string.format('%.6f', number) end
"""

# Waiting answers milliseconds. A request takes from both buckets, or from none.
_ACQUIRE = (
    _COMMON
    + """
local burst, keep = tonumber(ARGV[2]), tonumber(ARGV[3])
local longest = 0
local both = {}
for i = 1, 2 do
    local it = read(KEYS[i], tonumber(ARGV[3 + 2 * i]), tonumber(ARGV[4 + 2 * i]))
    local at = math.min(now, it.at or now)
    if now < it.not_before then
        longest = math.max(longest, it.not_before - now)
    elseif it.at and now < it.at then
        -- The clock went back.
        redis.call('HSET', it.key, 'at', text(now))
    end
    it.tokens = math.min(burst, (it.tokens or burst) + (now - at) * it.rate)
    local missing = 1 + keep - it.tokens
    if missing > 0.000001 then longest = math.max(longest, missing / it.rate) end
    both[i] = it
end
if longest > 0 then return math.max(1, math.ceil(longest * 1000)) end
for _, it in ipairs(both) do
    redis.call('HSET', it.key, 'tokens', text(it.tokens - 1), 'at', text(now), 'minute', it.minute,
        'sent', it.sent + 1, 'before', it.before)
    redis.call('PEXPIRE', it.key, ARGV[4])
end
redis.call('HINCRBY', KEYS[3], 'requests', 1)
return 0
"""
)

# Several workers may be told off for the same burst: the rate is lowered once, the longest pause wins, and nobody
# finds a full bucket at the end of it.
_BLOCK = (
    _COMMON
    + """
local burst, full = tonumber(ARGV[2]), tonumber(ARGV[5])
local it = read(KEYS[1], full, tonumber(ARGV[6]))
local untl = math.max(it.not_before, now + tonumber(ARGV[3]))
if now >= it.not_before then
    local went = it.sent + it.before * (1 - (now / 60 - it.minute))
    it.rate = math.min(it.rate, math.max(full * tonumber(ARGV[7]), it.rate / 2, (went - burst) / 60))
end
redis.call('HSET', KEYS[1], 'tokens', '1', 'at', text(untl), 'not_before', text(untl), 'rate', text(it.rate),
    'slowed', text(math.max(it.slowed, untl)))
redis.call('PEXPIRE', KEYS[1], math.ceil((untl - now) * 1000) + tonumber(ARGV[4]))
redis.call('HINCRBY', KEYS[2], 'limited', 1)
return 0
"""
)


class Limiter(Protocol):
    def acquire(self, wait: Wait = ..., *, at_most: float = ...) -> float:
        """Waits until one request may be sent; answers the seconds waited. RateLimited if that takes too long."""
        ...

    def block(self, seconds: float, *, whole_workspace: bool = False) -> None:
        """Nobody sends for this long: through this connection, or any of the Notion workspace."""
        ...


class Budget:
    """`keep` leaves that many requests in the bucket: background work passes one above 0, so that a person asking
    in the meantime goes first. `workspace` names what shares Notion's limits with this connection."""

    def __init__(
        self,
        redis_client: redis.Redis,
        key: str,
        *,
        workspace: str = "",
        rate: float = RATE,
        burst: float = BURST,
        keep: float = 0.0,
        clock: Clock | None = None,
    ) -> None:
        if rate <= 0 or burst < 1 + keep:
            raise ValueError("a budget needs a rate above 0, and a burst of at least one request beyond what it keeps")
        self.key = f"notion:budget:{key}"
        self._shared_key = f"notion:workspace:{workspace or key}"
        self._burst, self._keep = burst, keep
        growth = rate / _SLOW_RECOVERY
        self._own, self._shared = (rate, rate / _RECOVERY), (rate * _CONNECTIONS, growth)
        # Redis' own clock, so that machines need not agree on the time.
        self._clock = clock
        self._acquire = redis_client.register_script(_ACQUIRE)
        self._block = redis_client.register_script(_BLOCK)

    def acquire(self, wait: Wait = time.sleep, *, at_most: float = 300.0) -> float:
        waited = 0.0
        while needed := self._try():
            if waited + needed > at_most:
                raise RateLimited("This connection's request budget is used up for now", retry_after=needed)
            # Workers that wait for the same token would otherwise wake in the same instant.
            pause = min(needed + random.uniform(0, 0.05), SLICE)
            wait(pause)
            waited += pause
        return waited

    def block(self, seconds: float, *, whole_workspace: bool = False) -> None:
        key, (rate, growth) = (self._shared_key, self._shared) if whole_workspace else (self.key, self._own)
        seconds = min(seconds, LONGEST_BLOCK)
        self._run(self._block, [key, COUNTERS], [self._burst, seconds, _FORGET_AFTER, rate, growth, _SLOWEST])

    def _try(self) -> float:
        arguments = [self._burst, self._keep, _FORGET_AFTER, *self._own, *self._shared]
        return self._run(self._acquire, [self.key, self._shared_key, COUNTERS], arguments) / 1_000

    def _run(self, script: Callable[..., object], keys: list[str], arguments: list[float]) -> int:
        now = "" if self._clock is None else repr(self._clock())
        try:
            answer = script(keys=keys, args=[now, *arguments])
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise Unreachable("The shared request budget cannot be read", retry_after=SLICE) from error
        if not isinstance(answer, int):
            raise Unreachable("The shared request budget answered nonsense", retry_after=SLICE)
        return answer


class Unmetered:
    """For the few calls made before there is a connection: one process, no shared rate, but Retry-After is kept."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._not_before = clock()

    def acquire(self, wait: Wait = time.sleep, *, at_most: float = 300.0) -> float:
        waited = 0.0
        while (needed := self._not_before - self._clock()) > 0:
            if waited + needed > at_most:
                raise RateLimited("Notion asked us to stay away for longer than we may wait", retry_after=needed)
            pause = min(needed, SLICE)
            wait(pause)
            waited += pause
        return waited

    def block(self, seconds: float, *, whole_workspace: bool = False) -> None:
        self._not_before = max(self._not_before, self._clock() + seconds)
