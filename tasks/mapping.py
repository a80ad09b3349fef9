"""Which columns of a Notion database mean what for a task. Columns are kept by id: names change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_lazy

DUE_WORDS = ("due", "deadline", "date", "when", "by")
PRIORITY_WORDS = ("priority", "importance", "urgency", "severity")
DONE_GROUP = "complete"
DONE_WORDS = ("done", "complete", "completed", "closed", "shipped")


@dataclass
class Mapped:
    title: str = ""
    status: str = ""
    is_done: bool = False
    due: str = ""
    priority: str = ""
    assignees: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)


def suits(schema: Mapping[str, Any]) -> int:
    """How much a database looks like tasks; 0: not at all."""
    types = [column.get("type") for column in schema.values() if isinstance(column, dict)]
    if "status" not in types and "checkbox" not in types:
        return 0
    return 2 * ("status" in types) + ("date" in types) + ("people" in types)


def map_columns(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The best guess: columns by type, then by name."""
    columns = [column for column in schema.values() if isinstance(column, dict)]
    status = _first(columns, "status") or _first(columns, "checkbox")
    return {
        "status_property": _id(status),
        "done_options": _done_options(status),
        "due_property": _id(_named(columns, "date", DUE_WORDS)),
        "assignee_property": _id(_first(columns, "people")),
        "priority_property": _id(_named(columns, "select", PRIORITY_WORDS, only_named=True)),
        "labels_property": _id(_first(columns, "multi_select")),
    }


# What a task has, in words, and the types of column that it may come from.
CHOICES: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    ("status_property", gettext_lazy("Status"), ("status", "checkbox", "select")),
    ("due_property", gettext_lazy("Due date"), ("date",)),
    ("assignee_property", gettext_lazy("Assignee"), ("people",)),
    ("priority_property", gettext_lazy("Priority"), ("select",)),
    ("labels_property", gettext_lazy("Labels"), ("multi_select",)),
)


def choices(source: Any, schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    columns = [column for column in schema.values() if isinstance(column, dict)]
    return [
        {
            "name": name,
            "label": label,
            "value": getattr(source, name),
            "choices": [(column["id"], column["name"]) for column in columns if column.get("type") in types],
        }
        for name, label, types in CHOICES
    ]


def checked_columns(columns: Mapping[str, str], schema: Mapping[str, Any]) -> dict[str, Any]:
    by_id = {column.get("id"): column for column in schema.values() if isinstance(column, dict)}
    kept: dict[str, Any] = {}
    for name, _, types in CHOICES:
        column = by_id.get(columns.get(name, ""))
        kept[name] = column["id"] if column is not None and column.get("type") in types else ""
    return kept | {"done_options": _done_options(by_id.get(kept["status_property"]))}


def read_row(source: Any, row: Mapping[str, Any]) -> Mapped:
    """What the mapped columns of a row say."""
    values = row.get("properties")
    by_id = {v.get("id"): v for v in values.values() if isinstance(v, dict)} if isinstance(values, dict) else {}
    mapped = Mapped(title=_title(by_id) or "Untitled")
    status = by_id.get(source.status_property) or {}
    if status.get("type") == "checkbox":
        mapped.is_done = status.get("checkbox") is True
        mapped.status = "Done" if mapped.is_done else "Not started"
    else:
        option = _as_dict(status.get(str(status.get("type"))))
        mapped.status = str(option.get("name") or "")
        mapped.is_done = option.get("id") in source.done_options
    mapped.due = str(_as_dict((by_id.get(source.due_property) or {}).get("date")).get("start") or "")
    mapped.priority = str(_as_dict((by_id.get(source.priority_property) or {}).get("select")).get("name") or "")
    people = (by_id.get(source.assignee_property) or {}).get("people")
    mapped.assignees = [_person(user) for user in people if isinstance(user, dict)] if isinstance(people, list) else []
    labels = (by_id.get(source.labels_property) or {}).get("multi_select")
    mapped.labels = [str(label.get("name")) for label in labels] if isinstance(labels, list) else []
    return mapped


def _done_options(status: Mapping[str, Any] | None) -> list[str]:
    config = _as_dict((status or {}).get(str((status or {}).get("type"))))
    groups = [group for group in config.get("groups") or [] if isinstance(group, dict)]
    done = [g for g in groups if str(g.get("name", "")).lower() == DONE_GROUP]
    if done:
        return [str(key) for key in done[-1].get("option_ids") or []]
    options = [option for option in config.get("options") or [] if isinstance(option, dict)]
    return [str(option.get("id")) for option in options if str(option.get("name", "")).lower() in DONE_WORDS]


def _first(columns: list[dict[str, Any]], kind: str) -> dict[str, Any] | None:
    return next((column for column in columns if column.get("type") == kind), None)


def _named(
    columns: list[dict[str, Any]], kind: str, words: tuple[str, ...], *, only_named: bool = False
) -> dict[str, Any] | None:
    fitting = [column for column in columns if column.get("type") == kind]
    for word in words:
        for column in fitting:
            if word in str(column.get("name", "")).lower().split():
                return column
    return None if only_named or not fitting else fitting[0]


def _id(column: Mapping[str, Any] | None) -> str:
    return str(column["id"]) if column else ""


def _title(by_id: Mapping[Any, Any]) -> str:
    parts = next((value.get("title") for value in by_id.values() if value.get("type") == "title"), None)
    return "".join(str(part.get("plain_text", "")) for part in parts) if isinstance(parts, list) else ""


def _person(user: Mapping[str, Any]) -> str:
    return str(user.get("name") or _as_dict(user.get("person")).get("email") or "Somebody")


def _as_dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
