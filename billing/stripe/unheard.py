"""Who has paid for a period that is over, and of whom nothing was heard since: they went on, or have cancelled there.

They are served meanwhile, since word of a renewal may be late. Here is only who is to be asked about.
"""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q

from accounts.models import Job, Workspace
from billing.effective import effective
from billing.models import StripeAccount, Subscription

# Word of a renewal comes within minutes.
PATIENCE = timedelta(minutes=10)
# Of whom Stripe says that no new period has begun, or says nothing at all, it is asked again after this.
AGAIN = timedelta(hours=1)
SHORTEST_MONTH = timedelta(days=28)
STANDING = (Subscription.Status.ACTIVE, Subscription.Status.PAST_DUE)


def workspaces(*, now: datetime) -> Iterator[uuid.UUID]:
    """By one query, those first that were asked about longest ago."""
    late = now - PATIENCE
    gave_up = Job.objects.filter(workspace=OuterRef("workspace"), name="billing.jobs.hear", failed_at__gt=now - AGAIN)
    accounts = (
        StripeAccount.objects.exclude(subscription_id="")
        .filter(
            Q(synced_at=None) | Q(synced_at__lt=now - AGAIN),
            ~Exists(gave_up),
            workspace__state=Workspace.State.ACTIVE,
            workspace__subscription__status__in=STANDING,
            workspace__subscription__paid_from__lte=late - SHORTEST_MONTH,
        )
        .select_related("workspace__subscription")
        .order_by(F("synced_at").asc(nulls_first=True))
    )
    for account in accounts.iterator(chunk_size=500):
        subscription = account.workspace.subscription
        if subscription.paid_from and subscription.paid_from < effective(subscription, late).period.starts_at:
            yield account.workspace_id
