"""Who takes the money. What may change into what is decided before, in `billing.changes`; no gateway knows it."""

from django.conf import settings

from billing.gateways.contract import (
    ACTIVE,
    CHECKOUT_REQUIRED,
    PENDING_APPROVAL,
    Change,
    Gateway,
    Invoice,
    Line,
    NoPortal,
    Preview,
    Refused,
)
from billing.gateways.manual import Manual

__all__ = [
    "ACTIVE",
    "CHECKOUT_REQUIRED",
    "PENDING_APPROVAL",
    "Change",
    "Gateway",
    "Invoice",
    "Line",
    "NoPortal",
    "Preview",
    "Refused",
    "gateway",
]


def gateway() -> Gateway:
    if settings.BILLING_GATEWAY == "stripe":
        from billing.gateways.stripe import Stripe

        return Stripe()
    return Manual()
