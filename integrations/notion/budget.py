"""One rate for all processes that talk to Notion through one connection.

A token bucket in Redis, and a moment before which nobody may send, set by Notion's Retry-After. After a 429 the rate is
halved and grows back within minutes, since the customer's plan and other integrations of the same workspace share
limits that we cannot see.
"""

import random
import time
from collections.abc import Callable
from typing import Protocol

import redis

from integrations.notion.errors import RateLimited, Unreachable

Wait = Callable[[float], None]
Clock = Callable[[], float]

RATE = 2.5  # Notion allows 180 a minute; a burst on top must still fit into one
BURST = 10.0
SLICE = 5.0  # a wait is cut into pieces, so that `wait` can keep a lease alive
_FORGET_AFTER = 86_400_000
_SLOWEST = 0.2  # of the full rate
_RECOVERY = 300.0  # seconds from the slowest to the full rate

# The current rate is a share of the full one: `share` at `slowed`, growing by the recovery since.
_COMMON = """
local now = tonumber(ARGV[1])
if now == nil then
    local t = redis.call('TIME')
    now = tonumber(t[1]) + tonumber(t[2]) / 1000000
end
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'not_before', 'share', 'slowed')
local not_before = tonumber(kept[3] or '') or 0
local slowed = tonumber(kept[5] or '') or now
local share = math.min(1, (tonumber(kept[4] or '') or 1) + math.max(0, now - slowed) / tonumber(ARGV[2]))
"""

_ACQUIRE = (
    _COMMON
    + """
if now < not_before then return math.ceil((not_before - now) * 1000) end
local rate, burst, keep = tonumber(ARGV[3]) * share, tonumber(ARGV[4]), tonumber(ARGV[5])
local at = math.min(now, tonumber(kept[2] or '') or now)
local tokens = math.min(burst, (tonumber(kept[1] or '') or burst) + (now - at) * rate)
local missing = 1 + keep - tokens
local taken = missing > 0.000001 and 0 or 1
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens - taken), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], ARGV[6])
if taken == 1 then return 0 end
return math.max(1, math.ceil(missing / rate * 1000))
"""
)

# Several workers may be told off for the same burst: the rate is halved once, the longest pause wins, and nobody
# finds a full bucket at the end of it.
_BLOCK = (
    _COMMON
    + """
local untl = math.max(not_before, now + tonumber(ARGV[3]))
if now >= not_before then share = math.max(tonumber(ARGV[4]), share / 2) end
redis.call('HSET', KEYS[1], 'tokens', '1', 'at', string.format('%.6f', untl),
    'not_before', string.format('%.6f', untl), 'share', string.format('%.6f', share),
    'slowed', string.format('%.6f', math.max(slowed, untl)))
redis.call('PEXPIRE', KEYS[1], math.ceil((untl - now) * 1000) + tonumber(ARGV[5]))
return 0
"""
)


class Limiter(Protocol):
    def acquire(self, wait: Wait = ..., *, at_most: float = ...) -> float:
        """Waits until one request may be sent; answers the seconds waited. RateLimited if that takes too long."""
        ...

    def block(self, seconds: float) -> None:
        """Nobody sends for this long."""
        ...


class Budget:
    """`keep` leaves that many requests in the bucket: background work passes one above 0, so that a person asking
    in the meantime does not queue behind it."""

    def __init__(
        self,
        redis_client: redis.Redis,
        key: str,
        *,
        rate: float = RATE,
        burst: float = BURST,
        keep: float = 0.0,
        clock: Clock | None = None,
    ) -> None:
        if rate <= 0 or burst < 1 + keep:
            raise ValueError("a budget needs a rate above 0, and a burst of at least one request beyond what it keeps")
        self.key = f"notion:budget:{key}"
        self._rate, self._burst, self._keep = rate, burst, keep
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

    def block(self, seconds: float) -> None:
        self._run(self._block, [seconds, _SLOWEST, _FORGET_AFTER])

    def _try(self) -> float:
        return self._run(self._acquire, [self._rate, self._burst, self._keep, _FORGET_AFTER]) / 1_000

    def _run(self, script: Callable[..., object], arguments: list[float]) -> int:
        now = "" if self._clock is None else repr(self._clock())
        try:
            answer = script(keys=[self.key], args=[now, _RECOVERY, *arguments])
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

    def block(self, seconds: float) -> None:
        self._not_before = max(self._not_before, self._clock() + seconds)
