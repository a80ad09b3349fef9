"""Reading what programs send. Nothing that a database or a model could stumble over gets past here."""

import json
from collections.abc import Mapping
from typing import IO, Any, Never

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

MOST_DIGITS = 100


class TooLarge(APIException):
    status_code = 413
    default_detail = "The body is too large."
    default_code = "too_large"


class JSONParser(BaseParser):
    """UTF-8 JSON of a bounded size, without NUL characters and halves of surrogate pairs, which Postgres refuses."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        # Django's own limit holds for forms only.
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise TooLarge
        try:
            content = json.loads(raw.decode("utf-8"), parse_constant=_refuse, parse_int=_whole)
            refuse_odd(content)
        except (ValueError, RecursionError) as error:
            raise ParseError(f"The body is not JSON that can be read: {_words(error)}.") from error
        return content


def _words(error: ValueError | RecursionError) -> str:
    """What is wrong and where, without the names of Python's own."""
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1} is not UTF-8"
    if isinstance(error, UnicodeEncodeError):
        return "a text has half of a surrogate pair"
    if isinstance(error, json.JSONDecodeError):
        return f"what stands at line {error.lineno}, column {error.colno} is not expected there"
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    return str(error)


def _refuse(name: str) -> Never:
    raise ValueError(f"{name} is no number")


def _whole(digits: str) -> int:
    """Python's own refusal of long ones tells callers how to set up Python."""
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number has more than {MOST_DIGITS} digits")
    return int(digits)


def refuse_odd(content: Any) -> None:
    """Raises ValueError for texts that Postgres refuses."""
    waiting = [content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            value.encode()  # fails for half of a surrogate pair
            if "\0" in value:
                raise ValueError("a text has the character NUL")
        elif isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value
