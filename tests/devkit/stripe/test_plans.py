"""Changes of a running subscription, and what they cost."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .conftest import ALWAYS, DAY, DECLINED, HOUR, OK, Shop


def test_a_preview_of_an_upgrade_at_half_a_period_says_what_it_costs(shop: Shop) -> None:
    pro = shop.bought("pro")
    shop.half_way(pro)

    preview = shop.v1.invoices.create_preview(
        {
            "subscription": pro.id,
            "subscription_details": {
                **shop.wanted(pro, "teams", 3),
                "proration_behavior": "always_invoice",
            },
        }
    )

    assert [line.amount for line in preview.lines.data] == [-500, 4250]
    assert preview.total == preview.amount_due == 3750


def test_an_upgrade_is_charged_as_it_was_previewed(shop: Shop) -> None:
    pro = shop.bought("pro")
    shop.half_way(pro)

    teams = shop.change(pro, "teams", 3, proration_behavior="always_invoice", payment_behavior="error_if_incomplete")

    invoice = shop.v1.invoices.retrieve(teams.latest_invoice)
    assert (invoice.total, invoice.status, invoice.billing_reason) == (3750, "paid", "subscription_update")
    assert all(line.parent.subscription_item_details.proration for line in invoice.lines.data)
    assert shop.item(teams).quantity == 3


def test_more_seats_are_put_on_the_next_invoice(shop: Shop) -> None:
    teams = shop.bought("teams", 3)
    shop.half_way(teams)

    shop.change(teams, quantity=5, proration_behavior="create_prorations")
    shop.to_the_end(teams, HOUR)

    first, renewal = shop.invoices(teams)
    assert first.total == 8500
    assert [line.amount for line in renewal.lines.data] == [-4250, 5450, 10900]
    assert renewal.status == "paid"


def test_an_invoice_has_its_first_ten_lines_inside_and_lists_all(shop: Shop) -> None:
    teams = shop.bought("teams", 1)
    shop.half_way(teams)
    for seats in range(2, 8):
        shop.change(teams, quantity=seats, proration_behavior="create_prorations")

    preview = shop.v1.invoices.create_preview({"subscription": teams.id})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        list(preview.lines.auto_paging_iter())
    shop.to_the_end(teams, HOUR)

    renewal = shop.invoices(teams)[-1]
    lines = list(renewal.lines.auto_paging_iter())
    assert [(one.lines.has_more, len(one.lines.data)) for one in (preview, renewal)] == [(True, 10)] * 2
    assert (len(lines), sum(line.amount for line in lines)) == (13, renewal.total)
    assert (refused.value.http_status, preview.total) == (404, renewal.total)


def test_seats_that_wait_are_invoiced_when_the_subscription_ends(shop: Shop) -> None:
    teams = shop.bought("teams", 3)
    shop.half_way(teams)
    shop.change(teams, quantity=5, proration_behavior="create_prorations")
    shop.v1.subscriptions.update(teams.id, {"cancel_at_period_end": True})

    shop.to_the_end(teams, 2 * HOUR)

    assert shop.sub(teams.id).status == "canceled"
    assert [(one.total, one.status) for one in shop.invoices(teams)] == [(8500, "paid"), (1200, "paid")]


def test_fewer_seats_without_proration_cost_less_from_the_next_period_on(shop: Shop) -> None:
    teams = shop.bought("teams", 3)

    shop.change(teams, quantity=2, proration_behavior="none")
    shop.to_the_end(teams, HOUR)

    assert [one.total for one in shop.invoices(teams)] == [8500, 7300]


def test_a_downgrade_with_proration_leaves_a_credit_that_pays_first(shop: Shop) -> None:
    plus = shop.bought("plus")
    shop.half_way(plus)

    pro = shop.change(plus, "pro", proration_behavior="always_invoice")
    shop.to_the_end(plus, HOUR)

    _, credit, renewal = shop.invoices(plus)
    assert (credit.total, credit.amount_due, credit.status, credit.ending_balance) == (-450, 0, "paid", -450)
    assert (renewal.total, renewal.starting_balance, renewal.amount_due) == (1000, -450, 550)
    assert shop.v1.customers.retrieve(pro.customer).balance == 0


def test_a_declined_upgrade_changes_nothing(shop: Shop) -> None:
    pro = shop.bought("pro")
    shop.vendor.give_card(pro.customer, DECLINED)
    before = shop.happened()

    with pytest.raises(stripe.CardError) as refused:
        shop.change(pro, "teams", 3, proration_behavior="always_invoice", payment_behavior="error_if_incomplete")

    assert (refused.value.http_status, refused.value.code) == (402, "card_declined")
    answer: Any = refused.value.json_body
    assert answer["error"]["decline_code"] == "generic_decline"
    assert shop.item(shop.sub(pro.id)).price.lookup_key == "pro_monthly"
    assert shop.happened() == before
    assert len(shop.invoices(pro)) == 1


def test_a_declined_upgrade_that_is_allowed_is_past_due_until_paid(shop: Shop) -> None:
    pro = shop.bought("pro")
    shop.vendor.give_card(pro.customer, DECLINED)
    shop.half_way(pro)

    plus = shop.change(pro, "plus", proration_behavior="always_invoice")
    shop.vendor.give_card(pro.customer, OK)
    shop.v1.invoices.pay(plus.latest_invoice)

    assert plus.status == "past_due"
    assert shop.sub(pro.id).status == "active"


def test_a_pending_upgrade_waits_for_its_payment(shop: Shop) -> None:
    pro = shop.bought("pro")
    shop.vendor.give_card(pro.customer, ALWAYS)
    shop.half_way(pro)

    held = shop.change(pro, "plus", proration_behavior="always_invoice", payment_behavior="pending_if_incomplete")
    invoice = shop.v1.invoices.retrieve(held.latest_invoice)
    shop.post(f"{invoice.hosted_invoice_url}/authenticate", authentication="complete")

    assert shop.item(held).price.lookup_key == "pro_monthly"
    assert held.pending_update.subscription_items[0].price.lookup_key == "plus_monthly"
    assert shop.item(shop.sub(pro.id)).price.lookup_key == "plus_monthly"
    assert shop.sub(pro.id).pending_update is None


def test_a_pending_upgrade_that_nobody_pays_is_given_up(shop: Shop) -> None:
    pro = shop.bought("pro")
    shop.vendor.give_card(pro.customer, DECLINED)
    held = shop.change(pro, "plus", proration_behavior="always_invoice", payment_behavior="pending_if_incomplete")

    shop.vendor.advance(DAY)

    assert shop.sub(pro.id).pending_update is None
    assert shop.v1.invoices.retrieve(held.latest_invoice).status == "void"
    assert "customer.subscription.pending_update_expired" in shop.happened()


def test_a_proration_date_outside_of_the_period_is_refused(shop: Shop) -> None:
    pro = shop.bought("pro")

    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.change(pro, "plus", proration_date=shop.item(pro).current_period_end + 1)

    assert refused.value.param == "proration_date"


def test_cancelling_at_the_end_can_be_taken_back(shop: Shop) -> None:
    pro = shop.bought("pro")

    ending = shop.v1.subscriptions.update(pro.id, {"cancel_at_period_end": True})
    going_on = shop.v1.subscriptions.update(pro.id, {"cancel_at_period_end": False})

    assert (ending.cancel_at_period_end, ending.cancel_at) == (True, shop.item(pro).current_period_end)
    assert (going_on.cancel_at_period_end, going_on.cancel_at, going_on.canceled_at) == (False, None, None)


def test_what_is_cancelled_at_the_end_ends_there(shop: Shop) -> None:
    pro = shop.bought("pro")
    shop.v1.subscriptions.update(pro.id, {"cancel_at_period_end": True})

    shop.to_the_end(pro)

    ended = shop.sub(pro.id)
    assert (ended.status, ended.ended_at) == ("canceled", shop.item(pro).current_period_end)
    assert ended.cancellation_details.reason == "cancellation_requested"
    assert shop.happened()[-1] == "customer.subscription.deleted"
    assert len(shop.invoices(pro)) == 1


def test_a_subscription_is_cancelled_at_once(shop: Shop) -> None:
    pro = shop.bought("pro")

    ended = shop.v1.subscriptions.cancel(pro.id)

    assert ended.status == "canceled"
    assert shop.v1.subscriptions.list({"customer": pro.customer}).data == []
    assert [one.id for one in shop.v1.subscriptions.list({"customer": pro.customer, "status": "all"}).data] == [pro.id]
    with pytest.raises(stripe.InvalidRequestError):
        shop.change(ended, "plus")


def test_what_was_paid_for_the_rest_is_credited_when_asked_to(shop: Shop) -> None:
    plus = shop.bought("plus")
    shop.half_way(plus)

    ended = shop.v1.subscriptions.cancel(plus.id, {"prorate": True, "invoice_now": True})

    assert shop.v1.invoices.retrieve(str(ended.latest_invoice)).total == -950
    assert shop.v1.customers.retrieve(plus.customer).balance == -950
