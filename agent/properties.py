"""The properties of a page: its title, lines for reading and searching, values for tasks and filters. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agent.markdown.rich_text import clean, plain

Json = dict[str, Any]
Named = Callable[[str], str | None]

UNTITLED = "Untitled"
# Notion shows that many relations and people in a page, and says so for relations alone.
SHOWN = 25
_DEEPEST_ROLLUP = 3


@dataclass(frozen=True)
class Property:
    id: str
    name: str
    type: str
    value: Any


@dataclass(frozen=True)
class Properties:
    """`typed` is by property id, which survives renaming. `truncated` names ids whose list goes on in Notion."""

    title: str
    lines: list[tuple[str, str]]
    typed: dict[str, Property]
    truncated: tuple[str, ...] = ()

    def text(self) -> str:
        return "\n".join(f"{name}: {words}" for name, words in self.lines)


def title_of(page: Mapping[str, Any]) -> str:
    """The title of a page, whatever its property is called; also of a data source or database."""
    for value in _values(page).values():
        if isinstance(value, dict) and value.get("type") == "title" and isinstance(value.get("title"), list):
            return _line(plain(value["title"])) or UNTITLED
    return _line(plain(page.get("title"))) or UNTITLED


def properties_of(
    page: Mapping[str, Any],
    schema: Mapping[str, Any] | None = None,
    *,
    title_of_page: Named = lambda page_id: None,
    name_of_user: Named = lambda user_id: None,
) -> Properties:
    """`schema` is the page's data source. Related pages that `title_of_page` does not know stay out of the lines."""
    reading = _Reading(title_of_page, name_of_user)
    columns = {column["id"]: column for column in _values(schema or {}).values() if _has_id(column)}
    lines: list[tuple[str, str]] = []
    typed: dict[str, Property] = {}
    truncated: list[str] = []
    for name, value in _in_order(_values(page)):
        kind, key = value.get("type"), value["id"]
        if not isinstance(kind, str):
            continue
        payload = value.get(kind)
        typed[key] = Property(key, clean(name), kind, _typed(kind, payload, columns.get(key)))
        if _is_truncated(kind, payload, value.get("has_more")):
            truncated.append(key)
        words = "" if kind == "title" else reading.words(kind, payload)
        if words:
            lines.append((_line(name), words))
    return Properties(title_of(page), lines, typed, tuple(truncated))


def filled(page: Mapping[str, Any], items: Mapping[str, Iterable[Mapping[str, Any]]]) -> Json:
    """The page with whole lists in place of truncated ones; `items` are Notion's property items by property id."""
    values = {}
    for name, value in _values(page).items():
        if isinstance(value, dict) and value.get("id") in items:
            kind = str(value.get("type"))
            whole = [item[kind] for item in items[value["id"]] if isinstance(item.get(kind), dict)]
            value = {**value, kind: whole, "has_more": False}
        values[name] = value
    return {**page, "properties": values}


@dataclass(frozen=True)
class _Reading:
    title_of_page: Named
    name_of_user: Named

    def words(self, kind: str, payload: Any, depth: int = 0) -> str:
        read = _WORDS.get(kind)
        return _line(read(self, payload, depth)) if read is not None else ""

    def user(self, user: object) -> str:
        if not isinstance(user, dict):
            return ""
        name = user.get("name")
        if isinstance(name, str) and name:
            return name
        key = user.get("id")
        known = self.name_of_user(key) if isinstance(key, str) else None
        person = user.get("person")
        email = person.get("email") if isinstance(person, dict) else None
        return known or (email if isinstance(email, str) else "")

    def related(self, payload: object) -> str:
        titles = (self.title_of_page(key) for key in _ids(payload))
        return ", ".join(title for title in titles if title)

    def formula(self, payload: object, depth: int) -> str:
        if not isinstance(payload, dict):
            return ""
        kind = payload.get("type")
        return self.words(_FORMULA_KINDS.get(str(kind), ""), payload.get(str(kind)), depth)

    def rollup(self, payload: object, depth: int) -> str:
        if not isinstance(payload, dict) or depth >= _DEEPEST_ROLLUP:
            return ""
        kind = payload.get("type")
        if kind != "array":
            return self.formula(payload, depth)
        items = payload.get("array")
        values = (
            self.words(str(item.get("type")), item.get(str(item.get("type"))), depth + 1)
            for item in (items if isinstance(items, list) else [])
            if isinstance(item, dict)
        )
        return ", ".join(value for value in values if value)


def _number(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


def _boolean(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else ""


def _date(value: object) -> str:
    if not isinstance(value, dict):
        return ""
    ends = [_moment(value.get(key)) for key in ("start", "end")]
    zone = value.get("time_zone")
    return " → ".join(end for end in ends if end) + (f" ({zone})" if isinstance(zone, str) and zone else "")


def _moment(value: object) -> str:
    """2026-07-01T10:00:00.000+02:00 as 2026-07-01 10:00 +02:00."""
    if not isinstance(value, str):
        return ""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?", value)
    if found is None:
        return value
    zone = {"Z": " UTC", None: ""}.get(found[3], f" {found[3]}")
    return f"{found[1]} {found[2]}{zone}"


def _named(value: object) -> str:
    return _text(value.get("name")) if isinstance(value, dict) else ""


def _all_named(value: object) -> str:
    return ", ".join(name for item in _list(value) if (name := _named(item)))


def _unique_id(value: object) -> str:
    if not isinstance(value, dict):
        return ""
    number, prefix = _number(value.get("number")), _text(value.get("prefix"))
    return f"{prefix}-{number}" if prefix and number else number


def _place(value: object) -> str:
    if not isinstance(value, dict):
        return ""
    return ", ".join(dict.fromkeys(words for key in ("name", "address") if (words := _text(value.get(key)))))


def _verification(value: object) -> str:
    return _text(value.get("state")) if isinstance(value, dict) else ""


# Buttons have no words, and types newer than this table stay out until somebody adds them.
_WORDS: dict[str, Callable[[_Reading, Any, int], str]] = {
    "title": lambda reading, value, depth: plain(value),
    "rich_text": lambda reading, value, depth: plain(value),
    "number": lambda reading, value, depth: _number(value),
    "select": lambda reading, value, depth: _named(value),
    "status": lambda reading, value, depth: _named(value),
    "multi_select": lambda reading, value, depth: _all_named(value),
    "date": lambda reading, value, depth: _date(value),
    "people": lambda reading, value, depth: ", ".join(name for user in _list(value) if (name := reading.user(user))),
    "files": lambda reading, value, depth: _all_named(value),
    "checkbox": lambda reading, value, depth: _boolean(value),
    "url": lambda reading, value, depth: _text(value),
    "email": lambda reading, value, depth: _text(value),
    "phone_number": lambda reading, value, depth: _text(value),
    "formula": lambda reading, value, depth: reading.formula(value, depth),
    "relation": lambda reading, value, depth: reading.related(value),
    "rollup": lambda reading, value, depth: reading.rollup(value, depth),
    "created_time": lambda reading, value, depth: _moment(value),
    "last_edited_time": lambda reading, value, depth: _moment(value),
    "created_by": lambda reading, value, depth: reading.user(value),
    "last_edited_by": lambda reading, value, depth: reading.user(value),
    "unique_id": lambda reading, value, depth: _unique_id(value),
    "place": lambda reading, value, depth: _place(value),
    "verification": lambda reading, value, depth: _verification(value),
}
_FORMULA_KINDS = {"string": "url", "number": "number", "boolean": "checkbox", "date": "date"}


def _typed(kind: str, payload: Any, column: object) -> Any:
    """The value as plain data: ids where Notion has objects, and for a status the group that its option is in."""
    if kind in ("title", "rich_text"):
        return clean(plain(payload))
    if kind in ("select", "status"):
        if not isinstance(payload, dict):
            return None
        option = {"id": payload.get("id"), "name": payload.get("name")}
        return option | {"group": _group(payload.get("id"), column)} if kind == "status" else option
    if kind == "multi_select":
        return [{"id": item.get("id"), "name": item.get("name")} for item in _list(payload) if isinstance(item, dict)]
    if kind == "relation":
        return _ids(payload)
    if kind == "people":
        return [_user(user) for user in _list(payload) if isinstance(user, dict)]
    if kind in ("created_by", "last_edited_by"):
        return _user(payload) if isinstance(payload, dict) else None
    if kind == "files":
        return [name for item in _list(payload) if (name := _named(item))]
    if kind == "button":
        return None
    return payload


def _group(option_id: object, column: object) -> str | None:
    config = column.get("status") if isinstance(column, dict) else None
    groups = config.get("groups") if isinstance(config, dict) else None
    for group in _list(groups):
        if isinstance(group, dict) and option_id in _list(group.get("option_ids")):
            return _text(group.get("name")) or None
    return None


def _user(user: Json) -> Json:
    person = user.get("person")
    return {
        "id": user.get("id"),
        "name": user.get("name"),
        "email": person.get("email") if isinstance(person, dict) else None,
    }


def _is_truncated(kind: str, payload: object, has_more: object) -> bool:
    if kind == "relation":
        return has_more is True
    # People carry no such mark: a full list may be a cut one.
    return kind == "people" and has_more is not False and len(_list(payload)) >= SHOWN


def _in_order(values: Mapping[str, Any]) -> Iterable[tuple[str, Json]]:
    """By name: Notion's order is nobody's choice, and is lost where the values are kept."""
    return sorted((name, value) for name, value in values.items() if _has_id(value))


def _has_id(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("id"), str)


def _values(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    values = holder.get("properties")
    return values if isinstance(values, dict) else {}


def _ids(payload: object) -> list[str]:
    return [item["id"] for item in _list(payload) if isinstance(item, dict) and isinstance(item.get("id"), str)]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _line(words: str) -> str:
    return " ".join(clean(words).split())
