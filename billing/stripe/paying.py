"""Pages of Stripe's on which a customer pays: Checkout for a first purchase, the Portal's for an upgrade."""

from accounts.models import Role, Workspace
from billing.gateways.contract import AlreadyBought, Refused
from billing.models import StripeAccount, StripePage, Subscription
from billing.plans import Plan, Tier, plan_url
from billing.stripe import leaving, truth
from billing.stripe.setup import portal_configuration, price_of


class PaymentsAway(Refused):
    code = "payments-unavailable"
    status = 503


def account_of(subscription: Subscription) -> StripeAccount:
    """Who the workspace is at Stripe; made once, whatever crashes in between.

    Stripe refuses another request under a key it knows, so what may be another at the next try is told after that.
    """
    account = StripeAccount.objects.filter(workspace_id=subscription.workspace_id).first()
    if account is not None:
        return account
    workspace: Workspace = subscription.workspace
    owner = workspace.memberships.filter(role=Role.OWNER).select_related("user").order_by("joined_at").first()
    customers = truth.api().v1.customers
    customer = customers.create(
        {"metadata": {"workspace": str(workspace.pk)}}, {"idempotency_key": f"customer-of:{workspace.pk}"}
    )
    customers.update(customer.id, {"name": workspace.name, "email": owner.user.email if owner else ""})
    return StripeAccount.objects.create(workspace=workspace, customer_id=customer.id)


def checkout_url(account: StripeAccount, plan: Plan, seats: int, *, was: Tier) -> str:
    """A page of Stripe's to pay at, for one choice the same. Raises AlreadyBought: two tabs must not buy twice."""
    api = truth.api().v1
    if truth.ask(account).is_standing:
        raise AlreadyBought("A subscription has just been bought. It will show here in a moment.")
    price = price_of(plan)
    choice = f"{price} {seats} {was}"
    left_open = leaving.close_checkouts(account, but=choice)
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
