"""Events on their way to a listener, as the library reads them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import stripe

from devkit.stripe.process import WEBHOOK_SECRET
from tests.devkit.machine import eventually

from .conftest import DECLINED, HOUR, OK, Shop


class Listener:
    """Keeps what it hears, and answers each with the next of its answers, or 200."""

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, str]] = []
        self.answers: list[int] = []
        self.goes_on = threading.Event()
        self.goes_on.set()
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                listener.heard.append((body, self.headers["stripe-signature"]))
                listener.goes_on.wait()
                self.send_response(listener.answers.pop(0) if listener.answers else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def events(self) -> list[Any]:
        return [stripe.Webhook.construct_event(body, signed, WEBHOOK_SECRET) for body, signed in self.heard]


@pytest.fixture
def listener(shop: Shop) -> Iterator[Listener]:
    heard = Listener()
    shop.vendor.webhooks(mode="held", seed=7, retries=[0.01, 0.01])
    shop.vendor.send_webhooks_to(heard.url)
    yield heard
    heard.server.shutdown()
    heard.server.server_close()


def test_each_event_is_signed_and_arrives_in_order(shop: Shop, listener: Listener) -> None:
    shop.bought("pro")

    shop.vendor.deliver()

    events = listener.events()
    assert [one.type for one in events][-2:] == ["customer.subscription.updated", "checkout.session.completed"]
    assert {(one.livemode, one.api_version, one.pending_webhooks) for one in events} == {
        (False, "2026-10-28.endive", 1)
    }


def test_a_changed_body_does_not_verify(shop: Shop, listener: Listener) -> None:
    shop.customer()
    shop.vendor.deliver()
    body, signed = listener.heard[0]

    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body + b" ", signed, WEBHOOK_SECRET)


def test_an_update_says_what_was_before(shop: Shop, listener: Listener) -> None:
    pro = shop.bought("pro")
    shop.vendor.deliver()
    listener.heard.clear()

    shop.v1.subscriptions.update(pro.id, {"cancel_at_period_end": True}, {"idempotency_key": "end"})
    shop.vendor.deliver()

    (event,) = listener.events()
    assert event.data.previous_attributes.to_dict() == {
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"reason": None},
    }
    assert event.request.idempotency_key == "end"


def test_what_was_refused_is_sent_again(shop: Shop, listener: Listener) -> None:
    listener.answers = [500, 302, 200]
    shop.customer()

    shop.vendor.webhooks(mode="auto")
    idle = shop.vendor.drain()

    assert idle
    assert len({one.id for one in listener.events()}) == 1
    assert len(listener.heard) == 3


def test_what_was_under_way_at_a_reset_is_of_no_later_world(shop: Shop, listener: Listener) -> None:
    listener.goes_on.clear()
    listener.answers = [500]
    shop.customer()
    shop.vendor.webhooks(mode="auto")
    eventually(lambda: len(listener.heard) == 1)

    shop.vendor.reset()
    listener.goes_on.set()

    assert shop.vendor.drain()
    told = shop.vendor.control("webhooks")
    assert (told["log"], told["waiting"]) == ([], [])


def test_what_is_refused_for_good_is_given_up_and_can_be_resent(shop: Shop, listener: Listener) -> None:
    listener.answers = [500] * 3
    shop.customer()
    shop.vendor.webhooks(mode="auto")
    shop.vendor.drain()
    event = shop.events()[-1]["id"]

    shop.vendor.control("webhooks/resend", {"event": event})
    shop.vendor.drain()

    assert [one.id for one in listener.events()] == [event] * 4


@pytest.mark.parametrize(("trouble", "count"), [({"lose": 1.0}, 0), ({"duplicate": 1.0}, 2)])
def test_events_are_lost_or_doubled_as_told(
    shop: Shop, listener: Listener, trouble: dict[str, float], count: int
) -> None:
    shop.vendor.webhooks(**trouble)
    shop.customer()

    shop.vendor.deliver()

    assert len(listener.heard) == count
    shop.vendor.webhooks(lose=0.0, duplicate=0.0)


def test_shuffling_is_the_same_for_the_same_seed(shop: Shop, listener: Listener) -> None:
    orders = []
    for _ in range(2):
        listener.heard.clear()
        shop.vendor.webhooks(seed=3, shuffle=True)
        shop.bought("pro")
        shop.vendor.deliver()
        orders.append([one.type for one in listener.events()])
    shop.vendor.webhooks(shuffle=False)

    assert orders[0] == orders[1]
    assert orders[0][-1] != "checkout.session.completed"


def test_an_endpoint_of_the_api_hears_what_it_asked_for(shop: Shop, listener: Listener) -> None:
    shop.vendor.control("webhooks/endpoint", {"url": listener.url, "secret": "whsec_x", "enabled_events": ["none"]})
    endpoint = shop.v1.webhook_endpoints.create({"url": listener.url, "enabled_events": ["customer.updated"]})
    customer = shop.customer()

    shop.v1.customers.update(customer, {"name": "Alice"})
    shop.vendor.deliver()

    ((body, signed),) = listener.heard
    event = stripe.Webhook.construct_event(body, signed, endpoint.secret)
    assert event.type == "customer.updated"


def test_nothing_is_sent_to_another_machine(shop: Shop, listener: Listener) -> None:
    shop.vendor.send_webhooks_to("https://docent.example/hook")
    shop.customer()

    (entry,) = shop.vendor.deliver()

    assert entry["status"] == "elsewhere"


def test_a_failed_renewal_is_told(shop: Shop, listener: Listener) -> None:
    pro = shop.bought("pro")
    shop.vendor.give_card(pro.customer, DECLINED)
    shop.to_the_end(pro)
    shop.vendor.deliver()
    listener.heard.clear()

    shop.vendor.advance(HOUR)
    shop.vendor.deliver()

    assert [one.type for one in listener.events() if not one.type.startswith("payment_intent")] == [
        "invoice.finalized",
        "invoice.updated",
        "invoice.payment_failed",
        "customer.updated",
        "customer.subscription.updated",
    ]


def test_events_are_listed_by_type_and_time(shop: Shop) -> None:
    pro = shop.bought("pro")
    shop.vendor.advance(HOUR)
    shop.vendor.give_card(pro.customer, OK)
    shop.v1.subscriptions.update(pro.id, {"description": "Pro"})

    since = shop.vendor.now()
    late = shop.v1.events.list({"types": ["customer.subscription.*"], "created": {"gte": since}})

    assert [one.type for one in late.data] == ["customer.subscription.updated"] * 2
    assert shop.v1.events.retrieve(late.data[0].id).data.object.description == "Pro"
