import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from billing.effective import Pending
from billing.models import Subscription
from billing.plans import CURRENCY, Tier
from config.errors import AppError

ACTIVE, CHECKOUT_REQUIRED, PENDING_APPROVAL = "active", "checkout_required", "pending_approval"


@dataclass(frozen=True)
class Change:
    """`checkout_url`: where the customer has to go before anything changes."""

    status: str
    subscription: Subscription
    checkout_url: str | None = None


@dataclass(frozen=True)
class Line:
    description: str
    amount_cents: int


@dataclass(frozen=True)
class Preview:
    """Amounts in integer cents. `next_at`: when `then_cents` is due for the first time; None when nothing will be.

    `rest_cents`: what is for the rest of the present period, now or on the next invoice. `drops`: what is planned and
    will not happen then.
    """

    takes_effect_at: datetime
    due_now_cents: int
    then_cents: int
    next_at: datetime | None
    lines: tuple[Line, ...] = ()
    currency: str = CURRENCY
    rest_cents: int = 0
    drops: Pending | None = None


@dataclass(frozen=True)
class Invoice:
    """`status` in the words of the vendor: open, paid, void, uncollectible. `amount_cents`: what was paid or is due,
    with the balance taken off."""

    number: str
    at: datetime
    amount_cents: int
    status: str
    page_url: str
    pdf_url: str
    currency: str = CURRENCY


class Refused(AppError):
    """What the gateway does not do, in words for who asked. Nothing was changed here."""


class AlreadyBought(Refused):
    code = "already-bought"
    status = 409


class NoPortal(Refused):
    code = "no-portal"
    status = 409


class Gateway(Protocol):
    """Each call gets the subscription's row locked and caught up with the clock, inside a transaction.

    A gateway that asks somebody else keeps the lock meanwhile: whoever writes this subscription next reads it after us.
    """

    takes_money: bool

    def is_heard(self, subscription: Subscription, *, now: datetime) -> bool:
        """Whether what has been bought was asked for just now, or nobody can be asked."""
        ...

    def look(self, subscription: Subscription, *, now: datetime, is_brief: bool = False) -> None:
        """Writes what has been bought: word of it may be late or lost. `is_brief`: somebody waits for a page."""
        ...

    def preview(self, subscription: Subscription, *, tier: Tier, seats: int, now: datetime) -> Preview:
        """What an upgrade, or a purchase, costs now and from then on. Changes nothing."""
        ...

    def introduce(self, subscription: Subscription) -> None:
        """Before `change`, and committed before it: who buys, made known once, also when the change fails then."""
        ...

    def change(
        self, subscription: Subscription, *, tier: Tier, seats: int, is_fixed: bool, by: uuid.UUID, now: datetime
    ) -> Change:
        """A purchase or an upgrade, at once. `is_fixed`: an owner has named the number of seats."""
        ...

    def schedule(self, subscription: Subscription, *, tier: Tier | None, by: uuid.UUID, now: datetime) -> None:
        """At the period's end: a smaller plan, or with None the end."""
        ...

    def end(self, subscription: Subscription, *, by: uuid.UUID, now: datetime) -> None:
        """At once, and nothing is charged from then on, nor can a page to pay at that is open be used."""
        ...

    def resume(self, subscription: Subscription, *, by: uuid.UUID, now: datetime) -> None:
        """Takes back what `schedule` has arranged."""
        ...

    def set_seats(self, subscription: Subscription, *, seats: int, now: datetime) -> None:
        """The absolute number of seats to be paid from now on. Saves the subscription too."""
        ...

    def more_seats(self, subscription: Subscription, *, seats: int, now: datetime) -> Preview:
        """What so many seats cost for the rest of the period: nothing up to the number that was paid for in it."""
        ...

    def next_invoice(self, subscription: Subscription, *, seats: int, now: datetime) -> Preview | None:
        """What will be due next if the workspace had so many seats. None: nothing will be. Raises Refused when
        that is not known now."""
        ...

    def is_bought(self, subscription: Subscription, *, now: datetime) -> bool:
        """Whether somebody pays for the present plan here; else it was given, or nobody takes money."""
        ...

    def hear(self, subscription: Subscription, *, now: datetime) -> None:
        """Before a plan is given: closes what could still be paid for, and writes what has been, so that neither
        undoes that later."""
        ...

    def has_portal(self, subscription: Subscription) -> bool:
        """Whether there is something to see there."""
        ...

    def portal_url(self, subscription: Subscription) -> str:
        """Where the customer keeps card and invoices. Raises NoPortal."""
        ...

    def invoices(self, subscription: Subscription) -> tuple[Invoice, ...]:
        """The newest first."""
        ...
