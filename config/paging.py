"""Lists in pieces: each answer carries an opaque cursor to the next one, which stays right while rows are added."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from config.errors import AppError, InvalidField
from config.numbers import whole

Row = TypeVar("Row", bound=Model)
LIMIT, LIMIT_MOST = 50, 100
# What `piece` reads, for the description of the API.
PAGED = [
    OpenApiParameter("cursor", OpenApiTypes.STR, description="From `next` of the answer before."),
    OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": LIMIT_MOST, "default": LIMIT}),
]


class BadCursor(AppError):
    code = "bad-cursor"
    status = 400

    def __init__(self) -> None:
        detail = "This cursor is not one of ours. Begin again without it."
        super().__init__(detail, errors=[{"pointer": "/cursor", "code": "invalid", "detail": detail}])


@dataclass(frozen=True)
class Piece(Generic[Row]):
    rows: list[Row]
    next: str | None


def piece(rows: QuerySet[Row], parameters: Mapping[str, str], *, by: str, newest_first: bool = False) -> Piece[Row]:
    """`rows` in the order of the field `by`, then of the primary key; `parameters` may have `cursor` and `limit`."""
    limit = _limit(parameters.get("limit"))
    if parameters.get("cursor"):
        value, key = _position(rows.model, by, parameters["cursor"])
        beyond = "lt" if newest_first else "gt"
        rows = rows.filter(Q(**{f"{by}__{beyond}": value}) | Q(**{by: value}, pk__gt=key))
    found = list(rows.order_by(f"-{by}" if newest_first else by, "pk")[: limit + 1])
    if len(found) <= limit:
        return Piece(found, None)
    last = found[limit - 1]
    position = [_field(rows.model, by).value_to_string(last), str(last.pk)]
    return Piece(found[:limit], base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("="))


def _limit(text: str | None) -> int:
    if not text:
        return LIMIT
    limit = whole(text)
    if limit is None or not 1 <= limit <= LIMIT_MOST:
        raise InvalidField(f"A limit is a number from 1 to {LIMIT_MOST}.", pointer="/limit")
    return limit


def _position(model: type[Model], by: str, cursor: str) -> tuple[Any, Any]:
    try:
        value, key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        place = _field(model, by).to_python(value), _field(model, model._meta.pk.name).to_python(key)
    except (binascii.Error, ValueError, TypeError, ValidationError, RecursionError) as error:
        raise BadCursor from error
    if None in place:
        raise BadCursor
    return place


def _field(model: type[Model], name: str) -> "Field[Any, Any]":
    field = model._meta.get_field(name)
    assert isinstance(field, Field)
    return field
