"""A database of one's own, prepared as in production and dropped afterwards, or left to the end of its server."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import redis
from django.conf import settings
from django.core.management import call_command
from django.db import connections


@contextmanager
def prepared() -> Iterator[None]:
    owner = settings.DATABASES["owner"]
    administration: dict[str, Any] = {"dbname": "postgres", "host": owner["HOST"], "user": owner["USER"]}
    administration |= {key: owner[name] for key, name in (("password", "PASSWORD"), ("port", "PORT")) if owner[name]}
    with psycopg.connect(**administration, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{owner["NAME"]}"')
        # Roles belong to the whole server, so two processes must not make them at the same moment.
        server.execute("SELECT pg_advisory_lock(hashtext('docent tests'))")
        call_command("prepare_database", verbosity=0)
    redis.Redis.from_url(settings.REDIS_URL).flushdb()
    try:
        yield
    finally:
        for alias in connections:
            connections[alias].close()
            connections[alias].close_pool()  # type: ignore[attr-defined]  # of the Postgres backend
        if "DOCENT_LEAVES_DATABASES" not in os.environ:
            with psycopg.connect(**administration, autocommit=True) as server:
                server.execute(f'DROP DATABASE "{owner["NAME"]}" WITH (FORCE)')
