"""What a check says. No secret and no content: places without their passwords, numbers, and words of ours."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlsplit


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    BAD = "bad"


class Finding(NamedTuple):
    level: Level
    says: str
    todo: str = ""


Check = Callable[[], Iterator[Finding]]


def ok(says: str) -> Finding:
    return Finding(Level.OK, says)


def warn(says: str, todo: str) -> Finding:
    return Finding(Level.WARN, says, todo)


def bad(says: str, todo: str) -> Finding:
    return Finding(Level.BAD, says, todo)


def place(url: str) -> str:
    """Where an address leads, without who goes there and with which password."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or parts.path
