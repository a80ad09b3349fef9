"""Nobody is refused for want of word of what was paid for; while that is not known, nobody is told otherwise."""

from datetime import datetime

import pytest
from django.utils import timezone

from billing.models import Subscription
from billing.stripe import truth
from devkit.stripe.process import StripeProcess
from tests.billing import team
from tests.billing.pages import text
from tests.billing.stripe import a_while_passes, account, asked, buy, confirm, hear, pay, state, upgrade
from tests.people import Person


def test_seats_of_a_plan_that_was_not_heard_of(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    confirm(upgrade(alice, "teams"))

    answer = alice.api.post("/subscription/seats", {"seats": 4})

    assert (answer.status_code, answer.json()["detail"]) == (409, "Meanwhile the plan has become Teams.")
    assert alice.api.post("/subscription/seats", {"seats": 4}).status_code == 200


def test_seats_of_what_ended_unheard_are_not_changed(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    truth.api().v1.subscriptions.cancel(account(alice).subscription_id)

    answer = alice.api.post("/subscription/seats", {"seats": 4})

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/nothing-to-change")
    assert (state(alice), alice.subscription.fixed_seats) == (("teams", "canceled"), None)


def test_seats_wait_while_stripe_does_not_answer(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    vendor.fault("500", times=100)

    answer = alice.api.post("/subscription/seats", {"seats": 4})

    assert (answer.status_code, alice.subscription.fixed_seats) == (503, None)


def test_who_paid_for_a_team_unheard_invites(vendor: StripeProcess, alice: Person) -> None:
    pay(upgrade(alice, "teams"))

    answer = alice.api.post("/workspace/invitations", {"email": "bob@example.com"})

    assert (answer.status_code, state(alice)) == (201, ("teams", "active"))


def test_while_it_is_not_known_nobody_is_told_that_a_team_has_to_be_bought(
    vendor: StripeProcess, alice: Person
) -> None:
    pay(upgrade(alice, "teams"))
    vendor.fault("500", times=100)

    answer = alice.api.post("/workspace/invitations", {"email": "bob@example.com"})

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/payments-unavailable")


def test_who_never_bought_is_refused_without_asking(vendor: StripeProcess, alice: Person) -> None:
    before = asked(vendor)

    answer = alice.api.post("/workspace/invitations", {"email": "bob@example.com"})

    assert (answer.status_code, asked(vendor)) == (403, before)


def test_who_is_invited_has_the_seat_that_was_paid_for_unheard(
    vendor: StripeProcess, alice: Person, now: datetime
) -> None:
    buy(alice, vendor, "pro")
    one, two = upgrade(alice, "teams", seats=1), upgrade(alice, "teams", seats=2)
    confirm(one)
    hear(alice, vendor)
    nora, token = team.invited(alice, "Nora", now)
    confirm(two)
    a_while_passes(alice)

    answer = nora.api.post("/invitations/accept", {"token": token})

    assert (answer.status_code, alice.subscription.fixed_seats) == (200, 2)


def test_who_is_invited_joins_what_was_paid_for_unheard(vendor: StripeProcess, alice: Person, now: datetime) -> None:
    buy(alice, vendor, "teams")
    nora, token = team.invited(alice, "Nora", now)
    Subscription.objects.filter(workspace=alice.workspace).update(
        status="canceled", ended_at=timezone.now(), changed_at=timezone.now()
    )
    a_while_passes(alice)

    answer = nora.api.post("/invitations/accept", {"token": token})

    assert (answer.status_code, state(alice)) == (200, ("teams", "active"))


def test_the_page_of_an_invitation_says_when_it_is_not_known(
    vendor: StripeProcess, alice: Person, now: datetime
) -> None:
    buy(alice, vendor, "teams")
    nora, token = team.invited(alice, "Nora", now)
    Subscription.objects.filter(workspace=alice.workspace).update(
        status="canceled", ended_at=timezone.now(), changed_at=timezone.now()
    )
    a_while_passes(alice)
    vendor.fault("500", times=100)

    page = nora.web.post(f"/app/invitations/{token}", follow=True).content.decode()

    assert "The payment provider does not answer as it should." in page
    assert "takes no new members" not in page


def test_the_trial_status_knows_what_was_paid_for(vendor: StripeProcess, alice: Person) -> None:
    Subscription.objects.filter(workspace=alice.workspace).update(trial_ends_at=timezone.now())
    pay(upgrade(alice, "pro"))

    told = alice.api.get("/user/trial-status").json()

    assert (told["tier"], told["active"], told["is_known"]) == ("pro", True, True)


def test_the_trial_status_says_when_it_is_not_known(vendor: StripeProcess, alice: Person) -> None:
    pay(upgrade(alice, "pro"))
    vendor.fault("500", times=100)

    told = alice.api.get("/user/trial-status").json()

    assert (told["is_trial"], told["is_known"]) == (True, False)


def test_while_stripe_hangs_one_call_of_the_trial_status_waits_for_it(vendor: StripeProcess, alice: Person) -> None:
    pay(upgrade(alice, "pro"))
    vendor.fault("hang", times=1)

    first = alice.api.get("/user/trial-status").json()
    before = asked(vendor)
    second = alice.api.get("/user/trial-status").json()
    after = asked(vendor)
    a_while_passes(alice)
    third = alice.api.get("/user/trial-status").json()

    assert [each["is_known"] for each in (first, second, third)] == [False, False, True]
    assert (after, third["tier"]) == (before, "pro")


@pytest.mark.parametrize("is_heard", [False, True])
def test_while_stripe_does_not_answer_one_look_at_the_plan_asks_it(
    vendor: StripeProcess, alice: Person, is_heard: bool
) -> None:
    pay(upgrade(alice, "pro"))
    if is_heard:
        hear(alice, vendor)
    before = asked(vendor)
    vendor.fault("cut", times=1)

    pages = [text(alice) for _ in range(2)]

    assert all("Couldn't load the invoices" in page for page in pages)
    assert asked(vendor) == before + 1


def test_what_is_heard_ends_the_silence(vendor: StripeProcess, alice: Person) -> None:
    pay(upgrade(alice, "pro"))
    vendor.fault("cut", times=1)
    alice.api.get("/user/trial-status")

    hear(alice, vendor)

    assert account(alice).unanswered_at is None
