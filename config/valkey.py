"""The clients for Redis or Valkey in this process: events, locks, rates. Celery has its own."""

import functools

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry


@functools.cache
def client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=2)


@functools.cache
def brief_client() -> redis.Redis:
    """For what an answer waits for and can do without: it asks once more, over another connection, and not for long.

    The other one goes on trying for seconds, which outlives a restart.
    """
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), retries=1)
    )
