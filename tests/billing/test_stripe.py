"""The Stripe gateway against the stand-in, with the real library over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Job
from billing import seats
from billing.models import StripeAccount, Subscription
from billing.plans import PLANS, Tier
from billing.stripe import events, mirror, truth
from billing.stripe import seats as at_stripes
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import (
    ASKS_THE_BANK,
    DAY,
    DECLINED,
    FAILS_LATER,
    account,
    buy,
    clock,
    confirm,
    hear,
    pay,
    state,
    upgrade,
)
from tests.people import Person, join
from tests.threads import at_once


def test_setting_up_twice_makes_everything_once(vendor: StripeProcess, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("stripe_setup")

    assert capsys.readouterr().out == "Stripe has what Docent needs.\n"
    assert len(vendor.control("state?kind=price")["objects"]) == 3
    assert len(vendor.control("state?kind=billing_portal.configuration")["objects"]) == 2


def test_nothing_is_given_before_stripe_says_that_it_was_paid(vendor: StripeProcess, alice: Person) -> None:
    url = upgrade(alice, "pro")
    before = state(alice)
    pay(url)
    unheard = state(alice)

    hear(alice, vendor)

    assert (before, unheard, state(alice)) == (("trial", "trialing"), ("trial", "trialing"), ("pro", "active"))


def test_a_declined_card_buys_nothing(vendor: StripeProcess, alice: Person) -> None:
    pay(upgrade(alice, "pro"), DECLINED)

    hear(alice, vendor)

    assert state(alice) == ("trial", "trialing")


@pytest.mark.parametrize(("bank", "expected"), [("complete", ("plus", "active")), ("fail", ("trial", "trialing"))])
def test_the_bank_may_ask_for_more(vendor: StripeProcess, alice: Person, bank: str, expected: tuple[str, str]) -> None:
    pay(upgrade(alice, "plus"), ASKS_THE_BANK, authenticate=bank)

    hear(alice, vendor)

    assert state(alice) == expected


def test_teams_is_bought_with_a_seat_for_each_member(vendor: StripeProcess, alice: Person) -> None:
    preview = alice.api.post("/subscription/preview", {"tier": "teams", "seats": 3}).json()
    buy(alice, vendor, "teams", seats=3)

    invoices = vendor.control("state?kind=invoice")["objects"]
    assert (preview["due_now_cents"], [invoice["total"] for invoice in invoices]) == (8500, [8500])
    assert (alice.subscription.seats, alice.subscription.fixed_seats) == (3, 3)


def test_a_second_tab_cannot_buy_a_second_subscription(vendor: StripeProcess, alice: Person) -> None:
    first, second = upgrade(alice, "pro"), upgrade(alice, "plus")
    pay(first)
    pay(second)
    hear(alice, vendor)

    standing = [one for one in vendor.control("state?kind=subscription")["objects"] if one["status"] == "active"]
    assert len(standing) == 1
    assert state(alice) == ("plus", "active")


def test_eight_tabs_at_once_make_one_customer_and_one_open_checkout(vendor: StripeProcess, alice: Person) -> None:
    web = alice.api
    at_once(lambda: web.post("/user/upgrade-subscription", {"tier": "pro"}).status_code, times=8)

    sessions = vendor.control("state?kind=checkout.session")["objects"]
    assert len(vendor.control("state?kind=customer")["objects"]) == 1
    assert [one["status"] for one in sessions].count("open") == 1


def test_while_the_first_purchase_is_unheard_a_second_is_refused(vendor: StripeProcess, alice: Person) -> None:
    pay(upgrade(alice, "pro"))

    answer = alice.api.post("/user/upgrade-subscription", {"tier": "plus"})

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/already-bought")


def test_an_upgrade_is_previewed_to_the_cent_and_confirmed_at_the_portal(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    anchor = alice.subscription.anchor_at

    preview = alice.api.post("/subscription/preview", {"tier": "teams", "seats": 3}).json()
    confirm(upgrade(alice, "teams", seats=3))
    hear(alice, vendor)

    charged = vendor.control("state?kind=invoice")["objects"][-1]["amount_due"]
    assert abs(preview["due_now_cents"] - charged) <= 2
    assert (preview["then_cents"], state(alice), alice.subscription.seats) == (8500, ("teams", "active"), 3)
    assert alice.subscription.anchor_at == anchor


def test_an_upgrade_that_the_bank_refuses_changes_nothing(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    vendor.give_card(account(alice).customer_id, DECLINED)

    confirm(upgrade(alice, "plus"))
    hear(alice, vendor)

    assert state(alice) == ("pro", "active")


def test_a_downgrade_happens_at_the_boundary(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "plus")

    answer = alice.api.post("/subscription/downgrade", {"tier": "pro"}).json()
    before = state(alice)
    vendor.advance(32 * DAY)
    hear(alice, vendor)

    assert (answer["pending"]["tier"], before, state(alice)) == ("pro", ("plus", "active"), ("pro", "active"))
    assert alice.subscription.pending_at is None
    assert vendor.control("state?kind=invoice")["objects"][-1]["total"] == PLANS[Tier.PRO].price_cents


def test_a_downgrade_is_taken_back(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "plus")
    alice.api.post("/subscription/downgrade", {"tier": "pro"})

    alice.api.post("/subscription/resume")
    vendor.advance(32 * DAY)
    hear(alice, vendor)

    assert state(alice) == ("plus", "active")


def test_the_reconciliation_asks_for_seats_that_were_never_told(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    join(alice, "Bob")

    events.reconcile(now=clock(vendor))

    assert Job.objects.filter(workspace=alice.workspace, name="billing.jobs.send_seats").count() == 1


def test_a_cancellation_ends_with_the_month_and_a_return_begins_a_new_one(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    first = account(alice).subscription_id

    pending = alice.api.post("/subscription/cancel").json()["pending"]
    vendor.advance(32 * DAY)
    hear(alice, vendor)
    ended = state(alice)
    buy(alice, vendor, "plus")

    assert (pending["tier"], ended, state(alice)) == (None, ("pro", "canceled"), ("plus", "active"))
    assert account(alice).subscription_id != first


def test_a_failed_renewal_is_late_from_its_invoice_on_and_a_new_card_mends_it(
    vendor: StripeProcess, alice: Person
) -> None:
    pay(upgrade(alice, "pro"), FAILS_LATER)
    hear(alice, vendor)
    vendor.advance(32 * DAY)
    hear(alice, vendor)
    late = alice.subscription

    vendor.give_card(account(alice).customer_id, "4242424242424242")
    vendor.advance(4 * DAY)
    hear(alice, vendor)

    assert late.status == "past_due"
    assert late.past_due_since is not None
    assert clock(vendor) - timedelta(days=8) < late.past_due_since < clock(vendor)
    assert state(alice) == ("pro", "active")


def test_when_the_last_retry_fails_the_subscription_has_ended(vendor: StripeProcess, alice: Person) -> None:
    pay(upgrade(alice, "pro"), FAILS_LATER)
    hear(alice, vendor)

    vendor.advance(60 * DAY)
    hear(alice, vendor)

    assert state(alice) == ("pro", "canceled")
    assert alice.subscription.ended_at is not None


def test_seats_follow_the_members_and_are_told_as_an_absolute_number(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    join(alice, "Bob")
    join(alice, "Carol")

    at_stripes.send(account(alice), change="x", now=clock(vendor))
    at_stripes.send(account(alice), change="x", now=clock(vendor))

    assert (seats.due(alice.subscription), alice.subscription.seats) == (3, 3)
    assert alice.api.get("/subscription").json()["next_invoice"]["then_cents"] >= 8500


def test_seats_change_while_a_downgrade_is_planned(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    alice.api.post("/subscription/downgrade", {"tier": "plus"})
    join(alice, "Bob")

    at_stripes.send(account(alice), change="y", now=clock(vendor))

    assert (alice.subscription.seats, alice.subscription.pending_tier) == (2, "plus")


def test_reconciling_mends_a_vandalised_mirror_and_finds_a_lost_event(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "plus")
    Subscription.objects.filter(workspace=alice.workspace).update(tier="teams", seats=9, fixed_seats=None)

    wrong = events.reconcile(now=clock(vendor))

    assert (wrong >= 1, state(alice), alice.subscription.seats) == (True, ("plus", "active"), 1)
    assert events.process_one(now=clock(vendor))


VANDALISED = {
    "tier": "teams",
    "status": "past_due",
    "seats": 9,
    "price_cents": 1,
    "price_per_user_cents": 1,
    "pending_price_cents": 1,
    "anchor_at": datetime(2020, 1, 1, tzinfo=UTC),
    "past_due_since": datetime(2020, 1, 1, tzinfo=UTC),
    "pending_tier": "teams",
    "pending_at": datetime(2099, 1, 1, tzinfo=UTC),
    "ended_at": datetime(2020, 1, 1, tzinfo=UTC),
}
# Which other columns the database wants changed along.
ALONG: dict[str, dict[str, object]] = {
    "status": {"past_due_since": datetime(2020, 1, 1, tzinfo=UTC)},
    "pending_tier": {"pending_at": datetime(2099, 1, 1, tzinfo=UTC)},
    "ended_at": {"status": "canceled"},
}
OUR_OWN = {
    "id",
    "workspace",
    "started_at",
    "trial_ends_at",
    "fixed_seats",
    # What was charged for in this period stands in no number of Stripe's; each period begins it anew.
    "paid_seats",
    "paid_from",
    "changed_by",
    "changed_at",
    "remind_at",
    "erases_from",
    "content_erased_at",
}


def test_every_column_is_either_ours_or_mirrored_and_vandalised_below() -> None:
    columns = {field.name for field in Subscription._meta.concrete_fields}

    assert columns - OUR_OWN == set(mirror.FACTS) == set(VANDALISED)


@pytest.mark.parametrize("column", VANDALISED)
def test_reconciling_mends_each_mirrored_column(vendor: StripeProcess, alice: Person, column: str) -> None:
    buy(alice, vendor, "plus")
    mine = Subscription.objects.filter(workspace=alice.workspace)
    right = mine.values(*mirror.FACTS).get()
    mine.update(**{column: VANDALISED[column]}, **ALONG.get(column, {}))

    events.reconcile(now=clock(vendor))

    assert mine.values(*mirror.FACTS).get() == right


def test_every_id_of_stripes_is_the_key_or_written_anew_each_time() -> None:
    columns = {field.name for field in StripeAccount._meta.concrete_fields}

    told = {"told_email", "told_name"}
    assert columns == {"workspace", "customer_id", "subscription_id", "ended_id", "synced_at", "unanswered_at", *told}


@pytest.mark.parametrize("lost", ["", "sub_of_somebody_else"])
def test_reconciling_finds_a_lost_subscription_again_by_its_customer(
    vendor: StripeProcess, alice: Person, lost: str
) -> None:
    buy(alice, vendor, "plus")
    right, mine = account(alice).subscription_id, StripeAccount.objects.filter(workspace=alice.workspace)
    mine.update(subscription_id=lost, ended_id=lost)

    wrong = events.reconcile(now=clock(vendor))

    assert (wrong >= 1, account(alice).subscription_id, state(alice)) == (True, right, ("plus", "active"))


@pytest.mark.parametrize("lost", ["", "sub_of_somebody_else"])
def test_a_subscription_that_was_lost_before_it_ended_has_ended_all_the_same(
    vendor: StripeProcess, alice: Person, lost: str
) -> None:
    buy(alice, vendor, "plus")
    right, mine = account(alice).subscription_id, StripeAccount.objects.filter(workspace=alice.workspace)
    alice.api.post("/subscription/cancel")
    mine.update(subscription_id=lost, ended_id=lost)
    vendor.advance(32 * DAY)

    events.reconcile(now=clock(vendor))

    assert (account(alice).ended_id, account(alice).subscription_id) == (right, "")
    assert state(alice) == ("plus", "canceled")


def test_a_price_that_is_none_of_ours_gives_nothing_and_is_said(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "pro")
    truth.api().v1.products.create({"id": "consulting", "name": "Consulting"})
    strange = truth.api().v1.prices.create(
        {"product": "consulting", "currency": "usd", "unit_amount": 1, "recurring": {"interval": "month"}}
    )
    bought = truth.api().v1.subscriptions.retrieve(account(alice).subscription_id)
    truth.api().v1.subscriptions.update(bought.id, {"items": [{"id": truth.item_of(bought).id, "price": strange.id}]})

    with pytest.raises(truth.UnknownPrice):
        hear(alice, vendor)

    assert state(alice) == ("pro", "active")


def test_card_and_invoices_are_kept_at_the_portal(vendor: StripeProcess, alice: Person) -> None:
    before = alice.api.post("/subscription/portal")
    buy(alice, vendor, "pro")

    assert before.status_code == 409
    assert alice.api.post("/subscription/portal").json()["url"].startswith(vendor.url)


def test_what_one_more_member_costs_is_asked_before_anybody_is_invited(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")

    cost = seats.one_more(subscription=alice.subscription, now=clock(vendor))
    page = alice.web.get("/app/members?invite=1").content.decode()

    # Today's month counts the seat from now on, so the next invoice has its share of it too.
    assert (cost.as_it_is, cost.then > cost.as_it_is + 1_200) == (6_100, True)
    assert "with one more member" in page
    assert seats.due(alice.subscription) == 1


def test_a_late_payer_has_seven_days_and_then_reads_until_it_is_paid(vendor: StripeProcess, alice: Person) -> None:
    pay(upgrade(alice, "pro"), FAILS_LATER)
    hear(alice, vendor)
    vendor.advance(32 * DAY)
    hear(alice, vendor)
    assert alice.subscription.status == "past_due"
    seen = []

    for late in (timedelta(days=7) - timedelta(minutes=1), timedelta(days=7)):
        # The product's clock cannot be moved, so Stripe's moment is moved to the clock.
        Subscription.objects.filter(workspace=alice.workspace).update(past_due_since=timezone.now() - late)
        seen.append((alice.api.get("/tasks").status_code, write(alice)))
    vendor.give_card(account(alice).customer_id, "4242424242424242")
    vendor.advance(8 * DAY)
    hear(alice, vendor)

    assert seen == [(200, (201, "")), (200, (402, "/problems/payment-required"))]
    assert write(alice) == (201, "")


def write(person: Person) -> tuple[int, str]:
    answer = person.api.post("/tasks", {"title": "Buy a printer"})
    return answer.status_code, answer.json().get("type", "") if answer.status_code >= 400 else ""
