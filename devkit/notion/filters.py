"""Filters of data_sources.query: a tree of and/or over one table of conditions per property type."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from devkit.notion import dates, properties, richtext
from devkit.notion.clock import minute
from devkit.notion.errors import invalid, too_many, wrong
from devkit.notion.model import Json, Node
from devkit.notion.render import Renderer

TEXT: dict[str, Callable[[str, str], bool]] = {
    "equals": lambda have, want: have.casefold() == want.casefold(),
    "does_not_equal": lambda have, want: have.casefold() != want.casefold(),
    "contains": lambda have, want: want.casefold() in have.casefold(),
    "does_not_contain": lambda have, want: want.casefold() not in have.casefold(),
    "starts_with": lambda have, want: have.casefold().startswith(want.casefold()),
    "ends_with": lambda have, want: have.casefold().endswith(want.casefold()),
}
NUMBER: dict[str, Callable[[float, float], bool]] = {
    "equals": lambda have, want: have == want,
    "does_not_equal": lambda have, want: have != want,
    "greater_than": lambda have, want: have > want,
    "less_than": lambda have, want: have < want,
    "greater_than_or_equal_to": lambda have, want: have >= want,
    "less_than_or_equal_to": lambda have, want: have <= want,
}
TEXTUAL = ("title", "rich_text", "url", "email", "phone_number")
TIMES = ("created_time", "last_edited_time")
REFERENCES = ("people", "relation", "created_by", "last_edited_by")
FORMULA_KINDS = {"string": "rich_text", "number": "number", "checkbox": "checkbox", "date": "date"}


class Filter:
    """Checked once when made, then asked about each row."""

    def __init__(self, given: object, source: Node, renderer: Renderer) -> None:
        self.schema: list[Json] = source.data["schema"]
        self.renderer = renderer
        self.now = source.workspace.clock.now()
        self.test = self._build(given, "body.filter", 0)

    def __call__(self, row: Node) -> bool:
        return self.test(row)

    def _build(self, given: object, where: str, depth: int) -> Callable[[Node], bool]:
        if not isinstance(given, dict):
            raise wrong(where, "an object", given)
        for word, fold in (("and", all), ("or", any)):
            if word in given:
                return self._compound(given[word], f"{where}.{word}", depth, fold)
        if given.get("timestamp") in TIMES:
            return self._timestamp(given, where)
        if "property" not in given:
            raise wrong(f"{where}.or", "defined", None)
        return self._property(given, where)

    def _compound(self, given: object, where: str, depth: int, fold: Callable[..., bool]) -> Callable[[Node], bool]:
        if not isinstance(given, list):
            raise wrong(where, "an array", given)
        if len(given) > 100:
            raise too_many(f"{where}.length", 100, len(given))
        if depth >= 2:
            raise wrong(where, "not present", "nested more than two levels deep")
        parts = [self._build(part, f"{where}[{index}]", depth + 1) for index, part in enumerate(given)]
        return lambda row: fold(part(row) for part in parts)

    def _timestamp(self, given: Json, where: str) -> Callable[[Node], bool]:
        name = given["timestamp"]
        condition, wanted = _only(given.get(name), f"{where}.{name}")
        if not dates.known(condition):
            raise wrong(f"{where}.{name}.{condition}", "a known condition", wanted)

        def test(row: Node) -> bool:
            moment = row.created if name == "created_time" else row.edited
            return dates.matches(minute(moment), condition, wanted, self.now, f"{where}.{name}")

        return test

    def _property(self, given: Json, where: str) -> Callable[[Node], bool]:
        entry = properties.find(self.schema, str(given["property"]))
        if entry is None:
            raise invalid(f"Could not find property with name or id: {given['property']}")
        kind = next((key for key in given if key not in ("property", "type")), None)
        if kind is None:
            raise wrong(f"{where}.{entry['type']}", "defined", None)
        type = entry["type"]
        if kind != type and not (kind in TEXTUAL and type in TEXTUAL) and not (kind == "date" and type in TIMES):
            raise invalid(f"database property {type} does not match filter {kind}")
        path = f"{where}.{kind}"
        if type == "rollup":
            return self._rollup(entry, given[kind], path)
        if type == "formula":
            inner, rest = _only(given[kind], path)
            condition = condition_of(FORMULA_KINDS.get(inner, inner), rest, f"{path}.{inner}", self.now)
            return lambda row: condition(_formula(self.renderer.values.value(row, entry)))
        condition = condition_of(type, given[kind], path, self.now)
        return lambda row: condition(self.renderer.values.value(row, entry))

    def _rollup(self, entry: Json, given: object, where: str) -> Callable[[Node], bool]:
        quantifier, rest = _only(given, where)
        if quantifier in ("number", "date"):
            condition = condition_of(quantifier, rest, f"{where}.{quantifier}", self.now)
            return lambda row: condition(self.renderer.values.value(row, entry).get(quantifier))
        folds: dict[str, Callable[..., bool]] = {
            "any": any,
            "every": all,
            "none": lambda found: not any(found),
        }
        if quantifier not in folds:
            raise wrong(f"{where}.{quantifier}", "any, every, none, number or date", quantifier)
        kind, inner = _only(rest, f"{where}.{quantifier}")
        condition = condition_of(kind, inner, f"{where}.{quantifier}.{kind}", self.now)

        def test(row: Node) -> bool:
            rolled = self.renderer.values.value(row, entry).get("array", [])
            return folds[quantifier](condition(element[element["type"]]) for element in rolled)

        return test


def _only(given: object, where: str) -> tuple[str, Any]:
    if not isinstance(given, dict) or not given:
        raise wrong(where, "defined", given or None)
    return next(iter(given.items()))


def _formula(value: Json) -> Any:
    return value.get(value["type"])


def condition_of(type: str, given: object, where: str, now: datetime) -> Callable[[Any], bool]:
    name, wanted = _only(given, where)
    if name in ("is_empty", "is_not_empty"):
        if wanted is not True:
            raise wrong(f"{where}.{name}", "`true`", wanted)
        return lambda value: _is_empty(value) is (name == "is_empty")
    if type in ("date", *TIMES):
        if not dates.known(name):
            raise wrong(f"{where}.{name}", "a known condition", wanted)
        return lambda value: dates.matches(_start(value), name, wanted, now, where)
    tests: dict[str, Callable[[Any], bool]] = _tests(type, wanted)
    if name not in tests:
        raise wrong(f"{where}.{name}", "not present", wanted)
    return tests[name]


def _tests(type: str, wanted: Any) -> dict[str, Callable[[Any], bool]]:
    if type in TEXTUAL:
        return {name: _bind(test, _text, str(wanted)) for name, test in TEXT.items()}
    if type in ("number", "unique_id"):
        return {name: _bind_number(test, name, wanted) for name, test in NUMBER.items()}
    if type == "checkbox":
        return {"equals": lambda value: value is wanted, "does_not_equal": lambda value: value is not wanted}
    if type in ("select", "status"):
        return {
            "equals": lambda value: wanted in _names(value),
            "does_not_equal": lambda value: wanted not in _names(value),
        }
    if type == "multi_select":
        return {
            "contains": lambda value: any(wanted in _names(one) for one in value),
            "does_not_contain": lambda value: not any(wanted in _names(one) for one in value),
        }
    if type in REFERENCES:
        id = str(wanted).lower()
        return {
            "contains": lambda value: id in _ids(value),
            "does_not_contain": lambda value: id not in _ids(value),
        }
    if type == "verification":
        return {"status": lambda value: ((value or {}).get("state") or "none") == wanted}
    return {}


def _bind(test: Callable[[str, str], bool], read: Callable[[Any], str], wanted: str) -> Callable[[Any], bool]:
    return lambda value: test(read(value), wanted)


def _bind_number(test: Callable[[float, float], bool], name: str, wanted: Any) -> Callable[[Any], bool]:
    def matches(value: Any) -> bool:
        number = value.get("number") if isinstance(value, dict) else value
        return name == "does_not_equal" if number is None else test(number, wanted)

    return matches


def _is_empty(value: Any) -> bool:
    return value is None or value == [] or value == "" or value == {}


def _text(value: Any) -> str:
    return richtext.plain(value) if isinstance(value, list) else str(value or "")


def _names(option: Json | None) -> tuple[str, ...]:
    return (option["name"], option["id"]) if option else ()


def _ids(value: Any) -> list[str]:
    return [one["id"] for one in value] if isinstance(value, list) else [value["id"]] if value else []


def _start(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    start: str | None = value.get("start")
    return start
