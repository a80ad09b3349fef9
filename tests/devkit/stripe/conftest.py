from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import stripe

from devkit.stripe.process import KEY, StripeProcess

DAY = 86_400
HOUR = 3_600
MONTHLY: Any = {"interval": "month"}
OK, DECLINED, ONCE, ALWAYS, LATER = (
    "4242424242424242",
    "4000000000000002",
    "4000002500003155",
    "4000002760003184",
    "4000000000000341",
)


def at(year: int, month: int, day: int, hour: int = 12) -> int:
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp())


class Shop:
    """Docent's prices at the stand-in, and people who buy there."""

    def __init__(self, vendor: StripeProcess, *, is_new: bool = True) -> None:
        self.vendor = vendor
        addresses: Any = vendor.base_addresses
        self.client = stripe.StripeClient(KEY, base_addresses=addresses, max_network_retries=0)
        # Parameters are put together here in ways that typed dictionaries cannot follow.
        self.v1: Any = self.client.v1
        self.http = httpx.Client(follow_redirects=False, timeout=60)
        self.prices: dict[str, str] = {}
        if is_new:
            self._open()

    @classmethod
    def again(cls, vendor: StripeProcess) -> Shop:
        """Where the prices are made already."""
        return cls(vendor, is_new=False)

    def _open(self) -> None:
        product = self.v1.products.create({"name": "Docent"})
        self.prices = {name: self._price(product.id, name, cents) for name, cents in (("pro", 1000), ("plus", 1900))}
        self.prices["teams"] = self.v1.prices.create(
            {
                "product": product.id,
                "currency": "usd",
                "recurring": MONTHLY,
                "lookup_key": "teams_monthly",
                "billing_scheme": "tiered",
                "tiers_mode": "graduated",
                "tiers": [{"up_to": "inf", "flat_amount": 4900, "unit_amount": 1200}],
            }
        ).id

    def _price(self, product: str, name: str, cents: int) -> str:
        price: Any = self.v1.prices.create(
            {
                "product": product,
                "currency": "usd",
                "unit_amount": cents,
                "recurring": MONTHLY,
                "lookup_key": f"{name}_monthly",
            }
        )
        return str(price.id)

    def customer(self) -> str:
        alice = self.v1.customers.create({"email": "alice@acme.example", "metadata": {"workspace": "w1"}})
        return str(alice.id)

    def session(self, customer: str, plan: str = "pro", quantity: int = 1) -> Any:
        return self.v1.checkout.sessions.create(
            {
                "mode": "subscription",
                "customer": customer,
                "client_reference_id": "w1",
                "line_items": [{"price": self.prices[plan], "quantity": quantity}],
                "subscription_data": {"metadata": {"workspace": "w1"}},
                "success_url": "http://127.0.0.1/ok?session={CHECKOUT_SESSION_ID}",
                "cancel_url": "http://127.0.0.1/no",
            }
        )

    def bought(self, plan: str = "pro", quantity: int = 1) -> Any:
        """A subscription, paid by card on the page."""
        session = self.session(self.customer(), plan, quantity)
        self.post(session.url, card=OK)
        return self.sub(str(self.v1.checkout.sessions.retrieve(session.id).subscription))

    def post(self, url: str, **form: str) -> httpx.Response:
        return self.http.post(url, data=form)

    def sub(self, id: str) -> Any:
        return self.v1.subscriptions.retrieve(id)

    def item(self, subscription: Any) -> Any:
        return subscription["items"].data[0]

    def change(self, subscription: Any, plan: str | None = None, quantity: int | None = None, **how: Any) -> Any:
        return self.v1.subscriptions.update(subscription.id, self.wanted(subscription, plan, quantity) | how)

    def wanted(self, subscription: Any, plan: str | None = None, quantity: int | None = None) -> dict[str, Any]:
        item: dict[str, Any] = {"id": self.item(subscription).id}
        if plan:
            item["price"] = self.prices[plan]
        if quantity is not None:
            item["quantity"] = quantity
        return {"items": [item]}

    def invoices(self, subscription: Any) -> list[Any]:
        """Oldest first."""
        return list(self.v1.invoices.list({"subscription": subscription.id, "limit": 100}).data[::-1])

    def portal(self, customer: str, **more: Any) -> Any:
        return self.v1.billing_portal.sessions.create(
            {"customer": customer, "return_url": "http://127.0.0.1/back", **more}
        )

    def confirm_link(self, subscription: Any, plan: str, quantity: int = 1, **more: Any) -> Any:
        flow = {
            "type": "subscription_update_confirm",
            "subscription_update_confirm": {
                "subscription": subscription.id,
                **self.wanted(subscription, plan, quantity),
            },
            "after_completion": {"type": "redirect", "redirect": {"return_url": "http://127.0.0.1/done"}},
        }
        return self.portal(subscription.customer, flow_data=flow, **more)

    def half_way(self, subscription: Any) -> None:
        item = self.item(subscription)
        self.vendor.set_clock((item.current_period_start + item.current_period_end) // 2)

    def to_the_end(self, subscription: Any, beyond: int = 0) -> None:
        self.vendor.set_clock(self.item(self.sub(subscription.id)).current_period_end + beyond)

    def happened(self) -> list[str]:
        return [str(one["type"]) for one in self.events()]

    def events(self) -> list[dict[str, Any]]:
        """Oldest first, also those that the API no longer lists."""
        events: list[dict[str, Any]] = self.vendor.control("state?kind=event")["objects"]
        return events


@pytest.fixture(scope="session")
def process() -> Iterator[StripeProcess]:
    with StripeProcess() as running:
        yield running


@pytest.fixture
def vendor(process: StripeProcess) -> StripeProcess:
    """Forgetful, and with its clock stopped at noon of a day early in a month of 30 days."""
    process.reset()
    process.set_clock(at(2027, 4, 5))
    return process


@pytest.fixture
def shop(vendor: StripeProcess) -> Iterator[Shop]:
    opened = Shop(vendor)
    yield opened
    opened.http.close()
