"""Paying an invoice: a payment intent for each, and what a card answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from devkit.stripe import cards, events
from devkit.stripe.cards import Refusal
from devkit.stripe.errors import ApiError, card_error
from devkit.stripe.render import view
from devkit.stripe.world import World

Json = dict[str, Any]
NO_CARD = Refusal("resource_missing", None, "This customer has no attached payment source or default payment method.")


@dataclass(frozen=True)
class Outcome:
    """Paid, refused by the card, or waiting for the customer's authentication."""

    paid: bool = False
    refusal: Refusal | None = None

    @property
    def needs_action(self) -> bool:
        return not self.paid and self.refusal is None


def intent_of(world: World, invoice: Json) -> Json:
    """The invoice's payment intent, made on first use."""
    if invoice["_payment_intent"]:
        return world.objects[invoice["_payment_intent"]]
    id = world.id("pi")
    intent = {
        "id": id,
        "object": "payment_intent",
        "amount": invoice["amount_due"],
        "amount_capturable": 0,
        "amount_received": 0,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{id}_secret_{world.id('x')[2:]}",
        "confirmation_method": "automatic",
        "created": world.now(invoice),
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "description": invoice["description"] or "Payment for Invoice",
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "payment_method": None,
        "payment_method_types": ["card"],
        "receipt_email": None,
        "setup_future_usage": "off_session",
        "status": "requires_payment_method",
        "_invoice": invoice["id"],
    }
    world.add(intent)
    world.change(invoice, _payment_intent=id)
    _record(world, invoice, intent)
    events.emit(world, "payment_intent.created", intent)
    return intent


def _record(world: World, invoice: Json, intent: Json) -> None:
    world.add(
        {
            "id": world.id("inpay"),
            "object": "invoice_payment",
            "amount_paid": None,
            "amount_requested": invoice["amount_due"],
            "created": world.now(invoice),
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "livemode": False,
            "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        }
    )


def charge(
    world: World, invoice: Json, method: Json | None, *, authenticated: bool = False, first: bool = False
) -> Outcome:
    """`first`: the customer is buying right now, which a card that fails later lets pass."""
    intent = intent_of(world, invoice)
    if method is None:
        return _fail(world, intent, None, NO_CARD)
    card = cards.card_of(method)
    if card.refusal is not None and not (first and card.attaches):
        return _fail(world, intent, method, card.refusal)
    demanded = card.authentication == "always" or (card.authentication == "once" and not method["_set_up"])
    if demanded and not authenticated:
        return _ask(world, intent, method)
    world.change(method, _set_up=True)
    before = view(world, intent)
    world.change(
        intent,
        status="succeeded",
        payment_method=method["id"],
        amount_received=intent["amount"],
        next_action=None,
        last_payment_error=None,
    )
    events.emit(world, "payment_intent.succeeded", intent)
    assert before["status"] != "succeeded", "an invoice is charged once"
    (record,) = world.all("invoice_payment", invoice=invoice["id"])
    paid_at = {"canceled_at": None, "paid_at": world.now(invoice)}
    world.change(record, status="paid", amount_paid=intent["amount"], status_transitions=paid_at)
    events.emit(world, "invoice_payment.paid", record)
    return Outcome(paid=True)


def _fail(world: World, intent: Json, method: Json | None, refusal: Refusal) -> Outcome:
    error: Json = {
        "code": refusal.code,
        "decline_code": refusal.decline_code,
        "message": refusal.message,
        "type": "card_error" if method else "invalid_request_error",
    }
    if method:
        error["payment_method"] = view(world, method)
    world.change(
        intent, status="requires_payment_method", next_action=None, payment_method=None, last_payment_error=error
    )
    events.emit(world, "payment_intent.payment_failed", intent)
    return Outcome(refusal=refusal)


def _ask(world: World, intent: Json, method: Json) -> Outcome:
    page = {"url": f"{world.base_url}/invoice/{intent['_invoice']}", "return_url": None}
    action = {"type": "redirect_to_url", "redirect_to_url": page}
    world.change(intent, status="requires_action", payment_method=method["id"], next_action=action)
    events.emit(world, "payment_intent.requires_action", intent)
    return Outcome()


def authentication_failed(world: World, invoice: Json) -> None:
    intent = intent_of(world, invoice)
    message = (
        "We are unable to authenticate your payment method. Please choose a different payment method and try again."
    )
    refusal = Refusal("payment_intent_authentication_failure", None, message)
    _fail(world, intent, world.objects.get(intent["payment_method"] or ""), refusal)


def cancel(world: World, invoice: Json) -> None:
    intent = world.objects.get(invoice["_payment_intent"] or "")
    if intent is None or intent["status"] in ("succeeded", "canceled"):
        return
    world.change(
        intent,
        status="canceled",
        canceled_at=world.now(invoice),
        cancellation_reason="void_invoice",
        next_action=None,
    )
    events.emit(world, "payment_intent.canceled", intent)


def error(world: World, invoice: Json, outcome: Outcome, *, of: str, keep: bool) -> ApiError:
    """What a caller is told; `of` is "invoice" or "subscription"."""
    intent = view(world, intent_of(world, invoice))
    if outcome.refusal is None:
        message = f"This {of}'s payment requires additional user action before it can be completed successfully."
        return card_error(message, f"{of}_payment_intent_requires_action", keep=keep, payment_intent=intent)
    if outcome.refusal is NO_CARD:
        return ApiError(400, NO_CARD.message, code=NO_CARD.code, keep=keep)
    return cards.refused(outcome.refusal, keep=keep, payment_intent=intent)
