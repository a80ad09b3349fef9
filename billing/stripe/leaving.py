"""Ending everything that a customer could be charged for, at once."""

from datetime import datetime

from billing.models import StripeAccount
from billing.stripe import truth

# In the metadata of a page to pay at: what is bought on it, and from where its customer comes.
CHOICE = "choice"


def end_all(account: StripeAccount) -> None:
    """The pages to pay at first: what was paid for there meanwhile is a subscription that is found then.

    Stripe collects no invoice of a subscription that was cancelled, and nothing is left to renew.
    """
    close_checkouts(account)
    api = truth.api().v1
    with truth.of_who_may_be_gone():
        for bought in api.subscriptions.list({"customer": account.customer_id}).auto_paging_iter():
            api.subscriptions.cancel(bought.id, {"invoice_now": False, "prorate": False})


def close_checkouts(account: StripeAccount, *, but: str = "", good_at: datetime | None = None) -> str | None:
    """Answers with the address of the one that is left open: that of the choice `but`, if it is good then."""
    api, left = truth.api().v1, None
    with truth.of_who_may_be_gone():
        for session in api.checkout.sessions.list({"customer": account.customer_id, "status": "open"}).data:
            choice = (session.metadata.to_dict() if session.metadata else {}).get(CHOICE)
            is_good = good_at is not None and session.expires_at > good_at.timestamp()
            if left is None and choice == but and is_good:
                left = session.url
            else:
                api.checkout.sessions.expire(session.id)
    return left
