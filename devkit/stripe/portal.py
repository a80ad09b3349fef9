"""Billing portal: configurations, and the sessions that open its page."""

from __future__ import annotations

from typing import Any

from devkit.stripe import changes, customers, events
from devkit.stripe.calls import Call
from devkit.stripe.errors import invalid, missing_parameter
from devkit.stripe.forms import merged
from devkit.stripe.render import view
from devkit.stripe.world import World

Json = dict[str, Any]
CONFIGURATION = "billing_portal.configuration"
ON: Json = {
    "customer_update": {"allowed_updates": ["email"], "enabled": False},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "options": []},
        "enabled": True,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_pause": {"duration": {"interval_options": [], "type": "indefinite"}, "enabled": False},
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": ["price", "quantity"],
        "enabled": True,
        "products": [],
        "proration_behavior": "always_invoice",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}
OFF: Json = {
    **ON,
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": ON["subscription_cancel"] | {"enabled": False},
    "subscription_update": ON["subscription_update"]
    | {"enabled": False, "default_allowed_updates": [], "proration_behavior": "none"},
}


def configure(call: Call) -> Json:
    configuration = _configuration(call.world, _features(OFF, call.params["features"]), is_default=False)
    return _filled(call, configuration)


def _configuration(world: World, features: Json, *, is_default: bool) -> Json:
    now = world.now()
    configuration = {
        "id": world.id("bpc"),
        "object": CONFIGURATION,
        "active": True,
        "application": None,
        "business_profile": {"headline": None, "privacy_policy_url": None, "terms_of_service_url": None},
        "created": now,
        "default_return_url": None,
        "features": features,
        "is_default": is_default,
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": {},
        "name": None,
        "updated": now,
    }
    world.add(configuration)
    events.emit(world, "billing_portal.configuration.created", configuration)
    return configuration


def _features(base: Json, given: Json) -> Json:
    return {name: one | _tidied(given.get(name) or {}) for name, one in base.items()}


def _tidied(given: Json) -> Json:
    if "cancellation_reason" in given:
        given = given | {"cancellation_reason": {"options": []} | given["cancellation_reason"]}
    return given


def _filled(call: Call, configuration: Json) -> Json:
    given = call.params
    changed = {name: given[name] for name in ("active", "default_return_url", "name") if name in given}
    profile = configuration["business_profile"] | (given.get("business_profile") or {})
    metadata = merged(configuration["metadata"], given)
    return call.world.change(configuration, **changed, business_profile=profile, metadata=metadata)


def reconfigure(call: Call) -> Json:
    configuration = call.found
    before = view(call.world, configuration)
    features = _features(configuration["features"], call.params.get("features") or {})
    call.world.change(configuration, features=features, updated=call.world.now())
    _filled(call, configuration)
    events.emit(call.world, "billing_portal.configuration.updated", configuration, before)
    return configuration


def configurations(call: Call) -> list[Json]:
    given = call.params
    return [
        one
        for one in call.world.all(CONFIGURATION)
        if given.get("active") in (None, one["active"]) and given.get("is_default") in (None, one["is_default"])
    ]


def _chosen(call: Call) -> Json:
    if call.params.get("configuration"):
        chosen = call.world.get(CONFIGURATION, call.params["configuration"], "configuration")
        if not chosen["active"]:
            raise invalid("This portal configuration is inactive.", "configuration")
        return chosen
    default = call.world.all(CONFIGURATION, is_default=True)
    return default[0] if default else _configuration(call.world, ON, is_default=True)


def create(call: Call) -> Json:
    world, given = call.world, call.params
    customer = customers.living(world, given["customer"])
    configuration = _chosen(call)
    id = world.id("bps")
    flow = _flow(world, customer, configuration, given["flow_data"]) if given.get("flow_data") else None
    return world.add(
        {
            "id": id,
            "object": "billing_portal.session",
            "configuration": configuration["id"],
            "created": world.now({"customer": customer["id"]}),
            "customer": customer["id"],
            "flow": flow,
            "livemode": False,
            "locale": given.get("locale"),
            "on_behalf_of": None,
            "return_url": given.get("return_url") or configuration["default_return_url"],
            "url": f"{world.base_url}/p/session/{id}",
            "_authenticating": None,
        }
    )


def _flow(world: World, customer: Json, configuration: Json, given: Json) -> Json:
    kind: str = given["type"]
    if kind != "payment_method_update" and not given.get(kind):
        raise missing_parameter(f"flow_data[{kind}]")
    needs = "subscription_update" if kind == "subscription_update_confirm" else kind
    if not configuration["features"][needs]["enabled"]:
        what = needs.replace("_", " ")
        raise invalid(
            f"This flow cannot be used because the {what} feature in the portal configuration is disabled.",
            "flow_data[type]",
        )
    flow: Json = {
        "type": kind,
        "after_completion": _after(given.get("after_completion") or {"type": "portal_homepage"}),
        "subscription_cancel": None,
        "subscription_update": None,
        "subscription_update_confirm": None,
    }
    if kind == "subscription_cancel":
        _own(world, customer, given[kind]["subscription"], kind)
        flow[kind] = {"retention": None, "subscription": given[kind]["subscription"]}
    if kind == "subscription_update_confirm":
        flow[kind] = _confirmable(world, customer, configuration, given[kind])
    return flow


def _after(given: Json) -> Json:
    return {"type": given["type"]} | {name: given.get(name) for name in ("hosted_confirmation", "redirect")}


def _own(world: World, customer: Json, id: str, kind: str) -> Json:
    subscription = world.get("subscription", id, f"flow_data[{kind}][subscription]")
    if subscription["customer"] != customer["id"] or subscription["ended_at"] is not None:
        raise invalid("The subscription is not one that this customer can change.", f"flow_data[{kind}][subscription]")
    return subscription


def _confirmable(world: World, customer: Json, configuration: Json, given: Json) -> Json:
    where = "flow_data[subscription_update_confirm]"
    subscription = _own(world, customer, given["subscription"], "subscription_update_confirm")
    if len(given["items"]) != 1 or len(subscription["items"]["data"]) != 1:
        raise invalid("Subscriptions with multiple items are not updatable in the portal.", f"{where}[items]")
    if subscription["schedule"]:
        raise invalid(
            f"This subscription cannot be updated because it is managed by the subscription schedule"
            f" `{subscription['schedule']}`.",
            f"{where}[subscription]",
        )
    if subscription["cancel_at"]:
        raise invalid(
            "This subscription cannot be updated because it is going to be canceled.", f"{where}[subscription]"
        )
    _, changed = changes.wanted(world, subscription, given["items"])
    if not any(change.matters for change in changed):
        raise invalid("The update changes nothing.", f"{where}[items]")
    _check_offered(configuration, changed[0].price, f"{where}[items]")
    item = given["items"][0]
    return {
        "discounts": None,
        "items": [{"id": item["id"], "price": item.get("price"), "quantity": item.get("quantity")}],
        "subscription": subscription["id"],
    }


def _check_offered(configuration: Json, price: Json | None, where: str) -> None:
    """A configuration that names products allows no price beside theirs."""
    offered = configuration["features"]["subscription_update"]["products"]
    if price is not None and offered and price["id"] not in [id for one in offered for id in one["prices"]]:
        raise invalid(f"The price {price['id']} is not among those of the portal configuration.", where)
