"""While Stripe does not answer, an amount is said to be unknown or not said at all: none is made up."""

import pytest

from devkit.stripe.process import StripeProcess
from tests.billing.pages import text
from tests.billing.stripe import buy
from tests.billing.test_amounts import seats_told
from tests.people import Person

PREVIEWS = "/v1/invoices/create_preview$"


def dialog(person: Person, query: str) -> str:
    return text(person, query).partition("Your plan")[0]


@pytest.mark.parametrize("answered", [0, 1])
def test_who_invites_is_told_that_the_next_invoice_is_not_known(
    vendor: StripeProcess, alice: Person, answered: int
) -> None:
    buy(alice, vendor, "teams")
    seats_told(alice, vendor, 2)
    assert alice.api.post("/subscription/seats", {"seats": None}).status_code == 200
    vendor.fault("500", times=100, path=PREVIEWS, skip=answered)

    page = alice.web.get("/app/members?invite=1").content.decode()

    offer = page.partition("invite-title")[2].partition("<form")[0]
    assert "The next invoice is not known now: the payment provider does not answer." in offer
    assert "$" not in offer
    assert "paid for already" not in offer


def test_a_smaller_plan_is_not_previewed(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    seats_told(alice, vendor, 2)
    vendor.fault("500", times=100, path=PREVIEWS)

    answer = alice.api.post("/subscription/preview", {"tier": "pro"})
    asked = dialog(alice, "?confirm=pro")

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/payments-unavailable")
    assert "The payment provider does not answer" in asked
    assert "Move to Pro on" not in asked


def test_who_cancels_is_told_that_a_last_invoice_is_not_known(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    seats_told(alice, vendor, 2)
    vendor.fault("500", times=100, path=PREVIEWS)

    asked = dialog(alice, "?confirm=cancel")

    assert "Whether a last invoice comes is not known now: the payment provider does not answer." in asked
    assert "Cancel subscription" in asked


@pytest.mark.parametrize("path", [PREVIEWS, ""])
def test_the_page_and_the_api_say_that_the_next_invoice_is_not_known(
    vendor: StripeProcess, alice: Person, path: str
) -> None:
    buy(alice, vendor, "teams")
    before = alice.api.get("/subscription").json()
    vendor.fault("500", times=1_000, path=path)

    going = text(alice), alice.api.get("/subscription").json()
    vendor.control("faults", method="DELETE")
    alice.api.post("/subscription/cancel")
    none_comes = alice.api.get("/subscription").json()
    vendor.fault("500", times=1_000, path=path)
    ending = text(alice), alice.api.get("/subscription").json()

    known = [(said["next_invoice"] is None, said["next_invoice_is_known"]) for said in (before, none_comes)]
    unknown = [(said["next_invoice"], said["next_invoice_is_known"]) for _, said in (going, ending)]
    assert (known, unknown) == ([(False, True), (True, True)], [(None, False)] * 2)
    assert "The next invoice is not known now: the payment provider does not answer." in going[0]
    assert "Whether a last invoice comes is not known now: the payment provider does not answer." in ending[0]


def test_of_what_nobody_invoices_nothing_is_said_to_be_unknown(alice: Person) -> None:
    assert alice.api.post("/user/upgrade-subscription", {"tier": "teams"}).status_code == 200

    said, page = alice.api.get("/subscription").json(), text(alice)

    assert (said["next_invoice"], said["next_invoice_is_known"]) == (None, True)
    assert "not known" not in page + dialog(alice, "?confirm=cancel") + dialog(alice, "?confirm=pro")
