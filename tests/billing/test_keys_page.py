"""The page on which people make, see and end their API keys."""

import re
from html import unescape
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Mail, Membership, Role
from billing.keys import services
from billing.models import Subscription
from tests.people import Person, key_of, program, put_on_plan
from tests.threads import in_turn

PAGE = "/app/keys"
FORM = {"action": "create", "name": "Nightly", "scopes": ["read", "ask"], "life": "30 days"}


@pytest.fixture
def payer(alice: Person) -> Person:
    put_on_plan(alice, "pro")
    return alice


def shown(person: Person, query: str = "") -> str:
    answer = person.web.get(PAGE + query)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def form(page: str) -> dict[str, Any]:
    """As the dialog sends it."""
    found = re.search(r'name="request" value="([^"]+)"', page)
    assert found
    return {**FORM, "request": found[1]}


def test_a_key_is_shown_once_where_it_was_made_and_never_again(payer: Person) -> None:
    answer = payer.web.post(PAGE, form(shown(payer, "?new=1")))

    page = unescape(answer.content.decode())
    (key,) = set(re.findall(r"docent_[0-9A-Za-z]{57}", page))
    row = payer.membership.api_keys.get()
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert "You won't see it again." in page
    assert program(key).get("/tasks").status_code == 200
    assert (row.scopes, (row.expires_at - timezone.now()).days if row.expires_at else None) == (["read", "ask"], 29)
    assert key not in shown(payer)
    assert f"{key[:15]}…{key[-4:]}" in shown(payer)


def test_a_form_that_is_sent_again_makes_no_second_key_and_ends_none(payer: Person) -> None:
    sent = form(shown(payer, "?new=1"))
    key = re.findall(r"docent_[0-9A-Za-z]{57}", payer.web.post(PAGE, sent).content.decode())[0]

    answer = payer.web.post(PAGE, sent, follow=True)

    assert "made already, and a key is shown once" in answer.content.decode()
    assert payer.membership.api_keys.count() == 1
    assert program(key).get("/tasks").status_code == 200


def test_a_form_that_is_sent_twice_at_once_shows_one_key_and_it_works(payer: Person) -> None:
    sent = form(shown(payer, "?new=1"))
    pages: list[str] = []

    def send() -> None:
        pages.append(payer.web.post(PAGE, sent, follow=True).content.decode())

    in_turn(Membership.objects.filter(pk=payer.membership.pk), send, send)

    keys = {key for page in pages for key in re.findall(r"docent_[0-9A-Za-z]{57}", page)}
    assert [program(key).get("/tasks").status_code for key in keys] == [200]
    assert ["made already" in page for page in pages].count(True) == 1
    assert Mail.objects.filter(to=payer.email, key__startswith="api-key:").count() == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "\u200b"}, "Give the key a name that can be seen."),
        ({"name": "x" * 81}, "at most 80 characters"),
        ({"scopes": []}, "Choose what it may do."),
        ({"scopes": ["everything"]}, "everything is not one of the available choices"),
        ({"life": "for ever"}, "for ever is not one of the available choices"),
    ],
)
def test_a_form_that_is_not_right_says_what_is_wrong_and_keeps_the_rest(
    payer: Person, change: dict[str, Any], words: str
) -> None:
    answer = payer.web.post(PAGE, {**FORM, **change})

    page = answer.content.decode()
    assert (answer.status_code, payer.membership.api_keys.count()) == (400, 0)
    assert words in page
    assert 'value="ask" checked' in page or "scopes" in change


def test_deleting_asks_first_and_says_when_it_was_last_used(payer: Person) -> None:
    key = key_of(payer)
    row = payer.membership.api_keys.get()
    never = shown(payer, f"?delete={row.pk}")
    program(key).get("/tasks")
    asked = shown(payer, f"?delete={row.pk}")

    answer = payer.web.post(PAGE, {"action": "delete", "key": str(row.pk)}, follow=True)

    assert "It was never used." in never
    assert "It was last used:" in asked
    assert "The key no longer works." in answer.content.decode()
    assert program(key).get("/tasks").status_code == 401


@pytest.mark.parametrize("key", ["", "x", "00000000-0000-4000-8000-000000000000"])
def test_what_is_no_key_of_ones_own_cannot_be_deleted(payer: Person, key: str) -> None:
    assert payer.web.post(PAGE, {"action": "delete", "key": key}).status_code == 404
    assert shown(payer, f"?delete={key}").count("<dialog") == shown(payer).count("<dialog")


def test_what_is_not_known_is_refused(payer: Person) -> None:
    answer = payer.web.post(PAGE, {"action": "zzz"})

    assert answer.status_code == 400
    assert "Known: create, delete." in answer.content.decode()


def test_a_trial_is_told_the_cheapest_plan_that_has_keys(alice: Person) -> None:
    page = shown(alice, "?new=1")

    assert "API keys come with the Pro plan, for $10 a month." in page
    assert 'name="scopes"' not in page
    assert alice.web.post(PAGE, FORM).status_code == 403


def test_the_menu_leads_to_the_page_for_who_may_make_keys(team_owner: Person, bob: Person, vera: Person) -> None:
    assert ['href="/app/keys"' in shown(each) for each in (team_owner, bob, vera)] == [True, True, False]


def test_a_viewer_sees_and_ends_those_of_before_and_makes_none(bob: Person) -> None:
    key_of(bob)
    Membership.objects.filter(pk=bob.membership.pk).update(role=Role.VIEWER)
    row = bob.membership.api_keys.get()

    page = shown(bob, "?new=1")
    refused = bob.web.post(PAGE, FORM)
    ended = bob.web.post(PAGE, {"action": "delete", "key": str(row.pk)})

    assert "Robot" in page
    assert not [each for each in ("?new=1", 'name="scopes"') if each in page]
    assert (refused.status_code, ended.status_code) == (403, 302)


def test_the_menu_leads_who_makes_keys_no_more_to_those_of_before_as_long_as_there_are(bob: Person) -> None:
    key_of(bob)
    Membership.objects.filter(pk=bob.membership.pk).update(role=Role.VIEWER)
    row = bob.membership.api_keys.get()

    before = bob.web.get("/app/tasks").content.decode()
    services.revoke(by=bob.membership, key_id=row.pk, now=timezone.now())
    after = bob.web.get("/app/tasks").content.decode()

    assert ['href="/app/keys"' in page for page in (before, after)] == [True, False]


def test_after_the_end_keys_can_still_be_ended_and_none_is_offered(payer: Person) -> None:
    key_of(payer)
    Subscription.objects.filter(workspace=payer.workspace).update(status="canceled", ended_at=timezone.now())
    row = payer.membership.api_keys.get()

    page = shown(payer)
    refused = payer.web.post(PAGE, FORM)

    assert "?new=1" not in page
    assert (refused.status_code, payer.membership.api_keys.count()) == (402, 1)
    assert payer.web.post(PAGE, {"action": "delete", "key": str(row.pk)}).status_code == 302


def test_one_too_many_is_said_in_words(payer: Person) -> None:
    for _ in range(services.MOST):
        key_of(payer)

    answer = payer.web.post(PAGE, FORM, follow=True)

    assert "You have 20 API keys here. Delete one that you no longer need." in answer.content.decode()
