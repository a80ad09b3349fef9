"""Property types: schemas and values, from a seed's shorthand or a request to the form that is stored.

Values are stored by property id in the form answers show, except that people are ids, relations are
whole lists of ids, and whatever is computed (times, authors, rollups) is not stored at all.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from devkit.notion import richtext
from devkit.notion.clock import parse_time
from devkit.notion.errors import invalid, too_many, wrong
from devkit.notion.ids import decode, make_id, parse_id, property_id

Json = dict[str, Any]

COMPUTED = ("created_time", "last_edited_time", "created_by", "last_edited_by", "rollup", "formula")
READ_ONLY = (*COMPUTED, "unique_id", "button", "verification")
EMPTY: Json = {
    "checkbox": False,
    "title": [],
    "rich_text": [],
    "multi_select": [],
    "people": [],
    "relation": [],
    "files": [],
    "button": {},
}
SIMPLE = ("number", "url", "email", "phone_number", "checkbox", "place", "verification")
TYPES = (*COMPUTED, *EMPTY, *SIMPLE, "unique_id", "select", "status", "date")
GROUP_COLORS = {"To-do": "gray", "In progress": "blue", "Complete": "green"}
DEFAULT_GROUPS = {"To-do": ["Not started"], "In progress": ["In progress"], "Complete": ["Done"]}


def empty(type: str) -> Any:
    value = EMPTY.get(type)
    return list(value) if isinstance(value, list) else value


def options(names: list[Any], *path: str) -> list[Json]:
    made: list[Json] = []
    for name in names:
        given = name if isinstance(name, dict) else {"name": str(name)}
        id = given.get("id") or make_id(*path, given["name"])
        made.append({"id": id, "name": given["name"], "color": given.get("color", "default"), "description": None})
    return made


def status_config(groups: dict[str, list[Any]], *path: str) -> Json:
    every: list[Json] = []
    listed: list[Json] = []
    for group, names in groups.items():
        color = GROUP_COLORS.get(group, "default")
        own = options([{"name": n, "color": color} if isinstance(n, str) else n for n in names], *path)
        every += own
        ids = [option["id"] for option in own]
        listed.append({"id": make_id(*path, "group", group), "name": group, "color": color, "option_ids": ids})
    return {"options": every, "groups": listed}


def schema_entry(name: str, type: str, config: Json, *path: str, id: str = "") -> Json:
    if type not in TYPES:
        raise invalid(f"{type} is not a property type.")
    own = "title" if type == "title" else id or property_id(*path, name)
    return {"id": own, "name": name, "description": None, "type": type, type: config}


def find(schema: list[Json], key: str) -> Json | None:
    """By name or by id, encoded or not."""
    for entry in schema:
        if key in (entry["name"], entry["id"]) or decode(entry["id"]) == key:
            return entry
    return None


def ordered(schema: list[Json]) -> list[Json]:
    """By property id, the title last."""
    return sorted(schema, key=lambda entry: (entry["type"] == "title", entry["id"]))


def date_value(value: object) -> Json | None:
    """To the minute, as Notion stores dates; a bare day stays a day."""
    if value is None:
        return None
    given: Json = value if isinstance(value, dict) else {"start": value}
    if given.get("start") is None:
        raise wrong("body.properties.date.start", "defined", None)
    return {
        "start": _to_minute(given["start"]),
        "end": _to_minute(given["end"]) if given.get("end") is not None else None,
        "time_zone": given.get("time_zone"),
    }


def _to_minute(value: object) -> str:
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    if len(text) <= 10:
        try:
            parse_time(text)
        except ValueError:
            raise wrong("body.properties.date.start", "a valid ISO 8601 date string", text) from None
        return text
    try:
        moment = datetime.fromisoformat(text.replace(" ", "T"))
    except ValueError:
        raise wrong("body.properties.date.start", "a valid ISO 8601 date string", text) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.replace(second=0, microsecond=0).isoformat(timespec="milliseconds")


def pick_option(entry: Json, value: object, *, create: bool, where: str = "body") -> Json | None:
    """The option named by a write or a seed. An unknown select option is made, an unknown status refused."""
    if value is None:
        return None
    given: Json = value if isinstance(value, dict) else {"name": str(value)}
    config = entry[entry["type"]]
    for option in config["options"]:
        if option["id"] == given.get("id") or option["name"] == given.get("name"):
            return {"id": option["id"], "name": option["name"], "color": option["color"]}
    name = given.get("name")
    if not create or not name:
        raise invalid(f"{entry['name']} option {richtext_name(name)} does not exist.")
    made = options([name], entry["id"], str(len(config["options"])), where)[0]
    config["options"].append(made)
    return {"id": made["id"], "name": made["name"], "color": made["color"]}


def richtext_name(name: object) -> str:
    return f'"{name}"'


# -- requests


def from_api(entry: Json, value: object, where: str, relation_ok: Callable[[str], bool]) -> Any:
    """A property value of a write. `value` is the bare value or {"type": ..., "<type>": ...}."""
    type = entry["type"]
    if type in READ_ONLY:
        raise invalid(f"{entry['name']} is read-only and cannot be changed through the API.")
    if isinstance(value, dict) and type in value:
        value = value[type]
    elif isinstance(value, dict) and type not in ("date", "select", "status"):
        raise invalid(f"{entry['name']} is expected to be {type}.")
    if type in ("title", "rich_text"):
        return richtext.from_api([] if value is None else value, f"{where}.{type}")
    if type in ("multi_select", "people", "relation", "files"):
        if not isinstance(value, list):
            raise wrong(f"{where}.{type}", "an array", value)
        if len(value) > 100:
            raise too_many(f"{where}.{type}.length", 100, len(value))
        return _list_from_api(entry, type, value, where, relation_ok)
    if type in ("select", "status"):
        return pick_option(entry, value, create=type == "select", where=where)
    if type == "date":
        return date_value(value)
    return _scalar_from_api(type, value, where)


def _list_from_api(entry: Json, type: str, value: list[Any], where: str, relation_ok: Callable[[str], bool]) -> Any:
    if type == "multi_select":
        return [pick_option(entry, item, create=True, where=where) for item in value]
    if type == "files":
        return [_file(item, f"{where}.files[{index}]") for index, item in enumerate(value)]
    ids: list[str] = []
    for index, item in enumerate(value):
        given = item.get("id") if isinstance(item, dict) else item
        id = parse_id(given)
        if id is None:
            raise wrong(f"{where}.{type}[{index}].id", "a valid uuid", given)
        if type == "relation" and not relation_ok(id):
            raise invalid(f"Could not find page with ID: {id}.")
        ids.append(id)
    return ids


def _file(item: Any, where: str) -> Json:
    kind = next((kind for kind in ("external", "file") if isinstance(item, dict) and kind in item), None)
    if kind is None or not isinstance(item[kind], dict):
        raise wrong(f"{where}.external", "defined", None)
    name = item.get("name") or item[kind].get("name") or str(item[kind].get("url")).rsplit("/", 1)[-1]
    return {"name": name, "type": kind, kind: item[kind]}


def _scalar_from_api(type: str, value: object, where: str) -> Any:
    if type == "checkbox" and not isinstance(value, bool):
        raise wrong(f"{where}.checkbox", "a boolean", value)
    if type == "number" and (isinstance(value, bool) or not isinstance(value, int | float | None)):
        raise wrong(f"{where}.number", "a number or `null`", value)
    if type in ("url", "email", "phone_number"):
        if value is not None and not isinstance(value, str):
            raise wrong(f"{where}.{type}", "a string or `null`", value)
        limit = 2000 if type == "url" else 200
        if value is not None and richtext.utf16(value) > limit:
            raise too_many(f"{where}.{type}.length", limit, richtext.utf16(value))
        return value or None
    return value


# -- seeds


def from_seed(entry: Json, value: object, find: richtext.Find) -> Any:
    """A row's value as a seed writes it: names for options, keys for people and pages."""
    type = entry["type"]
    if type in ("title", "rich_text"):
        return richtext.from_seed(value, find)
    if type in ("select", "status"):
        return pick_option(entry, value, create=type == "select")
    if type == "date":
        return date_value(value)
    many = value if isinstance(value, list) else [] if value is None else [value]
    if type == "multi_select":
        return [pick_option(entry, item, create=True) for item in many]
    if type == "people":
        return [_seed_ref("user", item, find) for item in many]
    if type == "relation":
        return [_seed_ref("page", item, find) for item in many]
    if type == "files":
        return [_seed_file(item) for item in many]
    if type == "formula":
        return value if isinstance(value, dict) else formula_value(value)
    return value


def _seed_ref(kind: str, item: object, find: richtext.Find) -> str:
    try:
        return str(UUID(str(item)))
    except ValueError:
        return find(kind, str(item))


def _seed_file(item: object) -> Json:
    if isinstance(item, dict):
        return item
    url = str(item)
    return {"name": url.rsplit("/", 1)[-1], "type": "external", "external": {"url": url}}


def formula_value(value: object) -> Json:
    if isinstance(value, bool):
        return {"type": "boolean", "boolean": value}
    if isinstance(value, int | float):
        return {"type": "number", "number": value}
    if hasattr(value, "isoformat"):
        return {"type": "date", "date": date_value(value)}
    return {"type": "string", "string": value}
