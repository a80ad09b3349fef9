"""What time brings."""

from __future__ import annotations

import pytest

from .conftest import DAY, DECLINED, HOUR, LATER, OK, Shop, at


def test_a_renewal_is_a_draft_for_an_hour_and_then_paid(shop: Shop) -> None:
    pro = shop.bought("pro")

    shop.to_the_end(pro)
    draft = shop.invoices(pro)[-1]
    shop.vendor.advance(HOUR)

    assert (draft.status, draft.number, draft.billing_reason) == ("draft", None, "subscription_cycle")
    paid = shop.v1.invoices.retrieve(draft.id)
    assert (paid.status, paid.amount_paid, paid.number) == ("paid", 1000, f"{paid.number[:8]}-0002")
    assert shop.item(shop.sub(pro.id)).current_period_start == shop.item(pro).current_period_end


def test_a_subscription_of_the_31st_comes_back_to_it_after_short_months(shop: Shop) -> None:
    shop.vendor.set_clock(at(2028, 1, 31))
    pro = shop.bought("pro")

    ends = []
    for _ in range(4):
        ends.append(shop.item(shop.sub(pro.id)).current_period_end)
        shop.to_the_end(pro)

    assert ends == [at(2028, 2, 29), at(2028, 3, 31), at(2028, 4, 30), at(2028, 5, 31)]


def test_a_failed_renewal_is_past_due_and_tried_again(shop: Shop) -> None:
    pro = shop.bought("pro")
    shop.vendor.give_card(pro.customer, LATER)

    shop.to_the_end(pro, HOUR)

    invoice = shop.invoices(pro)[-1]
    assert shop.sub(pro.id).status == "past_due"
    assert (invoice.status, invoice.attempt_count, invoice.amount_remaining) == ("open", 1, 1000)
    assert invoice.next_payment_attempt == shop.vendor.now() + 3 * DAY


def test_a_retry_with_a_good_card_makes_it_active(shop: Shop) -> None:
    pro = shop.bought("pro")
    shop.vendor.give_card(pro.customer, DECLINED)
    shop.to_the_end(pro, HOUR)

    shop.vendor.give_card(pro.customer, OK)
    shop.vendor.advance(3 * DAY)

    assert shop.sub(pro.id).status == "active"
    assert shop.invoices(pro)[-1].attempt_count == 2


def test_a_new_card_in_the_portal_pays_what_is_open(shop: Shop) -> None:
    pro = shop.bought("pro")
    shop.vendor.give_card(pro.customer, DECLINED)
    shop.to_the_end(pro, HOUR)

    answer = shop.post(shop.portal(pro.customer).url, do="card", card=OK)

    assert answer.status_code == 200
    assert shop.sub(pro.id).status == "active"
    assert shop.invoices(pro)[-1].status == "paid"


def test_exhausted_retries_end_the_subscription(shop: Shop) -> None:
    pro = shop.bought("pro")
    shop.vendor.give_card(pro.customer, DECLINED)

    shop.to_the_end(pro, HOUR + 15 * DAY)

    ended = shop.sub(pro.id)
    assert (ended.status, ended.cancellation_details.reason) == ("canceled", "payment_failed")
    assert shop.invoices(pro)[-1].attempt_count == 4
    assert shop.happened().count("invoice.payment_failed") == 4


def test_the_end_of_retries_can_be_unpaid_instead(shop: Shop) -> None:
    shop.vendor.control("settings", {"after_retries": "unpaid", "retry_days": [1]})
    pro = shop.bought("pro")
    shop.vendor.give_card(pro.customer, DECLINED)

    shop.to_the_end(pro, HOUR + DAY)
    shop.to_the_end(pro, 2 * DAY)

    assert shop.sub(pro.id).status == "unpaid"
    assert [one.status for one in shop.invoices(pro)] == ["paid", "open", "draft"]


def test_a_jump_over_months_does_all_that_lies_between(shop: Shop) -> None:
    pro = shop.bought("pro")

    shop.vendor.set_clock(at(2028, 4, 5, 13))

    starts = [one.created for one in shop.invoices(pro)]
    assert starts == [at(2027 + month // 12, month % 12 + 1, 5) for month in range(3, 16)]
    assert {one.status for one in shop.invoices(pro)} == {"paid"}


def test_an_unpaid_first_invoice_expires_the_subscription(shop: Shop) -> None:
    new = shop.v1.subscriptions.create({"customer": shop.customer(), "items": [{"price": shop.prices["pro"]}]})

    shop.vendor.advance(DAY)

    assert new.status == "incomplete"
    assert shop.sub(new.id).status == "incomplete_expired"
    assert shop.invoices(new)[0].status == "void"


def test_an_open_checkout_expires_after_a_day(shop: Shop) -> None:
    session = shop.session(shop.customer())

    shop.vendor.advance(DAY)

    assert shop.v1.checkout.sessions.retrieve(session.id).status == "expired"
    assert shop.http.get(str(session.url)).status_code == 410


def test_the_clock_does_not_go_back_over_subscriptions(shop: Shop) -> None:
    shop.bought("pro")

    with pytest.raises(ValueError, match="forwards only"):
        shop.vendor.control("clock", {"advance": -1})


def test_a_test_clock_moves_its_own_customers_only(shop: Shop) -> None:
    clock = shop.v1.test_helpers.test_clocks.create({"frozen_time": at(2027, 1, 31)})
    customer = shop.v1.customers.create(
        {"test_clock": clock.id, "payment_method": "pm_card_visa"},
    )
    method = shop.v1.payment_methods.list({"customer": customer.id}).data[0].id
    mine = shop.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": shop.prices["pro"]}], "default_payment_method": method}
    )
    other = shop.bought("pro")

    answer = shop.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": at(2027, 3, 1)})

    assert answer.status == "advancing"
    assert shop.v1.test_helpers.test_clocks.retrieve(clock.id).status == "ready"
    assert shop.item(shop.sub(mine.id)).current_period_end == at(2027, 3, 31)
    assert [len(shop.invoices(one)) for one in (mine, other)] == [2, 1]
