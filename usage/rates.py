"""How many questions a minute a workspace, and an API key, may ask: apart from the quota, and in Redis.

Each bucket keeps the moments of the last minute, so that no sixty seconds ever see more than the limit. The store's
own clock decides, for all processes alike. When it is away everybody may ask: the quota still holds.
"""

import logging
import math
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis

from billing.effective import EffectivePlan
from billing.plans import Plan, cheapest_with_more, upgrade_url
from config import valkey
from config.errors import AppError

log = logging.getLogger(__name__)
MINUTE_SECONDS = 60
# After a failure the store is left alone this long: answers must not wait for it one after the other.
REST_SECONDS = 5.0
_resting_until = 0.0

# Takes a place in every bucket, or in none. Answers for each how many are in it and the milliseconds until one leaves.
SCRIPT = """
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local answers, is_full = {}, false
for i, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - 60000)
  if redis.call('ZCARD', key) >= tonumber(ARGV[i + 1]) then is_full = true end
end
for i, key in ipairs(KEYS) do
  if ARGV[1] ~= '' and not is_full then
    redis.call('ZADD', key, now, ARGV[1])
    redis.call('PEXPIRE', key, 60000)
  end
  local oldest = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
  answers[2 * i - 1] = redis.call('ZCARD', key)
  answers[2 * i] = oldest and (oldest + 60000 - now) or 0
end
answers[#answers + 1] = is_full and 1 or 0
return answers
"""


class RateLimited(AppError):
    code = "rate-limited"
    status = 429


@dataclass(frozen=True)
class Bucket:
    name: str
    key: str
    limit: int


@dataclass(frozen=True)
class Rate:
    """What a bucket has left, and the seconds until it has more."""

    name: str
    limit: int
    remaining: int
    reset_seconds: int


def buckets(*, plan: Plan, seats: int, workspace_id: uuid.UUID, api_key_id: uuid.UUID | None = None) -> list[Bucket]:
    """The workspace's, for which each paid seat counts, and the key's when a program asks with one."""
    whole = plan.questions_a_minute * (seats if plan.is_per_seat else 1)
    found = [Bucket("minute", f"rate:{workspace_id}", whole)]
    if api_key_id is not None:
        found.append(Bucket("key-minute", f"rate:{workspace_id}:{api_key_id}", plan.questions_a_minute))
    return found


def take(current: EffectivePlan, asked: Sequence[Bucket]) -> None:
    """Count one question. Raises RateLimited, and then it is not counted."""
    found = _ask(asked, place=str(uuid.uuid4()))
    if found is None:
        return
    rates, is_full = found
    full = [rate for rate in rates if not rate.remaining]
    if is_full and full:
        raise _refusal(current, max(full, key=lambda rate: rate.reset_seconds))


def look(asked: Sequence[Bucket]) -> list[Rate]:
    """What is left, for the headers of an answer; nothing while the store is away."""
    found = _ask(asked, place="")
    return found[0] if found else []


def _ask(asked: Sequence[Bucket], *, place: str) -> tuple[list[Rate], bool] | None:
    global _resting_until
    if time.monotonic() < _resting_until:
        return None
    limits = [str(bucket.limit) for bucket in asked]
    try:
        said: Any = valkey.brief_client().eval(SCRIPT, len(asked), *[bucket.key for bucket in asked], place, *limits)
    except redis.RedisError:
        log.warning("Redis is away; questions are not counted by the minute until it is back")
        _resting_until = time.monotonic() + REST_SECONDS
        return None
    numbers = [int(number) for number in said]
    rates = [
        Rate(bucket.name, bucket.limit, max(0, bucket.limit - count), math.ceil(wait / 1000))
        for bucket, count, wait in zip(asked, numbers[:-1:2], numbers[1:-1:2], strict=True)
    ]
    return rates, bool(numbers[-1])


def _refusal(current: EffectivePlan, rate: Rate) -> RateLimited:
    wait = max(1, rate.reset_seconds)
    detail = [f"You ask faster than the plan allows: {rate.limit:,} questions a minute. Try again in {wait} s."]
    # While a payment is late, no plan can be changed.
    better = None if current.is_late else cheapest_with_more(current.tier, "questions_a_minute")
    if better is not None:
        detail.append(f"The {better.name} plan has {better.questions_a_minute:,} a minute.")
    way_out = {"plan": better.tier, "upgrade_url": upgrade_url()} if better else {"plan": None}
    return RateLimited(" ".join(detail), retry_after=wait, violated=rate.name, **way_out)
