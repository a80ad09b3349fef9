"""What a customer has bought, written down as plainly as they would: beside it the product's own word is held.

Moments are UTC. Nothing of `billing` is used here but the prices.
"""

import calendar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction

from billing.plans import PLANS, Tier

# A renewal's invoice is a draft for so long before it is charged.
DRAFT = timedelta(hours=1)


def months_after(anchor: datetime, months: int) -> datetime:
    index = anchor.year * 12 + anchor.month - 1 + months
    year, month = index // 12, index % 12 + 1
    return anchor.replace(year=year, month=month, day=min(anchor.day, calendar.monthrange(year, month)[1]))


@dataclass
class Book:
    """`charged`: cents, on invoices or waiting for the next; `roundings`: how many amounts Stripe rounded."""

    now: datetime
    tier: Tier | None = None
    anchor: datetime | None = None
    month: int = 0
    members: int = 1
    fixed: int | None = None
    paid_seats: int = 1
    leaves_at: datetime | None = None
    next: tuple[Tier, datetime] | None = None
    card_is_good: bool = True
    owes_since: datetime | None = None
    drafted: datetime | None = None
    charged: Fraction = field(default_factory=Fraction)
    roundings: int = 0

    @property
    def seats(self) -> int:
        return (self.fixed or self.members) if self.tier == Tier.TEAMS else 1

    @property
    def period(self) -> tuple[datetime, datetime]:
        assert self.anchor is not None
        return months_after(self.anchor, self.month), months_after(self.anchor, self.month + 1)

    @property
    def rest(self) -> Fraction:
        """The share of the period that is left."""
        start, end = self.period
        return Fraction(round((end - self.now).total_seconds()), round((end - start).total_seconds()))

    def price(self) -> int:
        return PLANS[self.tier].monthly_cents(self.seats) if self.tier else 0

    def buys(self, tier: Tier) -> None:
        self.tier, self.anchor, self.month, self.fixed = tier, self.now, 0, None
        self.leaves_at, self.next, self.owes_since, self.drafted = None, None, None, None
        self.card_is_good, self.paid_seats = True, self.seats
        self.charged += self.price()

    def upgrades(self, tier: Tier) -> None:
        before = self.price()
        self.tier, self.fixed, self.leaves_at, self.next = tier, None, None, None
        self.paid_seats = max(self.paid_seats, self.seats)
        self._charge((self.price() - before) * self.rest)

    def confirms(self, tier: Tier, seats: int, fixed: int | None) -> None:
        """A page that was opened earlier: for more it does what it says, for less it is a wish for the next month."""
        more = PLANS[tier].monthly_cents(seats) - self.price()
        if more < 0 and tier != self.tier:
            if not self.leaves_at:
                self.plans(tier)
        else:
            self.tier, self.fixed = tier, fixed if (fixed or 0) >= self.members else None
            if more > 0:
                self._charge(more * self.rest)
                self.paid_seats = max(self.paid_seats, seats)
            self.seats_have_changed()
        # What Stripe gave back at once, and took again.
        self.roundings += 4

    def plans(self, tier: Tier | None) -> None:
        end = self.period[1]
        self.leaves_at, self.next = (end, None) if tier is None else (None, (tier, end))

    def keeps_what_stands(self) -> None:
        self.leaves_at, self.next = None, None

    def seats_have_changed(self) -> None:
        """Those of before are known by what was paid for them."""
        more = self.seats - self.paid_seats
        if more > 0:
            self.paid_seats = self.seats
            self._charge(more * PLANS[Tier.TEAMS].price_per_user_cents * self.rest)

    def _charge(self, cents: Fraction) -> None:
        self.charged += cents
        self.roundings += 2

    def time_passes(self, to: datetime) -> None:
        while self.tier is not None and self.period[1] <= to:
            end = self.period[1]
            if self.leaves_at == end:
                self.tier = self.leaves_at = self.owes_since = None
                break
            if self.next and self.next[1] == end:
                self.tier, self.fixed, self.next = self.next[0], None, None
            self.month += 1
            self.paid_seats = self.seats
            self.charged += self.price()
            self.drafted = end
            self._collect(to)
        self._collect(to)
        self.now = to

    def _collect(self, to: datetime) -> None:
        """By the card of the moment at which the draft becomes an invoice, which may be in a later step."""
        if self.tier is None or self.drafted is None or to < self.drafted + DRAFT:
            return
        if not self.card_is_good and self.owes_since is None:
            self.owes_since = self.drafted + DRAFT
        self.drafted = None
