"""What a person does in the portal, carried out."""

from __future__ import annotations

from typing import Any

from devkit.stripe import cards, changes, events, intents, invoices, lines, money, schedules, standing, subscriptions
from devkit.stripe.calls import Call
from devkit.stripe.errors import ApiError, card_error, invalid
from devkit.stripe.world import World

Json = dict[str, Any]


class NeedsAuthentication(Exception):
    """Nothing was done yet; `then` is the form to be done once the person has authenticated."""

    def __init__(self, then: dict[str, str]) -> None:
        super().__init__("authentication required")
        self.then = then


def do(world: World, session: Json, form: dict[str, str], *, authenticating: bool) -> str:
    """Answers with what to tell the person."""
    if authenticating:
        passed = form.get("authentication") == "complete"
        waiting = session["_authenticating"]
        if not waiting or not passed:
            raise card_error(
                "We are unable to authenticate your payment method. Please choose a different payment method and try"
                " again.",
                "payment_intent_authentication_failure",
            )
        world.change(session, _authenticating=None)
        form = waiting
    deed = DEEDS.get(form.get("do", ""))
    if deed is None:
        raise invalid("This page does not know that.", "do")
    return deed(world, session, form, authenticating)


def _feature(world: World, session: Json, name: str) -> Json:
    feature: Json = world.objects[session["configuration"]]["features"][name]
    if not feature["enabled"]:
        raise invalid(f"The portal configuration has {name} switched off.")
    return feature


def _subscription(world: World, session: Json, id: str) -> Json:
    subscription = world.get("subscription", id, "subscription")
    if subscription["customer"] != session["customer"] or subscription["ended_at"] is not None:
        raise invalid("This is not a subscription of yours.", "subscription")
    return subscription


def _use_card(world: World, session: Json, form: dict[str, str], authenticated: bool) -> str:
    _feature(world, session, "payment_method_update")
    card = cards.by_number(form.get("card", ""))
    if card is None:
        raise invalid("This is not one of the test cards. This stand-in takes no other.")
    if card.authentication != "never" and not authenticated:
        raise NeedsAuthentication({"do": "card", "card": card.number})
    customer = world.objects[session["customer"]]
    method = cards.add(world, customer, card)
    world.change(method, _set_up=True)
    intent = intents.make(world, customer, method, {})
    world.change(intent, status="succeeded")
    events.emit(world, "setup_intent.succeeded", intent)
    cards.use(world, customer, method)
    return "Your card was changed." + _pay_what_is_open(world, customer, method)


def _pay_what_is_open(world: World, customer: Json, method: Json) -> str:
    words = ""
    for invoice in world.all("invoice", customer=customer["id"], status="open"):
        if invoices.subscription_of(world, invoice)["ended_at"] is None:
            outcome = standing.collect(world, invoice, method, authenticated=True)
            paid = "was paid" if outcome.paid else "could not be paid"
            words += f" Invoice {invoice['number']} {paid}."
    return words


def _cancel(world: World, session: Json, form: dict[str, str], authenticated: bool) -> str:
    feature = _feature(world, session, "subscription_cancel")
    subscription = _subscription(world, session, form.get("subscription", ""))
    if feature["mode"] == "immediately":
        subscriptions.end(world, subscription, reason="cancellation_requested")
        return "Your subscription was canceled."
    given: Json = {"cancel_at": "min_period_end"}
    if world.settings["portal_cancel"] == "cancel_at_period_end":
        given = {"cancel_at_period_end": True}
    changes.update(Call(world, given, subscription["id"], "subscription"))
    return "Your subscription ends with the current period."


def _renew(world: World, session: Json, form: dict[str, str], authenticated: bool) -> str:
    _feature(world, session, "subscription_cancel")
    subscription = _subscription(world, session, form.get("subscription", ""))
    changes.update(Call(world, {"cancel_at": None}, subscription["id"], "subscription"))
    return "Your subscription goes on."


def items_of(wanted: Json) -> list[Json]:
    return [{name: value for name, value in one.items() if value is not None} for one in wanted["items"]]


def _confirm(world: World, session: Json, form: dict[str, str], authenticated: bool) -> str:
    """The change and its payment together, or neither."""
    feature = _feature(world, session, "subscription_update")
    if not session["flow"] or session["flow"]["type"] != "subscription_update_confirm":
        raise invalid("There is nothing to confirm.")
    wanted = session["flow"]["subscription_update_confirm"]
    subscription = _subscription(world, session, wanted["subscription"])
    if is_put_off(world, subscription, feature, items_of(wanted)):
        _put_off(world, subscription, items_of(wanted))
        return f"Your plan changes on {lines.day(lines.period_of(subscription)[1])}."
    given = {
        "items": items_of(wanted),
        "proration_behavior": feature["proration_behavior"],
        "payment_behavior": "error_if_incomplete",
        "_authenticated": authenticated,
    }
    try:
        with world.transaction():
            changes.update(Call(world, given, subscription["id"], "subscription"))
    except ApiError as refused:
        if refused.error.get("code") == "subscription_payment_intent_requires_action":
            raise NeedsAuthentication({"do": "confirm"}) from refused
        raise
    return "Your plan was changed."


def is_put_off(world: World, subscription: Json, feature: Json, items: list[Json]) -> bool:
    """Whether a condition of the configuration puts this change off to the period's end. No interval changes here."""
    conditions = [one["type"] for one in feature["schedule_at_period_end"]["conditions"]]
    if "decreasing_item_amount" not in conditions or world.settings["portal_smaller"] == "at_once":
        return False
    _, changed = changes.wanted(world, subscription, items)
    return any(
        one.old_price
        and one.price
        and money.amount(one.price, one.quantity) < money.amount(one.old_price, one.old_quantity)
        for one in changed
    )


def _put_off(world: World, subscription: Json, items: list[Json]) -> None:
    if subscription["cancel_at"]:
        raise invalid("This subscription cannot be updated because it is going to be canceled.")
    after, _ = changes.wanted(world, subscription, items)
    with world.transaction():
        schedule = schedules.create(Call(world, {"from_subscription": subscription["id"]}))
        (present,) = schedule["phases"]
        span = {"start_date": present["start_date"], "end_date": present["end_date"]}
        phases = [
            span | {"items": _of(subscription["items"]["data"])},
            {"items": _of(after), "proration_behavior": "none"},
        ]
        schedules.update(Call(world, {"phases": phases}, schedule["id"], "subscription_schedule"))


def _of(items: list[Json]) -> list[Json]:
    return [{"price": one["price"], "quantity": one["quantity"]} for one in items]


DEEDS = {"card": _use_card, "cancel": _cancel, "renew": _renew, "confirm": _confirm}
