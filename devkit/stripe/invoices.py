"""Invoices: made as drafts, finalized, paid, or left open until somebody pays."""

from __future__ import annotations

from typing import Any

from devkit.stripe import cards, events, lines, money, payments
from devkit.stripe.calls import Call, created_within
from devkit.stripe.errors import invalid
from devkit.stripe.lines import Line
from devkit.stripe.payments import Outcome
from devkit.stripe.periods import DAY
from devkit.stripe.render import listing, view
from devkit.stripe.world import World

Json = dict[str, Any]


def build(world: World, subscription: Json, parts: list[Line], reason: str, period: tuple[int, int]) -> Json:
    """The invoice as it would be, kept nowhere."""
    id = world.id("in")
    customer = world.objects[subscription["customer"]]
    currency = subscription["currency"]
    total = sum(part.amount for part in parts)
    now = world.now(subscription)
    data = [lines.as_json(world, part, id, currency) for part in parts]
    return (
        _blank(id, customer, currency, now)
        | {
            "billing_reason": reason,
            "default_payment_method": None,
            "lines": listing(f"/v1/invoices/{id}/lines", data) | {"total_count": len(data)},
            "parent": {
                "type": "subscription_details",
                "subscription_details": {"metadata": subscription["metadata"], "subscription": subscription["id"]},
                "quote_details": None,
            },
            "period_start": period[0],
            "period_end": period[1],
            "starting_balance": customer["balance"],
            "subtotal": total,
            "subtotal_excluding_tax": total,
            "total": total,
            "total_excluding_tax": total,
            "_parts": [part.invoice_item for part in parts if part.invoice_item],
        }
        | _due(total, customer["balance"])
    )


def _due(total: int, balance: int) -> Json:
    """A credit pays first, a debt is added. Less than the least charge is carried over instead of charged."""
    owed = max(0, total + balance)
    due = 0 if owed < money.LEAST_CHARGE else owed
    return {"amount_due": due, "amount_remaining": due, "_ending_balance": total + balance - due}


# Values are replaced whole, never changed inside, so that all may begin with the same ones.
BLANK: Json = {
    "object": "invoice",
    "account_country": "US",
    "account_name": "Stand-in",
    "account_tax_ids": None,
    "amount_overpaid": 0,
    "amount_paid": 0,
    "amount_shipping": 0,
    "application": None,
    "attempt_count": 0,
    "attempted": False,
    "auto_advance": True,
    "automatic_tax": {
        "disabled_reason": None,
        "enabled": False,
        "liability": None,
        "provider": None,
        "status": None,
    },
    "automatically_finalizes_at": None,
    "collection_method": "charge_automatically",
    "custom_fields": None,
    "customer_address": None,
    "customer_phone": None,
    "customer_shipping": None,
    "customer_tax_exempt": "none",
    "customer_tax_ids": [],
    "default_source": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "due_date": None,
    "effective_at": None,
    "ending_balance": None,
    "footer": None,
    "from_invoice": None,
    "hosted_invoice_url": None,
    "invoice_pdf": None,
    "issuer": {"type": "self"},
    "last_finalization_error": None,
    "latest_revision": None,
    "livemode": False,
    "metadata": {},
    "next_payment_attempt": None,
    "number": None,
    "on_behalf_of": None,
    "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "receipt_number": None,
    "rendering": None,
    "shipping_cost": None,
    "shipping_details": None,
    "statement_descriptor": None,
    "status": "draft",
    "status_transitions": {
        "finalized_at": None,
        "marked_uncollectible_at": None,
        "paid_at": None,
        "voided_at": None,
    },
    "total_discount_amounts": [],
    "total_pretax_credit_amounts": [],
    "total_taxes": [],
    "webhooks_delivered_at": None,
    "_payment_intent": None,
}


def _blank(id: str, customer: Json, currency: str, now: int) -> Json:
    return BLANK | {
        "id": id,
        "created": now,
        "currency": currency,
        "customer": customer["id"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "test_clock": customer["test_clock"],
    }


def make(world: World, subscription: Json, parts: list[Line], reason: str, period: tuple[int, int]) -> Json:
    """A draft that is the subscription's latest invoice."""
    invoice = world.add(build(world, subscription, parts, reason, period))
    for id in invoice["_parts"]:
        world.change(world.objects[id], invoice=invoice["id"])
    world.change(subscription, latest_invoice=invoice["id"])
    events.emit(world, "invoice.created", invoice)
    return invoice


def finalize(world: World, invoice: Json) -> None:
    customer = world.objects[invoice["customer"]]
    sequence = customer["next_invoice_sequence"]
    # Other invoices may have used the balance since this one was drafted.
    due = _due(invoice["total"], customer["balance"])
    page = f"{world.base_url}/invoice/{invoice['id']}"
    now = world.now(invoice)
    before = view(world, invoice)
    world.change(
        invoice,
        **due,
        starting_balance=customer["balance"],
        ending_balance=due["_ending_balance"],
        status="open",
        number=f"{customer['invoice_prefix']}-{sequence:04d}",
        hosted_invoice_url=page,
        invoice_pdf=f"{page}/pdf",
        effective_at=now,
        automatically_finalizes_at=None,
        webhooks_delivered_at=now,
        status_transitions=invoice["status_transitions"] | {"finalized_at": now},
    )
    customer_before = view(world, customer)
    world.change(
        customer, balance=due["_ending_balance"], next_invoice_sequence=sequence + 1, currency=invoice["currency"]
    )
    if due["_ending_balance"] != invoice["starting_balance"]:
        events.emit(world, "customer.updated", customer, customer_before)
    events.emit(world, "invoice.finalized", invoice)
    events.emit(world, "invoice.updated", invoice, before)


def attempt(
    world: World, invoice: Json, method: Json | None, *, authenticated: bool = False, first: bool = False
) -> Outcome:
    """One try to pay an open invoice; what it means for the subscription is decided in `standing`."""
    if invoice["amount_due"] == 0:
        mark_paid(world, invoice)
        return Outcome(paid=True)
    outcome = payments.charge(world, invoice, method, authenticated=authenticated, first=first)
    count = invoice["attempt_count"] + 1
    if outcome.paid:
        world.change(invoice, attempt_count=count, attempted=True)
        mark_paid(world, invoice)
        return outcome
    world.change(invoice, attempt_count=count, attempted=True, next_payment_attempt=_next_try(world, invoice, count))
    if outcome.needs_action:
        events.emit(world, "invoice.payment_action_required", invoice)
    events.emit(world, "invoice.payment_failed", invoice)
    return outcome


def _next_try(world: World, invoice: Json, attempts: int) -> int | None:
    """Only renewals are tried again; a first payment or an upgrade waits for the customer."""
    days: list[float] = world.settings["retry_days"]
    if invoice["billing_reason"] != "subscription_cycle" or attempts > len(days):
        return None
    return world.now(invoice) + int(days[attempts - 1] * DAY)


def mark_paid(world: World, invoice: Json) -> None:
    transitions = invoice["status_transitions"] | {"paid_at": world.now(invoice)}
    world.change(
        invoice,
        status="paid",
        amount_paid=invoice["amount_due"],
        amount_remaining=0,
        attempted=True,
        next_payment_attempt=None,
        status_transitions=transitions,
    )
    events.emit(world, "invoice.paid", invoice)
    events.emit(world, "invoice.payment_succeeded", invoice)


def void(world: World, invoice: Json) -> Json:
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid("You can only void open or uncollectible invoices.", code="invoice_not_editable")
    transitions = invoice["status_transitions"] | {"voided_at": world.now(invoice)}
    world.change(invoice, status="void", next_payment_attempt=None, amount_remaining=0, status_transitions=transitions)
    payments.cancel(world, invoice)
    events.emit(world, "invoice.voided", invoice)
    return invoice


def subscription_of(world: World, invoice: Json) -> Json:
    return world.objects[invoice["parent"]["subscription_details"]["subscription"]]


def listed(call: Call) -> list[Json]:
    given = call.params
    call.named("customer", "customer")
    return [
        one
        for one in call.world.all("invoice")
        if given.get("customer") in (None, one["customer"])
        and given.get("status") in (None, one["status"])
        and given.get("subscription") in (None, one["parent"]["subscription_details"]["subscription"])
        and created_within(one, given.get("created"))
    ]


def method_for(world: World, invoice: Json, given: str | None) -> Json | None:
    if given:
        return cards.of_customer(world, world.objects[invoice["customer"]], given, "payment_method")
    return cards.paying_for(world, subscription_of(world, invoice))


def lines_of(call: Call) -> list[Json]:
    """Newest last, as on the invoice; a paged list is turned round."""
    data: list[Json] = call.found["lines"]["data"]
    return data[::-1]


def finalize_call(call: Call) -> Json:
    if call.found["status"] != "draft":
        raise invalid("This invoice is already finalized.", code="invoice_not_editable")
    finalize(call.world, call.found)
    return call.found


def void_call(call: Call) -> Json:
    return void(call.world, call.found)


def give_up(call: Call) -> Json:
    invoice = call.found
    if invoice["status"] != "open":
        raise invalid("You can only mark an open invoice uncollectible.", code="invoice_not_editable")
    transitions = invoice["status_transitions"] | {"marked_uncollectible_at": call.world.now(invoice)}
    call.world.change(invoice, status="uncollectible", next_payment_attempt=None, status_transitions=transitions)
    events.emit(call.world, "invoice.marked_uncollectible", invoice)
    return invoice
