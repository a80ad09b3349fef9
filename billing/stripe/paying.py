"""Pages of Stripe's on which a customer pays: Checkout for a first purchase, the Portal's for an upgrade."""

import logging
from datetime import datetime, timedelta

import stripe

from accounts.models import Workspace
from billing.gateways.contract import AlreadyBought, Refused
from billing.models import StripeAccount, StripePage, Subscription
from billing.plans import Plan, Tier, plan_url
from billing.stripe import contact, leaving, strays, truth
from billing.stripe.contact import Contact
from billing.stripe.setup import portal_configuration, price_of

log = logging.getLogger(__name__)
# Stripe closes a page to pay at after a day; one that is about to be closed leads nobody on.
TO_PAY = timedelta(hours=1)


class PaymentsAway(Refused):
    code = "payments-unavailable"
    status = 503


def account_of(subscription: Subscription) -> StripeAccount:
    """Who the workspace is at Stripe; made once, whatever crashes in between or comes at the same moment, and anew
    where Stripe has not got them any more, or in the other mode alone. Who pays for it already is not known here after
    a backup was put back."""
    workspace = subscription.workspace
    account = StripeAccount.objects.filter(workspace=workspace).first()
    if account is None and (known := strays.customer_of(workspace.pk)):
        return StripeAccount.objects.get_or_create(workspace=workspace, defaults={"customer_id": known})[0]
    if account is not None and (account.subscription_id or _is_known(account.customer_id)):
        return account
    gone, told = account.customer_id if account else "", contact.of(workspace)
    customer = _customer(workspace, told, instead_of=gone)
    facts = {"customer_id": customer, "told_email": told.email, "told_name": told.name}
    if not gone:
        return StripeAccount.objects.get_or_create(workspace=workspace, defaults=facts)[0]
    if StripeAccount.objects.filter(workspace=workspace, customer_id=gone).update(**facts):
        log.warning("%s takes the place of %s, whom Stripe does not know", customer, gone)
    return StripeAccount.objects.get(workspace=workspace)


def _is_known(customer: str) -> bool:
    try:
        found = truth.api().v1.customers.retrieve(customer)
    except stripe.InvalidRequestError as error:
        if not truth.is_missing(error):
            raise
        return False
    return not getattr(found, "deleted", False)


def _customer(workspace: Workspace, told: Contact, *, instead_of: str = "") -> str:
    """Stripe refuses another request under a key it knows, so what may be another at the next try is told after that.
    And it answers as it did, with one who may have been deleted since."""
    customers, key = truth.api().v1.customers, f"customer-of:{workspace.pk}"
    customer = customers.create(
        {"metadata": {"workspace": str(workspace.pk)}},
        {"idempotency_key": f"{key}:instead-of:{instead_of}" if instead_of else key},
    )
    try:
        customers.update(customer.id, told.at_stripe)
    except stripe.InvalidRequestError as error:
        if not truth.is_missing(error):
            raise
        return _customer(workspace, told, instead_of=customer.id)
    return customer.id


def checkout_url(account: StripeAccount, plan: Plan, seats: int, *, is_fixed: bool, was: Tier, now: datetime) -> str:
    """A page of Stripe's to pay at, for one choice the same. Raises AlreadyBought: two tabs must not buy twice."""
    api = truth.api().v1
    price = price_of(plan)
    choice = f"{price} {seats}{' fixed' if is_fixed else ''} {was}"
    left_open = leaving.close_checkouts(account, but=choice, good_at=now + TO_PAY)
    # After that: what is paid on meanwhile is none of the open pages any more, and bought.
    if truth.ask(account).is_standing:
        raise AlreadyBought("A subscription has just been bought. It will show here in a moment.")
    StripePage.objects.filter(workspace_id=account.workspace_id).delete()
    if left_open is not None:
        return left_open
    session = api.checkout.sessions.create(
        {
            "mode": "subscription",
            "customer": account.customer_id,
            "client_reference_id": str(account.workspace_id),
            "line_items": [{"price": price, "quantity": seats}],
            "metadata": {leaving.CHOICE: choice},
            "subscription_data": {"metadata": {"workspace": str(account.workspace_id)}},
            "success_url": _back(account, plan, was),
            "cancel_url": plan_url(account.workspace_id),
        }
    )
    if session.url is None:
        raise PaymentsAway("The payment page could not be opened. Try again in a minute.")
    return session.url


def confirm_url(account: StripeAccount, plan: Plan, seats: int, *, was: Tier) -> str:
    """The Portal's page that shows the proration, asks the bank where it must, and changes the plan."""
    api = truth.api().v1
    bought = api.subscriptions.retrieve(account.subscription_id)
    session = api.billing_portal.sessions.create(
        {
            "customer": account.customer_id,
            "configuration": portal_configuration("upgrade"),
            "return_url": plan_url(account.workspace_id),
            "flow_data": {
                "type": "subscription_update_confirm",
                "subscription_update_confirm": {
                    "subscription": bought.id,
                    "items": [{"id": truth.item_of(bought).id, "price": price_of(plan), "quantity": seats}],
                },
                "after_completion": {"type": "redirect", "redirect": {"return_url": _back(account, plan, was)}},
            },
        }
    )
    return session.url


def _back(account: StripeAccount, plan: Plan, was: Tier) -> str:
    """The page that waits until the plan is there, and then shows what it changed."""
    return f"{plan_url(account.workspace_id)}&bought={plan.tier}&was={was}"
