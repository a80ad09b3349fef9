"""Is this process fit to serve? Answered before Django, so that a probe needs no host name and no session."""

import asyncio
import logging
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor

import redis
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader

from config import waiting
from config.exchange import Answer

log = logging.getLogger(__name__)
LIMIT_SECONDS = 1.0
# One thread: a database that hangs costs one, however often somebody asks.
_thread = ThreadPoolExecutor(1, thread_name_prefix="probe")
_is_migrated = False


async def ready() -> Answer:
    database, streams = await asyncio.gather(_asked("database", _database()), _asked("redis", _redis()))
    failures = [failure for failure in (database, streams) if failure]
    if failures:
        return Answer.json(503, {"status": "not ready", "missing": failures})
    return Answer.json(200, {"status": "ready"})


async def _asked(name: str, question: Awaitable[str]) -> str:
    """Empty when it answered well, else what is missing."""
    try:
        return await asyncio.wait_for(question, LIMIT_SECONDS)
    except (TimeoutError, Error, redis.RedisError, OSError) as error:
        log.warning("not ready, %s: %s", name, type(error).__name__)
        return name


async def _database() -> str:
    return await asyncio.get_running_loop().run_in_executor(_thread, _look)


def _look() -> str:
    global _is_migrated
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        # Reading all migrations is slow, and once they are applied they stay so.
        if not _is_migrated:
            _is_migrated = not unapplied()
        return "" if _is_migrated else "migrations"
    finally:
        connection.close()


def unapplied() -> set[tuple[str, str]]:
    """Migrations of the shared schema that this release has and the database has not."""
    loader = MigrationLoader(connection)
    shared = {node for node in loader.graph.nodes if node[0] not in settings.TENANT_APPS}
    return shared - set(loader.applied_migrations)


async def _redis() -> str:
    await waiting.client().ping()
    return ""
