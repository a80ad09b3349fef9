"""The first purchase, as a person makes it."""

from __future__ import annotations

import pytest
import stripe

from .conftest import ALWAYS, DECLINED, HOUR, LATER, OK, ONCE, Shop


def test_paying_leads_back_with_a_subscription(shop: Shop) -> None:
    session = shop.session(shop.customer(), "teams", 3)

    page = shop.http.get(session.url)
    answer = shop.post(session.url, card="4242 4242 4242 4242", email="alice@acme.example", name="Alice")

    assert "$85.00" in page.text
    assert "takes no money" in page.text
    assert (answer.status_code, answer.headers["location"]) == (303, f"http://127.0.0.1/ok?session={session.id}")
    done = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "line_items"]})
    assert (done.status, done.payment_status, done.amount_total, done.url) == ("complete", "paid", 8500, None)
    assert done.subscription.status == "active"
    assert done.subscription.metadata["workspace"] == "w1"
    assert done.line_items.data[0].price.lookup_key == "teams_monthly"


def test_a_purchase_is_told_by_the_right_events(shop: Shop) -> None:
    shop.bought("pro")

    told = shop.happened()

    assert told[told.index("customer.created") :] == [
        "customer.created",
        "payment_method.attached",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "invoice.updated",
        "payment_intent.created",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.paid",
        "invoice.payment_succeeded",
        "customer.subscription.updated",
        "checkout.session.completed",
    ]


@pytest.mark.parametrize("card", [DECLINED, "4000000000009995", "4111111111111111", "4000000000000069", ""])
def test_a_card_that_does_not_pay_leaves_the_page_open_and_nothing_behind(shop: Shop, card: str) -> None:
    session = shop.session(shop.customer())
    before = shop.happened()

    answer = shop.post(session.url, card=card)

    assert (answer.status_code, 'role="alert"' in answer.text) == (402, True)
    assert shop.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert shop.v1.subscriptions.list({"status": "all"}).data == []
    assert shop.happened() == before


@pytest.mark.parametrize("card", [ONCE, ALWAYS])
def test_three_d_secure_is_asked_for_and_then_pays(shop: Shop, card: str) -> None:
    session = shop.session(shop.customer())

    asked = shop.post(session.url, card=card)
    page = shop.http.get(f"{shop.vendor.url}{asked.headers['location']}")
    paid = shop.post(f"{session.url}/authenticate", authentication="complete")

    assert (asked.status_code, paid.status_code) == (303, 303)
    assert "Complete authentication" in page.text
    assert shop.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_failing_three_d_secure_pays_nothing(shop: Shop) -> None:
    session = shop.session(shop.customer())
    shop.post(session.url, card=ONCE)

    answer = shop.post(f"{session.url}/authenticate", authentication="fail")

    assert answer.status_code == 402
    assert shop.v1.checkout.sessions.retrieve(session.id).status == "open"


@pytest.mark.parametrize(("card", "status"), [(ONCE, "active"), (ALWAYS, "past_due"), (LATER, "past_due")])
def test_cards_differ_at_the_renewal(shop: Shop, card: str, status: str) -> None:
    session = shop.session(shop.customer())
    shop.post(session.url, card=card)
    shop.post(f"{session.url}/authenticate", authentication="complete")
    bought = shop.sub(str(shop.v1.checkout.sessions.retrieve(session.id).subscription))

    shop.to_the_end(bought, HOUR)

    assert shop.sub(bought.id).status == status


def test_a_session_is_paid_once(shop: Shop) -> None:
    session = shop.session(shop.customer())
    shop.post(session.url, card=OK)

    shop.post(session.url, card=OK)

    assert len(shop.v1.subscriptions.list({"status": "all"}).data) == 1


def test_a_session_that_was_expired_takes_no_payment(shop: Shop) -> None:
    session = shop.session(shop.customer())

    expired = shop.v1.checkout.sessions.expire(session.id)

    assert (expired.status, expired.url) == ("expired", None)
    assert shop.post(session.url, card=OK).status_code == 410
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.checkout.sessions.expire(session.id)


def test_open_sessions_of_a_customer_are_listed(shop: Shop) -> None:
    customer = shop.customer()
    first, second = shop.session(customer), shop.session(customer)
    shop.session(shop.customer())
    shop.v1.checkout.sessions.expire(first.id)

    found = shop.v1.checkout.sessions.list({"customer": customer, "status": "open"})

    assert [one.id for one in found.data] == [second.id]
