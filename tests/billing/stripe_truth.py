"""What the stand-in for Stripe says of a customer, read over HTTP and understood by code of its own.

Nothing of `billing/stripe` is used here: a fault there must not be found on both sides of a comparison.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from billing.models import Subscription
from devkit.stripe.process import KEY, StripeProcess
from integrations.stripe import VERSION


@dataclass(frozen=True)
class Standing:
    """`late_since`: when the first payment failed of those since the last one that was made."""

    tier: str
    status: str
    seats: int
    anchor_at: datetime
    pending_tier: str = ""
    pending_at: datetime | None = None
    late_since: datetime | None = None
    ended_at: datetime | None = None
    price: tuple[int, int] | None = None


def ask(vendor: StripeProcess, path: str, **params: Any) -> Any:
    headers = {"Authorization": f"Bearer {KEY}", "Stripe-Version": VERSION}
    answer = httpx.get(f"{vendor.url}/v1/{path}", params=params, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def at(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, tz=UTC) if seconds else None


def of_customer(vendor: StripeProcess, customer: str) -> Standing | None:
    """None when nothing was ever paid for."""
    found = ask(vendor, "subscriptions", customer=customer, status="all", limit=100)["data"]
    living = [one for one in found if one["status"] in {"active", "past_due", "unpaid"}]
    over = sorted((one for one in found if one["status"] == "canceled"), key=lambda one: one["ended_at"])
    assert len(living) <= 1, [one["id"] for one in living]
    if not living and not over:
        return None
    bought = living[0] if living else over[-1]
    (item,) = bought["items"]["data"]
    tier, seats = item["price"]["lookup_key"].split("_")[0], item["quantity"]
    anchor = at(bought["billing_cycle_anchor"])
    assert anchor is not None
    if not living:
        return Standing(tier, "canceled", seats, anchor, ended_at=at(bought["ended_at"]))
    is_late = bought["status"] != "active"
    late_since = _first_unpaid(vendor, bought["id"]) if is_late else None
    pending = _pending(vendor, bought, item)
    status, price = "past_due" if is_late else "active", _price(vendor, item["price"]["id"])
    return Standing(tier, status, seats, anchor, *pending, late_since=late_since, price=price)


def _price(vendor: StripeProcess, price: str) -> tuple[int, int]:
    """Cents a month, and for each seat."""
    found = ask(vendor, f"prices/{price}", **{"expand[]": "tiers"})
    if found["unit_amount"] is not None:
        return found["unit_amount"], 0
    (tier,) = found["tiers"]
    return tier["flat_amount"], tier["unit_amount"]


def _first_unpaid(vendor: StripeProcess, bought: str) -> datetime | None:
    invoices = ask(vendor, "invoices", subscription=bought, limit=100)["data"]
    last_paid = max((one["created"] for one in invoices if one["status"] == "paid"), default=0)
    owed = [one for one in invoices if one["status"] == "open" and one["created"] > last_paid]
    return at(min(one["status_transitions"]["finalized_at"] for one in owed)) if owed else None


def _pending(vendor: StripeProcess, bought: Any, item: Any) -> tuple[str, datetime | None]:
    if bought["cancel_at_period_end"]:
        return "", at(item["current_period_end"])
    if not bought["schedule"]:
        return "", None
    schedule = ask(vendor, f"subscription_schedules/{bought['schedule']}")
    coming = [one for one in schedule["phases"] if one["start_date"] >= schedule["current_phase"]["end_date"]]
    if not coming:
        return "", None
    price = ask(vendor, f"prices/{coming[0]['items'][0]['price']}")
    return price["lookup_key"].split("_")[0], at(coming[0]["start_date"])


def mirrored(subscription: Subscription) -> Standing:
    flat, each = subscription.price_cents, subscription.price_per_user_cents
    return Standing(
        subscription.tier,
        subscription.status,
        subscription.seats,
        subscription.anchor_at,
        subscription.pending_tier,
        subscription.pending_at,
        subscription.past_due_since,
        subscription.ended_at,
        price=None if flat is None else (flat, each or 0),
    )
