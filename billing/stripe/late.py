"""Since when a customer pays late (docs/decisions/0035)."""

from datetime import datetime
from itertools import takewhile

import stripe

from billing.stripe import truth


def since(bought: stripe.Subscription) -> datetime | None:
    """Since the first of the failed payments that no later invoice's payment has followed, however many have failed
    since. What is older and still open was followed by a time in which they counted as paid."""
    newest_first = truth.api().v1.invoices.list({"subscription": bought.id}).auto_paging_iter()
    unpaid = takewhile(lambda invoice: invoice.status != "paid", newest_first)
    return min((_tried_at(invoice) for invoice in unpaid if _is_owed(invoice)), default=None)


def _is_owed(invoice: stripe.Invoice) -> bool:
    return invoice.status == "open" and invoice.amount_remaining > 0


def _tried_at(invoice: stripe.Invoice) -> datetime:
    """A renewal's invoice is a draft for an hour, and then it is charged as it is made final."""
    return truth.moment(invoice.status_transitions.finalized_at or invoice.created)
