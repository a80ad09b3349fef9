"""More days of a trial, given by our staff."""

import uuid
from datetime import datetime, timedelta

from accounts import staffing
from accounts.models import User
from accounts.staffing import DoesNotApply
from billing.changes import locked
from billing.models import Subscription
from billing.moments import day
from billing.plans import PLANS, Tier
from config.errors import InvalidField

LONGEST = timedelta(days=90)


def extend(*, workspace_id: uuid.UUID, until: datetime, by: User, why: str, now: datetime) -> Subscription:
    """The trial lasts until then, also one that is over. Its limits stay. The same once more does nothing.

    Raises Forbidden, InvalidField or DoesNotApply.
    """
    with staffing.doing(by, why=why), locked(workspace_id, now) as subscription:
        _check(subscription, until, now)
        if subscription.trial_ends_at != until:
            subscription.trial_ends_at = until
            subscription.changed_by, subscription.changed_at = by.pk, now
            subscription.save()
            title = f"Your trial lasts until {day(until)}"
            staffing.tell_owners(
                subscription.workspace,
                key=f"trial-extended:{workspace_id}:{until.isoformat()}",
                title=title,
                paragraphs=[f"{subscription.workspace} can be used without a plan until then."],
                now=now,
            )
    return subscription


def _check(subscription: Subscription, until: datetime, now: datetime) -> None:
    if subscription.status != Subscription.Status.TRIALING:
        bought = PLANS[Tier(subscription.tier)].name
        raise DoesNotApply(f"This workspace has bought {bought}, so it has no trial. Give it a plan instead.")
    if subscription.is_erasing:
        raise DoesNotApply("What is here is being erased at this moment. Try again in some minutes.")
    if not now < until <= now + LONGEST:
        raise InvalidField(f"Choose a day from now on, within {LONGEST.days} days.", pointer="/until")
    if until < subscription.trial_ends_at:
        raise InvalidField(
            f"The trial lasts longer already, until {day(subscription.trial_ends_at)}.", pointer="/until"
        )
