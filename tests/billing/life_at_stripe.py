"""A customer's life at Stripe: with a card that may fail, and pages that stay open."""

import random
import uuid
from dataclasses import dataclass
from datetime import datetime

from billing import changes
from billing.effective import State, effective
from billing.plans import PLANS, Tier
from billing.stripe import events, truth
from billing.stripe import seats as at_stripes
from devkit.stripe.process import StripeProcess
from tests.billing import stripe_truth
from tests.billing.life import Life
from tests.billing.stripe import FAILS_LATER, GOOD, account, confirm, pay


@dataclass(frozen=True)
class Page:
    """Of Stripe's, opened for an upgrade."""

    url: str
    subscription: str
    tier: Tier
    seats: int
    fixed: int | None

    @property
    def cents(self) -> int:
        return PLANS[self.tier].monthly_cents(self.seats)


class LifeAtStripe(Life):
    def __init__(self, start: datetime, chance: random.Random, vendor: StripeProcess) -> None:
        super().__init__(start, chance)
        self.vendor = vendor
        self.pages: list[Page] = []
        self.smaller = chance.choice(["period_end", "at_once"])
        vendor.control("settings", {"after_retries": "past_due", "portal_smaller": self.smaller})
        vendor.set_clock(int(self.start.timestamp()), freeze=True)

    def pays(self, url: str | None) -> None:
        assert url is not None
        assert pay(url).status_code == 303

    def confirms(self, url: str | None) -> None:
        assert url is not None
        assert confirm(url).status_code == 303

    def hears(self) -> None:
        if self.book.anchor is not None:
            # At night what was charged for is derived anew: it is what the book says too.
            is_night = self.chance.random() < 0.5
            events.bring_up_to_date(account(self.owner), now=self.now, is_thorough=is_night)

    def moves_clock(self, to: datetime) -> None:
        self.vendor.set_clock(int(to.timestamp()), freeze=True)

    def tells_seats(self) -> None:
        at_stripes.send(account(self.owner), change=uuid.uuid4().hex, now=self.now)

    def pages_stay_open(self) -> bool:
        """In two tabs; sometimes the dearer one is confirmed at once."""
        if self.book.tier is None or not PLANS[self.book.tier].upgrades or self.book.owes_since:
            return False
        opened = [self._open(self.chance.choice(PLANS[self.book.tier].upgrades)) for _ in range(2)]
        self.book.keeps_what_stands()
        if self.chance.random() < 0.5:
            self._use(max(reversed(opened), key=lambda page: page.cents))
        return True

    def _open(self, tier: Tier) -> Page:
        fixed = self.book.members + self.chance.randrange(3) if tier == Tier.TEAMS else None
        fixed = fixed if self.chance.random() < 0.5 else None
        opened = changes.upgrade(membership=self.owner.membership, tier=tier, seats=fixed, now=self.now)
        assert opened.checkout_url is not None
        seats = fixed or self.book.members if tier == Tier.TEAMS else 1
        page = Page(opened.checkout_url, account(self.owner).subscription_id, tier, seats, fixed)
        # Of two for the same number the later one says whether it is fixed.
        self.pages = [one for one in self.pages if (one.tier, one.seats) != (tier, seats)] + [page]
        return page

    def an_old_page_is_confirmed(self) -> bool:
        mine = account(self.owner).subscription_id if self.book.tier else ""
        pages = [one for one in self.pages if one.subscription == mine] or self.pages
        if not pages:
            return False
        # Rather one that takes something away.
        self._use(self.chance.choice([one for one in pages if one.cents < self.book.price()] or pages))
        return True

    def _use(self, page: Page) -> None:
        book = self.book
        self.pages = [one for one in self.pages if one is not page]
        more = page.cents - book.price()
        is_mine = book.tier is not None and page.subscription == account(self.owner).subscription_id
        # A schedule holds the subscription, for a month after a smaller plan has come too.
        is_held = bool(stripe_truth.ask(self.vendor, f"subscriptions/{page.subscription}")["schedule"])
        is_refused = is_held or (bool(book.leaves_at) and more < 0 and self.smaller == "period_end")
        # Under 50 cents no card is asked.
        is_free = is_mine and more * book.rest < 50
        is_done = is_mine and not is_refused and (is_free or book.card_is_good)
        assert confirm(page.url).status_code == (303 if is_done else 402)
        if is_done and more:
            book.confirms(page.tier, page.seats, page.fixed)
        self.hears()
        self.tells_seats()

    def the_card_breaks(self) -> bool:
        if self.book.tier is None or not self.book.card_is_good:
            return False
        self.vendor.give_card(account(self.owner).customer_id, FAILS_LATER)
        self.book.card_is_good = False
        return True

    def the_card_is_mended(self) -> bool:
        if self.book.tier is None or self.book.card_is_good:
            return False
        self.vendor.give_card(account(self.owner).customer_id, GOOD)
        bought = account(self.owner).subscription_id
        for invoice in stripe_truth.ask(self.vendor, "invoices", subscription=bought, status="open")["data"]:
            truth.api().v1.invoices.pay(invoice["id"])
        self.book.card_is_good, self.book.owes_since = True, None
        self.hears()
        return True

    def check(self) -> None:
        super().check()
        if self.book.tier is not None:
            late = effective(self.subscription, self.now).state in {State.GRACE, State.READ_ONLY}
            assert late == bool(self.book.owes_since)
            assert self.subscription.past_due_since == self.book.owes_since

    def check_money(self) -> None:
        """What Stripe has invoiced, or will with the next invoice, is what the book says, but for the rounding."""
        invoiced = sum(one["total"] for one in self.vendor.control("state?kind=invoice")["objects"])
        items = self.vendor.control("state?kind=invoiceitem")["objects"]
        waiting = sum(one["amount"] for one in items if one["invoice"] is None)
        assert abs(invoiced + waiting - self.book.charged) <= self.book.roundings
