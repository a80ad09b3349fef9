"""What a person does in the portal and on the page of an invoice."""

from __future__ import annotations

import pytest
import stripe

from .conftest import ALWAYS, DECLINED, HOUR, OK, ONCE, Shop


def test_the_portal_shows_plan_card_and_invoices(shop: Shop) -> None:
    pro = shop.bought("pro")

    page = shop.http.get(shop.portal(pro.customer).url).text

    assert "1 × Docent" in page
    assert "4242" in page
    assert str(shop.invoices(pro)[0].number) in page
    assert "takes no money" in page


def test_confirming_an_upgrade_shows_and_takes_the_proration(shop: Shop) -> None:
    pro = shop.bought("pro")
    shop.half_way(pro)
    link = shop.confirm_link(pro, "teams", 3)

    page = shop.http.get(link.url).text
    answer = shop.post(link.url, do="confirm")

    assert "$37.50" in page
    assert (answer.status_code, answer.headers["location"]) == (303, "http://127.0.0.1/done")
    assert shop.item(shop.sub(pro.id)).quantity == 3
    assert [one.total for one in shop.invoices(pro)] == [1000, 3750]


def test_an_upgrade_with_a_declined_card_is_refused_on_the_page(shop: Shop) -> None:
    pro = shop.bought("pro")
    shop.vendor.give_card(pro.customer, DECLINED)

    answer = shop.post(shop.confirm_link(pro, "plus").url, do="confirm")

    assert (answer.status_code, "Your card was declined." in answer.text) == (402, True)
    assert shop.item(shop.sub(pro.id)).price.lookup_key == "pro_monthly"


@pytest.mark.parametrize(("authentication", "plan"), [("complete", "plus_monthly"), ("fail", "pro_monthly")])
def test_an_upgrade_may_ask_for_three_d_secure(shop: Shop, authentication: str, plan: str) -> None:
    pro = shop.bought("pro")
    shop.vendor.give_card(pro.customer, ALWAYS)
    shop.half_way(pro)
    link = shop.confirm_link(pro, "plus")

    asked = shop.post(link.url, do="confirm")
    shop.post(f"{link.url}/authenticate", authentication=authentication)

    assert asked.headers["location"].endswith("/authenticate")
    assert shop.item(shop.sub(pro.id)).price.lookup_key == plan


def test_an_upgrade_is_confirmed_once(shop: Shop) -> None:
    pro = shop.bought("pro")
    link = shop.confirm_link(pro, "plus")
    shop.post(link.url, do="confirm")

    shop.post(link.url, do="confirm")

    assert len(shop.invoices(pro)) == 2


def test_cancelling_in_the_portal_sets_the_end_alone(shop: Shop) -> None:
    pro = shop.bought("pro")

    shop.post(shop.portal(pro.customer).url, do="cancel", subscription=pro.id)

    ending = shop.sub(pro.id)
    assert (ending.cancel_at, ending.cancel_at_period_end) == (shop.item(pro).current_period_end, False)


def test_cancelling_in_the_portal_can_be_the_older_way(shop: Shop) -> None:
    shop.vendor.control("settings", {"portal_cancel": "cancel_at_period_end"})
    pro = shop.bought("pro")

    shop.post(shop.portal(pro.customer).url, do="cancel", subscription=pro.id)

    assert shop.sub(pro.id).cancel_at_period_end


def test_a_plan_that_ends_is_renewed_in_the_portal(shop: Shop) -> None:
    pro = shop.bought("pro")
    portal = shop.portal(pro.customer)
    shop.post(portal.url, do="cancel", subscription=pro.id)

    shop.post(portal.url, do="renew", subscription=pro.id)

    assert (shop.sub(pro.id).cancel_at, shop.sub(pro.id).canceled_at) == (None, None)


def test_nobody_cancels_what_belongs_to_another(shop: Shop) -> None:
    mine, other = shop.bought("pro"), shop.bought("pro")

    answer = shop.post(shop.portal(mine.customer).url, do="cancel", subscription=other.id)

    assert answer.status_code == 402
    assert shop.sub(other.id).cancel_at is None


def test_a_new_card_that_asks_for_three_d_secure_pays_afterwards(shop: Shop) -> None:
    pro = shop.bought("pro")
    portal = shop.portal(pro.customer, flow_data={"type": "payment_method_update"})

    asked = shop.post(portal.url, do="card", card=ONCE)
    shop.post(f"{portal.url}/authenticate", authentication="complete")
    shop.to_the_end(pro, HOUR)

    assert asked.status_code == 303
    assert shop.sub(pro.id).status == "active"
    assert "setup_intent.succeeded" in shop.happened()


def test_what_is_switched_off_is_neither_shown_nor_done(shop: Shop) -> None:
    pro = shop.bought("pro")
    plain = shop.v1.billing_portal.configurations.create({"features": {"invoice_history": {"enabled": True}}})
    portal = shop.portal(pro.customer, configuration=plain.id)

    page = shop.http.get(portal.url).text
    answer = shop.post(portal.url, do="cancel", subscription=pro.id)

    assert "Cancel" not in page
    assert answer.status_code == 402
    with pytest.raises(stripe.InvalidRequestError, match="disabled"):
        shop.portal(pro.customer, configuration=plain.id, flow_data={"type": "payment_method_update"})


def test_no_upgrade_can_be_confirmed_while_a_schedule_is_attached(shop: Shop) -> None:
    pro = shop.bought("pro")
    shop.v1.subscription_schedules.create({"from_subscription": pro.id})

    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        shop.confirm_link(pro, "plus")


def test_an_open_invoice_is_paid_on_its_page(shop: Shop) -> None:
    pro = shop.bought("pro")
    shop.vendor.give_card(pro.customer, DECLINED)
    shop.to_the_end(pro, HOUR)
    page = shop.invoices(pro)[-1].hosted_invoice_url

    shop.post(page, card=ALWAYS)
    shop.post(f"{page}/authenticate", authentication="complete")

    assert shop.sub(pro.id).status == "active"
    assert "paid" in shop.http.get(page).text


def test_an_invoice_is_paid_over_the_api_by_another_card(shop: Shop) -> None:
    pro = shop.bought("pro")
    shop.vendor.give_card(pro.customer, DECLINED)
    shop.to_the_end(pro, HOUR)
    invoice = shop.invoices(pro)[-1]

    with pytest.raises(stripe.CardError) as refused:
        shop.v1.invoices.pay(invoice.id)
    method = shop.v1.payment_methods.attach("pm_card_visa", {"customer": pro.customer})
    paid = shop.v1.invoices.pay(invoice.id, {"payment_method": method.id})

    assert refused.value.code == "card_declined"
    assert (paid.status, paid.attempt_count) == ("paid", 3)
    assert shop.sub(pro.id).status == "active"
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        shop.v1.invoices.pay(invoice.id)


def test_a_payment_that_needs_the_customer_says_so(shop: Shop) -> None:
    pro = shop.bought("pro")
    shop.vendor.give_card(pro.customer, ALWAYS)

    with pytest.raises(stripe.CardError) as refused:
        shop.change(pro, "plus", proration_behavior="always_invoice", payment_behavior="error_if_incomplete")

    assert refused.value.code == "subscription_payment_intent_requires_action"


def test_the_printed_invoice_opens(shop: Shop) -> None:
    invoice = shop.invoices(shop.bought("pro"))[0]

    page = shop.http.get(invoice.invoice_pdf)

    assert page.status_code == 200
    assert invoice.number in page.text
    assert OK not in page.text


def puts_smaller_off(shop: Shop) -> str:
    update = {
        "enabled": True,
        "default_allowed_updates": ["price", "quantity"],
        "proration_behavior": "always_invoice",
        "schedule_at_period_end": {"conditions": [{"type": "decreasing_item_amount"}]},
    }
    return str(shop.v1.billing_portal.configurations.create({"features": {"subscription_update": update}}).id)


def test_a_page_that_has_become_one_for_less_changes_the_plan_at_the_periods_end(shop: Shop) -> None:
    pro, configuration = shop.bought("pro"), puts_smaller_off(shop)
    plus, teams, fewer = (
        shop.confirm_link(pro, *to, configuration=configuration) for to in (("plus",), ("teams", 3), ("teams", 2))
    )
    shop.post(teams.url, do="confirm")

    page = shop.http.get(plus.url).text
    shop.post(plus.url, do="confirm")
    refused = shop.post(fewer.url, do="confirm")
    present, schedule = shop.sub(pro.id), shop.v1.subscription_schedules.list({"customer": pro.customer}).data[0]
    shop.to_the_end(pro, HOUR)

    assert ("Due today" in page, refused.status_code) == (False, 402)
    assert (shop.item(present).price.lookup_key, shop.item(present).quantity) == ("teams_monthly", 3)
    assert [(one.start_date, one["items"][0].quantity) for one in schedule.phases][1] == (
        shop.item(present).current_period_end, 1
    )  # fmt: skip
    assert shop.item(shop.sub(pro.id)).price.lookup_key == "plus_monthly"
    assert [one.total for one in shop.invoices(pro)] == [1_000, 7_500, 1_900]


def test_a_page_for_more_is_not_put_off_and_one_for_less_not_beside_an_end(shop: Shop) -> None:
    teams, configuration = shop.bought("teams", 2), puts_smaller_off(shop)
    more, less = (shop.confirm_link(teams, "teams", n, configuration=configuration) for n in (3, 1))
    shop.v1.subscriptions.update(teams.id, {"cancel_at_period_end": True})

    answers = [shop.post(page.url, do="confirm").status_code for page in (more, less)]

    assert (answers, shop.item(shop.sub(teams.id)).quantity) == ([303, 402], 3)
