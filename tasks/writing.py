"""The values of a task in the form that Notion takes. Pure."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from tasks.mapping import columns_of

Json = dict[str, Any]
LONGEST = 2_000
MOST_IN_A_LIST = 100
MARKER = "Added in Docent as"


class NoColumn(Exception):
    """The column is gone, or of a type that cannot hold the value."""


def properties(
    fields: Mapping[str, Any],
    columns: Mapping[str, Any],
    row: Mapping[str, Any] | None = None,
    *,
    exact: Mapping[str, Any] | None = None,
) -> Json:
    """By column id. `fields` are facts by field; `row` is the page as it is, when there is one. `exact`: properties
    that are put back as they were."""
    present = columns_of(row) if row is not None else None
    body = {}
    for field, fact in fields.items():
        column = columns.get(field)
        if column is None or (present is not None and column["id"] not in present):
            raise NoColumn(field)
        value = (present or {}).get(column["id"]) or {}
        kind = str(value.get("type") or column["type"])
        if kind not in KINDS[field]:
            raise NoColumn(field)
        kept = (exact or {}).get(field)
        body[column["id"]] = kept if kept and kind in kept else {kind: _value(kind, fact, value)}
    return body


KINDS = {
    "title": ("title",),
    "status": ("status", "select", "checkbox"),
    "due_on": ("date",),
    "priority": ("select",),
    "assignees": ("people",),
    "labels": ("multi_select",),
}


def _value(kind: str, fact: Any, current: Mapping[str, Any]) -> Any:
    if kind == "title":
        return [{"type": "text", "text": {"content": part}} for part in split(fact)]
    if kind == "checkbox":
        return fact is True
    if kind in {"status", "select"}:
        return {"id": fact} if fact else None
    if kind == "date":
        return _date(fact, current.get("date"))
    if len(fact) > MOST_IN_A_LIST:
        raise NoColumn(kind)
    return [{"object": "user", "id": key} if kind == "people" else {"id": key} for key in fact]


def _date(start: str | None, current: Any) -> Json | None:
    """The range keeps its length and its time zone."""
    if not start:
        return None
    current = current if isinstance(current, dict) else {}
    value: Json = {"start": start}
    if current.get("end") and current.get("start"):
        moved = date.fromisoformat(start[:10]) - date.fromisoformat(current["start"][:10])
        end = str(current["end"])
        value["end"] = f"{date.fromisoformat(end[:10]) + moved}{end[10:]}"
    if current.get("time_zone") and len(start) > 10:
        value["time_zone"] = current["time_zone"]
    return value


def split(text: str) -> list[str]:
    """Pieces of at most 2,000 UTF-16 units, as Notion counts; a character beyond the first plane stays whole."""
    pieces, piece, units = [], "", 0
    for character in text:
        size = 2 if ord(character) > 0xFFFF else 1
        if units + size > LONGEST:
            pieces.append(piece)
            piece, units = "", 0
        piece += character
        units += size
    return [*pieces, piece] if piece else pieces


def marker(task_id: object) -> str:
    return f"{MARKER} {task_id}"


def new_page(data_source_id: str, values: Json, task_id: object) -> Json:
    """With a line that says where it came from: by it the page is found again when Notion's answer was lost."""
    text = [{"type": "text", "text": {"content": marker(task_id)}}]
    return {
        "parent": {"type": "data_source_id", "data_source_id": data_source_id},
        "properties": values,
        "children": [{"object": "block", "type": "paragraph", "paragraph": {"rich_text": text}}],
    }
