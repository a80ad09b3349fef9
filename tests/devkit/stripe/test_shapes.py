"""Objects and parameters against what the library's own annotations say."""

from __future__ import annotations

import decimal
import importlib
import inspect
import json
import sys
import types
import typing
from collections.abc import Iterator
from typing import Any

import pytest
import stripe
from stripe import params as given
from stripe._object_classes import OBJECT_CLASSES

from devkit.stripe import parameters

from .conftest import ALWAYS, Shop

CLASSES: dict[str, Any] = {
    kind: getattr(importlib.import_module(module), name) for kind, (module, name) in OBJECT_CLASSES.items()
}
NAMES = {one.__name__: one for one in sorted(CLASSES.values(), key=lambda one: -one.__module__.count("."))}


class Names(dict[str, Any]):
    """What a name in the annotations of a class means; some the library imports for its type checker only."""

    def __init__(self, owner: Any) -> None:
        self.places = [vars(sys.modules[one.__module__]) for one in owner.__mro__] + [NAMES]

    def __missing__(self, name: str) -> Any:
        for wanted in (name, name.removesuffix("Resource")):
            for place in self.places:
                if wanted in place:
                    return place[wanted]
        raise KeyError(name)


def hints_of(owner: Any) -> dict[str, Any]:
    return typing.get_type_hints(owner, {}, Names(owner))


def problems(value: Any, expected: Any, where: str) -> Iterator[str]:
    """What of a JSON value the annotation does not allow: missing, unknown or of another type."""
    origin, inside = typing.get_origin(expected), typing.get_args(expected)
    if origin in (typing.Union, types.UnionType):
        found = [list(problems(value, one, where)) for one in inside]
        if all(found):
            yield min(found, key=len)[0]
    elif origin is typing.Literal:
        if value not in inside:
            yield f"{where}: {value!r}"
    elif inspect.isclass(origin or expected) and issubclass(origin or expected, stripe.ListObject):
        for at, one in enumerate(value["data"]):
            yield from problems(one, inside[0] if inside else Any, f"{where}[{at}]")
    elif origin is list:
        if not isinstance(value, list):
            yield f"{where}: not a list"
            return
        for at, one in enumerate(value):
            yield from problems(one, inside[0], f"{where}[{at}]")
    elif inspect.isclass(expected) and issubclass(expected, stripe.StripeObject):
        yield from _object(value, expected, where)
    elif expected is decimal.Decimal:
        if not isinstance(value, str):
            yield f"{where}: not a decimal"
    elif inspect.isclass(expected) and not isinstance(value, expected):
        yield f"{where}: {value!r} is not {expected.__name__}"


def _object(value: Any, expected: type[stripe.StripeObject], where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: not an object"
        return
    fields = {
        name: hint
        for name, hint in hints_of(expected).items()
        if not name.startswith("_") and typing.get_origin(hint) is not typing.ClassVar
    }
    for name in value.keys() - fields.keys():
        yield f"{where}.{name}: unknown"
    for name, hint in fields.items():
        if name in value:
            yield from problems(value[name], hint, f"{where}.{name}")
        elif type(None) not in typing.get_args(hint):
            yield f"{where}.{name}: missing"


@pytest.fixture
def used(shop: Shop) -> Shop:
    """Something of everything."""
    teams = shop.bought("teams", 3)
    shop.v1.subscription_schedules.create({"from_subscription": teams.id})
    pro = shop.bought("pro")
    shop.confirm_link(pro, "plus")
    shop.vendor.give_card(pro.customer, ALWAYS)
    shop.half_way(pro)
    shop.change(pro, "plus", proration_behavior="always_invoice", payment_behavior="pending_if_incomplete")
    shop.change(shop.bought("teams", 2), quantity=4)
    shop.post(shop.portal(teams.customer).url, do="card", card="4242424242424242")
    shop.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["*"]})
    shop.v1.test_helpers.test_clocks.create({"frozen_time": shop.vendor.now()})
    return shop


def test_every_object_is_what_the_library_says(used: Shop) -> None:
    objects = used.vendor.control("state")["objects"]
    expected = {one["object"]: CLASSES[one["object"]] for one in objects}

    found = [
        problem
        for one in objects
        if one["object"] != "event"
        for problem in problems(one, expected[one["object"]], one["object"])
    ]

    assert not found, "\n".join(sorted(set(found)))
    assert len(expected) == 17


def test_events_and_what_they_carry_are_what_the_library_says(used: Shop) -> None:
    events = used.vendor.control("state?kind=event")["objects"]

    found = [p for one in events for p in problems(one, stripe.Event, "event")]
    carried = [
        p
        for one in events
        for p in problems(one["data"]["object"], CLASSES[one["data"]["object"]["object"]], one["type"])
    ]

    assert not found + carried, "\n".join(sorted({*found, *carried}))


def test_a_preview_is_an_invoice(used: Shop) -> None:
    customer = used.customer()
    items = [{"price": used.prices["teams"], "quantity": 3}]

    preview = used.v1.invoices.create_preview({"customer": customer, "subscription_details": {"items": items}})

    assert list(problems(json.loads(preview.last_response.body), stripe.Invoice, "preview")) == []
    assert preview.total == 8500


def test_periods_are_on_the_items_only(shop: Shop) -> None:
    pro = shop.bought("pro")

    assert "current_period_end" not in pro.to_dict()
    assert shop.item(pro).current_period_end == shop.item(pro).current_period_start + 30 * 86_400


def test_an_invoice_names_its_subscription_and_payment(shop: Shop) -> None:
    pro = shop.bought("pro")

    invoice = shop.v1.invoices.retrieve(pro.latest_invoice, {"expand": ["payments", "confirmation_secret", "customer"]})

    assert invoice.parent.subscription_details.subscription == pro.id
    assert invoice.payments.data[0].payment.type == "payment_intent"
    assert invoice.customer.email == "alice@acme.example"
    assert shop.http.get(invoice.hosted_invoice_url).status_code == 200


PARAMETERS = {
    "CUSTOMER": given.CustomerCreateParams,
    "CUSTOMER_UPDATE": given.CustomerUpdateParams,
    "CUSTOMERS": given.CustomerListParams,
    "PRODUCT": given.ProductCreateParams,
    "PRODUCT_UPDATE": given.ProductUpdateParams,
    "PRODUCTS": given.ProductListParams,
    "PRICE": given.PriceCreateParams,
    "PRICE_UPDATE": given.PriceUpdateParams,
    "PRICES": given.PriceListParams,
    "CHECKOUT": given.checkout.SessionCreateParams,
    "CHECKOUTS": given.checkout.SessionListParams,
    "SUBSCRIPTION": given.SubscriptionCreateParams,
    "SUBSCRIPTION_UPDATE": given.SubscriptionUpdateParams,
    "SUBSCRIPTION_CANCEL": given.SubscriptionCancelParams,
    "SUBSCRIPTIONS": given.SubscriptionListParams,
    "SCHEDULE": given.SubscriptionScheduleCreateParams,
    "SCHEDULE_UPDATE": given.SubscriptionScheduleUpdateParams,
    "SCHEDULE_RELEASE": given.SubscriptionScheduleReleaseParams,
    "SCHEDULE_CANCEL": given.SubscriptionScheduleCancelParams,
    "SCHEDULES": given.SubscriptionScheduleListParams,
    "INVOICES": given.InvoiceListParams,
    "INVOICE_ITEMS": given.InvoiceItemListParams,
    "INVOICE_PAY": given.InvoicePayParams,
    "PREVIEW": given.InvoiceCreatePreviewParams,
    "PORTAL": given.billing_portal.SessionCreateParams,
    "CONFIGURATION": given.billing_portal.ConfigurationCreateParams,
    "CONFIGURATION_UPDATE": given.billing_portal.ConfigurationUpdateParams,
    "CONFIGURATIONS": given.billing_portal.ConfigurationListParams,
    "METHOD": given.PaymentMethodCreateParams,
    "METHODS": given.PaymentMethodListParams,
    "ATTACH": given.PaymentMethodAttachParams,
    "SETUP": given.SetupIntentCreateParams,
    "EVENTS": given.EventListParams,
    "ENDPOINT": given.WebhookEndpointCreateParams,
    "ENDPOINT_UPDATE": given.WebhookEndpointUpdateParams,
    "CLOCK": given.test_helpers.TestClockCreateParams,
    "CLOCK_ADVANCE": given.test_helpers.TestClockAdvanceParams,
}


def unknown(spec: Any, hint: Any, where: str) -> Iterator[str]:
    """Names in a spec that none of the library's typed dictionaries has."""
    tables = list(_tables(hint))
    if isinstance(spec, list):
        yield from unknown(spec[0], hint, where)
    elif isinstance(spec, dict) and tables:
        known: dict[str, list[Any]] = {}
        for table in tables:
            for name, one in typing.get_type_hints(table).items():
                known.setdefault(name, []).append(one)
        for name, kind in spec.items():
            bare = name.rstrip("!")
            if bare not in known:
                yield f"{where}[{bare}]"
            else:
                yield from unknown(kind, typing.Union[tuple(known[bare])], f"{where}[{bare}]")  # noqa: UP007  # built from a list


def _tables(hint: Any) -> Iterator[Any]:
    if typing.is_typeddict(hint):
        yield hint
    for one in typing.get_args(hint):
        yield from _tables(one)


@pytest.mark.parametrize("name", PARAMETERS)
def test_no_parameter_is_taken_that_the_library_does_not_know(name: str) -> None:
    assert list(unknown(getattr(parameters, name), PARAMETERS[name], "")) == []
