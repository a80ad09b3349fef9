"""Who has paid is served although no event of it ever comes: Stripe is asked when they come back, or ask to buy."""

import re
from contextlib import ExitStack
from datetime import datetime
from html import unescape

import httpx
import pytest
from django.utils import timezone

from billing.models import Subscription
from billing.plans import PLANS, Tier
from billing.stripe import setup, talking, truth
from devkit.stripe.process import StripeProcess
from tests.billing import team
from tests.billing.pages import text
from tests.billing.stripe import account, buy, confirm, pay, state, upgrade
from tests.people import Person, join, sign_up

WAITS = "Waiting for the payment provider…"


def asked(vendor: StripeProcess) -> int:
    """How often Stripe was asked what stands."""
    return sum(one["path"] == "/v1/subscriptions" for one in vendor.control("journal")["requests"])


def test_who_comes_back_from_checkout_has_the_plan(vendor: StripeProcess, alice: Person) -> None:
    Subscription.objects.filter(workspace=alice.workspace).update(trial_ends_at=timezone.now())
    pay(upgrade(alice, "pro"))

    page = text(alice, "?bought=pro&was=trial")

    assert "You are on Pro now" in page
    assert WAITS not in page
    assert state(alice) == ("pro", "active")


def test_who_comes_back_from_the_portal_has_the_plan(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    confirm(upgrade(alice, "teams", seats=3))

    assert "You are on Teams now" in text(alice, "?bought=teams&was=pro")
    assert (state(alice), alice.subscription.seats, alice.subscription.fixed_seats) == (("teams", "active"), 3, 3)


def test_who_looks_at_the_plan_later_has_it(vendor: StripeProcess, alice: Person) -> None:
    pay(upgrade(alice, "plus"))

    told = alice.api.get("/subscription").json()

    assert (told["tier"], told["state"]) == ("plus", "active")


def test_who_asks_to_buy_another_is_served_and_told(vendor: StripeProcess, alice: Person) -> None:
    pay(upgrade(alice, "pro"))

    again = alice.api.post("/user/upgrade-subscription", {"tier": "plus"})

    assert (again.status_code, again.json()["type"]) == (409, "/problems/already-bought")
    assert again.json()["detail"] == "Your payment for Pro has come: it is yours now."
    assert state(alice) == ("pro", "active")


def test_who_asks_to_upgrade_again_is_served_and_told(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    confirm(upgrade(alice, "teams"))

    page = alice.web.post("/app/plan", {"action": "upgrade", "tier": "teams"}, follow=True).content.decode()

    assert "You are on Teams now." in page
    assert state(alice) == ("teams", "active")


def test_a_preview_is_of_what_stands_at_stripe(vendor: StripeProcess, alice: Person) -> None:
    pay(upgrade(alice, "pro"))

    same = alice.api.post("/subscription/preview", {"tier": "pro"})
    more = alice.api.post("/subscription/preview", {"tier": "plus"})

    assert same.json().get("due_now_cents", 0) == 0
    assert more.json()["due_now_cents"] == pytest.approx(900, abs=1)


def test_a_dialog_of_what_was_bought_meanwhile_is_not_shown(vendor: StripeProcess, alice: Person) -> None:
    pay(upgrade(alice, "pro"))

    page = text(alice, "?confirm=pro")

    assert "Continue to payment" not in page
    assert "Pro Active" not in page.partition("Your plan")[0]
    assert state(alice) == ("pro", "active")


def test_while_stripe_does_not_answer_the_page_says_that_it_is_not_known(vendor: StripeProcess, alice: Person) -> None:
    pay(upgrade(alice, "pro"))
    vendor.fault("500", times=100)

    waiting, at_last = text(alice, "?bought=pro&was=trial"), text(alice, "?bought=pro&was=trial&asked=90")
    vendor.control("faults", method="DELETE")

    assert WAITS in waiting
    assert "Whether Pro was paid for is not known yet" in at_last
    assert "No payment for Pro has come" not in at_last
    assert "You are on Pro now" in text(alice, "?bought=pro&was=trial&asked=90")


def test_a_page_of_an_unpaid_checkout_says_that_no_payment_has_come(vendor: StripeProcess, alice: Person) -> None:
    upgrade(alice, "pro")

    assert WAITS in text(alice, "?bought=pro&was=trial")
    assert "No payment for Pro has come" in text(alice, "?bought=pro&was=trial&asked=90")


def test_a_page_that_waits_asks_stripe_now_and_then(vendor: StripeProcess, alice: Person) -> None:
    upgrade(alice, "pro")
    before = asked(vendor)

    for count in range(10):
        alice.web.get(
            f"/app/plan?bought=pro&was=trial&asked={count}", headers={"HX-Request": "true", "HX-Target": "bought"}
        )

    assert 1 <= asked(vendor) - before <= 2


def test_who_opens_the_page_that_waits_again_and_again_has_stripe_asked_now_and_then(
    vendor: StripeProcess, alice: Person
) -> None:
    upgrade(alice, "pro")
    before = asked(vendor)

    for _ in range(6):
        assert WAITS in text(alice, "?bought=pro&was=trial")

    assert 1 <= asked(vendor) - before < 6


def test_who_comes_back_late_with_a_payment_hears_of_that(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    Subscription.objects.filter(workspace=alice.workspace).update(status="past_due", past_due_since=timezone.now())
    vendor.fault("500", times=100)

    page = text(alice, "?bought=pro&was=trial&asked=90")

    assert "No payment for Pro" not in page
    assert "failed." in page


def test_only_an_owner_has_stripe_asked(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    bob = join(alice, "Bob")
    before = asked(vendor)

    text(bob, "?bought=teams&was=trial")
    bob.api.get("/subscription")

    assert asked(vendor) == before


def test_what_ended_at_stripe_unheard_is_said_before_a_change(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    truth.api().v1.subscriptions.cancel(account(alice).subscription_id)

    answer = alice.api.post("/subscription/cancel")

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/nothing-to-change")
    assert state(alice) == ("pro", "canceled")


NOT_KNOWN = "Whether it was done is not known yet"


@pytest.mark.parametrize("do", ["cut_after", "500_after"])
@pytest.mark.parametrize(
    ("address", "path", "planned"),
    [("cancel", "/v1/subscriptions/", None), ("downgrade", "/v1/subscription_schedules/", "pro")],
)
def test_where_the_answer_is_lost_after_the_deed_nobody_says_that_nothing_was_done(
    vendor: StripeProcess, alice: Person, do: str, address: str, path: str, planned: str | None
) -> None:
    buy(alice, vendor, "plus")
    setup.price_of(PLANS[Tier.PRO])
    vendor.fault(do, times=1_000, path=path, method="POST")
    # Nor is anything said of it after that.
    vendor.fault("500", times=1_000, method="GET", skip=2)

    answer = alice.api.post(f"/subscription/{address}", {} if address == "cancel" else {"tier": planned})
    vendor.control("faults", method="DELETE")
    shown = alice.api.get("/subscription").json()

    assert answer.status_code == 503
    assert NOT_KNOWN in answer.json()["detail"]
    assert "Nothing was changed" not in answer.json()["detail"]
    assert (shown["tier"], shown["pending"]["tier"]) == ("plus", planned)


def test_what_did_not_reach_stripe_was_not_done(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "plus")
    vendor.fault("500", times=1_000)

    answers = [alice.api.post(f"/subscription/{address}").json()["detail"] for address in ("cancel", "portal")]

    assert all("Nothing was changed." in words for words in answers)


def test_while_stripe_does_not_answer_nobody_hears_that_nothing_was_paid(vendor: StripeProcess, alice: Person) -> None:
    pay(upgrade(alice, "pro"))
    vendor.fault("500", times=100)

    told, page = alice.api.get("/subscription").json(), text(alice)
    vendor.control("faults", method="DELETE")

    assert (told["next_invoice"], told["next_invoice_is_known"]) == (None, False)
    assert "it counts and shows here later: you need not pay again" in page
    assert "Your plan is not affected" not in page


def test_who_comes_back_with_another_workspace_open_is_led_to_the_one_that_was_paid_for(
    vendor: StripeProcess, alice: Person, now: datetime
) -> None:
    boss = sign_up("Boss")
    buy(boss, vendor, "teams")
    url, own = upgrade(alice, "pro"), alice.workspace
    alice.web.post(f"/app/invitations/{team.link_for(boss, alice.email, now)}")

    back = httpx.URL(pay(url).headers["location"]).raw_path.decode()
    other = alice.web.get(back)
    again = re.findall(r'name="next" value="([^"]*)"', other.content.decode())[0]
    led = alice.web.post("/app/switch-workspace", {"workspace": str(own.pk), "next": unescape(again)}, follow=True)

    assert other.status_code == 409
    assert f"Switch to {own.name}" in unescape(other.content.decode())
    assert "You are on Pro now" in led.content.decode()


def test_a_page_that_waits_leads_away_when_another_workspace_is_opened(
    vendor: StripeProcess, alice: Person, now: datetime
) -> None:
    boss = sign_up("Boss")
    buy(boss, vendor, "teams")
    upgrade(alice, "pro")
    waiting = alice.web.get("/app/plan?bought=pro&was=trial").content.decode()
    [address] = map(unescape, re.findall(r'hx-get="([^"]*asked=1)"', waiting))
    alice.web.post(f"/app/invitations/{team.link_for(boss, alice.email, now)}")

    answer = alice.web.get(address, headers={"HX-Request": "true", "HX-Target": "bought"})

    assert (answer.status_code, answer["HX-Redirect"]) == (409, address)


def test_who_finds_no_turn_to_ask_is_told_so_and_sees_the_page(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")

    with ExitStack() as turns:
        for _ in range(2):
            turns.enter_context(talking.ASKING)
        refused, page = alice.api.post("/subscription/cancel"), alice.web.get("/app/plan")

    assert (refused.status_code, refused["Retry-After"]) == (503, "60")
    assert "Nothing was changed." in refused.json()["detail"]
    assert page.status_code == 200
    assert alice.subscription.pending_at is None
