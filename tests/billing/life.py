"""A customer's life at one gateway or the other: what they do, and what must hold after each deed."""

import random
import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.models import Membership, Role, User
from billing import changes, seats
from billing.effective import Access, effective
from billing.models import Subscription
from billing.plans import PAST_DUE_GRACE, PLANS, Tier
from billing.standing import sentence
from billing.team import members
from tests.billing.book import Book
from tests.people import sign_up

DAYS = 400
# What somebody does, and how often.
DEEDS = {
    "time_passes": 7,
    "somebody_buys": 6,
    "upgrades": 2,
    "pages_stay_open": 5,
    "an_old_page_is_confirmed": 5,
    "goes_down": 1,
    "cancels": 1,
    "thinks_better_of_it": 2,
    "somebody_joins": 6,
    "somebody_leaves": 5,
    "seats_are_fixed": 2,
    "seats_follow_again": 1,
    "the_card_breaks": 1,
    "the_card_is_mended": 2,
}


class Life:
    """Of one customer, at whichever gateway."""

    def __init__(self, start: datetime, chance: random.Random) -> None:
        self.zone, self.chance = start.tzinfo, chance
        self.start = start.astimezone(UTC)
        self.book = Book(self.start)
        self.owner = sign_up("Eve", now=self.start)
        self.guests: list[User] = []
        self.done: list[str] = []

    @property
    def now(self) -> datetime:
        """As the customer's clocks show it: what the product makes of it must not depend on that."""
        return self.book.now.astimezone(self.zone)

    @property
    def subscription(self) -> Subscription:
        return self.owner.subscription

    # -- what the gateway changes

    def pays(self, url: str | None) -> None:
        raise NotImplementedError

    def confirms(self, url: str | None) -> None:
        raise NotImplementedError

    def moves_clock(self, to: datetime) -> None:
        """Nobody else has one."""

    def hears(self) -> None:
        """Nobody else knows anything."""

    def tells_seats(self) -> None:
        """Nobody else asks."""

    def check_money(self) -> None:
        """Nobody takes any."""

    # -- deeds; each answers whether it could be done

    def time_passes(self) -> bool:
        step = timedelta(seconds=self.chance.randrange(1, 25 * 86_400))
        to = min(self.book.now + step, self.start + timedelta(days=DAYS))
        self.moves_clock(to)
        self.book.time_passes(to)
        self.hears()
        return True

    def somebody_buys(self) -> bool:
        if self.book.tier is not None:
            return False
        tier = self.chance.choice([Tier.PRO, Tier.PLUS, Tier.TEAMS, Tier.TEAMS])
        self.pays(changes.upgrade(membership=self.owner.membership, tier=tier, now=self.now).checkout_url)
        self.book.buys(tier)
        self.hears()
        return True

    def upgrades(self) -> bool:
        if self.book.tier is None or not PLANS[self.book.tier].upgrades or not self.book.card_is_good:
            return False
        tier = self.chance.choice(PLANS[self.book.tier].upgrades)
        self.confirms(changes.upgrade(membership=self.owner.membership, tier=tier, now=self.now).checkout_url)
        self.book.upgrades(tier)
        self.hears()
        return True

    def pages_stay_open(self) -> bool:
        """Nobody else has pages."""
        return False

    def an_old_page_is_confirmed(self) -> bool:
        return False

    def goes_down(self) -> bool:
        if self.book.tier is None or not PLANS[self.book.tier].downgrades or self.book.owes_since:
            return False
        tier = self.chance.choice(PLANS[self.book.tier].downgrades)
        if self.book.next and self.book.next[0] == tier:
            return False
        changes.downgrade(membership=self.owner.membership, tier=tier, now=self.now)
        self.book.plans(tier)
        return True

    def cancels(self) -> bool:
        if self.book.tier is None or self.book.leaves_at:
            return False
        changes.cancel(membership=self.owner.membership, now=self.now)
        self.book.plans(None)
        return True

    def thinks_better_of_it(self) -> bool:
        if not (self.book.leaves_at or self.book.next):
            return False
        changes.resume(membership=self.owner.membership, now=self.now)
        self.book.keeps_what_stands()
        return True

    @property
    def can_change_seats(self) -> bool:
        # With a card that fails, what is invoiced at once would be owed from now on: another history.
        is_invoiced = self.book.leaves_at and not self.book.card_is_good
        return self.book.tier == Tier.TEAMS and not self.book.owes_since and not is_invoiced

    def somebody_joins(self) -> bool:
        if not self.can_change_seats or (self.book.fixed or 99) <= self.book.members:
            return False
        guest = User.objects.create(email=f"guest-{uuid.uuid4().hex}@example.com")
        with transaction.atomic():
            seats.take(workspace=self.owner.workspace, now=self.now)
            Membership.objects.create(workspace=self.owner.workspace, user=guest, role=Role.MEMBER)
            seats.follow(workspace=self.owner.workspace, now=self.now)
        self.guests.append(guest)
        self.book.members += 1
        self.book.seats_have_changed()
        self.tells_seats()
        return True

    def somebody_leaves(self) -> bool:
        if not self.guests or not self.can_change_seats:
            return False
        guest = self.guests.pop(self.chance.randrange(len(self.guests)))
        members.remove(by=self.owner.membership, user_id=guest.pk, now=self.now)
        self.book.members -= 1
        self.book.seats_have_changed()
        self.tells_seats()
        return True

    def seats_are_fixed(self) -> bool:
        if not self.can_change_seats:
            return False
        self.book.fixed = self.book.members + self.chance.randrange(4)
        changes.set_seats(membership=self.owner.membership, seats=self.book.fixed, now=self.now)
        self.book.seats_have_changed()
        self.tells_seats()
        return True

    def seats_follow_again(self) -> bool:
        if not self.can_change_seats or self.book.fixed is None:
            return False
        self.book.fixed = None
        changes.set_seats(membership=self.owner.membership, seats=None, now=self.now)
        self.book.seats_have_changed()
        self.tells_seats()
        return True

    def the_card_breaks(self) -> bool:
        return False

    def the_card_is_mended(self) -> bool:
        return False

    # -- what must hold

    def check(self) -> None:
        book, subscription = self.book, self.subscription
        current = effective(subscription, self.now)
        assert current.access == self.expected_access()
        assert current == effective(subscription, book.now)
        if book.tier is None:
            return
        assert current.plan == PLANS[book.tier]
        assert (current.period.starts_at, current.period.ends_at) == book.period
        assert (current.leaves_at, current.pending and current.pending.plan) == (
            book.leaves_at, PLANS[book.next[0]] if book.next else None
        )  # fmt: skip
        if book.tier == Tier.TEAMS:
            assert subscription.seats == book.seats
            assert seats.owned(subscription, current) == book.paid_seats
        if book.leaves_at and not book.owes_since:
            assert f"{book.leaves_at.astimezone(self.zone):%H:%M}" in sentence(current, self.zone_of_customer)

    @property
    def zone_of_customer(self) -> ZoneInfo:
        assert isinstance(self.zone, ZoneInfo)
        return self.zone

    def expected_access(self) -> Access:
        book = self.book
        if book.tier is None:
            in_trial = book.anchor is None and book.now < self.start + timedelta(days=7)
            return Access.FULL if in_trial else Access.CLOSED
        if book.owes_since and book.now >= book.owes_since + PAST_DUE_GRACE:
            return Access.READ_ONLY
        return Access.FULL


class LifeByHand(Life):
    def pays(self, url: str | None) -> None:
        assert url is None

    confirms = pays
