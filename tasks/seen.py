"""A row of Notion as it was seen: a digest of what people write in it, and its values in the form that puts them back.
Pure."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tasks.mapping import columns_of

Json = dict[str, Any]
Value = Mapping[str, Any]


def digest(row: Value) -> str:
    """What Notion computes by itself is left out, and so what it says anew each time: names, signed addresses."""
    columns = columns_of(row)
    said = {key: [value["type"], _SAID[value["type"]](value)] for key, value in columns.items() if _is_written(value)}
    place = [row.get("parent"), bool(row.get("in_trash"))]
    return hashlib.sha256(json.dumps([place, said], sort_keys=True, default=str).encode()).hexdigest()


def edited(row: Value) -> str:
    return str(row.get("last_edited_time"))


def exact(row: Value, columns: Mapping[str, Any], fields: Sequence[str]) -> Json:
    """By field, the property as a request takes it: a title with its marks, a range with its end."""
    present = columns_of(row)
    found = {field: present.get(columns[field]["id"]) for field in fields if field in columns}
    return {
        field: {value["type"]: _TAKEN[value["type"]](value)}
        for field, value in found.items()
        if value is not None and value.get("type") in _TAKEN
    }


def _is_written(value: Value) -> bool:
    return value.get("type") in _SAID


def _ids(kind: str) -> Callable[[Value], Any]:
    return lambda value: sorted(str(each.get("id")) for each in value.get(kind) or [])


def _id(kind: str) -> Callable[[Value], Any]:
    return lambda value: (value.get(kind) or {}).get("id")


def _plain(kind: str) -> Callable[[Value], Any]:
    return lambda value: value.get(kind)


def _words(kind: str) -> Callable[[Value], Any]:
    return lambda value: [[part.get("plain_text"), part.get("annotations")] for part in value.get(kind) or []]


def _files(value: Value) -> Any:
    return [each.get("name") for each in value.get("files") or []]


_SAID: dict[str, Callable[[Value], Any]] = {
    **{kind: _plain(kind) for kind in ("checkbox", "date", "email", "number", "phone_number", "url")},
    **{kind: _ids(kind) for kind in ("people", "relation", "multi_select")},
    **{kind: _id(kind) for kind in ("select", "status")},
    **{kind: _words(kind) for kind in ("title", "rich_text")},
    "files": _files,
}


def _taken_words(value: Value) -> list[Json]:
    return [_piece(part) for part in value.get("title") or []]


def _piece(part: Value) -> Json:
    kind = str(part.get("type") or "text")
    content = part.get(kind)
    if kind == "mention" and isinstance(content, Mapping):
        named = str(content.get("type"))
        held = content.get(named)
        content = {named: {"id": held["id"]} if isinstance(held, Mapping) and "id" in held else held}
    if kind == "text" and isinstance(content, Mapping):
        content = {name: content[name] for name in ("content", "link") if content.get(name) is not None}
    piece: Json = {"type": kind, kind: content}
    return piece | ({"annotations": part["annotations"]} if part.get("annotations") else {})


def _one(kind: str) -> Callable[[Value], Any]:
    return lambda value: {"id": value[kind]["id"]} if value.get(kind) else None


_TAKEN: dict[str, Callable[[Value], Any]] = {
    "title": _taken_words,
    "checkbox": _plain("checkbox"),
    "date": _plain("date"),
    "select": _one("select"),
    "status": _one("status"),
    "multi_select": lambda value: [{"id": each["id"]} for each in value.get("multi_select") or []],
    "people": lambda value: [{"object": "user", "id": each["id"]} for each in value.get("people") or []],
}
