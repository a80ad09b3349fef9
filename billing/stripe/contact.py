"""To whom Stripe writes: the owner of a workspace, of several the first, under the workspace's name.

What it was told last stands in `StripeAccount`. Whatever makes that untrue (another owner, another address, another
name), a round finds it and has a job tell Stripe what is so.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import stripe
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from accounts import background
from accounts.models import Job, User, Workspace
from billing.models import StripeAccount
from billing.permissions import owners_of
from billing.stripe import truth

# At the customer: the address that came from us. Another one there was chosen by the customer, and stays.
NOTE = "owner_email"
# In one round.
MOST = 100
# After a job gave up.
AGAIN = timedelta(hours=1)


@dataclass(frozen=True)
class Contact:
    name: str
    email: str

    @property
    def at_stripe(self) -> "stripe.params.CustomerUpdateParams":
        return {"name": self.name, "email": self.email, "metadata": {NOTE: self.email}}


def of(workspace: Workspace) -> Contact:
    owner = owners_of(workspace.pk).select_related("user").first()
    return Contact(workspace.name, owner.user.email if owner else "")


def ask_for_telling(*, now: datetime) -> None:
    from billing.jobs import tell_contact

    for account in _untold(now)[:MOST]:
        background.enqueue(tell_contact, workspace_id=account.workspace_id, key="tell contact")


def _untold(now: datetime) -> QuerySet[StripeAccount]:
    gave_up = Job.objects.filter(
        workspace=OuterRef("workspace"), name="billing.jobs.tell_contact", failed_at__gt=now - AGAIN
    )
    return (
        StripeAccount.objects.filter(workspace__state=Workspace.State.ACTIVE)
        .alias(owner_email=Subquery(owners_of(OuterRef("workspace")).values("user__email")[:1]))
        .filter(~Q(told_email=F("owner_email")) | ~Q(told_name=F("workspace__name")), owner_email__isnull=False)
        .exclude(Exists(gave_up))
        .order_by("pk")
    )


def tell(account: StripeAccount) -> None:
    """Safe to repeat: what is so now, and nothing where it is there already. Who is gone there is told to when they are
    made anew. Raises StripeError."""
    contact, customers = of(account.workspace), truth.api().v1.customers
    try:
        found = customers.retrieve(account.customer_id)
        if not getattr(found, "deleted", False):
            changes = contact.at_stripe
            if _is_chosen(found):
                changes = {"name": contact.name}
            customers.update(account.customer_id, changes)
    except stripe.InvalidRequestError as error:
        if not truth.is_missing(error):
            raise
    told = StripeAccount.objects.filter(pk=account.pk, customer_id=account.customer_id)
    told.update(told_email=contact.email, told_name=contact.name)


def _is_chosen(customer: stripe.Customer) -> bool:
    """By the customer, in the Portal. Of who was made by a release that left no note, it came from us where it is
    somebody's of ours."""
    if not customer.email:
        return False
    note = (customer.metadata.to_dict() if customer.metadata else {}).get(NOTE)
    return customer.email != note if note else not User.objects.filter(email=customer.email.lower()).exists()
