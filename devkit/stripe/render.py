"""Objects as they are answered: private fields gone, embedded ones put in, ids expanded where asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devkit.stripe.errors import invalid
from devkit.stripe.plans import as_plan
from devkit.stripe.world import World

Json = dict[str, Any]
DEEPEST = 4
EMBEDDED_LINES = 10


def listing(url: str, data: list[Json], has_more: bool = False) -> Json:
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def view(world: World, obj: Json, expand: list[str] | None = None) -> Json:
    public = _public(obj)
    if obj["object"] == "subscription":
        _embed_prices(world, public)
    if obj["object"] == "invoice":
        lines = public["lines"]["data"]
        public["lines"] |= {"data": lines[:EMBEDDED_LINES], "has_more": len(lines) > EMBEDDED_LINES}
    return expanded(world, public, expand or [])


def expanded(world: World, public: Json, expand: list[str]) -> Json:
    tree: Json = {}
    for path in expand:
        steps = path.split(".")
        if len([step for step in steps if step != "data"]) > DEEPEST:
            raise invalid(f"You cannot expand more than {DEEPEST} levels of a property ({path}).", "expand")
        below = tree
        for step in steps:
            below = below.setdefault(step, {})
    _expand(world, public, tree)
    return public


def _public(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _public(one) for name, one in value.items() if not str(name).startswith("_")}
    return [_public(one) for one in value] if isinstance(value, list) else value


def _embed_prices(world: World, subscription: Json) -> None:
    for item in subscription["items"]["data"]:
        price = world.objects[item["price"]]
        item["plan"] = as_plan(price)
        item["price"] = _public(price)


def _expand(world: World, value: Any, tree: Json) -> None:
    if isinstance(value, list):
        for one in value:
            _expand(world, one, tree)
        return
    for name, below in tree.items():
        if not isinstance(value, dict):
            raise invalid(f"This property cannot be expanded ({name}).", "expand")
        included = INCLUDED.get((value.get("object", ""), name))
        if included is not None:
            value[name] = included(world, world.objects.get(value.get("id", ""), value))
        elif name not in value:
            raise invalid(f"This property cannot be expanded ({name}).", "expand")
        elif isinstance(value[name], str):
            found = world.objects.get(value[name])
            if found is None:
                raise invalid(f"This property cannot be expanded ({name}).", "expand")
            value[name] = view(world, found)
        if below and value[name] is not None:
            _expand(world, value[name], below)


def _subscriptions(world: World, customer: Json) -> Json:
    living = [view(world, one) for one in world.all("subscription", customer=customer["id"]) if one["ended_at"] is None]
    return listing(f"/v1/customers/{customer['id']}/subscriptions", living[::-1])


def _line_items(world: World, session: Json) -> Json:
    lines = [_public(line) | {"price": _public(world.objects[line["price"]])} for line in session["_line_items"]]
    return listing(f"/v1/checkout/sessions/{session['id']}/line_items", lines)


def _payments(world: World, invoice: Json) -> Json:
    return listing(
        "/v1/invoice_payments", [_public(one) for one in world.all("invoice_payment", invoice=invoice["id"])]
    )


def _secret(world: World, invoice: Json) -> Json | None:
    intent = world.objects.get(invoice.get("_payment_intent") or "")
    return {"client_secret": intent["client_secret"], "type": "payment_intent"} if intent else None


INCLUDED: dict[tuple[str, str], Callable[[World, Json], Any]] = {
    ("price", "tiers"): lambda world, price: _public(price["_tiers"]),
    ("customer", "subscriptions"): _subscriptions,
    ("checkout.session", "line_items"): _line_items,
    ("invoice", "payments"): _payments,
    ("invoice", "confirmation_secret"): _secret,
}
