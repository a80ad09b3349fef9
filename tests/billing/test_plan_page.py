"""Plan and billing as an owner clicks through it: with nobody who takes money, and with Stripe's stand-in."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format
from pytest_django import DjangoAssertNumQueries

from accounts.models import Membership, Role, User
from billing.models import Subscription
from billing.plans import KEPT_AFTER_END, PLANS
from config.templatetags.ui import money
from devkit.stripe.process import StripeProcess
from tests.billing.pages import text
from tests.billing.stripe import DAY, FAILS_LATER, account, buy, confirm, hear, pay
from tests.people import Person, join, put_on_plan, sign_up


def post(person: Person, **form: object) -> str:
    """Where it leads."""
    answer = person.web.post("/app/plan", form)
    assert answer.status_code == 302, answer.content
    return str(answer.headers["Location"])


# The price list


def test_the_price_list_is_for_everybody_and_asks_the_database_nothing(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(0):
        page = Client().get("/pricing").content.decode()

    assert all(money(plan.price_cents) in page for plan in PLANS.values() if plan.price_cents)
    assert page.count("Start the trial") == len(PLANS)


def test_the_price_list_leads_a_member_to_the_plan(alice: Person) -> None:
    page = alice.web.get("/pricing").content.decode()

    assert 'href="/app/plan?confirm=teams">Choose Teams' in page


def test_sign_in_and_sign_up_lead_to_the_price_list() -> None:
    pages = [Client().get(f"/accounts/{name}/").content.decode() for name in ("login", "signup")]

    assert all('href="/pricing"' in page for page in pages)


# Nobody takes money


def test_seats_change_the_amounts_and_the_part_alone_is_answered(alice: Person) -> None:
    part = alice.web.get("/app/plan?confirm=teams&seats=4", headers={"HX-Request": "true", "HX-Target": "offer"})

    assert part.content.decode().lstrip().startswith('<div class="offer" id="offer"')
    assert "$97 a month" in part.content.decode()


@pytest.mark.parametrize("seats", ["0", "501", "many", "-1", "²", "1_0", " 5 ", "٥", "9" * 4400])
def test_seats_that_do_not_fit_can_not_be_confirmed(alice: Person, seats: str) -> None:
    page = alice.web.get(f"/app/plan?confirm=teams&seats={seats}").content.decode()

    assert "Seats: " in page
    assert " disabled>" in page


def test_a_smaller_plan_says_what_no_longer_fits_and_can_be_taken_back(team_owner: Person) -> None:
    join(team_owner, "Bob")

    asked = text(team_owner, "?confirm=pro")
    post(team_owner, action="downgrade", tier="pro")
    pending = text(team_owner)
    post(team_owner, action="resume")

    assert "Pro is for one person and 2 are here" in asked
    assert "The plan changes to Pro on" in pending
    assert "Keep current plan" in pending
    assert team_owner.subscription.pending_at is None


def test_cancelling_says_until_when_everything_is_kept(alice: Person) -> None:
    put_on_plan(alice, "pro")

    asked = text(alice, "?confirm=cancel")
    post(alice, action="cancel")

    ends = alice.subscription.pending_at
    assert ends is not None
    assert date_format(ends + KEPT_AFTER_END, "j M Y") in asked
    assert f"The subscription ends on {date_format(ends, 'j M Y')}" in text(alice)


def test_what_has_ended_says_when_it_is_erased(alice: Person) -> None:
    put_on_plan(alice, "pro")
    ended = timezone.now() - timedelta(days=2)
    Subscription.objects.filter(workspace=alice.workspace).update(status="canceled", ended_at=ended)

    page = text(alice)

    assert date_format(ended + KEPT_AFTER_END, "j M Y") in page
    assert "Choose Teams" in page


def test_a_change_that_is_not_allowed_is_said_and_changes_nothing(alice: Person) -> None:
    for form in [{"action": "downgrade", "tier": "pro"}, {"action": "cancel"}, {"action": "resume"}]:
        post(alice, **form)

    assert alice.subscription.tier == "trial"
    assert "There is no paid subscription to cancel." in text(alice)


def test_without_a_vendor_there_is_no_portal(alice: Person) -> None:
    post(alice, action="portal")

    assert "no card and no invoices" in text(alice)


def test_a_member_sees_no_amounts_and_no_dialog(bob: Person) -> None:
    page = text(bob, "?confirm=pro&bought=pro")

    assert "Only Alice can change the plan." in page
    assert "$" not in page


def test_of_several_owners_who_can_sign_in_each_is_named(team_owner: Person, bob: Person) -> None:
    olga, nora = join(team_owner, "Olga", Role.OWNER), join(team_owner, "Nora", Role.OWNER)
    assert "Only Alice, Olga and Nora can change the plan." in text(bob)

    User.objects.filter(pk=nora.user.pk).update(is_active=False)
    Membership.objects.filter(pk=olga.membership.pk).update(role=Role.ADMIN)
    assert "Only Alice can change the plan." in text(bob)


# With Stripe


def test_a_purchase_leads_to_checkout_and_back_to_a_page_that_waits(vendor: StripeProcess, alice: Person) -> None:
    asked = text(alice, "?confirm=pro")
    checkout = post(alice, action="upgrade", tier="pro", seats="")
    back = pay(checkout).headers["location"].removeprefix(settings.PUBLIC_URL + "/app/plan")

    waiting = alice.web.get(f"/app/plan{back}&asked=1", headers={"HX-Request": "true", "HX-Target": "bought"})
    hear(alice, vendor)
    there = alice.web.get(f"/app/plan{back}", headers={"HX-Request": "true", "HX-Target": "bought"})

    assert "Today $10" in asked
    assert "Waiting for the payment provider…" in waiting.content.decode()
    assert "<html" not in waiting.content.decode()
    assert "<del>120</del>" in there.content.decode()
    assert there.headers["HX-Retarget"] == ".shell"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?bought=plus&was=pro", "Plus starts on {on} Until then Teams goes on."),
        ("?bought=pro&was=trial&asked=90", "No payment for Pro has come"),
    ],
)
def test_who_bought_what_does_not_start_now_does_not_wait_for_ever(alice: Person, query: str, said: str) -> None:
    put_on_plan(alice, "teams")
    post(alice, action="downgrade", tier="plus")

    page = alice.web.get(f"/app/plan{query}", headers={"HX-Request": "true", "HX-Target": "bought"})

    ends_at = alice.subscription.pending_at
    assert ends_at is not None
    assert said.format(on=date_format(ends_at, "j M Y")) in text(alice, query)
    assert "every 2s" not in page.content.decode()
    assert page.headers["HX-Retarget"] == ".shell"


def test_a_page_that_waits_counts_how_often_it_has_asked(alice: Person) -> None:
    pages = [alice.web.get(f"/app/plan?bought=pro&was=trial&asked={asked}") for asked in ("", "2", "x")]

    counted = [re.findall(r"asked=(\d+)", page.content.decode()) for page in pages]
    assert counted == [["1"], ["3"], ["1"]]


def test_the_page_shows_the_next_invoice_and_those_before(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")

    page = text(alice)

    assert "Next invoice: $10 on" in page
    assert re.search(r"Invoices .* \$10 Paid PDF", page)


def test_an_upgrade_shows_its_proration_and_is_confirmed_at_the_portal(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")

    asked = text(alice, "?confirm=teams&seats=2")
    back = confirm(post(alice, action="upgrade", tier="teams", seats="2")).headers["location"]
    hear(alice, vendor)

    assert "\u2212$" in asked, "what is left of Pro is taken off"
    assert "$73 a month" in asked
    assert back.endswith("&bought=teams&was=pro")
    assert (alice.subscription.tier, alice.subscription.seats) == ("teams", 2)


def test_a_failed_payment_shows_its_dates_and_leads_to_the_card(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    vendor.give_card(account(alice).customer_id, FAILS_LATER)
    vendor.advance(32 * DAY)
    hear(alice, vendor)

    page = text(alice)

    assert "Payment late" in page
    assert re.search(r"The payment of \d+ \w+ \d+ failed\. Everything works until", page)
    assert post(alice, action="portal").startswith(vendor.url)


def test_while_stripe_is_away_the_page_works_and_says_so(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    vendor.fault("500", times=100)

    page, asked = text(alice), text(alice, "?confirm=teams")
    post(alice, action="upgrade", tier="teams")

    assert "Couldn't load the invoices" in page
    assert "The payment provider does not answer" in asked
    assert "Nothing was changed." in text(alice)


def test_prices_that_stripe_does_not_have_are_no_fault_of_the_page(vendor: StripeProcess, alice: Person) -> None:
    vendor.reset()

    post(alice, action="upgrade", tier="pro")

    assert "Nothing was changed." in text(alice)


def test_a_plan_that_staff_gave_changes_by_the_clock_and_costs_nothing(vendor: StripeProcess) -> None:
    alice = sign_up("Alice")
    put_on_plan(alice, "teams", seats=5)

    page = text(alice)
    post(alice, action="downgrade", tier="plus")
    down = alice.subscription.pending_tier
    post(alice, action="resume")
    post(alice, action="seats", seats="7")
    post(alice, action="cancel")

    after = alice.subscription
    assert "nothing is charged" in page
    assert (down, after.seats, after.pending_tier, after.pending_at is not None) == ("plus", 7, "", True)
    assert vendor.control("state?kind=customer")["objects"] == []


def test_an_upgrade_of_a_given_plan_is_a_purchase(vendor: StripeProcess) -> None:
    alice = sign_up("Alice")
    put_on_plan(alice, "pro")

    buy(alice, vendor, "teams")

    assert (alice.subscription.tier, alice.subscription.status) == ("teams", "active")
    assert "Next invoice: $61" in text(alice)


def test_where_the_payment_providers_clock_is_ahead_no_sentence_has_two_times(
    vendor: StripeProcess, alice: Person
) -> None:
    """As when it is moved on in a demo."""
    buy(alice, vendor, "pro")
    before = text(alice)
    vendor.advance(32 * DAY)
    hear(alice, vendor)

    page = text(alice)

    assert ("clock is ahead" in before, "Next invoice: $10 on" in before) == (False, True)
    assert "The payment provider's clock is ahead of ours: there it is" in page
    assert "Next invoice" not in page
