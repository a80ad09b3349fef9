"""How many seats were charged for in the period that runs, as Stripe's own lines say it."""

from collections.abc import Iterator
from datetime import timedelta

import stripe

from billing.stripe import truth
from integrations.stripe import StripeClient

# An invoice may be made a moment before its period begins; which period a line is for, the line says.
EARLIER = timedelta(days=1)

Part = stripe.InvoiceLineItem | stripe.InvoiceItem


def seats(bought: stripe.Subscription) -> int:
    """The most of any line, on an invoice or waiting for the next one, since money was given back for seats; 0 without
    any. With more seats it is given back for those before, and all are charged for."""
    item = truth.item_of(bought)
    product, begins = _id(item.price.product), item.current_period_start
    every = _parts(bought, truth.api(), since=begins)
    parts = [part for part in every if part.period.start >= begins and _product(part) == product]
    credited = max((part.period.start for part in parts if part.amount < 0), default=begins)
    return max((part.quantity or 0 for part in parts if part.amount >= 0 and part.period.start >= credited), default=0)


def _parts(bought: stripe.Subscription, client: StripeClient, *, since: int) -> Iterator[Part]:
    api, created = client.v1, since - int(EARLIER.total_seconds())
    invoices = api.invoices.list({"subscription": bought.id, "created": {"gte": created}, "limit": 100})
    for invoice in invoices.auto_paging_iter():
        if invoice.status != "void":
            yield from invoice.lines.auto_paging_iter()
    customer = _id(bought.customer)
    for waiting in api.invoice_items.list({"customer": customer, "pending": True, "limit": 100}).auto_paging_iter():
        parent = waiting.parent and waiting.parent.subscription_details
        if parent and parent.subscription == bought.id:
            yield waiting


def _product(part: Part) -> str:
    details = part.pricing and part.pricing.price_details
    return details.product if details else ""


def _id(thing: "str | stripe.Product | stripe.Customer") -> str:
    return thing if isinstance(thing, str) else thing.id
