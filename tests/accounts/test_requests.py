"""What every request may expect: the member's settings, idempotency, and input that is not right."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import tenancy, tokens
from accounts.models import IdempotentAnswer
from tasks.models import Task
from tests.people import Person

UPGRADE = "/user/upgrade-subscription"


def test_the_members_settings_are_kept(alice: Person) -> None:
    changed = alice.api.patch(
        "/user/config", {"timezone": "Europe/Berlin", "email_notifications": {"product_news": False}}
    )

    body = alice.api.get("/user/config").json()
    assert changed.json() == body
    assert (body["timezone"], body["default_sharing"]) == ("Europe/Berlin", "private")
    assert body["email_notifications"] == {"sync_problems": True, "quota_warnings": True, "product_news": False}


@pytest.mark.parametrize(
    "change",
    [
        {"timezone": "Mars/Base"},
        {"timezone": "localtime"},
        {"timezone": "Factory"},
        {"language": "xx"},
        {"email_notifications": {"spam": True}},
        {"model": "gpt-9"},
        {"unknown": 1},
        ["a list"],
    ],
)
def test_settings_that_make_no_sense_are_refused(alice: Person, change: object) -> None:
    assert alice.api.patch("/user/config", change).status_code == 400


def test_a_model_that_is_not_here_is_refused_and_the_others_are_named(alice: Person) -> None:
    kept = alice.api.patch("/user/config", {"model": "docent-keyless"})
    refused = alice.api.patch("/user/config", {"model": "gpt-9"})
    emptied = alice.api.patch("/user/config", {"model": ""})

    assert (kept.status_code, kept.json()["model"]) == (200, "docent-keyless")
    assert refused.json()["errors"] == [
        {"pointer": "/model", "code": "invalid", "detail": "There is no such model here. Known: docent-keyless."}
    ]
    assert (emptied.status_code, emptied.json()["model"]) == (200, "")


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("PATCH", "/user/config", {"language": "en"}),
        ("PATCH", "/user/profile", {"name": "Alice B."}),
        ("PATCH", "/workspace", {"name": "Acme"}),
        ("POST", "/tasks", {"title": "New"}),
        ("POST", "/agent/run", {"prompt": "What?"}),
        ("POST", "/agent/sync", {"full": True}),
        ("POST", "/user/upgrade-subscription", {"tier": "pro"}),
        ("POST", "/workspace/invitations", {"email": "new@example.com"}),
        ("POST", "/auth/login", {"email": "x@example.com", "password": "y"}),
    ],
)
def test_a_field_that_nobody_knows_is_refused_and_named(
    team_owner: Person, method: str, address: str, body: dict[str, object]
) -> None:
    answer = team_owner.api.generic(method, address, json.dumps({**body, "unknown": 1}), "application/json")

    assert answer.status_code == 400
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [("/unknown", "unknown")]


def test_everything_that_is_wrong_with_a_body_is_named_at_once() -> None:
    def wrong(body: dict[str, object]) -> set[tuple[str, str]]:
        errors = APIClient().post("/auth/logout", body).json()["errors"]
        return {(error["pointer"], error["code"]) for error in errors}

    assert wrong({"a": 1}) == {("/refresh", "required"), ("/a", "unknown")}
    assert wrong({"refresh": "x", "message": 1, "code": 1}) == {("/message", "unknown"), ("/code", "unknown")}


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("/agent/run", {"prompt": 1}),
        ("/invitations/accept", {"token": 5}),
        ("/auth/refresh", {"refresh": 1.5}),
        ("/tasks", {"title": "Call", "labels": ["a", 1]}),
        ("/auth/login", {"email": "x@example.com", "password": 1}),
    ],
)
def test_a_number_is_no_text(team_owner: Person, address: str, body: dict[str, object]) -> None:
    answer = team_owner.api.post(address, body)

    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{list(body)[-1]}"]


@pytest.mark.parametrize(
    ("address", "body", "pointer"),
    [
        ("/agent/sync", {"full": "yes"}, "/full"),
        ("/tasks", {"title": 5}, "/title"),
        ("/tasks", {"title": "New", "labels": ["a", 5]}, "/labels"),
        ("/tasks", {"title": "\u202e"}, "/title"),
    ],
)
def test_another_kind_of_value_is_refused_and_not_guessed_at(
    alice: Person, address: str, body: dict[str, object], pointer: str
) -> None:
    answer = alice.api.post(address, body)

    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (400, [pointer])


def test_a_title_that_nobody_sees_is_not_saved_on_the_page(alice: Person) -> None:
    alice.web.post("/app/tasks", {"action": "create", "title": "\u202e"})

    assert alice.api.get("/tasks").json()["results"] == []


def test_the_same_key_and_body_get_the_first_answer(alice: Person) -> None:
    first = alice.api.post(UPGRADE, {"tier": "pro"}, headers={"Idempotency-Key": "k1"})
    again = alice.api.post(UPGRADE, {"tier": "pro"}, headers={"Idempotency-Key": "k1"})
    alice.api.post(UPGRADE, {"tier": "plus"})
    late = alice.api.post(UPGRADE, {"tier": "pro"}, headers={"Idempotency-Key": "k1"})
    without = alice.api.post(UPGRADE, {"tier": "pro"})

    assert (first.status_code, again.status_code, late.status_code, without.status_code) == (200, 200, 200, 409)
    assert first.json() == again.json() == late.json()
    assert again.headers["Idempotency-Replayed"] == late.headers["Idempotency-Replayed"] == "true"


def test_the_same_key_with_another_body_is_refused(alice: Person) -> None:
    alice.api.post(UPGRADE, {"tier": "pro"}, headers={"Idempotency-Key": "k1"})

    answer = alice.api.post(UPGRADE, {"tier": "plus"}, headers={"Idempotency-Key": "k1"})

    assert (answer.status_code, alice.subscription.tier) == (422, "pro")


def test_a_key_whose_first_request_still_runs_is_a_conflict(alice: Person) -> None:
    alice.api.post(UPGRADE, {"tier": "pro"}, headers={"Idempotency-Key": "k1"})
    IdempotentAnswer.objects.filter(user=alice.user).update(status=None)

    answer = alice.api.post(UPGRADE, {"tier": "pro"}, headers={"Idempotency-Key": "k1"})

    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "2")


def test_a_refused_request_may_be_tried_again_with_its_key(alice: Person) -> None:
    refused = alice.api.post(UPGRADE, {"tier": "gold"}, headers={"Idempotency-Key": "k1"})
    better = alice.api.post(UPGRADE, {"tier": "pro"}, headers={"Idempotency-Key": "k1"})

    assert (refused.status_code, better.status_code) == (400, 200)


def test_a_key_is_forgotten_after_a_day(alice: Person) -> None:
    alice.api.post(UPGRADE, {"tier": "pro"}, headers={"Idempotency-Key": "k1"})
    IdempotentAnswer.objects.filter(user=alice.user).update(created_at=timezone.now() - timedelta(hours=25))

    assert alice.api.post(UPGRADE, {"tier": "plus"}, headers={"Idempotency-Key": "k1"}).status_code == 200


def test_a_key_belongs_to_its_member(alice: Person, charlie: Person) -> None:
    alice.api.post(UPGRADE, {"tier": "pro"}, headers={"Idempotency-Key": "k1"})

    answer = charlie.api.post(UPGRADE, {"tier": "plus"}, headers={"Idempotency-Key": "k1"})

    assert answer.json()["subscription"]["tier"] == "plus"


def test_of_16_requests_with_one_key_one_is_done(alice: Person) -> None:
    access = tokens.issue(alice.membership).access

    def post(_: int) -> int:
        try:
            api = APIClient(headers={"Authorization": f"Bearer {access}", "Idempotency-Key": "same"})
            return int(api.post("/tasks", {"title": "Buy a printer"}).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(post, range(16)))

    assert set(statuses) <= {201, 409}
    with tenancy.within(alice.workspace):
        assert Task.objects.count() == 1


def test_a_kept_answer_holds_only_a_digest_of_the_request(alice: Person) -> None:
    asked = alice.api.post("/workspace/export", {"note": "ntn_secret"}, headers={"Idempotency-Key": "k1"})

    kept = IdempotentAnswer.objects.filter(user=alice.user).values().get()
    assert asked.status_code == 202
    assert "ntn_secret" not in str(kept)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("{", "application/json", 400),
        ("[" * 100_000, "application/json", 400),
        ('{"tier": NaN}', "application/json", 400),
        ("tier=pro", "application/x-www-form-urlencoded", 415),
        ('{"tier": "' + "x" * 1_000_001 + '"}', "application/json", 413),
    ],
)
def test_what_cannot_be_read_is_refused(alice: Person, body: str, kind: str, status: int) -> None:
    answer = alice.api.post(UPGRADE, body, content_type=kind)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
