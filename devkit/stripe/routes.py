"""The addresses of the API."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from devkit.stripe import (
    cards,
    changes,
    checkout,
    clocks,
    customers,
    happened,
    hooks,
    intents,
    invoice_items,
    invoices,
    portal,
    previews,
    prices,
    schedules,
    standing,
    subscriptions,
)
from devkit.stripe import parameters as p
from devkit.stripe.calls import PAGING, Call
from devkit.stripe.forms import Spec

Json = dict[str, Any]
Handler = Callable[[Call], Any]


@dataclass(frozen=True)
class Route:
    """A handler that answers a list of all that match has its answer paged."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler
    spec: Spec
    kind: str


def found(call: Call) -> Json:
    return call.found


def _route(method: str, path: str, handler: Handler, spec: Spec, kind: str = "") -> Route:
    return Route(method, re.compile("/v1/" + path.replace("{id}", r"(?P<id>[^/]+)")), handler, spec, kind)


CLOCK, ENDPOINT, PORTAL = "test_helpers.test_clock", "webhook_endpoint", "billing_portal.configuration"
SESSION, METHOD, SCHEDULE = "checkout.session", "payment_method", "subscription_schedule"
ROUTES = (
    _route("POST", "customers", customers.create, p.CUSTOMER),
    _route("GET", "customers", customers.listed, p.CUSTOMERS),
    _route("GET", "customers/{id}", customers.find, p.EXPAND, "customer"),
    _route("POST", "customers/{id}", customers.update, p.CUSTOMER_UPDATE, "customer"),
    _route("DELETE", "customers/{id}", customers.delete, {}, "customer"),
    _route("GET", "customers/{id}/payment_methods", cards.listed, p.METHODS, "customer"),
    _route("POST", "products", prices.create_product, p.PRODUCT),
    _route("GET", "products", prices.products, p.PRODUCTS),
    _route("GET", "products/{id}", found, p.EXPAND, "product"),
    _route("POST", "products/{id}", prices.update_product, p.PRODUCT_UPDATE, "product"),
    _route("POST", "prices", prices.create, p.PRICE),
    _route("GET", "prices", prices.listed, p.PRICES),
    _route("GET", "prices/{id}", found, p.EXPAND, "price"),
    _route("POST", "prices/{id}", prices.update, p.PRICE_UPDATE, "price"),
    _route("POST", "checkout/sessions", checkout.create, p.CHECKOUT),
    _route("GET", "checkout/sessions", checkout.listed, p.CHECKOUTS),
    _route("GET", "checkout/sessions/{id}", found, p.EXPAND, SESSION),
    _route("POST", "checkout/sessions/{id}/expire", checkout.expire, p.EXPAND, SESSION),
    _route("GET", "checkout/sessions/{id}/line_items", checkout.line_items, PAGING, SESSION),
    _route("POST", "subscriptions", subscriptions.create, p.SUBSCRIPTION),
    _route("GET", "subscriptions", subscriptions.listed, p.SUBSCRIPTIONS),
    _route("GET", "subscriptions/{id}", found, p.EXPAND, "subscription"),
    _route("POST", "subscriptions/{id}", changes.update, p.SUBSCRIPTION_UPDATE, "subscription"),
    _route("DELETE", "subscriptions/{id}", subscriptions.cancel, p.SUBSCRIPTION_CANCEL, "subscription"),
    _route("POST", "subscription_schedules", schedules.create, p.SCHEDULE),
    _route("GET", "subscription_schedules", schedules.listed, p.SCHEDULES),
    _route("GET", "subscription_schedules/{id}", found, p.EXPAND, SCHEDULE),
    _route("POST", "subscription_schedules/{id}", schedules.update, p.SCHEDULE_UPDATE, SCHEDULE),
    _route("POST", "subscription_schedules/{id}/release", schedules.release, p.SCHEDULE_RELEASE, SCHEDULE),
    _route("POST", "subscription_schedules/{id}/cancel", schedules.cancel, p.SCHEDULE_CANCEL, SCHEDULE),
    _route("POST", "invoices/create_preview", previews.create, p.PREVIEW),
    _route("GET", "invoiceitems", invoice_items.listed, p.INVOICE_ITEMS),
    _route("GET", "invoices", invoices.listed, p.INVOICES),
    _route("GET", "invoices/{id}", found, p.EXPAND, "invoice"),
    _route("GET", "invoices/{id}/lines", invoices.lines_of, PAGING, "invoice"),
    _route("POST", "invoices/{id}/pay", standing.pay, p.INVOICE_PAY, "invoice"),
    _route("POST", "invoices/{id}/finalize", invoices.finalize_call, p.EXPAND, "invoice"),
    _route("POST", "invoices/{id}/void", invoices.void_call, p.EXPAND, "invoice"),
    _route("POST", "invoices/{id}/mark_uncollectible", invoices.give_up, p.EXPAND, "invoice"),
    _route("POST", "billing_portal/sessions", portal.create, p.PORTAL),
    _route("POST", "billing_portal/configurations", portal.configure, p.CONFIGURATION),
    _route("GET", "billing_portal/configurations", portal.configurations, p.CONFIGURATIONS),
    _route("GET", "billing_portal/configurations/{id}", found, p.EXPAND, PORTAL),
    _route("POST", "billing_portal/configurations/{id}", portal.reconfigure, p.CONFIGURATION_UPDATE, PORTAL),
    _route("POST", "payment_methods", cards.create, p.METHOD),
    _route("GET", "payment_methods", cards.listed, p.METHODS),
    _route("GET", "payment_methods/{id}", found, p.EXPAND, METHOD),
    _route("POST", "payment_methods/{id}", cards.update, p.METHOD_UPDATE, METHOD),
    _route("POST", "payment_methods/{id}/attach", cards.attach_call, p.ATTACH, METHOD),
    _route("POST", "payment_methods/{id}/detach", cards.detach, p.EXPAND, METHOD),
    _route("GET", "payment_intents", intents.listed, p.INTENTS, "payment_intent"),
    _route("GET", "payment_intents/{id}", found, p.EXPAND, "payment_intent"),
    _route("POST", "setup_intents", intents.set_up, p.SETUP),
    _route("GET", "setup_intents", intents.setups, p.INTENTS, "setup_intent"),
    _route("GET", "setup_intents/{id}", found, p.EXPAND, "setup_intent"),
    _route("GET", "events", happened.listed, p.EVENTS),
    _route("GET", "events/{id}", found, p.EXPAND, "event"),
    _route("POST", "webhook_endpoints", hooks.create, p.ENDPOINT),
    _route("GET", "webhook_endpoints", hooks.listed, PAGING),
    _route("GET", "webhook_endpoints/{id}", found, p.EXPAND, ENDPOINT),
    _route("POST", "webhook_endpoints/{id}", hooks.update, p.ENDPOINT_UPDATE, ENDPOINT),
    _route("DELETE", "webhook_endpoints/{id}", hooks.delete, {}, ENDPOINT),
    _route("POST", "test_helpers/test_clocks", clocks.create, p.CLOCK),
    _route("GET", "test_helpers/test_clocks", clocks.listed, PAGING),
    _route("GET", "test_helpers/test_clocks/{id}", found, p.EXPAND, CLOCK),
    _route("POST", "test_helpers/test_clocks/{id}/advance", clocks.advance, p.CLOCK_ADVANCE, CLOCK),
    _route("DELETE", "test_helpers/test_clocks/{id}", clocks.delete, {}, CLOCK),
)


def find(method: str, path: str) -> tuple[Route, str] | None:
    for route in ROUTES:
        matched = route.pattern.fullmatch(path)
        if matched is not None and route.method == method:
            return route, matched.groupdict().get("id") or ""
    return None
