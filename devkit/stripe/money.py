"""Whole cents only."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
LEAST_CHARGE = 50


def amount(price: Json, quantity: int) -> int:
    """What one interval of a price costs."""
    if price["billing_scheme"] == "per_unit":
        return int(price["unit_amount"]) * quantity
    return _graduated(price["_tiers"], quantity) if price["tiers_mode"] == "graduated" else _volume(price, quantity)


def _graduated(tiers: list[Json], quantity: int) -> int:
    """Each tier that is reached costs its flat amount once and its unit amount for the units inside it."""
    total, below = 0, 0
    for tier in tiers:
        upper = quantity if tier["up_to"] is None else min(quantity, tier["up_to"])
        total += (tier["flat_amount"] or 0) + (tier["unit_amount"] or 0) * (upper - below)
        below = upper
        if below >= quantity:
            break
    return total


def _volume(price: Json, quantity: int) -> int:
    tier = next(one for one in price["_tiers"] if one["up_to"] is None or quantity <= one["up_to"])
    return int((tier["flat_amount"] or 0) + (tier["unit_amount"] or 0) * quantity)


def share(cents: int, part: int, whole: int) -> int:
    """`cents` × part ÷ whole, to the nearest cent, halves away from zero; exact, never through floats."""
    doubled = 2 * abs(cents) * part + whole
    rounded = doubled // (2 * whole)
    return rounded if cents >= 0 else -rounded


def shown(cents: int, currency: str = "usd") -> str:
    sign = "−" if cents < 0 else ""
    symbol = {"usd": "$", "eur": "€", "gbp": "£"}.get(currency, currency.upper() + " ")
    return f"{sign}{symbol}{abs(cents) // 100:,}.{abs(cents) % 100:02d}"
