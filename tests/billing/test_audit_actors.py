"""Whose doing an event of a plan is, and from where: also where one sends a request and the clock, the provider or our
staff does it."""

import base64

import pytest
from allauth.core.context import request_context
from django.test import RequestFactory, override_settings
from django.utils import timezone

from accounts.models import ActorKind, AuditAction, AuditEvent
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import buy, hear, pay, upgrade
from tests.billing.test_wished_seats import let_go
from tests.billing.wishes import answer, ask, staff
from tests.people import Person, put_on_plan


def told(person: Person, action: AuditAction) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(workspace=person.workspace, action=action).order_by("at"))


@pytest.mark.parametrize("deed", ["downgrade", "cancel"])
def test_what_the_clock_withdraws_is_not_the_doing_of_who_looks(alice: Person, deed: str) -> None:
    with override_settings(IS_PRODUCTION=True):
        let_go(alice, deed)

        alice.api.post("/subscription/resume")

    [decided] = told(alice, AuditAction.PLAN_REQUEST_DECIDED)
    assert (decided.actor_kind, decided.actor_email, decided.address) == (ActorKind.SYSTEM, "", None)


def test_seats_that_an_owner_chooses_are_theirs_before_the_provider_has_heard(
    vendor: StripeProcess, alice: Person
) -> None:
    buy(alice, vendor, "teams")

    assert alice.api.post("/subscription/seats", {"seats": 3}).status_code == 200

    chosen = told(alice, AuditAction.PLAN_CHANGED)[-1]
    assert (chosen.actor_email, chosen.address) == (alice.email, "127.0.0.1")
    assert (chosen.before, chosen.after) == ({"fixed_seats": None}, {"fixed_seats": 3})


def test_fixing_as_many_seats_as_are_paid_for_is_told(alice: Person) -> None:
    put_on_plan(alice, "teams", seats=10)

    for _ in range(2):
        assert alice.api.post("/subscription/seats", {"seats": 10}).status_code == 200

    [chosen] = told(alice, AuditAction.PLAN_CHANGED)
    assert (chosen.actor_email, chosen.before, chosen.after) == (
        alice.email,
        {"fixed_seats": None},
        {"fixed_seats": 10},
    )


def test_from_where_our_staff_decide_is_not_told(alice: Person) -> None:
    with override_settings(IS_PRODUCTION=True):
        wish = ask(alice, "teams")
        with request_context(RequestFactory(REMOTE_ADDR="203.0.113.9").post("/staff/")):
            answer(alice, wish, by=staff())

    found = AuditEvent.objects.filter(workspace=alice.workspace)
    assert set(found.values_list("action", "address")) == {
        ("plan.asked", "127.0.0.1"),
        ("plan.request_decided", None),
        ("plan.changed", None),
    }


def test_who_looks_is_not_where_the_provider_is(vendor: StripeProcess, alice: Person) -> None:
    pay(upgrade(alice, "pro"))

    with request_context(RequestFactory(REMOTE_ADDR="203.0.113.9").get("/app/plan")):
        hear(alice, vendor)

    [bought] = told(alice, AuditAction.PLAN_CHANGED)
    assert (bought.actor_kind, bought.address) == (ActorKind.PROVIDER, None)


def test_what_one_of_our_staff_did_is_not_found_by_their_id(team_owner: Person) -> None:
    sam = staff()
    given = {"about": "sam's", "action": AuditAction.PLAN_CHANGED, "actor_id": sam.pk, "actor_email": sam.email}
    AuditEvent.objects.create(workspace=team_owner.workspace, actor_kind=ActorKind.STAFF, **given)

    assert team_owner.api.get("/workspace/audit").json()["results"][0]["about"] == "sam's"
    assert team_owner.api.get(f"/workspace/audit?member={sam.pk}").json()["results"] == []
    assert "sam&#x27;s" not in team_owner.web.get(f"/app/settings/audit?member={sam.pk}").content.decode()


def test_what_was_read_anew_has_not_turned(team_owner: Person) -> None:
    subscription = team_owner.subscription
    subscription.pending_tier, subscription.pending_at = "plus", timezone.now()
    subscription.catch_up(timezone.now())

    subscription.refresh_from_db()
    subscription.save()

    assert not AuditEvent.objects.filter(workspace=team_owner.workspace).exists()


def test_the_page_shows_an_action_of_another_version_and_lists(team_owner: Person) -> None:
    facts = {"action": "moon.landed", "before": {"read": []}, "after": {"read": ["n1", "n2"]}}
    AuditEvent.objects.create(workspace=team_owner.workspace, actor_kind=ActorKind.SYSTEM, **facts)

    page = team_owner.web.get("/app/settings/audit")
    words = page.content.decode()

    assert (page.status_code, "moon.landed" in words) == (200, True)
    assert "read: <bdi>–</bdi> → <bdi>n1, n2</bdi>" in words


def test_a_cursor_that_nests_too_deep_is_none_of_ours(team_owner: Person) -> None:
    cursor = base64.urlsafe_b64encode(b"[" * 3_000).decode()

    assert team_owner.web.get(f"/app/settings/audit?cursor={cursor}").status_code == 400
    assert team_owner.api.get(f"/workspace/audit?cursor={cursor}").status_code == 400
