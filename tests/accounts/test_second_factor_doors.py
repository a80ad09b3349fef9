"""Every way in asks for the code of who has a second factor: with the password alone nobody gets further."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from tests.people import PASSWORD, Person, key_of, program, put_on_plan
from tests.second_factor import Factor, browser_after_password, own_address, signed_in, with_factor


@pytest.fixture
def api() -> APIClient:
    return APIClient(REMOTE_ADDR=own_address())


@pytest.fixture
def factor(alice: Person) -> Factor:
    return with_factor(alice.user)


def login(api: APIClient, person: Person, **more: str) -> Any:
    return api.post("/auth/login", {"email": person.email, "password": PASSWORD, **more})


def test_the_password_and_a_code_give_tokens_that_work(api: APIClient, alice: Person, factor: Factor) -> None:
    for code in (factor.app.code(), factor.recovery_codes[0]):
        body = login(api, alice, totp=code).json()

        program = APIClient(HTTP_AUTHORIZATION=f"Bearer {body['access']}")
        assert program.get("/user/profile").json()["email"] == alice.email


def test_the_password_alone_makes_no_api_key_and_one_of_before_goes_on(alice: Person) -> None:
    put_on_plan(alice, "pro")
    key = key_of(alice)
    with_factor(alice.user)
    browser = browser_after_password(alice)
    form = {"action": "create", "name": "Robot", "scopes": ["read"], "life": "A year"}

    answers = [browser.post("/app/keys", form), browser.post("/user/api-keys", form)]

    assert [answer.status_code for answer in answers] == [302, 401]
    assert alice.membership.api_keys.count() == 1
    assert program(key).get("/tasks").status_code == 200


@pytest.mark.parametrize("more", [{}, {"totp": ""}, {"totp": " "}])
def test_without_a_code_it_is_asked_for(api: APIClient, alice: Person, factor: Factor, more: dict[str, str]) -> None:
    answer = login(api, alice, **more)

    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/totp-required")
    assert "as `totp`" in answer.json()["detail"]
    assert "access" not in answer.json()


def test_a_wrong_code_is_refused(api: APIClient, alice: Person, factor: Factor) -> None:
    answer = login(api, alice, totp="000000")

    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/totp-required")
    assert "not right" in answer.json()["detail"]


def test_without_the_right_password_nothing_tells_of_a_factor(
    api: APIClient, alice: Person, charlie: Person, factor: Factor
) -> None:
    answers = [
        api.post("/auth/login", {"email": email, "password": "not this one", "totp": code})
        for email in (alice.email, charlie.email, "nobody@example.com")
        for code in (factor.recovery_codes[0], "")
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert answers[0].json()["type"] == "/problems/invalid-credentials"
    # Nor was the code used up.
    assert login(api, alice, totp=factor.recovery_codes[0]).status_code == 200


def test_a_code_is_of_no_matter_to_who_has_no_factor(api: APIClient, charlie: Person) -> None:
    assert login(api, charlie, totp="000000").status_code == 200


@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_a_code_used_at_one_door_opens_no_other(api: APIClient, alice: Person, factor: Factor, kind: str) -> None:
    first, second = (
        (factor.app.code(), factor.app.code(1))
        if kind == "app"
        else (factor.recovery_codes[0], factor.recovery_codes[1])
    )
    signed_in(alice, first)
    browser = browser_after_password(alice)

    by_api = [login(api, alice, totp=code).status_code for code in (first, second)]
    browser.post("/accounts/2fa/authenticate/", {"code": second})

    assert by_api == [401, 200]
    assert browser.get("/app/settings").status_code == 302


def test_of_four_programs_with_one_code_one_gets_tokens(alice: Person, factor: Factor) -> None:
    def send(code: str) -> int:
        try:
            return int(login(APIClient(REMOTE_ADDR=own_address()), alice, totp=code).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(send, [factor.recovery_codes[0]] * 4))

    assert answers == [200, 401, 401, 401]


def test_guesses_at_both_doors_count_together(alice: Person, factor: Factor) -> None:
    browser = browser_after_password(alice)
    for _ in range(3):
        browser.post("/accounts/2fa/authenticate/", {"code": "000000"})
    guesses = [login(APIClient(REMOTE_ADDR=own_address()), alice, totp="000000").status_code for _ in range(2)]

    answer = login(APIClient(REMOTE_ADDR=own_address()), alice, totp=factor.app.code())

    assert guesses == [401, 401]
    assert (answer.status_code, answer.json()["type"]) == (429, "/problems/rate-limited")
    assert 200 < int(answer.headers["Retry-After"]) <= 300


def staff_page(browser: Client) -> bool:
    return browser.get("/staff/").status_code == 200


def test_no_door_opens_to_the_password_alone(api: APIClient, alice: Person, factor: Factor) -> None:
    User.objects.filter(pk=alice.user.pk).update(is_staff=True)
    page = browser_after_password(alice)
    form = {"username": alice.email, "password": PASSWORD}
    page.post("/staff/login/", form)
    refused = login(api, alice)

    assert refused.status_code == 401
    assert not re.search("access|refresh", refused.content.decode())
    assert page.get("/app/settings").status_code == 302
    assert not staff_page(page)
    assert api.get("/user/profile").status_code == 401
