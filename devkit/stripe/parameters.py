"""What each call takes. A name that ends in "!" is required; anything not named here is refused as unknown."""

from __future__ import annotations

from devkit.stripe.calls import CREATED, PAGING
from devkit.stripe.forms import Spec

EXPAND: Spec = {"expand": ["text"]}
PRORATION = ("none", "create_prorations", "always_invoice")
PAYMENT = ("allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete")
DETAILS: Spec = {"comment": "text", "feedback": "text"}

CUSTOMER_UPDATE: Spec = {
    **EXPAND,
    "balance": "int",
    "description": "text",
    "email": "text",
    "invoice_settings": {"default_payment_method": "text"},
    "metadata": "metadata",
    "name": "text",
    "phone": "text",
}
CUSTOMER: Spec = {**CUSTOMER_UPDATE, "payment_method": "text", "test_clock": "text"}
CUSTOMERS: Spec = {**PAGING, "created": CREATED, "email": "text", "test_clock": "text"}

PRODUCT_DATA: Spec = {
    "active": "bool",
    "id": "text",
    "metadata": "metadata",
    "name!": "text",
    "unit_label": "text",
}
PRODUCT: Spec = {**EXPAND, **PRODUCT_DATA, "description": "text"}
PRODUCT_UPDATE: Spec = {
    **EXPAND,
    "active": "bool",
    "description": "text",
    "metadata": "metadata",
    "name": "text",
    "unit_label": "text",
}
PRODUCTS: Spec = {**PAGING, "active": "bool", "created": CREATED, "ids": ["text"]}

TIER: Spec = {"flat_amount": "int", "unit_amount": "int", "up_to!": "inf"}
PRICE: Spec = {
    **EXPAND,
    "active": "bool",
    "billing_scheme": ("per_unit", "tiered"),
    "currency!": "text",
    "lookup_key": "text",
    "metadata": "metadata",
    "nickname": "text",
    "product": "text",
    "product_data": PRODUCT_DATA,
    "recurring": {"interval!": ("day", "week", "month", "year"), "interval_count": "int"},
    "tiers": [TIER],
    "tiers_mode": ("graduated", "volume"),
    "transfer_lookup_key": "bool",
    "unit_amount": "int",
}
PRICE_UPDATE: Spec = {
    **EXPAND,
    "active": "bool",
    "lookup_key": "text",
    "metadata": "metadata",
    "nickname": "text",
    "transfer_lookup_key": "bool",
}
PRICES: Spec = {
    **PAGING,
    "active": "bool",
    "created": CREATED,
    "currency": "text",
    "lookup_keys": ["text"],
    "product": "text",
    "type": ("one_time", "recurring"),
}

CHECKOUT: Spec = {
    **EXPAND,
    "allow_promotion_codes": "bool",
    "cancel_url": "text",
    "client_reference_id": "text",
    "customer": "text",
    "customer_email": "text",
    "expires_at": "int",
    "line_items!": [{"price!": "text", "quantity": "int"}],
    "locale": "text",
    "metadata": "metadata",
    "mode!": ("subscription",),
    "payment_method_types": [("card",)],
    "subscription_data": {"description": "text", "metadata": "metadata"},
    "success_url": "text",
    "ui_mode": ("hosted_page",),
}
CHECKOUTS: Spec = {
    **PAGING,
    "created": CREATED,
    "customer": "text",
    "status": ("open", "complete", "expired"),
    "subscription": "text",
}

SUBSCRIPTION: Spec = {
    **EXPAND,
    "customer!": "text",
    "default_payment_method": "text",
    "description": "text",
    "items!": [{"metadata": "metadata", "price!": "text", "quantity": "int"}],
    "metadata": "metadata",
    "off_session": "bool",
    "payment_behavior": PAYMENT,
    "proration_behavior": PRORATION,
}
ITEM: Spec = {"deleted": "bool", "id": "text", "metadata": "metadata", "price": "text", "quantity": "int"}
SUBSCRIPTION_UPDATE: Spec = {
    **EXPAND,
    "cancel_at": "text",
    "cancel_at_period_end": "bool",
    "cancellation_details": DETAILS,
    "default_payment_method": "text",
    "description": "text",
    "items": [ITEM],
    "metadata": "metadata",
    "off_session": "bool",
    "payment_behavior": PAYMENT,
    "proration_behavior": PRORATION,
    "proration_date": "int",
}
SUBSCRIPTION_CANCEL: Spec = {**EXPAND, "cancellation_details": DETAILS, "invoice_now": "bool", "prorate": "bool"}
SUBSCRIPTIONS: Spec = {
    **PAGING,
    "created": CREATED,
    "customer": "text",
    "price": "text",
    "status": (
        "active",
        "all",
        "canceled",
        "ended",
        "incomplete",
        "incomplete_expired",
        "past_due",
        "paused",
        "trialing",
        "unpaid",
    ),
}

PHASE: Spec = {
    "duration": {"interval!": ("day", "week", "month", "year"), "interval_count": "int"},
    "end_date": "now",
    "items!": [{"metadata": "metadata", "price!": "text", "quantity": "int"}],
    "metadata": "metadata",
    "proration_behavior": PRORATION,
    "start_date": "now",
}
SCHEDULE: Spec = {**EXPAND, "from_subscription!": "text", "metadata": "metadata"}
SCHEDULE_UPDATE: Spec = {
    **EXPAND,
    "end_behavior": ("cancel", "release"),
    "metadata": "metadata",
    "phases": [PHASE],
    "proration_behavior": PRORATION,
}
SCHEDULE_RELEASE: Spec = {**EXPAND, "preserve_cancel_date": "bool"}
SCHEDULE_CANCEL: Spec = {**EXPAND, "invoice_now": "bool", "prorate": "bool"}
SCHEDULES: Spec = {**PAGING, "created": CREATED, "customer": "text"}

INVOICE_STATUS = ("draft", "open", "paid", "uncollectible", "void")
INVOICES: Spec = {
    **PAGING,
    "created": CREATED,
    "customer": "text",
    "status": INVOICE_STATUS,
    "subscription": "text",
}
INVOICE_ITEMS: Spec = {**PAGING, "customer": "text", "invoice": "text", "pending": "bool"}
INVOICE_PAY: Spec = {**EXPAND, "off_session": "bool", "payment_method": "text"}
PREVIEW: Spec = {
    **EXPAND,
    "customer": "text",
    "preview_mode": ("next", "recurring"),
    "schedule": "text",
    "schedule_details": {
        "end_behavior": ("cancel", "release"),
        "phases": [PHASE],
        "proration_behavior": PRORATION,
    },
    "subscription": "text",
    "subscription_details": {
        "cancel_at_period_end": "bool",
        "items": [ITEM],
        "proration_behavior": PRORATION,
        "proration_date": "int",
    },
}

AFTER_COMPLETION: Spec = {
    "hosted_confirmation": {"custom_message": "text"},
    "redirect": {"return_url!": "text"},
    "type!": ("hosted_confirmation", "portal_homepage", "redirect"),
}
PORTAL: Spec = {
    **EXPAND,
    "configuration": "text",
    "customer!": "text",
    "flow_data": {
        "after_completion": AFTER_COMPLETION,
        "subscription_cancel": {"subscription!": "text"},
        "subscription_update_confirm": {
            "items!": [{"id!": "text", "price": "text", "quantity": "int"}],
            "subscription!": "text",
        },
        "type!": ("payment_method_update", "subscription_cancel", "subscription_update_confirm"),
    },
    "locale": "text",
    "return_url": "text",
}
SWITCH: Spec = {"enabled!": "bool"}
UPDATES = ("price", "promotion_code", "quantity")
PORTAL_PRODUCT: Spec = {"prices!": ["text"], "product!": "text"}
FEATURES: Spec = {
    "customer_update": {"allowed_updates": ["text"], "enabled": "bool"},
    "invoice_history": SWITCH,
    "payment_method_update": {"enabled!": "bool"},
    "subscription_cancel": {
        "cancellation_reason": {"enabled!": "bool", "options": ["text"]},
        "enabled!": "bool",
        "mode": ("at_period_end", "immediately"),
        "proration_behavior": PRORATION,
    },
    "subscription_update": {
        "default_allowed_updates": [UPDATES],
        "enabled!": "bool",
        "products": [PORTAL_PRODUCT],
        "proration_behavior": PRORATION,
        "schedule_at_period_end": {"conditions": [{"type!": ("decreasing_item_amount", "shortening_interval")}]},
    },
}
CONFIGURATION_UPDATE: Spec = {
    **EXPAND,
    "active": "bool",
    "business_profile": {"headline": "text", "privacy_policy_url": "text", "terms_of_service_url": "text"},
    "default_return_url": "text",
    "features": FEATURES,
    "metadata": "metadata",
    "name": "text",
}
CONFIGURATION: Spec = {
    **{name: kind for name, kind in CONFIGURATION_UPDATE.items() if name not in ("active", "features")},
    "features!": FEATURES,
}
CONFIGURATIONS: Spec = {**PAGING, "active": "bool", "is_default": "bool"}

METHOD: Spec = {
    **EXPAND,
    "card": {"cvc": "text", "exp_month": "int", "exp_year": "int", "number": "text", "token": "text"},
    "type!": ("card",),
}
METHOD_UPDATE: Spec = {**EXPAND, "metadata": "metadata"}
METHODS: Spec = {**PAGING, "customer": "text", "type": ("card",)}
ATTACH: Spec = {**EXPAND, "customer!": "text"}
SETUP: Spec = {
    **EXPAND,
    "confirm": "bool",
    "customer": "text",
    "metadata": "metadata",
    "payment_method": "text",
    "payment_method_types": [("card",)],
    "usage": ("off_session", "on_session"),
}
INTENTS: Spec = {**PAGING, "created": CREATED, "customer": "text"}

EVENTS: Spec = {**PAGING, "created": CREATED, "type": "text", "types": ["text"]}
ENDPOINT: Spec = {
    **EXPAND,
    "api_version": "text",
    "description": "text",
    "enabled_events!": ["text"],
    "metadata": "metadata",
    "url!": "text",
}
ENDPOINT_UPDATE: Spec = {
    **EXPAND,
    "description": "text",
    "disabled": "bool",
    "enabled_events": ["text"],
    "metadata": "metadata",
    "url": "text",
}
CLOCK: Spec = {**EXPAND, "frozen_time!": "int", "name": "text"}
CLOCK_ADVANCE: Spec = {**EXPAND, "frozen_time!": "int"}
