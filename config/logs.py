"""How a line of the log looks, and what it says of the request or job that it was written in.

The address of a request may be a secret, as that of an invitation is: `place` is what a line says of it.
"""

import json
import logging
import logging.config
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest

REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_facts: ContextVar[dict[str, str]] = ContextVar("facts")


def begin(**facts: object) -> None:
    """Lines say these until something else begins in this thread; nothing of what was said before."""
    _facts.set(_in_words(facts))


@contextmanager
def about(**facts: object) -> Iterator[None]:
    """Lines of the block say these as well."""
    before = _facts.set({**_facts.get({}), **_in_words(facts)})
    try:
        yield
    finally:
        _facts.reset(before)


def note(**facts: object) -> None:
    """What was found out on the way: lines say it to the end of the request, job or block."""
    _facts.get({}).update(_in_words(facts))


def _in_words(facts: dict[str, object]) -> dict[str, str]:
    return {name: str(fact) for name, fact in facts.items()}


def request_id(said: str = "") -> str:
    """What a proxy or client calls this request, if it is well formed; else a new name."""
    return said if REQUEST_ID.fullmatch(said) else secrets.token_hex(8)


def this_request() -> str:
    return _facts.get({}).get("request_id") or request_id()


def place(request: HttpRequest) -> str:
    """The path without words that came with it; of one that leads nowhere, or was not looked at, its beginning."""
    if request.resolver_match is None:
        first, slash, more = request.path[1:].partition("/")
        return f"/{first}{slash}{more and '…'}"
    path = request.path
    for word in request.resolver_match.kwargs.values():
        if word and isinstance(word, str):
            path = path.replace(word, "…")
    return path


class WithoutAddress(logging.Filter):
    """Django ends its lines about requests with the path."""

    def filter(self, record: logging.LogRecord) -> bool:
        request, said = getattr(record, "request", None), record.args
        if isinstance(request, HttpRequest) and isinstance(said, tuple) and said:
            record.args = (*said[:-1], place(request))
        return True


class Line(logging.Formatter):
    """For people. A message stays on its line; the lines below it are the exception's."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), record.message)
        return super().formatMessage(record)


class Json(logging.Formatter):
    """For programs: an object a line."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_facts.get({}),
        }
        if record.exc_info and record.exc_info[0]:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said)


FORMATS: dict[str, type[logging.Formatter]] = {"text": Line, "json": Json}


def of_celery(loglevel: int, **_: Any) -> None:
    """A receiver of Celery's `setup_logging`: its lines look like ours, and `-l` says which of them there are."""
    from celery.utils.log import get_logger, get_multiprocessing_logger

    logging.config.dictConfig(settings.LOGGING)
    get_logger("celery").setLevel(loglevel)
    # Of the pool that starts the processes; it propagates nothing.
    pool = get_multiprocessing_logger()
    assert pool is not None
    pool.handlers = logging.getLogger().handlers[:]
    pool.setLevel(logging.ERROR)
