"""The recorded answers and the schema of Notion's own client, both kept beside the project."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared" / "notion"
RECORDED = SHARED / "recorded"
SCHEMA = SHARED / "fidelity" / "notionhq-client-5.26.0.responses.schema.json"
needs_recordings = pytest.mark.skipif(not RECORDED.is_dir(), reason="../shared/notion/recorded is absent")
needs_schema = pytest.mark.skipif(not SCHEMA.is_file(), reason="../shared/notion/fidelity is absent")

Json = dict[str, Any]
KINDS = {
    "page": "PageObjectResponse",
    "data_source": "DataSourceObjectResponse",
    "database": "DatabaseObjectResponse",
    "comment": "CommentObjectResponse",
    "user": "UserObjectResponse",
    "page_markdown": "PageMarkdownResponse",
}


def interactions(name: str) -> list[Json]:
    recording = json.loads((RECORDED / f"{name}.json").read_text())
    found: list[Json] = recording.get("sequence", [recording])
    return found


@cache
def validator(definition: str) -> Draft7Validator:
    definitions = json.loads(SCHEMA.read_text())["definitions"]
    return Draft7Validator({"$ref": f"#/definitions/{definition}", "definitions": definitions})


def definition_of(shown: Json) -> str | None:
    kind = shown["object"]
    if kind == "block":
        return "".join(word.capitalize() for word in shown["type"].split("_")) + "BlockObjectResponse"
    return KINDS.get(kind)


def check(body: Json) -> int:
    """Every object of an answer against the schema; how many were checked."""
    if not SCHEMA.is_file() or body.get("object") is None:
        return 0
    objects = body["results"] if body["object"] == "list" else [body]
    checked = 0
    for shown in objects:
        definition = definition_of(shown)
        if definition is None or set(shown) == {"object", "id"}:
            continue
        errors = [error.message[:300] for error in validator(definition).iter_errors(_typed(shown))]
        assert not errors, f"{definition}: {errors[:3]}"
        checked += 1
    return checked


def _typed(shown: Json) -> Json:
    """Buttons and places are real and missing from the types; databases of the oldest version are not in them."""
    if shown["object"] != "data_source":
        return shown
    kept = {n: p for n, p in shown["properties"].items() if p["type"] not in ("button", "place", "verification")}
    return shown | {"properties": kept}
