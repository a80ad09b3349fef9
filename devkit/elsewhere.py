"""Services that DATABASE_URL, REDIS_URL or CHROMA_URL name elsewhere: asked once before anything is built on them."""

import os
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException

import psycopg
import redis
from django.core.exceptions import ImproperlyConfigured
from redis.backoff import NoBackoff
from redis.retry import Retry

from config import environment as env
from devkit.home import Trouble

ANSWER_SECONDS = 5


def ask_postgres(url: str) -> None:
    env.database(url)
    psycopg.connect(url, connect_timeout=ANSWER_SECONDS).close()


def ask_valkey(url: str) -> None:
    with redis.Redis.from_url(url, socket_timeout=ANSWER_SECONDS, retry=Retry(NoBackoff(), 0)) as client:
        client.ping()


def ask_chroma(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise ImproperlyConfigured("An address of Chroma looks like http://127.0.0.1:8000.")
    with urllib.request.urlopen(f"{url.rstrip('/')}/api/v2/heartbeat", timeout=ANSWER_SECONDS):
        pass


ASK: dict[str, Callable[[str], None]] = {
    "DATABASE_URL": ask_postgres,
    "REDIS_URL": ask_valkey,
    "CHROMA_URL": ask_chroma,
}
# A wrong address is an ImproperlyConfigured, a ValueError or psycopg's ProgrammingError; the rest is about reaching it.
TROUBLES = (ImproperlyConfigured, ValueError, psycopg.Error, redis.RedisError, HTTPException, OSError)


def addresses() -> dict[str, str]:
    """The processes started here, and `manage.py` in another shell, need them as well."""
    return {name: os.environ[name] for name in ASK if os.environ.get(name)}


def check() -> None:
    for name, url in addresses().items():
        try:
            ASK[name](url)
        except TROUBLES as error:
            said = " ".join(str(error).split())
            raise Trouble(f"{name} cannot be used: {said}") from None
