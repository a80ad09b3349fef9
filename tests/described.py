"""What is answered, held against the API's own description."""

from copy import deepcopy
from typing import Any

from django.test import Client
from jsonschema import Draft202012Validator, FormatChecker


def description() -> dict[str, Any]:
    described: dict[str, Any] = Client().get("/openapi.json").json()
    return described


def closed(described: dict[str, Any]) -> dict[str, Any]:
    """So that a field which nobody described is an error too. Refusals may say more than all of them do."""
    strict = deepcopy(described)
    for name, schema in strict["components"]["schemas"].items():
        if "properties" in schema and name != "Problem":
            schema["additionalProperties"] = False
    return strict


def complaints(described: dict[str, Any], operation: dict[str, Any], answer: Any) -> list[str]:
    """Why this answer of Django's test client is not what the operation is described with."""
    status = str(answer.status_code)
    if status not in operation["responses"]:
        return [f"the status {status} is not described: {answer.content[:500]!r}"]
    content, kind = operation["responses"][status].get("content", {}), answer.get("Content-Type", "").partition(";")[0]
    if not content:
        return ["it has a body, and none is described"] if answer.content else []
    if kind not in content:
        return [f"the type {kind} is not described"]
    if kind != "application/json":
        return []
    schema = _plain(closed(described))
    whole = {**_plain(content[kind]["schema"]), "components": schema["components"]}
    errors = Draft202012Validator(whole, format_checker=FormatChecker()).iter_errors(answer.json())
    return [f"{error.json_path}: {error.message}" for error in errors]


def _plain(node: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema, which knows no `nullable`."""
    if isinstance(node, list):
        return [_plain(each) for each in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _plain(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain
