"""Checkout sessions: made by the API, completed by a person on the page."""

from __future__ import annotations

from typing import Any

from devkit.stripe import cards, customers, due, events, money, payments, prices, standing, subscriptions
from devkit.stripe.calls import Call, created_within
from devkit.stripe.cards import Card
from devkit.stripe.errors import invalid, missing_parameter
from devkit.stripe.forms import merged
from devkit.stripe.payments import Outcome
from devkit.stripe.periods import DAY, HOUR
from devkit.stripe.render import listing
from devkit.stripe.world import World

Json = dict[str, Any]


def create(call: Call) -> Json:
    world, given = call.world, call.params
    customer = customers.living(world, given["customer"]) if given.get("customer") else None
    if customer and given.get("customer_email"):
        raise invalid("You may only specify one of these parameters: customer, customer_email.")
    if not given.get("success_url"):
        raise missing_parameter("success_url")
    now = world.now({"customer": customer["id"]} if customer else None)
    expires_at = given.get("expires_at") or now + DAY
    if not now + HOUR // 2 <= expires_at <= now + DAY:
        raise invalid("The `expires_at` timestamp must be between 30 minutes and 24 hours from now.", "expires_at")
    items = [_line(world, item, at) for at, item in enumerate(given["line_items"])]
    total = sum(item["amount_total"] for item in items)
    id = world.id("cs_test", 58)
    return world.add(
        _blank(id, now)
        | {
            "amount_subtotal": total,
            "amount_total": total,
            "allow_promotion_codes": given.get("allow_promotion_codes"),
            "cancel_url": given.get("cancel_url"),
            "client_reference_id": given.get("client_reference_id"),
            "currency": items[0]["currency"],
            "customer": customer["id"] if customer else None,
            "customer_details": _details(customer["email"], customer["name"]) if customer else None,
            "customer_email": given.get("customer_email"),
            "expires_at": expires_at,
            "locale": given.get("locale"),
            "metadata": merged({}, given),
            "success_url": given["success_url"],
            "url": f"{world.base_url}/c/pay/{id}",
            "_line_items": items,
            "_subscription_data": given.get("subscription_data") or {},
        }
    )


def _details(email: str | None, name: str | None) -> Json:
    return {
        "address": None,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": None,
    }


def _line(world: World, item: Json, at: int) -> Json:
    price = prices.sold(world, item["price"], f"line_items[{at}][price]")
    quantity = item.get("quantity", 1)
    if quantity < 1:
        raise invalid("The quantity must be at least 1.", f"line_items[{at}][quantity]")
    cents = money.amount(price, quantity)
    return {
        "id": world.id("li"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": cents,
        "amount_tax": 0,
        "amount_total": cents,
        "currency": price["currency"],
        "description": prices.name_of(world, price),
        "price": price["id"],
        "quantity": quantity,
    }


def _blank(id: str, now: int) -> Json:
    return {
        "id": id,
        "object": "checkout.session",
        "adaptive_pricing": None,
        "after_expiration": None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "client_secret": None,
        "consent": None,
        "consent_collection": None,
        "created": now,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer_creation": "always",
        "discounts": [],
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "mode": "subscription",
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "always",
        "payment_method_configuration_details": None,
        "payment_method_options": None,
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": None,
        "subscription": None,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "_card": None,
        "_email": None,
        "_name": None,
    }


def listed(call: Call) -> list[Json]:
    given = call.params
    return [
        one
        for one in call.world.all("checkout.session")
        if given.get("customer") in (None, one["customer"])
        and given.get("subscription") in (None, one["subscription"])
        and given.get("status") in (None, one["status"])
        and created_within(one, given.get("created"))
    ]


def line_items(call: Call) -> Json:
    found = call.found
    shown = [line | {"price": call.world.objects[line["price"]]} for line in found["_line_items"]]
    return listing(f"/v1/checkout/sessions/{found['id']}/line_items", shown)


def expire(call: Call) -> Json:
    session = call.found
    if session["status"] != "open":
        raise invalid(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of'
            f" {session['status']}."
        )
    due.expire_session(call.world, session)
    return session


def complete(world: World, session: Json, card: Card, *, authenticated: bool) -> Outcome:
    """What happens when the person has paid. A refusal leaves the session open and nothing else behind."""
    customer = world.objects.get(session["customer"] or "") or _new_customer(world, session)
    method = cards.make(world, card, customer)
    world.change(method, customer=customer["id"])
    begun = {
        "items": [{"price": line["price"], "quantity": line["quantity"]} for line in session["_line_items"]],
        "default_payment_method": method["id"],
        "metadata": session["_subscription_data"].get("metadata"),
        "description": session["_subscription_data"].get("description"),
    }
    events.emit(world, "payment_method.attached", method)
    subscription = subscriptions.begin(world, customer, begun)
    invoice = world.objects[subscription["latest_invoice"]]
    outcome = standing.collect(world, invoice, method, authenticated=authenticated, first=True)
    if not outcome.paid:
        raise payments.error(world, invoice, outcome, of="subscription", keep=False)
    world.change(
        session,
        status="complete",
        payment_status="paid",
        customer=customer["id"],
        customer_details=_details(session["_email"] or customer["email"], session["_name"] or customer["name"]),
        invoice=invoice["id"],
        subscription=subscription["id"],
        url=None,
        _card=None,
    )
    events.emit(world, "checkout.session.completed", session)
    return outcome


def _new_customer(world: World, session: Json) -> Json:
    email = session["_email"] or session["customer_email"]
    customer = customers.make(world, {"email": email, "name": session["_name"]})
    events.emit(world, "customer.created", customer)
    return customer
