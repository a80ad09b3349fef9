import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts import scopes
from config import urls, views
from config.errors import CONTENT_TYPE
from tests.people import Person

# Answers that are no JSON.
BESIDE_JSON = {"text/event-stream", "text/csv", "application/zip"}
# Where anything may stand, and why.
FREE = {
    "EventFields.before": "each action of the audit log has words of its own",
    "EventFields.after": "as before",
    "ChangeRow.old": "what a column of a task holds: a text, a day, a list or nothing",
    "ChangeRow.new": "as old",
    "WorkspaceFields.model_addresses": "by the kinds of vendors that there are",
    "FoundPage.filters": "only those that were used, by name",
}
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    answer = Client().get("/openapi.json")
    assert answer.status_code == 200
    described: dict[str, Any] = answer.json()
    return described


def routes() -> set[str]:
    return {"/" + re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern)) for pattern in urls.api_patterns}


def test_every_route_for_programs_is_described(description: dict[str, Any]) -> None:
    assert set(description["paths"]) == routes()


def test_the_routes_begin_with_the_known_parts() -> None:
    assert {route.split("/")[1] for route in routes()} <= views.API_ROOTS


def test_every_call_says_what_an_error_looks_like(description: dict[str, Any]) -> None:
    operations = [operation for path in description["paths"].values() for operation in path.values()]

    assert len(operations) > 20
    for status in ("4XX", "5XX"):
        assert all(set(each["responses"][status]["content"]) == {CONTENT_TYPE} for each in operations)
    assert all("default" not in each["responses"] for each in operations), "it would cover any success too"


def test_every_success_is_described_by_named_fields(description: dict[str, Any]) -> None:
    said, free = [], set()
    for address, operations in description["paths"].items():
        for method, operation in operations.items():
            where = f"{method.upper()} {address}"
            for status, kind, schema in answers(operation):
                if kind == "application/json":
                    free |= free_forms(description, schema, f"{where} {status}")
                elif kind not in BESIDE_JSON:
                    said.append(f"{where} {status}: {kind} is no type of answer that docs/api.md names")
            if not any(status.startswith("2") for status in operation["responses"]):
                said.append(f"{where}: no success is described")
    said += [
        f"{each} is not described by named fields: write a serializer for the description, as in"
        " billing/api/described.py, and name it with its status in @extend_schema(responses={201: …}) over the method"
        for each in sorted(free - set(FREE))
    ]

    assert not said, "\n".join(said)
    assert free == set(FREE), "take what is described by now out of FREE"


def answers(operation: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Of each success with a body: status, type and schema."""
    return [
        (status, kind, content.get("schema", {}))
        for status, answer in operation["responses"].items()
        if status.startswith("2")
        for kind, content in answer.get("content", {"application/json": {}} if status != "204" else {}).items()
    ]


def free_forms(description: dict[str, Any], schema: dict[str, Any], name: str) -> set[str]:
    """Where anything may stand, as `Component.field`."""
    if reference := schema.get("$ref"):
        component = reference.rpartition("/")[2]
        return free_forms(description, description["components"]["schemas"][component], component)
    parts = [*schema.get("allOf", ()), *([schema["items"]] if "items" in schema else ())]
    if parts:
        return {each for part in parts for each in free_forms(description, part, name)}
    if fields := schema.get("properties"):
        return {each for field, inner in fields.items() for each in free_forms(description, inner, f"{name}.{field}")}
    return {name} if schema.get("type", "object") == "object" else set()


def test_every_call_says_whether_a_key_may_and_with_which_scope(description: dict[str, Any]) -> None:
    for address, operations in description["paths"].items():
        for method, operation in operations.items():
            enough = scopes.that_open(address, method.upper())
            named = re.search(r"An API key needs the scope (.*)\.$", operation.get("description", ""))

            assert ({"api_key": []} in operation.get("security", [])) == bool(enough), (address, method)
            assert set(re.findall(r"`(\S+)`", named[1]) if named else ()) == {scope.value for scope in enough}
    assert description["components"]["securitySchemes"]["api_key"]["scheme"] == "bearer"


def test_the_description_is_valid_and_leaves_no_doubt() -> None:
    command = [sys.executable, "manage.py", "spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["openapi"].startswith("3.")


def test_what_the_page_refuses_is_a_problem_document() -> None:
    answers = [Client().get("/docs", headers={"Accept": "application/json"}), Client().post("/docs")]

    assert [answer.json()["status"] for answer in answers] == [406, 405]
    assert {answer["Content-Type"] for answer in answers} == {"application/problem+json"}
    assert "Accept: text/html" in answers[0].json()["detail"]


def test_anybody_reads_the_description_in_a_page_without_foreign_parts() -> None:
    page = Client().get("/docs")

    assert page.status_code == 200
    policy = page["Content-Security-Policy"]
    assert "script-src 'self';" in policy + ";"
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert not re.findall(r'(?:src|href)="https?://', page.content.decode())
    assert "unsafe-inline" not in Client().get("/accounts/login/")["Content-Security-Policy"]


def test_the_page_says_nothing_of_itself() -> None:
    assert Client().options("/docs").status_code == 405


def test_the_script_of_the_page_is_a_file_of_its_own() -> None:
    script = re.findall(r'<script src="([^"]+)"></script>', Client().get("/docs").content.decode())[-1]

    answer = Client().get(script)

    assert answer["Content-Type"].startswith("application/javascript")
    assert "SwaggerUIBundle" in answer.content.decode()


def test_a_broken_token_does_not_close_the_description(alice: Person) -> None:
    answer = Client(HTTP_AUTHORIZATION="Bearer nonsense").get("/openapi.json")

    assert answer.status_code == 200
