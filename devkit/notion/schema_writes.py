"""The columns of a data source as a request wants them: added, renamed, of another type, or deleted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any
from uuid import uuid4

from devkit.notion import columns, events, properties
from devkit.notion.calls import Call
from devkit.notion.errors import ApiError, invalid, object_at, string_at, too_many, wrong
from devkit.notion.ids import parse_id, property_id
from devkit.notion.model import Json, Node
from devkit.notion.render import OLD

MAX_SCHEMA = 50 * 1024
CHOICES = ("select", "multi_select", "status")
COLORS = ("default", "gray", "brown", "orange", "yellow", "green", "blue", "purple", "pink", "red")
NAMED = re.compile(r'prop\("([^"]*)"\)')


class SchemaWrite:
    """Nothing is changed before the whole request is found good: `store` does it, and tells what it did."""

    def __init__(self, call: Call, source: Node) -> None:
        self.call = call
        self.source = source
        self.schema: list[Json] = deepcopy(source.data["schema"])
        self.changes: list[tuple[str, Json]] = []
        self.effects: list[Callable[[], None]] = []

    def read(self, given: object, where: str) -> None:
        if not isinstance(given, dict):
            raise wrong(where, "an object" if given is not None else "defined", given)
        # A rollup may lean on a relation of the same request.
        for key in sorted(given, key=lambda key: isinstance(given[key], dict) and "rollup" in given[key]):
            self._one(key, given[key], f"{where}.{key}")
        names = [entry["name"] for entry in self.schema]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise invalid(f"Cannot have two properties named {twice}.")
        if len(json.dumps(self.schema)) > MAX_SCHEMA:
            raise invalid("The schema of a data source may not be larger than 50 KB.")
        titles = [entry for entry in self.schema if entry["type"] == "title"]
        if len(titles) != 1:
            raise invalid("Cannot have more than one title property." if titles else "Title is not provided.")

    def store(self) -> list[tuple[str, Json]]:
        self.source.data["schema"] = self.schema
        for effect in self.effects:
            effect()
        return self.changes

    # -- one column

    def _one(self, key: str, given: Any, where: str) -> None:
        entry = properties.find(self.schema, key)
        if given is not None and not isinstance(given, dict):
            raise wrong(where, "an object or `null`", given)
        type = _type(given or {}, where)
        if entry is None and (type is None or given is None):
            raise invalid(f"Could not find property with name or id: {key}")
        if entry is None:
            self._add(key, str(type), given or {}, where)
        elif given is None:
            self._remove(entry)
        else:
            self._change(entry, type, given, where)

    def _add(self, name: str, type: str, given: Json, where: str) -> None:
        # A column that comes again under its old name is another one.
        id = property_id(self.source.id, name, uuid4().hex)
        entry = properties.schema_entry(name, type, {}, id=id) | {"description": _words(given, "description", where)}
        self.schema.append(entry)
        self._configure(entry, given[type], where)
        self.changes.append(("created", entry))

    def _remove(self, entry: Json) -> None:
        if entry["type"] == "title":
            raise invalid("Cannot delete the title property.")
        self.schema.remove(entry)
        self._empty(entry)
        self.changes.append(("deleted", entry))

    def _change(self, entry: Json, type: str | None, given: Json, where: str) -> None:
        if "description" in given:
            entry["description"] = _words(given, "description", where)
        if type is not None and type != entry["type"]:
            self._retype(entry, type)
        if type is not None:
            self._configure(entry, given[type], where)
        name = given.get("name")
        if name is not None and name != entry["name"]:
            entry["name"] = string_at(f"{where}.name", name)
            self.effects.append(partial(columns.renamed, self.call.state, self.source, entry))
        self.changes.append(("updated", entry))

    def _retype(self, entry: Json, type: str) -> None:
        if "title" in (type, entry["type"]):
            raise invalid(f"Cannot change the type of {entry['name']} from {entry['type']} to {type}.")
        self._empty(dict(entry))
        entry.pop(entry["type"])
        entry |= {"type": type, type: {}}

    def _empty(self, entry: Json) -> None:
        self.effects.append(partial(columns.forget_values, self.call.state, self.source, entry))
        self.effects.append(partial(columns.part, self.call.state, entry))

    # -- what belongs to its type

    def _configure(self, entry: Json, given: Any, where: str) -> None:
        type = entry["type"]
        where = f"{where}.{type}"
        if not isinstance(given, dict):
            raise wrong(where, "an object", given)
        if type in CHOICES:
            self._choose(entry, given, where)
        elif type == "number":
            entry[type] = {"format": _words(given, "format", where) or entry[type].get("format", "number")}
        elif type == "unique_id":
            entry[type] = {"prefix": _words(given, "prefix", where)}
        elif type == "formula":
            entry[type] = {"expression": self._expression(_words(given, "expression", where) or "")}
        elif type == "relation":
            self._relate(entry, given, where)
        elif type == "rollup":
            self._roll_up(entry, given, where)

    def _choose(self, entry: Json, given: Json, where: str) -> None:
        """Options that are not named again go; those that stay keep their name and color."""
        config = entry[entry["type"]]
        path = (self.source.id, entry["id"], uuid4().hex)
        if "options" not in given and config:
            return
        wanted = given.get("options") or []
        if not isinstance(wanted, list):
            raise wrong(f"{where}.options", "an array", wanted)
        if len(wanted) > 100:
            raise too_many(f"{where}.options.length", 100, len(wanted))
        if entry["type"] == "status" and not wanted:
            entry["status"] = properties.status_config(properties.DEFAULT_GROUPS, *path)
            return
        old: list[Json] = config.get("options", [])
        new = [_option(old, option, f"{where}.options[{index}]", path) for index, option in enumerate(wanted)]
        config["options"] = new
        for option in old:
            if option not in new:
                self.effects.append(partial(columns.forget_option, self.call.state, self.source, entry, option))
        if entry["type"] == "status":
            _group(config, path)

    def _expression(self, given: str) -> str:
        """Properties are shown by their ids, with the table and the workspace they are of."""

        def shown(named: re.Match[str]) -> str:
            entry = properties.find(self.schema, named[1])
            if entry is None:
                raise invalid(f'Type error with formula: undefined property "{named[1]}".')
            return f"{{{{notion:block_property:{entry['id']}:{self.source.id}:{self.source.workspace.id}}}}}"

        return NAMED.sub(shown, given)

    def _relate(self, entry: Json, given: Json, where: str) -> None:
        kind = given.get("type") or next((one for one in ("single_property", "dual_property") if one in given), None)
        if kind not in ("single_property", "dual_property"):
            raise wrong(f"{where}.single_property", "defined", None)
        target = self._target(given, where)
        if kind == "dual_property" and target is self.source:
            raise ApiError(500, "internal_server_error", "Unexpected error occurred.")
        self.effects.append(partial(columns.part, self.call.state, dict(entry)))
        columns.relate(entry, target)
        if kind == "dual_property":
            dual = object_at(f"{where}.{kind}", given.get(kind))
            name = _words(dual, "synced_property_name", f"{where}.{kind}")
            self.effects.append(partial(self._pair, entry, target, name))

    def _pair(self, entry: Json, target: Node, name: str | None) -> None:
        state, bot, renderer = self.call.state, self.call.grant.bot_id, self.call.renderer
        title = renderer.plain_title(self.source) or renderer.plain_title(state.nodes[str(self.source.parent)])
        made = columns.pair(self.source, entry, target, name or f"Related to {title} ({entry['name']})")
        if made is not None:
            state.touch(target, bot)
            events.schema(state, target, bot, "created", made)

    def _target(self, given: Json, where: str) -> Node:
        key = "database_id" if self.call.version == OLD else "data_source_id"
        id = parse_id(given.get(key))
        if id is None:
            raise wrong(f"{where}.{key}", "a valid uuid" if given.get(key) else "defined", given.get(key))
        target = self.call.get(key.removesuffix("_id"), id)
        return target if target.kind == "data_source" else self.call.only_source(target)

    def _roll_up(self, entry: Json, given: Json, where: str) -> None:
        asked = given.get("relation_property_id") or given.get("relation_property_name")
        relation = properties.find(self.schema, str(asked))
        if relation is None or relation["type"] != "relation":
            raise invalid(f"Could not find property with name or id: {asked}")
        target = self.call.state.nodes[relation["relation"]["data_source_id"]]
        asked = given.get("rollup_property_id") or given.get("rollup_property_name")
        rolled = properties.find(self.schema if target is self.source else target.data["schema"], str(asked))
        if rolled is None:
            raise invalid(f"Could not find property with name or id: {asked}")
        function = string_at(f"{where}.function", given.get("function"))
        if function not in columns.ROLLUPS:
            raise wrong(f"{where}.function", "a rollup function", function)
        columns.roll_up(entry, relation, rolled, function)


def _type(given: Json, where: str) -> str | None:
    """A column is of the type that it says, or whose settings it brings. None where it says neither."""
    named = given.get("type") or next((key for key in given if key in properties.TYPES), None)
    if named is None and not given.keys() - {"name", "description"}:
        return None
    if named not in properties.TYPES or named not in given:
        raise wrong(f"{where}.{named or 'title'}", "defined", None)
    return str(named)


def _words(given: Json, key: str, where: str) -> str | None:
    return None if given.get(key) is None else string_at(f"{where}.{key}", given[key])


def _option(old: list[Json], given: Any, where: str, path: tuple[str, ...]) -> Json:
    if not isinstance(given, dict) or not (given.get("name") or given.get("id")):
        raise wrong(f"{where}.name", "defined", None)
    for option in old:
        if given.get("id") == option["id"] or given.get("name") == option["name"]:
            if given.get("color") not in (None, option["color"]):
                raise invalid(f"Cannot update color of select with name: {option['name']}.")
            return option | ({"description": _words(given, "description", where)} if "description" in given else {})
    if not given.get("name"):
        raise invalid(f"Could not find option with id: {given['id']}.")
    if "," in string_at(f"{where}.name", given["name"]):
        raise invalid(f"Invalid select option, commas not allowed: {given['name']}")
    color = given.get("color") or "default"
    if color not in COLORS:
        raise wrong(f"{where}.color", " or ".join(f'`"{known}"`' for known in COLORS), color)
    made = properties.options([{"name": given["name"], "color": color}], *path)[0]
    return made | {"description": _words(given, "description", where)}


def _group(config: Json, path: tuple[str, ...]) -> None:
    """A new status is one to be done, until a person groups it otherwise."""
    groups = (
        config.get("groups")
        or properties.status_config({name: [] for name in properties.DEFAULT_GROUPS}, *path)["groups"]
    )
    ids = [option["id"] for option in config["options"]]
    for group in groups:
        group["option_ids"] = [id for id in group["option_ids"] if id in ids]
    grouped = {id for group in groups for id in group["option_ids"]}
    groups[0]["option_ids"] += [id for id in ids if id not in grouped]
    config["groups"] = groups
