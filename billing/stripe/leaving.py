"""Ending everything that a customer could be charged for, at once."""

from billing.models import StripeAccount
from billing.stripe import truth


def end_all(account: StripeAccount) -> None:
    """The pages to pay at first: what was paid for there meanwhile is a subscription that is found then.

    Stripe collects no invoice of a subscription that was cancelled, and nothing is left to renew.
    """
    close_checkouts(account)
    api = truth.api().v1
    with truth.of_who_may_be_gone():
        for bought in api.subscriptions.list({"customer": account.customer_id}).auto_paging_iter():
            api.subscriptions.cancel(bought.id, {"invoice_now": False, "prorate": False})


def close_checkouts(account: StripeAccount) -> None:
    api = truth.api().v1
    with truth.of_who_may_be_gone():
        for session in api.checkout.sessions.list({"customer": account.customer_id, "status": "open"}).data:
            api.checkout.sessions.expire(session.id)
