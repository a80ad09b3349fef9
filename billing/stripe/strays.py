"""Who pays at Stripe and is not known here, as after a backup was put back; and whose payments are not known any more.

A subscription names its workspace at Stripe, and so does its customer.
"""

import logging
import uuid
from collections.abc import Iterator

import stripe
from django.db import transaction
from django.db.models import QuerySet

from accounts import tenancy
from billing.models import StripeAccount, Subscription
from billing.stripe import leaving, truth
from integrations.stripe import silence

log = logging.getLogger(__name__)
PAYS = (Subscription.Status.ACTIVE, Subscription.Status.PAST_DUE)


def lost() -> QuerySet[Subscription]:
    """Plans that were paid for at Stripe, which alone brings a price of their own, and of whose customer nothing is
    known: they would be served, and charged there, without end."""
    return Subscription.objects.filter(price_cents__isnull=False, status__in=PAYS, workspace__stripe_account=None)


def is_lost(subscription: Subscription) -> bool:
    """Of these; without a question to the database where it is a plan of another kind."""
    return (
        subscription.price_cents is not None
        and subscription.status in PAYS
        and not StripeAccount.objects.filter(workspace_id=subscription.workspace_id).exists()
    )


def adopt() -> list[StripeAccount]:
    """The customers whom our workspaces have found again, to be compared with Stripe. What cannot be told apart is
    an error in the log, and nothing is cancelled. Raises StripeError."""
    found = [account for each in _standing() if (account := _adopted(each)) is not None]
    if lost().exists():
        found += _ended()
        for subscription in lost():
            log.error("%s was paid for at Stripe, and nothing of it is there", subscription)
    return found


def customer_of(workspace_id: uuid.UUID) -> str | None:
    """Who pays for this workspace, by all that stand: Stripe's search is late, and its lists are not by workspace."""
    return next((_customer(each) for each in _standing() if _named(each) == workspace_id), None)


def _standing() -> Iterator[stripe.Subscription]:
    every = truth.api().v1.subscriptions.list({"limit": 100, "expand": ["data.customer"]})
    return (each for each in every.auto_paging_iter() if each.status in truth.STANDING)


def _ended() -> list[StripeAccount]:
    """Of those whose plan goes on here, what has ended there: Stripe names the newest first."""
    every = truth.api().v1.subscriptions.list({"status": "canceled", "limit": 100, "expand": ["data.customer"]})
    waiting, found = set(lost().values_list("workspace_id", flat=True)), []
    for bought in every.auto_paging_iter():
        if not waiting:
            break
        if (named := _named(bought)) in waiting and (account := _adopted(bought)) is not None:
            waiting.remove(named)
            found.append(account)
    return found


def _adopted(bought: stripe.Subscription) -> StripeAccount | None:
    """None where nothing was to be done, or nothing may be done."""
    customer, named = _customer(bought), _named(bought)
    if StripeAccount.objects.filter(customer_id=customer).exists() or named is None:
        return None
    if tenancy.is_deleted(named):
        log.error("%s pays by %s for workspace %s, which is not here", customer, bought.id, named)
        return None
    try:
        with transaction.atomic():
            Subscription.objects.select_for_update().get(workspace_id=named)
            return _taken_over(named, customer, bought)
    except Exception as error:
        if silence.is_hang(error):
            raise
        # One that cannot be told apart must not keep the others from it.
        log.exception("whether %s pays by %s for workspace %s alone is not known", customer, bought.id, named)
        return None


def _taken_over(workspace_id: uuid.UUID, customer: str, bought: stripe.Subscription) -> StripeAccount | None:
    account = StripeAccount.objects.filter(workspace_id=workspace_id).first()
    if account is None:
        account = StripeAccount(workspace_id=workspace_id)
    elif truth.ask(account).is_standing:
        log.error("workspace %s pays twice: by %s, and by %s of %s", workspace_id, account, bought.id, customer)
        return None
    else:
        # Nothing was bought by that customer, and nothing can be any more.
        leaving.close_checkouts(account)
    account.customer_id, account.subscription_id = customer, ""
    account.told_email = account.told_name = ""
    account.save()
    log.error(
        "%s pays by %s for workspace %s, which did not know of it; it does now", customer, bought.id, workspace_id
    )
    return account


def _customer(bought: stripe.Subscription) -> str:
    return bought.customer if isinstance(bought.customer, str) else bought.customer.id


def _named(bought: stripe.Subscription) -> uuid.UUID | None:
    """None for what is none of ours."""
    places = (bought, bought.customer)
    names = [each.to_dict().get("metadata", {}).get("workspace") for each in places if not isinstance(each, str)]
    try:
        return uuid.UUID(next(name for name in names if name))
    except (StopIteration, ValueError):
        return None
