"""Every filter of every address: what cannot be understood is refused with 400, never left out and never a 500."""

import base64
import inspect
import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from config.errors import CONTENT_TYPE
from tests.isolation import inventory, table
from tests.people import Person, put_on_plan, sign_up

NUL, LONG = "a\0b", "x" * 501


def cursor(*position: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


# By the name of the parameter; others by what their description says.
WRONG: dict[str, tuple[str, ...]] = {
    "cursor": ("garbage", "é", LONG, cursor(None, None), cursor("2026-01-01", {}), cursor(1, 2), cursor("a")),
    "from": ("zz", "2026-02-30", "9999-99-99", "0000-01-01T00:00Z"),
    "to": ("zz", "2026-02-30", "9999-99-99", "2026-11-23T25:00:00Z"),
    "source": ("zz", "é"),
    "q": (LONG,),
}
# What the call needs, so that only the one parameter is wrong.
NEEDED = {"/tasks/search": {"q": "contract"}}


def wrong_values(parameter: dict[str, Any]) -> tuple[str, ...]:
    schema = parameter["schema"]
    if parameter["name"] in WRONG:
        return WRONG[parameter["name"]]
    if schema["type"] == "integer":
        return "0", "-1", "1000", "1.5", "x", "9" * 30
    if "enum" in schema or schema["type"] == "boolean":
        return ("zz",)
    return ("zz", "2026-02-30") if schema.get("format") == "date" else (LONG,)


def described() -> dict[str, list[dict[str, Any]]]:
    paths = Client().get("/openapi.json").json()["paths"]
    return {
        path: [each for each in calls["get"].get("parameters", []) if each["in"] == "query"]
        for path, calls in paths.items()
        if "get" in calls
    }


@pytest.fixture(scope="module")
def owner(_database: None) -> Person:
    person = sign_up("Alice")
    put_on_plan(person, "teams")
    return person


def test_a_filter_of_a_program_that_is_not_understood_is_named_and_refused(owner: Person) -> None:
    wrong, tried = [], set()
    ids = {"task_id": owner.api.post("/tasks", {"title": "Call"}).json()["id"]}

    for template, parameters in described().items():
        path, right = template.format(**ids) if parameters else template, NEEDED.get(template, {})
        if parameters:
            assert owner.api.get(path, right).status_code == 200, path
            unknown = owner.api.get(path, {**right, "statuss": "done"})
            said = [f"{each['pointer']} {each['code']} {each['detail']}" for each in unknown.json().get("errors", [""])]
            known = set(said[0].rpartition("Known: ")[2].strip(".").split(", "))
            if not said[0].startswith("/statuss unknown ") or known != {each["name"] for each in parameters}:
                wrong.append(f"{path}?statuss=done: {unknown.status_code} {said}")
        for parameter in parameters:
            name = parameter["name"]
            for value in wrong_values(parameter):
                answer = owner.api.get(path, {**right, name: value})
                tried.add((path, name))
                is_named = answer.status_code == 400 and name in [
                    each["pointer"].strip("/") for each in answer.json().get("errors", [])
                ]
                if not is_named or answer["Content-Type"] != CONTENT_TYPE:
                    wrong.append(f"{path}?{urlencode({name: value})}: {answer.status_code} {answer.content[:200]!r}")
            if owner.api.get(path, {**right, name: NUL}).status_code != 400:
                wrong.append(f"{path}?{name}: a NUL")

    assert not wrong, "\n".join(wrong)
    assert {("/usage/logs", "from"), ("/usage/summary", "by"), ("/tasks", "due_before")} <= tried
    assert len(tried) >= 25


@pytest.mark.parametrize("path", ["/usage/summary", "/usage/logs"])
def test_a_span_that_ends_before_it_begins_is_refused(owner: Person, path: str) -> None:
    for last in ("2026-10-30", "2026-11-01"):
        answer = owner.api.get(path, {"from": "2026-11-02", "to": last})

        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/from")
    assert owner.api.get(path, {"from": "2026-11-02", "to": "2026-11-02"}).status_code == 200


def test_every_filter_that_is_read_is_described() -> None:
    filters = {path: {each["name"] for each in parameters} for path, parameters in described().items()}

    for route, found in inventory.addresses().items():
        view = found.view_class
        if route not in table.JSON or not hasattr(view, "get") or "query_params" not in inspect.getsource(view.get):
            continue
        source = inspect.getsource(view.get)
        read = set(re.findall(r'query_params(?:\.get\(|\[)"(\w+)"', source))
        read |= {"cursor", "limit"} if re.search(r"piece\(", source) else set()
        described_there = filters["/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route)]
        assert read <= described_there, route
        assert described_there, route


AUDIT = {
    "member": ("zz", NUL),
    "action": ("zz", NUL),
    "from": ("zz", "2026-02-30", NUL),
    "to": ("zz", NUL),
}
PAGES = {
    "/app": {"days": ("0", "8", "x", "-30", NUL)},
    "/app/usage": {
        "period": ("zz", NUL),
        "from": ("zz", "2026-02-30", "0001-01-01", NUL),
        "to": ("zz", "9999-12-31"),
    },
    "/app/usage/export": {"of": ("zz",), "period": ("zz",), "from": ("zz",), "to": ("zz",)},
    "/app/tasks": {
        "show": ("0", "-1", "x", "99999", "٣"),
        "whose": ("zz",),
        "source": ("zz", NUL),
        "q": (NUL,),
        "status": (NUL,),
        "assignee": (NUL,),
    },
    "/app/settings/audit": AUDIT | {"cursor": WRONG["cursor"], "limit": ("0", "1000", "x")},
    "/app/settings/audit/export": AUDIT,
    "/app/conversations": {"cursor": WRONG["cursor"], "limit": ("0", "1000", "x"), "q": (NUL,)},
}
# Not filters: they open a dialog, or say where somebody comes from. What they do not know they do not show.
OPENS = {
    "/app/plan": ("confirm", "seats", "bought", "was"),
    "/app/members": ("remove", "limits", "invite"),
    "/app/keys": ("new", "delete"),
    "/app/ask": ("q",),
    "/app/usage": ("seen",),
    "/app/settings": ("disconnect",),
    "/app/connect/callback": ("state", "code", "error"),
}


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, names in PAGES.items() for name in names])
def test_a_filter_of_a_page_that_is_not_understood_is_refused(owner: Person, path: str, name: str) -> None:
    assert owner.web.get(path).status_code == 200

    for value in PAGES[path][name]:
        answer = owner.web.get(path, {name: value})

        assert answer.status_code == 400, value
        assert value == NUL or "This could not be done" in answer.content.decode()


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, names in OPENS.items() for name in names])
def test_an_address_with_nonsense_in_it_breaks_no_page(owner: Person, path: str, name: str) -> None:
    for value in ("zz", NUL, LONG, "-1", "9" * 30, "é"):
        assert owner.web.get(path, {name: value}).status_code < 500, value


def test_days_in_the_wrong_order_are_refused_on_the_page_too(owner: Person) -> None:
    for path in ("/app/usage", "/app/usage/export"):
        assert owner.web.get(path, {"from": "2026-11-02", "to": "2026-10-30"}).status_code == 400
        assert owner.web.get(path, {"from": "2026-11-02"}).status_code == 400


def test_every_page_with_parameters_is_tried_here() -> None:
    reads = re.compile(r"\bGET\b(?:\.get\(|\[|,|\)| if )")
    found = {
        "/" + route
        for route, each in inventory.addresses().items()
        if route in table.PAGES and each.view_class is not None and reads.search(inspect.getsource(each.view_class))
    }

    # This one reads a yes or no, where everything else is a no.
    yes_or_no = {"/app/connect/notion"}
    # These belong to a connection: tests/agent/test_source_pages.py tries them.
    of_a_connection = {
        "/app/connect/<uuid:connection_id>/choose",
        "/app/sources/<uuid:source_id>",
        "/app/sync/<uuid:sync_id>/events",
    }
    assert found - {*PAGES, *OPENS} == yes_or_no | of_a_connection
