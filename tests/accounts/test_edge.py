"""What the base classes promise whatever a view does, and how a browser's session may use the API."""

from html import unescape
from typing import ClassVar

import pytest
from django.test import Client, override_settings
from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.edge import MemberAPI
from accounts.models import IdempotentAnswer, Membership
from tests.people import Person


class Breaks(MemberAPI):
    schema_of_view: ClassVar[str] = "workspace"

    def post(self, request: Request) -> Response:
        return Response({"share": 1 / int(request.data["by"])})


class ShowsSecret(MemberAPI):
    keeps_answers: ClassVar[bool] = False

    def post(self, request: Request) -> Response:
        return Response({"key": "shown once"}, status=201)


urlpatterns = [
    path("breaks", Breaks.as_view()),
    path("secret", ShowsSecret.as_view()),
    path("", include("config.urls")),
]


@override_settings(ROOT_URLCONF=__name__)
def test_a_key_whose_request_broke_may_be_used_again(alice: Person) -> None:
    with pytest.raises(ZeroDivisionError):
        alice.api.post("/breaks", {"by": 0}, headers={"Idempotency-Key": "k"})

    answer = alice.api.post("/breaks", {"by": 1}, headers={"Idempotency-Key": "k"})

    assert answer.json() == {"share": 1.0}


@override_settings(ROOT_URLCONF=__name__)
def test_an_answer_that_shows_a_secret_is_never_kept(alice: Person) -> None:
    bodies: list[dict[str, str]] = [{}, {}, {"another": "body"}]
    answers = [alice.api.post("/secret", body, headers={"Idempotency-Key": "k"}) for body in bodies]

    kept = IdempotentAnswer.objects.get(user=alice.user)
    assert [answer.status_code for answer in answers] == [201, 201, 422]
    assert (kept.status, kept.headers, kept.body) == (None, {}, "")


@pytest.mark.parametrize("key", ["x" * 201, "tab\tin it", "kéy"])
def test_a_key_that_cannot_be_kept_is_refused(alice: Person, key: str) -> None:
    answer = alice.api.post("/user/upgrade-subscription", {"tier": "pro"}, headers={"Idempotency-Key": key})

    assert (answer.status_code, alice.subscription.tier) == (400, "trial")
    assert answer.json()["errors"][0]["pointer"] == "/Idempotency-Key"


def test_a_browser_reads_the_api_with_its_session(alice: Person) -> None:
    assert alice.web.get("/user/profile").json()["email"] == alice.email


def test_a_browser_changes_nothing_without_its_csrf_token(alice: Person) -> None:
    web = Client(enforce_csrf_checks=True)
    web.cookies = alice.web.cookies

    answer = web.patch("/user/config", {"language": "en"}, content_type="application/json")

    assert answer.status_code == 403


def test_who_was_removed_lands_in_their_own_workspace(bob: Person) -> None:
    bob.web.get("/app/settings")
    Membership.objects.filter(pk=bob.membership.pk).delete()

    answer = bob.web.get("/app/settings")

    assert answer.status_code == 200
    assert bob.web.session["workspace"] == str(bob.user.memberships.get().workspace_id)


def test_who_has_no_workspace_left_is_signed_out(alice: Person) -> None:
    Membership.objects.filter(user=alice.user).delete()

    answer = alice.web.get("/app/settings")

    assert answer.headers["Location"].startswith("/accounts/login/")


def test_a_form_that_does_not_say_its_workspace_changes_nothing(alice: Person) -> None:
    web = Client()
    web.cookies = alice.web.cookies

    answer = web.post("/app/settings", {"section": "profile", "name": "Somebody"})

    assert answer.status_code == 409
    alice.user.refresh_from_db()
    assert alice.user.name == "Alice"


def test_a_form_of_another_workspace_changes_nothing(bob: Person) -> None:
    web, own = Client(), bob.user.memberships.exclude(pk=bob.membership.pk).get().workspace_id
    web.cookies = bob.web.cookies

    answers = [
        web.post("/app/settings", {"section": "profile", "name": "Somebody", "workspace": str(own)}),
        web.post("/app/settings", {"section": "profile", "name": "Somebody"}, headers={"X-Workspace": str(own)}),
    ]

    assert [answer.status_code for answer in answers] == [409, 409]
    bob.user.refresh_from_db()
    assert bob.user.name == "Bob"


def test_a_form_of_another_workspace_is_told_which_one_is_open_and_leads_to_the_other(
    bob: Person, charlie: Person
) -> None:
    own = bob.user.memberships.exclude(pk=bob.membership.pk).get().workspace
    form = {"section": "profile", "name": "Somebody"}

    theirs, foreign, silent = (
        bob.web.post("/app/settings", {**form, "workspace": said}).content.decode()
        for said in (str(own.pk), str(charlie.workspace.pk), "")
    )

    for page in (theirs, foreign, silent):
        assert f"You are in {bob.workspace.name} now." in unescape(page)
    assert f"Switch to {own.name}" in unescape(theirs)
    assert '<input type="hidden" name="next" value="/app/settings">' in theirs
    assert "Switch to" not in foreign + silent
    assert charlie.workspace.name not in unescape(foreign)


def test_switching_names_the_workspace_to_go_to(bob: Person) -> None:
    own = str(bob.user.memberships.exclude(pk=bob.membership.pk).get().workspace_id)
    before = bob.web.session["workspace"]

    bob.web.post("/app/switch-workspace", {"workspace": own})

    assert (before, bob.web.session["workspace"]) == (str(bob.workspace.pk), own)


@pytest.mark.parametrize("address", ["/user/profile", "/user/config", "/usage/quota", "/tasks", "/auth/login"])
def test_nothing_on_the_way_keeps_an_answer(alice: Person, address: str) -> None:
    answers = [alice.api.get(address), alice.api.post(address, {})]

    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


@pytest.mark.parametrize("address", ["/app", "/app/ask", "/app/tasks", "/app/sources", "/app/usage", "/app/plan"])
def test_a_browser_does_not_keep_a_page_for_who_comes_after(alice: Person, address: str) -> None:
    assert alice.web.get(address).headers["Cache-Control"] == "no-store"
