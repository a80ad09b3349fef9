"""What is answered to requests that no view would like to read."""

import json
import secrets
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from rest_framework_simplejwt.tokens import AccessToken

from accounts import tokens
from config import views
from config.negotiation import JSON as JSON_KIND
from config.negotiation import STREAM as STREAM_KIND
from config.negotiation import preferred
from config.urls import *  # noqa: F403  # this module is also a set of routes, for the test of a failing view
from config.urls import urlpatterns as product
from tests.people import Person, sign_up


@pytest.fixture(scope="module")
def alice(_database: None) -> Person:
    """What is refused leaves nothing behind, so one customer does for all of it."""
    return sign_up("Alice")


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("told to")


urlpatterns = [*product, path("tasks/fail", fail), path("app/fail", fail)]

BODIES = [("POST", "/tasks"), ("POST", "/auth/login"), ("POST", "/auth/register"), ("POST", "/agent/run")]
LISTS = ["/tasks", "/tasks/search?q=x", "/usage/logs", "/agent/conversations"]


def is_problem(answer: Any, status: int, code: str = "") -> bool:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    said = json.loads(answer.content)
    return said["status"] == status and said["type"].endswith(code) and said["detail"] and said["instance"]


@pytest.mark.parametrize(
    "address", ["/tasks/nothing", "/user/", "/agent/run/", "/auth", "/admin/nobody", "/workspace/x"]
)
def test_an_unknown_address_for_programs_is_a_problem_document(address: str) -> None:
    assert is_problem(Client().get(address), 404, "not-found")


def test_an_unknown_address_is_answered_in_the_format_asked_for() -> None:
    page = Client().get("/nowhere", headers={"Accept": "text/html,application/json"})

    assert page.status_code == 404
    assert "This page doesn’t exist" in page.content.decode()
    assert is_problem(Client().get("/nowhere", headers={"Accept": "application/json"}), 404)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer a.b.c"},
        {"Authorization": "bearer a.b.c", "Accept": "*/*"},
        {"Accept": "application/problem+json"},
        {"Accept": "application/json, text/html;q=0.5"},
    ],
)
def test_a_program_that_mistypes_an_address_gets_a_problem_document(headers: dict[str, str]) -> None:
    assert is_problem(Client().get("/agents/run", headers=headers), 404, "not-found")


@pytest.mark.parametrize("accepted", ["", "*/*", "text/html", "text/html,application/xhtml+xml,application/json;q=0.9"])
def test_a_browser_that_mistypes_an_address_gets_a_page(accepted: str) -> None:
    answer = Client().get("/agents/run", headers={"Accept": accepted} if accepted else {})

    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")


JSON = ["/subscription/plans", "/subscription", "/tasks", "/tasks/search?q=x", "/usage/logs", "/workspace/export"]
OF_ANOTHER = "/{}/00000000-0000-0000-0000-000000000000"
STREAMS = [OF_ANOTHER.format("agent/runs"), OF_ANOTHER.format("agent/runs") + "/events"]
STREAMS += [OF_ANOTHER.format("agent/sync") + "/events"]
FILE = OF_ANOTHER.format("workspace/export")


@pytest.mark.parametrize(
    "accepted",
    ["image/png", "text/html", "application/xml;q=0.9, text/csv", "application/json;q=0", "*/*;q=0"],
)
def test_an_answer_that_the_program_does_not_take_is_406(alice: Person, accepted: str) -> None:
    for address in [*JSON, *STREAMS, FILE]:
        answer = alice.api.get(address, headers={"Accept": accepted})

        assert is_problem(answer, 406, "not-acceptable"), address
        assert "Accept: application/json" in answer.json()["detail"]


@pytest.mark.parametrize(
    "accepted",
    [
        *("", "application/json", "*/*", "application/*", "text/html, application/json;q=0.5"),
        "application/json;v=1, */*;q=0",
    ],
)
def test_what_takes_json_is_answered(alice: Person, accepted: str) -> None:
    answers = [alice.api.get(address, headers={"Accept": accepted}).status_code for address in [*JSON, *STREAMS, FILE]]

    assert answers == [200] * 5 + [404] * 5


def test_what_takes_the_address_own_type_alone_is_answered(alice: Person) -> None:
    streams = [alice.api.get(address, headers={"Accept": "text/event-stream"}).status_code for address in STREAMS]
    file = alice.api.get(FILE, headers={"Accept": "application/zip"})

    assert (streams, file.status_code) == ([404] * 3, 404)


@pytest.mark.parametrize(
    ("accepted", "kind"),
    [
        ("", JSON_KIND),
        ("*/*", JSON_KIND),
        ("application/json", JSON_KIND),
        ("application/json, text/event-stream;q=0.1", JSON_KIND),
        ("text/event-stream;q=0, application/json", JSON_KIND),
        ("text/event-stream;q=0, */*", JSON_KIND),
        ("text/event-stream", STREAM_KIND),
        ("Text/Event-Stream; charset=utf-8", STREAM_KIND),
        ("text/*", STREAM_KIND),
        ("text/event-stream, */*", STREAM_KIND),
        ("*/*, application/json;q=0", STREAM_KIND),
        ("text/*;q=0, application/json;q=0, */*", None),
        ("application/jsonl, x, ;q=1", None),
    ],
)
def test_of_two_kinds_the_one_that_is_liked_better_is_given(accepted: str, kind: str | None) -> None:
    assert preferred(accepted, [JSON_KIND, STREAM_KIND]) == kind


@pytest.mark.parametrize("accepted", ["image/png", "application/json;q=0", "*/*;q=0"])
def test_a_question_whose_answer_is_not_taken_is_not_asked(alice: Person, accepted: str) -> None:
    answer = alice.api.post("/agent/run", {"prompt": "What?"}, headers={"Accept": accepted})

    requests = alice.api.get("/usage/quota").json()["requests"]
    assert is_problem(answer, 406, "not-acceptable")
    assert (requests["used"], requests["held"]) == (0, 0)


@pytest.mark.parametrize("of", ["", "?of=log"])
def test_the_csv_is_refused_to_who_takes_none(alice: Person, of: str) -> None:
    given = {
        accepted: alice.web.get(f"/app/usage/export{of}", headers={"Accept": accepted})
        for accepted in ("text/csv", "text/*", "*/*", "application/json", "image/png")
    }

    assert [answer.status_code for answer in given.values()] == [200, 200, 200, 406, 406]
    assert "a file of the type text/csv" in given["image/png"].content.decode()


def test_too_many_attempts_are_told_in_our_own_page() -> None:
    browser = Client(REMOTE_ADDR=f"10.9.{secrets.randbelow(256)}.{secrets.randbelow(256)}")
    for _ in range(20):
        browser.post("/accounts/password/reset/", {"email": "nobody@example.com"})

    answer = browser.post("/accounts/password/reset/", {"email": "nobody@example.com"})

    assert (answer.status_code, answer["Retry-After"]) == (429, "60")
    assert "There were too many attempts from here" in answer.content.decode()
    assert "app.css" in answer.content.decode()


def test_a_signed_in_member_gets_the_page_too(alice: Person) -> None:
    answer = alice.web.get("/app/nowhere")

    assert answer.status_code == 404
    assert "This page doesn’t exist" in answer.content.decode()


@pytest.mark.parametrize(("method", "address"), [("PUT", "/tasks"), ("DELETE", "/auth/login"), ("GET", "/agent/run")])
def test_another_method_is_a_problem_document(alice: Person, method: str, address: str) -> None:
    answer = alice.api.generic(method, address)

    assert is_problem(answer, 405, "method-not-allowed")
    assert answer["Allow"]


@pytest.mark.parametrize(("method", "address"), BODIES)
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"[]",
        b'"x"',
        b"null",
        b"\xff\xfe",
        b'{"title": NaN}',
        b"[" * 100_000,
        b'{"title": "a\\u0000b", "email": "a\\u0000b", "prompt": "\\u0000"}',
        b'{"title": "\\ud800", "email": "\\ud800", "prompt": "\\ud800"}',
        b'{"title": {"a": 1}, "email": [], "prompt": {}, "password": 1}',
    ],
)
def test_a_body_that_makes_no_sense_is_refused(alice: Person, method: str, address: str, body: bytes) -> None:
    answer = alice.api.generic(method, address, body, content_type="application/json")

    assert is_problem(answer, 400)


@pytest.mark.parametrize(("method", "address"), BODIES)
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "multipart/form-data", "application/x-www-form-urlencoded"]
)
def test_another_content_type_is_refused(alice: Person, method: str, address: str, kind: str) -> None:
    answer = alice.api.generic(method, address, b"title=x", content_type=kind)

    assert is_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize(("method", "address"), BODIES)
def test_a_body_that_is_too_large_is_refused(alice: Person, method: str, address: str) -> None:
    body = json.dumps({"title": "x" * 1_000_001}).encode()

    answer = alice.api.generic(method, address, body, content_type="application/json")

    assert is_problem(answer, 413, "too-large")


def test_a_form_that_is_too_large_is_refused(alice: Person) -> None:
    answer = alice.web.post("/app/tasks", {"title": "x" * 1_000_001})

    assert answer.status_code == 413


@pytest.mark.parametrize("address", LISTS)
def test_nul_in_an_address_is_refused(alice: Person, address: str) -> None:
    joined = address + ("&" if "?" in address else "?")

    assert is_problem(alice.api.get(f"{joined}cursor=%00"), 400, "malformed")
    assert is_problem(alice.api.get("/tasks/a%00b"), 400, "malformed")


def test_nul_in_a_form_is_refused(alice: Person) -> None:
    answer = alice.web.post("/app/tasks", {"action": "create", "title": "a\0b"})

    assert answer.status_code == 400


@pytest.mark.parametrize("cursor", ["x", "====", "bnVsbA", "W10", "WzEsMl0", "é", "A" * 3000])
@pytest.mark.parametrize("address", LISTS)
def test_a_cursor_of_somebody_elses_making_is_refused(alice: Person, address: str, cursor: str) -> None:
    answer = alice.api.get(address + ("&" if "?" in address else "?") + f"cursor={cursor}")

    assert is_problem(answer, 400)


@pytest.mark.parametrize("token", ["Bearer x", "Bearer a.b.c", "Bearer", "Bearer x y", "Bearer é", "Basic eDp5"])
def test_a_token_that_is_none_is_401_in_plain_words(token: str) -> None:
    answer = Client(headers={"Authorization": token}).get("/tasks")

    assert is_problem(answer, 401)
    assert "ErrorDetail" not in answer.content.decode()
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_an_expired_token_is_told_where_to_get_another(alice: Person) -> None:
    token = AccessToken(tokens.issue(alice.membership).access)
    token.set_exp(lifetime=timedelta(seconds=-1))

    answer = Client(headers={"Authorization": f"Bearer {token}"}).get("/tasks")

    assert is_problem(answer, 401, "token-not-valid")
    assert "POST /auth/refresh" in answer.json()["detail"]


def test_refusals_of_the_framework_say_what_to_do(alice: Person) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice.user)
    refused = {
        "POST /auth/login": Client().get("/tasks"),
        "Authorization: Bearer ACCESS.": Client(headers={"Authorization": "Bearer x y"}).get("/tasks"),
        "Content-Type: application/json": alice.api.generic("POST", "/tasks", b"x", content_type="text/plain"),
        "It takes GET, PATCH, DELETE, HEAD, OPTIONS.": alice.api.generic("PUT", "/workspace"),
        "X-CSRFToken": browser.post("/tasks", {"title": "x"}, content_type="application/json"),
    }

    for words, answer in refused.items():
        assert words in answer.json()["detail"]


def test_a_form_from_elsewhere_is_refused_in_words(alice: Person) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice.user)

    page = browser.post("/app/tasks", {"action": "create", "title": "x"})

    assert page.status_code == 403
    assert "Reload the page" in page.content.decode()
    assert is_problem(browser.post("/tasks", {"title": "x"}, content_type="application/json"), 403, "forbidden")


@pytest.mark.urls("tests.config.test_refusals")
@pytest.mark.parametrize("address", ["/tasks/fail", "/app/fail"])
def test_a_fault_of_ours_has_a_number_and_no_inner_words(address: str) -> None:
    browser = Client(raise_request_exception=False)

    answer = browser.get(address)

    assert answer.status_code == 500
    assert "told to" not in answer.content.decode()
    assert (answer["Content-Type"] == "application/problem+json") == (address == "/tasks/fail")


@pytest.mark.parametrize("address", ["/tasks", "/app"])
def test_a_database_that_breaks_off_is_503_and_says_when_to_come_back(
    alice: Person, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = alice.web if address == "/app" else alice.api
    monkeypatch.setattr(client, "raise_request_exception", False)
    connection.ensure_connection()
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 60000)", [connection.connection.info.backend_pid])

    answer = client.get(address)
    connection.close()

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "does not answer at this moment" in answer.content.decode()
    assert client.get(address).status_code == 200
    if address == "/tasks":
        assert is_problem(answer, 503, "unavailable")


def test_the_start_address_leads_in_or_to_the_door(alice: Person) -> None:
    assert Client().get("/")["Location"].startswith("/accounts/login/")
    assert alice.web.get("/")["Location"] == "/app"


def test_every_root_of_the_api_is_known_to_be_one() -> None:
    request = HttpRequest()
    for root in views.API_ROOTS:
        request.path = f"/{root}/x"
        assert views.wants_problem(request)
