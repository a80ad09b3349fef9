"""Which columns of a Notion database mean what for a task. Columns are kept by id: names change."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext, gettext_lazy

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
    # By field, what is compared: option and user ids instead of names, minutes instead of seconds.
    facts: dict[str, Any] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        return {
            "title": self.title[:2000],
            "status": self.status[:200],
            "is_done": self.is_done,
            "due_on": self.due[:10] or None,
            "priority": self.priority[:200],
            "assignees": self.assignees,
            "labels": self.labels,
        }


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
    kept = {
        "status_property": _id(status),
        "done_options": _done_options(status),
        "due_property": _id(_named(columns, "date", DUE_WORDS)),
        "assignee_property": _id(_first(columns, "people")),
        "priority_property": _id(_named(columns, "select", PRIORITY_WORDS, only_named=True)),
        "labels_property": _id(_first(columns, "multi_select")),
    }
    return kept | {"columns": known_columns(kept, schema), "problems": []}


def known_columns(kept: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """By field: the column it comes from, with the options that can be written."""
    by_id = {column.get("id"): column for column in schema.values() if isinstance(column, dict)}
    known = {}
    for name, _, types in CHOICES:
        column = by_id.get(kept[name])
        if column is not None and column.get("type") in types:
            known[FIELD_OF[name]] = _known(column)
    title = _first(list(by_id.values()), "title")
    return known | ({"title": _known(title)} if title else {})


def _known(column: Mapping[str, Any]) -> dict[str, Any]:
    options = _as_dict(column.get(str(column.get("type")))).get("options") or []
    return {
        "id": column["id"],
        "name": str(column.get("name", "")),
        "type": column.get("type"),
        "options": [{"id": str(o.get("id")), "name": str(o.get("name", ""))} for o in options if isinstance(o, dict)],
    }


def refreshed(source: Any, schema: Mapping[str, Any]) -> dict[str, Any]:
    """What of the mapping follows the database: columns stay by id, whatever they are called now.

    A column that is gone, or of a type that does not fit any more, is said as long as that is so.
    """
    kept = {name: getattr(source, name) for name, _, _ in CHOICES}
    known = known_columns(kept, schema)
    by_id = {column.get("id"): column for column in schema.values() if isinstance(column, dict)}
    return {
        "done_options": _done_options(by_id.get(kept["status_property"])),
        "columns": known,
        "problems": [
            gettext("The column for “%(label)s” is gone or of another type. It is not synced until you choose one.")
            % {"label": label}
            for name, label, _ in CHOICES
            if kept[name] and FIELD_OF[name] not in known
        ],
    }


# What a task has, in words, and the types of column that it may come from.
CHOICES: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    ("status_property", gettext_lazy("Status"), ("status", "checkbox", "select")),
    ("due_property", gettext_lazy("Due date"), ("date",)),
    ("assignee_property", gettext_lazy("Assignee"), ("people",)),
    ("priority_property", gettext_lazy("Priority"), ("select",)),
    ("labels_property", gettext_lazy("Labels"), ("multi_select",)),
)

COLUMNS = tuple(name for name, _, _ in CHOICES)
FIELD_OF = {
    "status_property": "status",
    "due_property": "due_on",
    "assignee_property": "assignees",
    "priority_property": "priority",
    "labels_property": "labels",
}


def choices(kept: Mapping[str, str], schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    columns = [column for column in schema.values() if isinstance(column, dict)]
    return [
        {
            "name": name,
            "label": label,
            "value": kept.get(name, ""),
            "choices": [(column["id"], column["name"]) for column in columns if column.get("type") in types],
        }
        for name, label, types in CHOICES
    ]


def title_column(schema: Mapping[str, Any]) -> str:
    """A database has exactly one, so there is nothing to choose."""
    column = _first([column for column in schema.values() if isinstance(column, dict)], "title")
    return str(column.get("name", "")) if column else ""


def checked_columns(columns: Mapping[str, str], schema: Mapping[str, Any]) -> dict[str, Any]:
    by_id = {column.get("id"): column for column in schema.values() if isinstance(column, dict)}
    kept: dict[str, Any] = {}
    for name, _, types in CHOICES:
        column = by_id.get(columns.get(name, ""))
        kept[name] = column["id"] if column is not None and column.get("type") in types else ""
    done = _done_options(by_id.get(kept["status_property"]))
    return kept | {"done_options": done, "columns": known_columns(kept, schema), "problems": []}


def read_row(source: Any, row: Mapping[str, Any]) -> Mapped:
    """What the mapped columns of a row say."""
    by_id = columns_of(row)
    # A column of another type than was mapped says nothing.
    fitting = {name: types for name, _, types in CHOICES}

    def of(name: str) -> dict[str, Any] | None:
        value = by_id.get(getattr(source, name))
        return value if value is not None and value.get("type") in fitting[name] else None

    title = _title(by_id)
    mapped = Mapped(title=title or "Untitled")
    mapped.facts["title"] = title
    status = of("status_property")
    if status is not None and status.get("type") == "checkbox":
        mapped.is_done = status.get("checkbox") is True
        mapped.status = "Done" if mapped.is_done else "Not started"
        mapped.facts["status"] = mapped.is_done
    elif status is not None:
        option = _as_dict(status.get(str(status.get("type"))))
        mapped.status = str(option.get("name") or "")
        mapped.is_done = option.get("id") in source.done_options
        mapped.facts["status"] = option.get("id")
    if (due := of("due_property")) is not None:
        mapped.due = str(_as_dict(due.get("date")).get("start") or "")
        mapped.facts["due_on"] = to_the_minute(mapped.due) or None
    if (priority := of("priority_property")) is not None:
        option = _as_dict(priority.get("select"))
        mapped.priority = str(option.get("name") or "")
        mapped.facts["priority"] = option.get("id")
    if (people := of("assignee_property")) is not None:
        users = [user for user in people.get("people") or [] if isinstance(user, dict)]
        mapped.assignees = [_person(user) for user in users]
        mapped.facts["assignees"] = [str(user.get("id", "")) for user in users]
        mapped.people = {_person(user): str(user["id"]) for user in users if user.get("id") and _is_named(user)}
    if (labels := of("labels_property")) is not None:
        options = [label for label in labels.get("multi_select") or [] if isinstance(label, dict)]
        mapped.labels = [str(label.get("name")) for label in options]
        mapped.facts["labels"] = [str(label.get("id", "")) for label in options]
    return mapped


def columns_of(row: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    values = row.get("properties")
    return (
        {v["id"]: v for v in values.values() if isinstance(v, dict) and "id" in v} if isinstance(values, dict) else {}
    )


def to_the_minute(moment: str) -> str:
    """Notion keeps minutes; seconds that were sent come back as none."""
    found = re.match(r"(\d{4}-\d\d-\d\d(?:T\d\d:\d\d)?)(?::[\d.]+)?(.*)", moment)
    return f"{found[1]}{found[2]}" if found else moment


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


def _is_named(user: Mapping[str, Any]) -> bool:
    return bool(user.get("name") or _as_dict(user.get("person")).get("email"))


def _as_dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
