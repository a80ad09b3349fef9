"""Who takes the money. What may change into what is decided before, in `billing.choices`; no gateway knows it."""

from datetime import datetime

from django.conf import settings

from billing.gateways.contract import (
    ACTIVE,
    CHECKOUT_REQUIRED,
    PENDING_APPROVAL,
    SILENCE,
    AlreadyBought,
    Change,
    Gateway,
    Invoice,
    Invoices,
    KnownSilent,
    Line,
    NoPortal,
    Preview,
    Refused,
    Silent,
    Unheard,
)
from billing.gateways.manual import Manual
from billing.models import Subscription

__all__ = [
    "ACTIVE",
    "CHECKOUT_REQUIRED",
    "PENDING_APPROVAL",
    "SILENCE",
    "AlreadyBought",
    "Change",
    "Gateway",
    "Invoice",
    "Invoices",
    "KnownSilent",
    "Line",
    "NoPortal",
    "Preview",
    "Refused",
    "Silent",
    "Unheard",
    "gateway",
    "is_given",
]


def is_given(subscription: Subscription, *, now: datetime) -> bool:
    """Whether staff gave the plan where others pay."""
    return gateway().takes_money and not gateway().is_bought(subscription, now=now)


def gateway() -> Gateway:
    if settings.BILLING_GATEWAY == "stripe":
        from billing.gateways.stripe import Stripe

        return Stripe()
    return Manual()
