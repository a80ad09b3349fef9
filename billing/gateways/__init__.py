"""Who takes the money. What may change into what is decided before, in `billing.changes`; no gateway knows it."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from billing.gateways.contract import (
    ACTIVE,
    CHECKOUT_REQUIRED,
    PENDING_APPROVAL,
    Change,
    Gateway,
    Line,
    NoPortal,
    Preview,
)
from billing.gateways.manual import Manual

__all__ = [
    "ACTIVE",
    "CHECKOUT_REQUIRED",
    "PENDING_APPROVAL",
    "Change",
    "Gateway",
    "Line",
    "NoPortal",
    "Preview",
    "gateway",
]


def gateway() -> Gateway:
    if settings.BILLING_GATEWAY != "manual":
        raise ImproperlyConfigured(f"BILLING_GATEWAY is manual, not {settings.BILLING_GATEWAY!r}.")
    return Manual()
