from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from accounts.models import Membership, Role
from billing.models import PlanRequest, Subscription
from tests.billing.wishes import approve
from tests.people import Person, join, put_on_plan, sign_up
from tests.threads import at_once

OPEN_WHEN_EXPIRED = ["/user/profile", "/user/trial-status", "/subscription/plans", "/usage/quota"]


@pytest.fixture
def expired() -> Person:
    return sign_up("Eve", now=timezone.now() - timedelta(days=8))


def late(person: Person, days: int, tier: str = "pro") -> None:
    put_on_plan(person, tier)
    since = timezone.now() - timedelta(days=days)
    Subscription.objects.filter(workspace=person.workspace).update(status="past_due", past_due_since=since)


def test_the_trial_says_how_long_it_lasts(alice: Person) -> None:
    body = alice.api.get("/user/trial-status").json()

    assert (body["tier"], body["is_trial"], body["active"], body["days_remaining"]) == ("trial", True, True, 7)
    assert body["upgrade_url"].endswith("/app/plan")


def test_an_expired_trial_says_so(expired: Person) -> None:
    body = expired.api.get("/user/trial-status").json()

    assert (body["active"], body["seconds_remaining"], body["days_remaining"]) == (False, 0, 0)


def test_an_expired_trial_is_refused(expired: Person) -> None:
    answer = expired.api.get("/usage/logs")

    assert (answer.status_code, answer.json()["type"]) == (402, "/problems/trial-expired")
    assert answer.json()["upgrade_url"].endswith("/app/plan")


@pytest.mark.parametrize("address", OPEN_WHEN_EXPIRED)
def test_an_expired_trial_still_reaches_what_leads_out_of_it(expired: Person, address: str) -> None:
    assert expired.api.get(address).status_code == 200


def test_an_upgrade_opens_an_expired_trial(expired: Person) -> None:
    answer = expired.api.post("/user/upgrade-subscription", {"tier": "pro"})

    assert (answer.json()["status"], answer.json()["checkout_url"]) == ("active", None)
    assert expired.api.get("/usage/logs").status_code == 200
    assert expired.subscription.changed_by == expired.user.pk


def test_a_late_payer_is_served_for_a_week(alice: Person) -> None:
    late(alice, days=6)

    assert alice.api.patch("/user/config", {"language": "en"}).status_code == 200


def test_after_the_week_a_late_payer_reads_only(alice: Person) -> None:
    late(alice, days=8)

    assert alice.api.get("/user/config").status_code == 200
    refused = alice.api.patch("/user/config", {"language": "en"})
    assert (refused.status_code, refused.json()["type"]) == (402, "/problems/payment-required")


def test_a_downgrade_is_refused_and_names_what_is_allowed(alice: Person) -> None:
    put_on_plan(alice, "plus")

    answer = alice.api.post("/user/upgrade-subscription", {"tier": "pro"})

    assert (answer.status_code, answer.json()["allowed"]) == (409, ["teams"])


def test_teams_is_bought_with_seats(alice: Person) -> None:
    answer = alice.api.post("/user/upgrade-subscription", {"tier": "teams", "seats": 4})

    assert answer.json()["subscription"]["seats"] == 4


@pytest.mark.parametrize("body", [{"tier": "pro", "seats": 3}, {"tier": "teams", "seats": 0}, {"tier": "gold"}, {}])
def test_impossible_upgrades_are_refused(alice: Person, body: dict[str, object]) -> None:
    assert alice.api.post("/user/upgrade-subscription", body).status_code == 400
    assert alice.subscription.tier == "trial"


def test_a_plan_that_is_none_is_answered_with_those_there_are(alice: Person) -> None:
    answer = alice.api.post("/user/upgrade-subscription", {"tier": "Pro"}).json()

    assert answer["errors"][0]["code"] == "invalid_choice"
    assert answer["detail"] == "There is no such choice. Known: trial, pro, plus, teams."


def test_a_member_cannot_change_the_plan(alice: Person) -> None:
    put_on_plan(alice, "plus")
    bob = join(alice, "Bob", Role.ADMIN)

    assert bob.api.post("/user/upgrade-subscription", {"tier": "teams"}).status_code == 403


def test_bobs_upgrade_changes_only_his_workspace(alice: Person, charlie: Person) -> None:
    charlie.api.post("/user/upgrade-subscription", {"tier": "pro"})

    assert alice.subscription.tier == "trial"


@override_settings(IS_PRODUCTION=True)
def test_where_it_is_hosted_staff_approves_an_upgrade(alice: Person) -> None:
    answer = alice.api.post("/user/upgrade-subscription", {"tier": "pro"})
    before = alice.subscription.tier

    approve(alice)

    assert (answer.json()["status"], before, alice.subscription.tier) == ("pending_approval", "trial", "pro")


@override_settings(IS_PRODUCTION=True)
def test_where_it_is_hosted_staff_approves_more_seats(alice: Person) -> None:
    put_on_plan(alice, "teams")
    answer = alice.api.post("/subscription/seats", {"seats": 400})
    before, page = alice.subscription, alice.web.post("/app/plan", {"action": "seats", "seats": "400"}, follow=True)

    approve(alice)

    after = alice.subscription
    assert (answer.status_code, answer.json()["seats"]) == (202, 1)
    assert (before.seats, before.fixed_seats, after.seats, after.fixed_seats) == (1, None, 400, 400)
    assert after.anchor_at == before.anchor_at
    assert "Your wish for more seats was sent." in page.content.decode()


@override_settings(IS_PRODUCTION=True)
@pytest.mark.parametrize(("path", "tier"), [("downgrade", "plus"), ("cancel", "")])
def test_more_seats_leave_what_is_planned_as_it_is(alice: Person, path: str, tier: str) -> None:
    put_on_plan(alice, "teams", seats=2)
    alice.api.post(f"/subscription/{path}", {"tier": tier} if tier else {})
    planned = alice.subscription.pending_at
    alice.api.post("/subscription/seats", {"seats": 9})

    approve(alice)

    after = alice.subscription
    assert planned is not None
    assert (after.pending_tier, after.pending_at, after.seats, after.fixed_seats) == (tier, planned, 9, 9)


@override_settings(IS_PRODUCTION=True)
def test_the_seats_dialog_says_that_staff_answers_before_more_apply(alice: Person) -> None:
    put_on_plan(alice, "teams", seats=2)
    words = "We answer your wish for more seats before anything changes. Fewer apply at once."

    hosted = alice.web.get("/app/plan?confirm=teams&seats=5").content.decode()
    with override_settings(IS_PRODUCTION=False):
        own = alice.web.get("/app/plan?confirm=teams&seats=5").content.decode()

    assert (words in hosted, words in own) == (True, False)


@override_settings(IS_PRODUCTION=True)
def test_seats_of_this_period_come_back_without_staff(alice: Person) -> None:
    put_on_plan(alice, "teams", seats=5)
    alice.api.post("/subscription/seats", {"seats": 2})

    back = alice.api.post("/subscription/seats", {"seats": 5})
    beyond = alice.api.post("/subscription/seats", {"seats": 6})

    assert (back.status_code, beyond.status_code, alice.subscription.seats) == (200, 202, 5)


@override_settings(IS_PRODUCTION=True)
def test_where_it_is_hosted_fewer_seats_apply_at_once(alice: Person) -> None:
    put_on_plan(alice, "teams", seats=5)

    answer = alice.api.post("/subscription/seats", {"seats": 2})

    assert (answer.status_code, alice.subscription.seats) == (200, 2)
    assert not PlanRequest.objects.filter(workspace=alice.workspace).exists()


def test_an_ended_subscription_begins_again_with_a_new_month(alice: Person) -> None:
    put_on_plan(alice, "plus", now=timezone.now() - timedelta(days=45))
    Subscription.objects.filter(workspace=alice.workspace).update(status="canceled", ended_at=timezone.now())
    before = alice.api.get("/usage/logs")

    alice.api.post("/user/upgrade-subscription", {"tier": "pro"})

    assert (before.status_code, before.json()["type"]) == (402, "/problems/payment-required")
    assert timezone.now() - alice.subscription.anchor_at < timedelta(minutes=1)


def test_an_upgrade_of_a_paid_plan_keeps_its_month(alice: Person) -> None:
    put_on_plan(alice, "pro", now=timezone.now() - timedelta(days=10))
    anchor = alice.subscription.anchor_at

    alice.api.post("/user/upgrade-subscription", {"tier": "plus"})

    assert alice.subscription.anchor_at == anchor


def test_the_profile_has_no_secret_and_names_every_workspace(team_owner: Person, bob: Person) -> None:
    body = bob.api.get("/user/profile").json()

    assert (body["subscription_tier"], body["team_role"], body["team_id"]) == (
        "teams",
        "member",
        str(team_owner.workspace.pk),
    )
    assert len(body["workspaces"]) == Membership.objects.filter(user=bob.user).count() == 2
    assert not [key for key in body if "token" in key or "password" in key]


def test_only_the_name_of_a_profile_can_be_changed(alice: Person) -> None:
    refused = alice.api.patch("/user/profile", {"name": "Alice B.", "email": "x@example.com", "is_staff": True})
    kept = alice.api.get("/user/profile").json()
    changed = alice.api.patch("/user/profile", {"name": "Alice B."}).json()

    alice.user.refresh_from_db()
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/email", "/is_staff"]
    assert (kept["name"], kept["email"], alice.user.is_staff) == ("Alice", alice.email, False)
    assert changed["name"] == "Alice B."


def pending(person: Person) -> object:
    return person.api.get("/subscription").json()["pending"]


def test_a_downgrade_waits_for_the_end_of_the_month(alice: Person) -> None:
    put_on_plan(alice, "plus")

    answer = alice.api.post("/subscription/downgrade", {"tier": "pro"}).json()

    assert answer["tier"] == "plus"
    assert answer["pending"] == {"tier": "pro", "at": answer["period"]["ends_at"]}


def test_after_the_month_the_smaller_plan_holds(alice: Person) -> None:
    put_on_plan(alice, "plus")
    alice.api.post("/subscription/downgrade", {"tier": "pro"})
    yesterday = timezone.now() - timedelta(days=1)

    Subscription.objects.filter(workspace=alice.workspace).update(pending_at=yesterday)

    assert alice.api.get("/usage/quota").json()["requests"]["limit"] == 1000
    assert alice.api.get("/user/profile").json()["subscription_tier"] == "pro"


def test_a_cancellation_ends_with_the_month_and_can_be_taken_back(alice: Person) -> None:
    put_on_plan(alice, "pro")

    cancelled = alice.api.post("/subscription/cancel").json()
    again = alice.api.post("/subscription/cancel")
    resumed = alice.api.post("/subscription/resume").json()

    assert cancelled["pending"]["tier"] is None
    assert cancelled["ends_at"] == cancelled["period"]["ends_at"]
    assert (again.status_code, again.json()) == (200, cancelled)
    assert resumed["pending"] is None


def test_after_the_end_only_what_leads_back_is_open(alice: Person) -> None:
    put_on_plan(alice, "pro")
    alice.api.post("/subscription/cancel")
    Subscription.objects.filter(workspace=alice.workspace).update(pending_at=timezone.now() - timedelta(days=2))

    refused = alice.api.get("/usage/logs")
    bought = alice.api.post("/user/upgrade-subscription", {"tier": "pro"})

    assert (refused.status_code, refused.json()["type"]) == (402, "/problems/payment-required")
    assert (bought.json()["status"], pending(alice)) == ("active", None)
    assert alice.api.get("/usage/logs").status_code == 200


@pytest.mark.parametrize(
    ("address", "body"), [("cancel", {}), ("resume", {}), ("downgrade", {"tier": "pro"}), ("portal", {})]
)
def test_what_a_trial_does_not_have_cannot_be_changed(alice: Person, address: str, body: dict[str, str]) -> None:
    assert alice.api.post(f"/subscription/{address}", body).status_code == 409


@pytest.mark.parametrize("days", [2, 9])
@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("user/upgrade-subscription", {"tier": "teams"}),
        ("subscription/downgrade", {"tier": "pro"}),
        ("subscription/preview", {"tier": "pro"}),
        ("subscription/preview", {"tier": "teams", "seats": 4}),
        ("subscription/seats", {"seats": 4}),
    ],
)
def test_a_late_payment_comes_before_every_change(
    alice: Person, days: int, address: str, body: dict[str, object]
) -> None:
    late(alice, days=days, tier="teams")

    answer = alice.api.post(f"/{address}", body)

    assert (answer.status_code, answer.json()["allowed"]) == (409, [])
    assert answer.json()["detail"] == "The last payment failed. Pay it first, then change the plan."
    assert alice.subscription.seats == 1


def test_a_preview_says_the_amounts_and_changes_nothing(alice: Person) -> None:
    preview = alice.api.post("/subscription/preview", {"tier": "teams", "seats": 3}).json()

    assert (preview["then_cents"], preview["due_now_cents"], preview["currency"]) == (8500, 0, "usd")
    assert alice.subscription.tier == "trial"


def test_a_preview_of_a_smaller_plan_says_what_no_longer_fits(alice: Person) -> None:
    put_on_plan(alice, "teams", seats=2)
    join(alice, "Bob")

    preview = alice.api.post("/subscription/preview", {"tier": "pro"}).json()

    assert preview["then_cents"] == 1000
    assert preview["consequences"][0] == (
        "Pro is for one person and 2 are here. Only Alice can ask then; the others can only read."
    )


@pytest.mark.parametrize(
    ("address", "body"),
    [("preview", {"tier": "plus"}), ("downgrade", {"tier": "plus"}), ("cancel", {}), ("resume", {}), ("portal", {})],
)
def test_only_an_owner_handles_the_money(alice: Person, address: str, body: dict[str, str]) -> None:
    put_on_plan(alice, "teams", seats=2)
    admin = join(alice, "Bob", Role.ADMIN)

    assert admin.api.post(f"/subscription/{address}", body).status_code == 403
    assert pending(alice) is None


def test_after_a_team_has_ended_the_others_can_only_read(alice: Person) -> None:
    put_on_plan(alice, "teams", seats=2)
    bob = join(alice, "Bob")
    put_on_plan(alice, "pro")

    refused = bob.api.post("/tasks", {"title": "Mine"})

    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/plan-required")
    assert bob.api.get("/tasks").status_code == 200
    assert alice.api.post("/tasks", {"title": "Mine"}).status_code == 201


def test_two_tabs_that_cancel_at_once_leave_one_cancellation(alice: Person) -> None:
    put_on_plan(alice, "pro")
    access = alice.api

    answers = at_once(lambda: access.post("/subscription/cancel").json()["pending"], times=8)

    assert answers == [{"tier": None, "at": answers[0]["at"]}] * 8
