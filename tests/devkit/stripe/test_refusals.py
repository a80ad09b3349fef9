"""Refusals, idempotency keys and lists."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest
import stripe

from devkit.stripe.process import KEY
from tests.devkit.machine import eventually

from .conftest import DECLINED, Shop


def raw(shop: Shop, method: str, path: str, key: str = KEY, **more: Any) -> httpx.Response:
    return shop.http.request(method, f"{shop.vendor.url}{path}", headers={"authorization": f"Bearer {key}"}, **more)


@pytest.mark.parametrize("key", ["x", "nonsense", "sk_live_abcdefgh"])
def test_only_test_keys_are_taken(shop: Shop, key: str) -> None:
    answer = raw(shop, "GET", "/v1/customers", key)

    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_another_version_is_refused(shop: Shop) -> None:
    headers = {"authorization": f"Bearer {KEY}", "stripe-version": "2020-08-27"}

    answer = shop.http.get(f"{shop.vendor.url}/v1/customers", headers=headers)

    assert (answer.status_code, "2020-08-27" in answer.text) == (400, True)


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"flavour": "x"}, "parameter_unknown", "flavour"),
        ({"invoice_settings[flavour]": "x"}, "parameter_unknown", "invoice_settings[flavour]"),
        ({"balance": "much"}, "parameter_invalid_integer", "balance"),
    ],
)
def test_wrong_parameters_are_named(shop: Shop, body: dict[str, str], code: str, param: str) -> None:
    answer = raw(shop, "POST", "/v1/customers", data=body)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)


def test_a_missing_parameter_is_named(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.subscriptions.create({"items": [{"price": shop.prices["pro"]}]})

    assert (refused.value.code, refused.value.param) == ("parameter_missing", "customer")


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/customers/cus_none", 404), ("/v1/subscriptions?customer[x]=1", 400), ("/v1/none", 404)]
)
def test_what_is_not_there_is_refused(shop: Shop, path: str, status: int) -> None:
    assert raw(shop, "GET", path).status_code == status


def test_a_missing_object_in_a_parameter_is_400(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.session("cus_none")

    assert (refused.value.http_status, refused.value.code) == (400, "resource_missing")


def test_the_same_key_gives_the_same_answer(shop: Shop) -> None:
    first = shop.v1.customers.create({"email": "a@acme.example"}, {"idempotency_key": "k1"})
    again = shop.v1.customers.create({"email": "a@acme.example"}, {"idempotency_key": "k1"})

    assert first.id == again.id
    assert again.last_response.headers["idempotent-replayed"] == "true"
    assert len(shop.v1.customers.list().data) == 1


def test_the_same_key_with_other_parameters_is_refused(shop: Shop) -> None:
    shop.v1.customers.create({"email": "a@acme.example"}, {"idempotency_key": "k1"})

    with pytest.raises(stripe.IdempotencyError) as refused:
        shop.v1.customers.create({"email": "b@acme.example"}, {"idempotency_key": "k1"})

    assert refused.value.http_status == 400


def test_a_declined_payment_is_declined_again_under_its_key(shop: Shop) -> None:
    pro = shop.bought("pro")
    shop.vendor.give_card(pro.customer, DECLINED)
    update: Any = shop.wanted(pro, "plus") | {
        "proration_behavior": "always_invoice",
        "payment_behavior": "error_if_incomplete",
    }
    codes = []

    for card in (DECLINED, "4242424242424242"):
        shop.vendor.give_card(pro.customer, card)
        with pytest.raises(stripe.CardError) as refused:
            shop.v1.subscriptions.update(pro.id, update, {"idempotency_key": "upgrade"})
        codes.append(refused.value.code)

    assert codes == ["card_declined", "card_declined"]


def test_parameters_that_never_ran_do_not_use_up_a_key(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.customers.create({"flavour": "x"}, {"idempotency_key": "k1"})

    assert shop.v1.customers.create({"name": "Alice"}, {"idempotency_key": "k1"}).name == "Alice"


def test_a_key_in_use_is_a_conflict(shop: Shop) -> None:
    shop.vendor.fault("slow", seconds=60, method="POST", path="/v1/customers$")
    statuses: list[int] = []

    def create() -> None:
        headers = {"authorization": f"Bearer {KEY}", "idempotency-key": "k1"}
        answer = httpx.post(f"{shop.vendor.url}/v1/customers", data={"name": "Alice"}, headers=headers, timeout=60)
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(statuses) == 7)
    shop.vendor.control("faults", method="DELETE")
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200, *[409] * 7]
    assert len(shop.v1.customers.list().data) == 1


@pytest.mark.parametrize("fault", ["cut_after", "500_after"])
def test_a_lost_answer_is_given_again_to_the_same_key(shop: Shop, fault: str) -> None:
    shop.vendor.fault(fault, method="POST", path="/v1/customers$")
    asking = {"idempotency_key": "k1"}

    with pytest.raises((stripe.APIConnectionError, stripe.APIError)):
        shop.v1.customers.create({"name": "Alice"}, asking)
    customer = shop.v1.customers.create({"name": "Alice"}, asking)

    assert [one.id for one in shop.v1.customers.list().data] == [customer.id]


@pytest.mark.parametrize(
    ("fault", "error"),
    [("429", stripe.RateLimitError), ("500", stripe.APIError), ("cut", stripe.APIConnectionError)],
)
def test_trouble_comes_once_and_does_nothing(shop: Shop, fault: str, error: type[Exception]) -> None:
    shop.vendor.fault(fault, path="/v1/customers")

    with pytest.raises(error):
        shop.customer()

    assert shop.v1.customers.list().data == []


def test_the_library_gets_through_trouble_by_itself(shop: Shop) -> None:
    addresses: Any = shop.vendor.base_addresses
    patient = stripe.StripeClient(KEY, base_addresses=addresses, max_network_retries=2)
    shop.vendor.fault("500_after", method="POST", path="/v1/customers$")

    patient.v1.customers.create({"name": "Alice"})

    assert len(shop.v1.customers.list().data) == 1


def test_lists_are_paged_newest_first(shop: Shop) -> None:
    made = [shop.customer() for _ in range(5)]

    first = shop.v1.customers.list({"limit": 2})
    everything = [one.id for one in shop.v1.customers.list({"limit": 2}).auto_paging_iter()]
    before = shop.v1.customers.list({"limit": 2, "ending_before": made[0]})

    assert (len(first.data), first.has_more) == (2, True)
    assert everything == made[::-1]
    assert [one.id for one in before.data] == [made[2], made[1]]


def test_prices_are_found_by_their_lookup_keys_and_hand_them_over(shop: Shop) -> None:
    product = shop.v1.products.list().data[0].id
    new: Any = {"product": product, "currency": "usd", "unit_amount": 1100, "recurring": {"interval": "month"}}

    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        shop.v1.prices.create(new | {"lookup_key": "pro_monthly"})
    dearer = shop.v1.prices.create(new | {"lookup_key": "pro_monthly", "transfer_lookup_key": True})
    found = shop.v1.prices.list({"lookup_keys": ["pro_monthly", "teams_monthly"], "expand": ["data.tiers"]})

    assert [one.id for one in found.data] == [dearer.id, shop.prices["teams"]]
    assert found.data[1].tiers[0].flat_amount == 4900
    assert shop.v1.prices.retrieve(shop.prices["pro"]).lookup_key is None


def test_an_unknown_expansion_is_refused(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        shop.v1.customers.retrieve(shop.customer(), {"expand": ["friends"]})


def test_a_deleted_customer_is_gone_with_the_subscriptions(shop: Shop) -> None:
    pro = shop.bought("pro")

    shop.v1.customers.delete(pro.customer)

    assert shop.v1.customers.retrieve(pro.customer).deleted
    assert shop.sub(pro.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError):
        shop.session(pro.customer)
