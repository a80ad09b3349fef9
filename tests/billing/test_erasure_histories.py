"""Random histories over 400 days, in the database: content is erased only after thirty days and two warnings.

Workers and the mail server are away at random, people buy and leave, staff makes trials longer, and the job that
erases comes whenever it likes. Beside the product stands a plain book of who was served and what went out when.
"""

import random
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import Mail
from billing import changes, erasure, reminding
from billing.models import Subscription
from billing.plans import Tier
from billing.reminders import FIRST_WARNING, LAST_WARNING
from tests.people import sign_up
from tests.storm import ROUND, STORM

DAY, KEPT = timedelta(days=1), timedelta(days=30)
DAYS = 400
# In the years to come, since a change of the facts makes the reminders look at the real clock's now.
NEXT = timezone.now().year + 1
LEAP = NEXT + -NEXT % 4
STARTS = (
    datetime(NEXT, 1, 31, 12, tzinfo=UTC),
    datetime(NEXT, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(LEAP, 1, 30, tzinfo=UTC),
    datetime(LEAP, 2, 29, 6, 30, tzinfo=UTC),
)
# What somebody does, and how often.
DEEDS = {
    "nobody_does_anything": 60,
    "the_erasing_job_comes": 30,
    "the_address_breaks_or_is_mended": 2,
    "somebody_buys": 3,
    "somebody_cancels": 10,
    "the_last_retry_fails": 5,
    "staff_makes_the_trial_longer": 1,
}


class Life:
    """Of one customer. `unserved_since`: None while there is service."""

    def __init__(self, start: datetime) -> None:
        self.start = self.now = start
        self.person = sign_up("Eve", now=start)
        self.trial_ends_at = start + 7 * DAY
        self.has_bought = self.is_paying = self.is_broken = False
        self.leaves_at: datetime | None = None
        self.ended_at: datetime | None = None
        self.erased: list[datetime] = []

    @property
    def unserved_since(self) -> datetime | None:
        if self.is_paying:
            return self.leaves_at if self.leaves_at and self.now >= self.leaves_at else None
        end = self.ended_at if self.has_bought else self.trial_ends_at
        return end if end and self.now >= end else None

    def go_on(self, chance: random.Random) -> None:
        """With workers and a mail server or without, and with something that somebody does at its end."""
        self.now += chance.choice([6 * DAY, DAY, DAY, chance.random() * DAY, chance.random() * 6 * DAY])
        self.a_round(works=chance.random() < 0.75, mails=chance.random() < 0.6)
        getattr(self, chance.choices([*DEEDS], [*DEEDS.values()])[0])()

    def a_round(self, *, works: bool = True, mails: bool = True) -> None:
        """What the workers do each minute, when they do anything."""
        if works:
            while reminding.sweep(now=self.now):
                pass
        waiting = Mail.objects.filter(workspace=self.person.workspace, sent_at=None, gave_up_at=None)
        if self.is_broken:
            waiting.update(gave_up_at=self.now)
        elif mails:
            waiting.update(sent_at=self.now)
        if works and self.person.workspace.pk in erasure.due(now=self.now):
            self.the_erasing_job_comes()

    def the_erasing_job_comes(self) -> None:
        """As asked for, or late, or for the second time."""
        decided = erasure.decide(workspace_id=self.person.workspace.pk, now=self.now)
        if decided is None:
            return
        assert decided.decided_at == self.now
        self.check_erased()
        erasure.finish(workspace_id=self.person.workspace.pk, decided_at=decided.decided_at)

    def check_erased(self) -> None:
        since = self.unserved_since
        assert since is not None, "somebody is served"
        assert since not in self.erased, "it was erased already"
        assert self.now >= since + KEPT
        first, last = self.warning(FIRST_WARNING, since), self.warning(LAST_WARNING, since)
        assert since <= first
        assert first + DAY <= last
        assert last + DAY <= self.now
        self.erased.append(since)

    def warning(self, kind: str, since: datetime) -> datetime:
        """When this warning of this end went out; the day that it named has come."""
        mine = Mail.objects.filter(workspace=self.person.workspace, key__startswith=f"{kind}:", created_at__gte=since)
        (mail,) = mine
        assert mail.sent_at is not None
        named = re.search(r"erased on (\d+ \w+ \d+)", mail.subject)
        assert named is not None
        assert datetime.strptime(named[1], "%d %b %Y").date() <= self.now.date()
        return mail.sent_at

    def nobody_does_anything(self) -> None:
        return

    def the_address_breaks_or_is_mended(self) -> None:
        """While it is broken, no mail to it goes out, ever."""
        self.is_broken = not self.is_broken

    def somebody_buys(self) -> None:
        if not self.is_paying or self.unserved_since:
            changes.upgrade(membership=self.person.membership, tier=Tier.TEAMS, now=self.now)
            self.is_paying, self.has_bought, self.leaves_at, self.ended_at = True, True, None, None

    def somebody_cancels(self) -> None:
        if self.is_paying and self.leaves_at is None:
            self.leaves_at = changes.cancel(membership=self.person.membership, now=self.now).subscription.pending_at

    def the_last_retry_fails(self) -> None:
        if self.is_paying and self.leaves_at is None:
            with changes.locked(self.person.workspace.pk, self.now) as subscription:
                subscription.status, subscription.ended_at = "canceled", self.now
                subscription.save()
            self.is_paying, self.ended_at = False, self.now

    def staff_makes_the_trial_longer(self) -> None:
        if not self.has_bought:
            self.trial_ends_at = self.now + 3 * DAY
            with changes.locked(self.person.workspace.pk, self.now) as subscription:
                subscription.trial_ends_at = self.trial_ends_at
                subscription.save()

    def nothing_is_away_for_forty_days(self) -> None:
        """Then it is erased, unless a warning of this end was given up before."""
        since, self.is_broken = self.unserved_since, False
        if since is None:
            return
        for _ in range(20):
            self.now += 2 * DAY
            self.a_round()
        is_hopeless = Mail.objects.filter(
            workspace=self.person.workspace, key__startswith="erasure-", created_at__gte=since, sent_at=None
        ).exists()
        assert (since in self.erased) is not is_hopeless

    def comes_and_goes(self) -> None:
        """Once more, with nothing in the way of the end."""
        self.now = max(self.now, self.leaves_at or self.now)
        self.somebody_buys()
        self.the_last_retry_fails()
        self.nothing_is_away_for_forty_days()


@pytest.mark.parametrize("seed", range(3 * STORM))
def test_content_is_erased_only_after_thirty_days_and_two_warnings(seed: int) -> None:
    chance = random.Random(seed + 1_000 * ROUND)
    # Rounds look at every subscription that is due, also at those of thousands of other tests.
    Subscription.objects.update(remind_at=None)
    life = Life(chance.choice(STARTS))

    while life.now - life.start < DAYS * DAY:
        life.go_on(chance)
    life.comes_and_goes()

    assert life.unserved_since in life.erased
