import secrets
from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth import get_user
from django.test import Client, override_settings
from django.utils import timezone
from django.utils.formats import date_format

from accounts import schemas
from accounts.models import Membership, User
from billing.plans import PLANS, Tier
from tests.people import PASSWORD, Person, put_on_plan, sign_up


@pytest.fixture
def expired() -> Person:
    return sign_up("Eve", now=timezone.now() - timedelta(days=8))


def browser() -> Client:
    return Client(REMOTE_ADDR=f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}")


def sign_up_form(email: str) -> dict[str, str]:
    schemas.fill(4)
    return {"email": email, "password1": PASSWORD, "name": "Nora", "workspace_name": "Nora & Co"}


def test_signing_up_in_a_browser_makes_a_workspace_and_signs_in() -> None:
    web, email = browser(), f"web-{secrets.token_hex(5)}@example.com"

    answer = web.post("/accounts/signup/", sign_up_form(email))

    membership = Membership.objects.get(user__email=email)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/app/connect")
    assert membership.workspace.name == "Nora & Co"
    assert get_user(web).pk == membership.user_id
    assert web.session["workspace"] == str(membership.workspace_id)


def test_the_sign_up_page_shows_what_is_wrong() -> None:
    answer = browser().post("/accounts/signup/", sign_up_form("no address") | {"password1": "short"})

    assert answer.status_code == 200
    assert "too short" in answer.content.decode()


@override_settings(EMAIL_VERIFICATION_REQUIRED=True, ACCOUNT_EMAIL_VERIFICATION="mandatory")
def test_a_known_address_looks_like_a_new_one_where_addresses_are_verified(alice: Person) -> None:
    new = browser().post("/accounts/signup/", sign_up_form(f"web-{secrets.token_hex(5)}@example.com"))
    known = browser().post("/accounts/signup/", sign_up_form(alice.email))

    assert (new.status_code, new.headers["Location"]) == (known.status_code, known.headers["Location"])
    assert User.objects.filter(email=alice.email).count() == 1


def test_the_plan_page_shows_every_plan(alice: Person) -> None:
    page = alice.web.get("/app/plan").content.decode()

    assert all(text in page for text in ("$10", "$19", "$49", "Choose Pro", "Choose Teams"))


def test_what_a_plan_does_not_have_yet_is_marked(alice: Person) -> None:
    page = alice.web.get("/app/plan").content.decode()
    plans = {plan["tier"]: plan for plan in alice.api.get("/subscription/plans").json()["plans"]}

    assert page.count(">soon</span>") == sum(len(plan["coming"]) for plan in plans.values())
    assert "approved_writes" in plans["pro"]["coming"]
    assert not {"tasks", "api_keys"} & set(plans["teams"]["coming"])


def test_a_trial_says_how_long_its_questions_last_and_when_it_ends(alice: Person) -> None:
    page = alice.web.get("/app/plan").content.decode()

    assert "Questions in 7 days" in page
    assert f"ends {date_format(alice.subscription.trial_ends_at, 'j')}" in page


def test_choosing_a_plan_asks_first_and_then_changes_it(alice: Person) -> None:
    asked = alice.web.get("/app/plan?confirm=plus").content.decode()
    answer = alice.web.post("/app/plan", {"action": "upgrade", "tier": "plus"})

    assert "Choose Plus" in asked
    assert "$0" in asked
    assert "$19 a month" in asked
    assert (answer.status_code, alice.subscription.tier) == (302, "plus")


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({"tier": "trial"}, 302, ""),
        ({"tier": "gold"}, 400, "There is no such plan. Known: trial, pro, plus, teams."),
        ({"action": "downgrade"}, 400, "There is no such plan."),
        ({"tier": "teams", "seats": "1_0"}, 400, "Seats: a whole number."),
        ({"tier": "teams", "seats": "501"}, 400, "Seats: from 1, one for each member, to 500."),
        ({"action": "zzz"}, 400, "Known: upgrade, downgrade"),
    ],
)
def test_a_form_that_cannot_be_done_changes_nothing(
    alice: Person, form: dict[str, str], status: int, words: str
) -> None:
    answer = alice.web.post("/app/plan", form)

    assert (answer.status_code, alice.subscription.tier) == (status, "trial")
    assert words in answer.content.decode()


def test_a_member_sees_the_plan_and_cannot_change_it(bob: Person) -> None:
    page = bob.web.get("/app/plan").content.decode()

    assert "can change the plan" in page
    assert bob.web.post("/app/plan", {"tier": "teams"}).status_code == 403


def test_a_page_of_another_workspace_changes_nothing(alice: Person, charlie: Person) -> None:
    answer = alice.web.post("/app/plan", {"tier": "pro", "workspace": str(charlie.workspace.pk)})

    assert (answer.status_code, alice.subscription.tier) == (409, "trial")


def test_an_expired_trial_sees_that_it_ended_on_every_page_but_the_way_out(expired: Person) -> None:
    closed = expired.web.get("/app/usage")

    assert (closed.status_code, "The trial has ended." in closed.content.decode()) == (402, True)
    assert expired.web.get("/app/plan").status_code == 200
    assert expired.web.get("/app/settings").status_code == 200
    assert "Export or delete" in closed.content.decode()
    assert "Export or delete" in expired.web.get("/app/settings").content.decode()


def test_an_upgrade_opens_the_pages(expired: Person) -> None:
    expired.web.post("/app/plan", {"tier": "pro"})

    assert expired.web.get("/app/usage").status_code == 200


def test_a_late_payer_is_told_so(alice: Person) -> None:
    put_on_plan(alice, "pro")
    subscription = alice.subscription
    subscription.status, subscription.past_due_since = "past_due", timezone.now() - timedelta(days=8)
    subscription.save()

    assert "Read only" in alice.web.get("/app/plan").content.decode()


def test_nobody_is_sent_to_the_sign_in_page() -> None:
    answer = browser().get("/app/plan")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/login/?next=/app/plan")


def test_signing_up_names_the_length_of_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    longer = replace(PLANS[Tier.TRIAL], trial=timedelta(days=21))
    monkeypatch.setitem(PLANS, Tier.TRIAL, longer)

    assert "21 days free" in browser().get("/accounts/signup/").content.decode()
