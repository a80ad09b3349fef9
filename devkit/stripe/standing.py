"""What a payment, or its failure, means for the subscription behind the invoice."""

from __future__ import annotations

from typing import Any

from devkit.stripe import events, invoices, payments, subscriptions
from devkit.stripe.calls import Call
from devkit.stripe.errors import invalid
from devkit.stripe.payments import Outcome
from devkit.stripe.render import view
from devkit.stripe.world import World

Json = dict[str, Any]
PAYABLE = ("open", "uncollectible")


def pay(call: Call) -> Json:
    invoice, world = call.found, call.world
    if invoice["status"] == "draft":
        invoices.finalize(world, invoice)
    check_payable(invoice)
    method = invoices.method_for(world, invoice, call.params.get("payment_method"))
    outcome = collect(world, invoice, method)
    if not outcome.paid:
        raise payments.error(world, invoice, outcome, of="invoice", keep=True)
    return invoice


def check_payable(invoice: Json) -> None:
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] not in PAYABLE:
        raise invalid(f"Invoice is {invoice['status']} and can no longer be paid.", code="invoice_not_editable")


def collect(
    world: World, invoice: Json, method: Json | None, *, authenticated: bool = False, first: bool = False
) -> Outcome:
    """One attempt, and its consequence."""
    outcome = invoices.attempt(world, invoice, method, authenticated=authenticated, first=first)
    subscription = invoices.subscription_of(world, invoice)
    if outcome.paid:
        paid(world, subscription, invoice)
    else:
        failed(world, subscription, invoice)
    return outcome


def paid(world: World, subscription: Json, invoice: Json) -> None:
    before = view(world, subscription)
    pending = subscription["pending_update"]
    if pending and subscription["latest_invoice"] == invoice["id"]:
        applied = subscription["_pending_items"]
        items = subscription["items"] | {"data": applied}
        world.change(subscription, items=items, pending_update=None, _pending_items=None)
        events.emit(world, "customer.subscription.pending_update_applied", subscription, before)
    if subscription["status"] in ("incomplete", "past_due", "unpaid") and not _owes(world, subscription):
        world.change(subscription, status="active")
    events.emit(world, "customer.subscription.updated", subscription, before)
    _delinquent(world, subscription, False)


def _owes(world: World, subscription: Json) -> bool:
    """Whether the newest invoice is still to be paid; older ones do not keep a subscription back."""
    latest = world.objects.get(subscription["latest_invoice"] or "")
    return latest is not None and latest["status"] in PAYABLE


def failed(world: World, subscription: Json, invoice: Json) -> None:
    """A first payment leaves it incomplete; any other makes it past due, and after the last try ends it."""
    if subscription["ended_at"] is not None or invoice["billing_reason"] == "subscription_create":
        return
    if subscription["pending_update"] and subscription["latest_invoice"] == invoice["id"]:
        return
    before = view(world, subscription)
    if subscription["status"] == "active":
        world.change(subscription, status="past_due")
    _delinquent(world, subscription, True)
    tried_out = invoice["billing_reason"] == "subscription_cycle" and invoice["next_payment_attempt"] is None
    if not tried_out:
        events.emit(world, "customer.subscription.updated", subscription, before)
        return
    after = world.settings["after_retries"]
    if after == "cancel":
        events.emit(world, "customer.subscription.updated", subscription, before)
        subscriptions.end(world, subscription, reason="payment_failed")
        return
    world.change(subscription, status=after)
    events.emit(world, "customer.subscription.updated", subscription, before)


def _delinquent(world: World, subscription: Json, owes: bool) -> None:
    customer = world.objects[subscription["customer"]]
    before = view(world, customer)
    world.change(customer, delinquent=owes)
    events.emit(world, "customer.updated", customer, before)
