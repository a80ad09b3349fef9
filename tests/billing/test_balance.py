"""A balance at Stripe, a credit or a debt, is in every amount before it is in the invoice."""

from typing import Any

import pytest

from billing.stripe import seats, truth
from config.templatetags.ui import money
from devkit.stripe.process import StripeProcess
from tests.billing.pages import text
from tests.billing.stripe import DAY, account, buy, clock, confirm, hear, pay, upgrade
from tests.people import Person

# Less and more than what is due, and a debt; with 2 seats more for two thirds of a month about $16 wait.
BALANCES = [0, -500, -10_000, 300]
WITH_BALANCE = "The next invoice, with your balance and what waits for it"


@pytest.fixture(params=BALANCES)
def balance(request: pytest.FixtureRequest, vendor: StripeProcess, alice: Person) -> int:
    """Alice is on Teams and has added two seats in the middle of the month."""
    buy(alice, vendor, "teams")
    vendor.advance(10 * DAY)
    assert alice.api.post("/subscription/seats", {"seats": 3}).status_code == 200
    tell(alice, vendor)
    truth.api().v1.customers.update(account(alice).customer_id, {"balance": request.param})
    return int(request.param)


def tell(person: Person, vendor: StripeProcess) -> None:
    seats.send(account(person), change=str(vendor.now()), now=clock(vendor))
    hear(person, vendor)


def dialog(person: Person, query: str) -> str:
    return text(person, query).partition("Your plan")[0]


def taken(person: Person, vendor: StripeProcess, *, days: int = 25) -> list[int]:
    """What was charged since the plan was bought, when the month is over."""
    vendor.advance(days * DAY)
    hear(person, vendor)
    return [invoice["amount_due"] for invoice in vendor.control("state?kind=invoice")["objects"][1:]]


def shown_next(person: Person) -> dict[str, Any] | None:
    found: dict[str, Any] | None = person.api.get("/subscription").json()["next_invoice"]
    return found


def is_named(amount: int, words: str) -> bool:
    return f"{WITH_BALANCE} {money(amount)}" in words


@pytest.mark.parametrize("planned", ["", "pro"])
def test_a_cancellation_says_what_the_last_invoice_takes(
    vendor: StripeProcess, alice: Person, balance: int, planned: str
) -> None:
    if planned:
        alice.api.post("/subscription/downgrade", {"tier": planned})

    asked = dialog(alice, "?confirm=cancel")
    alice.api.post("/subscription/cancel")
    shown, page = shown_next(alice), text(alice)
    due = sum(taken(alice, vendor))

    assert due == pytest.approx(max(0, 1_600 + balance), abs=60)
    assert (shown["then_cents"] if shown else 0) == due
    for words in (asked, page):
        assert (f": {money(due)}." in words, "last invoice" in words) == (due > 0, due > 0)


@pytest.mark.parametrize("planned", ["", "cancel", "plus"])
def test_a_smaller_plan_says_what_its_first_invoice_takes(
    vendor: StripeProcess, alice: Person, balance: int, planned: str
) -> None:
    if planned:
        is_end = planned == "cancel"
        alice.api.post(f"/subscription/{'cancel' if is_end else 'downgrade'}", {} if is_end else {"tier": planned})

    said = alice.api.post("/subscription/preview", {"tier": "pro"}).json()
    asked = dialog(alice, "?confirm=pro")
    alice.api.post("/subscription/downgrade", {"tier": "pro"})
    shown = shown_next(alice)
    [due] = taken(alice, vendor)

    assert due == pytest.approx(max(0, 2_600 + balance), abs=60)
    assert (said["invoice_cents"], shown and shown["then_cents"]) == (due, due)
    assert sum(line["amount_cents"] for line in said["lines"]) == due
    assert (said["rest_cents"], said["then_cents"]) == (pytest.approx(1_600, abs=60), 1_000)
    assert is_named(due, asked) == (balance != 0)


def test_other_seats_say_what_the_next_invoice_takes(vendor: StripeProcess, alice: Person, balance: int) -> None:
    said = alice.api.post("/subscription/preview", {"tier": "teams", "seats": 5}).json()
    asked = dialog(alice, "?confirm=teams&seats=5")
    alice.api.post("/subscription/seats", {"seats": 5})
    tell(alice, vendor)
    shown = shown_next(alice)
    [due] = taken(alice, vendor)

    assert due == pytest.approx(max(0, 1_600 + 1_600 + 10_900 + balance), abs=120)
    assert shown is not None
    assert (said["invoice_cents"], shown["then_cents"]) == (pytest.approx(due, abs=1), due)
    assert sum(line["amount_cents"] for line in said["lines"]) == said["invoice_cents"]
    assert is_named(said["invoice_cents"], asked)


def test_less_than_stripe_charges_at_a_time_is_no_last_invoice(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    alice.api.post("/subscription/seats", {"seats": 2})
    tell(alice, vendor)
    truth.api().v1.customers.update(account(alice).customer_id, {"balance": -1_160})

    asked = dialog(alice, "?confirm=cancel")
    alice.api.post("/subscription/cancel")
    vendor.advance(32 * DAY)

    assert "last invoice" not in asked
    assert [invoice["amount_due"] for invoice in vendor.control("state?kind=invoice")["objects"][1:]] == [0]


@pytest.mark.parametrize("balance", [*BALANCES, -980, -1_930])
def test_an_upgrade_says_what_the_invoice_after_it_takes(vendor: StripeProcess, alice: Person, balance: int) -> None:
    buy(alice, vendor, "pro")
    vendor.advance(10 * DAY)
    truth.api().v1.customers.update(account(alice).customer_id, {"balance": balance})

    said = alice.api.post("/subscription/preview", {"tier": "plus"}).json()
    asked = dialog(alice, "?confirm=plus")
    confirm(upgrade(alice, "plus"))
    hear(alice, vendor)
    shown = shown_next(alice)
    today, due = taken(alice, vendor)

    assert (said["due_now_cents"], said["then_cents"]) == (pytest.approx(today, abs=1), 1_900)
    assert said["invoice_cents"] == pytest.approx(due, abs=1)
    assert shown is not None
    assert shown["then_cents"] == due
    assert is_named(said["invoice_cents"], asked) == (abs(due - 1_900) > 1)


@pytest.mark.parametrize("balance", BALANCES)
def test_a_purchase_says_what_the_invoice_after_it_takes(vendor: StripeProcess, alice: Person, balance: int) -> None:
    buy(alice, vendor, "pro")
    truth.api().v1.subscriptions.cancel(account(alice).subscription_id)
    truth.api().v1.customers.update(account(alice).customer_id, {"balance": balance})
    hear(alice, vendor)

    said = alice.api.post("/subscription/preview", {"tier": "plus"}).json()
    asked = dialog(alice, "?confirm=plus")
    pay(upgrade(alice, "plus"))
    today, due = taken(alice, vendor, days=32)

    assert (said["due_now_cents"], said["invoice_cents"]) == (today, due)
    assert is_named(said["invoice_cents"], asked) == (due != 1_900)
