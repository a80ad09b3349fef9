"""Form-encoded parameters: `items[0][price]=…` becomes nested values, checked against what a call takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from devkit.stripe.errors import ApiError, missing_parameter, unknown_parameter, unreadable

Json = dict[str, Any]
# A kind is "text", "int", "bool", "metadata", a tuple of allowed words, a mapping (nested), or a list of one kind.
# "now" is a moment or the word `now`. A name that ends in "!" is required.
Kind = Any
Spec = Mapping[str, Kind]

MOST_METADATA = 50
PATH = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")


def decode(pairs: list[tuple[str, str]]) -> Json:
    root: Json = {}
    for name, value in pairs:
        matched = PATH.match(name)
        if matched is None:
            raise unreadable(f"Invalid parameter name: {name}", name, "parameter_invalid_string_blank")
        path = [matched[1], *re.findall(r"\[([^\[\]]*)\]", matched[2])]
        _put(root, path, value, name)
    return root


def _put(into: Json, path: list[str], value: str, name: str) -> None:
    for at, step in enumerate(path):
        key = step or str(len(into))
        if at == len(path) - 1:
            into[key] = value
        else:
            below = into.setdefault(key, {})
            if not isinstance(below, dict):
                raise unreadable(f"Invalid hash: {name}", name, "parameter_invalid_empty")
            into = below


def checked(given: Json, spec: Spec, at: str = "") -> Json:
    kinds = {name.rstrip("!"): kind for name, kind in spec.items()}
    for name in given:
        if name not in kinds:
            raise unknown_parameter(_join(at, name))
    for name in spec:
        if name.endswith("!") and given.get(name[:-1], "") == "":
            raise missing_parameter(_join(at, name[:-1]))
    return {name: _value(value, kinds[name], _join(at, name)) for name, value in given.items()}


def _join(at: str, name: str) -> str:
    return f"{at}[{name}]" if at else name


def _value(value: Any, kind: Kind, at: str) -> Any:
    if kind == "metadata":
        return _metadata(value, at)
    if isinstance(kind, list):
        return _list(value, kind[0], at)
    if isinstance(kind, Mapping):
        if value == "":
            return None
        if not isinstance(value, dict):
            raise unreadable("Invalid object", at, "parameter_invalid_empty")
        return checked(value, kind, at)
    if not isinstance(value, str):
        if kind == "text" or isinstance(kind, tuple):
            raise unreadable(f"Invalid string: {value}", at, "parameter_invalid_string_blank")
        raise unreadable(f"Invalid value: {value}", at, "parameter_invalid_integer")
    return _word(value, kind, at)


def _word(value: str, kind: Kind, at: str) -> Any:
    if isinstance(kind, tuple):
        if value not in kind:
            raise unreadable(f"Invalid {at}: must be one of {', '.join(kind)}", at, "parameter_invalid_string_empty")
        return value
    if value == "":
        return None
    if kind == "bool":
        if value not in ("true", "false"):
            raise unreadable(f"Invalid boolean: {value}", at, "parameter_invalid_boolean")
        return value == "true"
    if kind == "int" or (kind in ("now", "inf") and value != kind):
        if re.fullmatch(r"-?\d{1,15}", value) is None:
            raise unreadable(f"Invalid integer: {value}", at, "parameter_invalid_integer")
        return int(value)
    return value


def _list(value: Any, kind: Kind, at: str) -> list[Any]:
    if value == "":
        return []
    if not isinstance(value, dict) or not all(key.isdigit() for key in value):
        raise unreadable("Invalid array", at, "parameter_invalid_empty")
    ordered = sorted(value, key=int)
    return [_value(value[key], kind, f"{at}[{key}]") for key in ordered]


def _metadata(value: Any, at: str) -> dict[str, str]:
    """An empty value takes the key away, empty metadata takes all; the caller merges."""
    if value == "":
        return {}
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise unreadable("Metadata must be an object of strings.", at, "parameter_invalid_empty")
    if len(value) > MOST_METADATA or any(len(key) > 40 or len(one) > 500 for key, one in value.items()):
        raise unreadable("Metadata can have up to 50 keys, of 40 characters, with values up to 500.", at, "metadata")
    return dict(value)


def merged(metadata: dict[str, str], given: Json) -> dict[str, str]:
    if "metadata" not in given:
        return metadata
    both = metadata | given["metadata"] if given["metadata"] else {}
    return {key: value for key, value in both.items() if value != ""}


def positive(value: int | None, at: str) -> None:
    if value is not None and value < 0:
        raise ApiError(400, "This value must be greater than or equal to 0.", param=at, executed=False)
