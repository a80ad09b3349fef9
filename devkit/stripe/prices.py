"""Products and prices."""

from __future__ import annotations

from typing import Any

from devkit.stripe import events, render
from devkit.stripe.calls import Call
from devkit.stripe.errors import invalid, missing_parameter
from devkit.stripe.forms import merged
from devkit.stripe.world import World

Json = dict[str, Any]


def create_product(call: Call) -> Json:
    world, given = call.world, call.params
    id = given.get("id") or world.id("prod", 14)
    if id in world.objects:
        raise invalid(f"Product already exists: {id}", "id", "resource_already_exists")
    now = world.now()
    product = world.add(
        {
            "id": id,
            "object": "product",
            "active": given.get("active", True),
            "created": now,
            "default_price": None,
            "description": given.get("description"),
            "images": [],
            "livemode": False,
            "marketing_features": [],
            "metadata": merged({}, given),
            "name": given["name"],
            "package_dimensions": None,
            "shippable": None,
            "statement_descriptor": None,
            "tax_code": None,
            "type": "service",
            "unit_label": given.get("unit_label"),
            "updated": now,
            "url": None,
        }
    )
    events.emit(world, "product.created", product)
    return product


def update_product(call: Call) -> Json:
    product = call.found
    before = render.view(call.world, product)
    changes = {n: call.params[n] for n in ("name", "active", "description", "unit_label") if n in call.params}
    metadata = merged(product["metadata"], call.params)
    call.world.change(product, **changes, metadata=metadata, updated=call.world.now())
    events.emit(call.world, "product.updated", product, before)
    return product


def products(call: Call) -> list[Json]:
    active, ids = call.params.get("active"), call.params.get("ids")
    return [
        one
        for one in call.world.all("product")
        if active in (None, one["active"]) and (ids is None or one["id"] in ids)
    ]


def create(call: Call) -> Json:
    world, given = call.world, call.params
    if "product_data" in given:
        product = create_product(Call(world, given["product_data"]))
    elif given.get("product"):
        product = world.get("product", given["product"], "product")
    else:
        raise missing_parameter("product")
    tiers = _tiers(given)
    price = world.add(
        {
            "id": world.id("price"),
            "object": "price",
            "active": given.get("active", True),
            "billing_scheme": given.get("billing_scheme", "per_unit"),
            "created": world.now(),
            "currency": given["currency"],
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": None,
            "metadata": merged({}, given),
            "nickname": given.get("nickname"),
            "product": product["id"],
            "recurring": _recurring(given.get("recurring")),
            "tax_behavior": "unspecified",
            "tiers_mode": given.get("tiers_mode") if tiers else None,
            "transform_quantity": None,
            "type": "recurring" if given.get("recurring") else "one_time",
            "unit_amount": None if tiers else given["unit_amount"],
            "unit_amount_decimal": None if tiers else str(given["unit_amount"]),
            "_tiers": tiers,
        }
    )
    _take_lookup_key(world, price, given)
    events.emit(world, "price.created", price)
    return price


def _recurring(given: Json | None) -> Json | None:
    if given is None:
        return None
    return {
        "interval": given["interval"],
        "interval_count": given.get("interval_count", 1),
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def _tiers(given: Json) -> list[Json] | None:
    if given.get("billing_scheme", "per_unit") == "per_unit":
        if given.get("tiers"):
            raise invalid("You can only set `tiers` when `billing_scheme=tiered`.", "tiers")
        if given.get("unit_amount") is None:
            raise missing_parameter("unit_amount")
        return None
    if not given.get("tiers"):
        raise missing_parameter("tiers")
    if not given.get("tiers_mode"):
        raise missing_parameter("tiers_mode")
    if given.get("unit_amount") is not None:
        raise invalid("You cannot set `unit_amount` when `billing_scheme=tiered`.", "unit_amount")
    uppers = [tier["up_to"] for tier in given["tiers"]]
    finite = uppers[:-1]
    if uppers[-1] != "inf" or "inf" in finite or finite != sorted(set(finite)):
        raise invalid("The tiers must rise, and the last one must have `up_to=inf`.", "tiers")
    return [_tier(tier) for tier in given["tiers"]]


def _tier(given: Json) -> Json:
    flat, unit = given.get("flat_amount"), given.get("unit_amount")
    if flat is None and unit is None:
        raise invalid("Each tier needs a `flat_amount` or a `unit_amount`.", "tiers")
    return {
        "flat_amount": flat,
        "flat_amount_decimal": None if flat is None else str(flat),
        "unit_amount": unit,
        "unit_amount_decimal": None if unit is None else str(unit),
        "up_to": None if given["up_to"] == "inf" else given["up_to"],
    }


def _take_lookup_key(world: World, price: Json, given: Json) -> None:
    key = given.get("lookup_key")
    if not key:
        return
    for other in world.all("price", lookup_key=key):
        if other is price:
            continue
        if not given.get("transfer_lookup_key"):
            raise invalid(f"A price (`{other['id']}`) already uses that lookup key.", "lookup_key")
        before = render.view(world, other)
        world.change(other, lookup_key=None)
        events.emit(world, "price.updated", other, before)
    world.change(price, lookup_key=key)


def update(call: Call) -> Json:
    price = call.found
    before = render.view(call.world, price)
    changes = {name: call.params[name] for name in ("active", "nickname") if name in call.params}
    call.world.change(price, **changes, metadata=merged(price["metadata"], call.params))
    _take_lookup_key(call.world, price, call.params)
    events.emit(call.world, "price.updated", price, before)
    return price


def listed(call: Call) -> list[Json]:
    given = call.params
    keys = given.get("lookup_keys")
    return [
        one
        for one in call.world.all("price")
        if (keys is None or one["lookup_key"] in keys)
        and given.get("active") in (None, one["active"])
        and given.get("product") in (None, one["product"])
        and given.get("type") in (None, one["type"])
        and given.get("currency") in (None, one["currency"])
    ]


def sold(world: World, id: str, param: str) -> Json:
    """A price that can be put into a subscription now."""
    price = world.get("price", id, param)
    if not price["active"]:
        raise invalid("The price specified is inactive. This field only accepts active prices.", param)
    if price["recurring"] is None:
        raise invalid(
            "The price specified is set to `type=one_time` but this field only accepts `type=recurring`.", param
        )
    return price


def name_of(world: World, price: Json) -> str:
    return str(world.objects[price["product"]]["name"])
