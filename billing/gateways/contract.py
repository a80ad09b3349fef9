import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from billing.effective import Pending
from billing.models import PlanRequest, Subscription
from billing.plans import CURRENCY, Tier
from config.errors import AppError

ACTIVE, CHECKOUT_REQUIRED, PENDING_APPROVAL = "active", "checkout_required", "pending_approval"
# How long who waited for an answer in vain is not made to wait again.
SILENCE = timedelta(seconds=45)


@dataclass(frozen=True)
class Change:
    """`checkout_url`: where the customer has to go before anything changes. `dropped`: what was planned and will not
    happen now; `withdrawn`: the wish that waited and waits no more."""

    status: str
    subscription: Subscription
    checkout_url: str | None = None
    dropped: Pending | None = None
    withdrawn: PlanRequest | None = None


@dataclass(frozen=True)
class Line:
    description: str
    amount_cents: int


@dataclass(frozen=True)
class Preview:
    """Amounts in integer cents. `next_at`: when `then_cents` is due for the first time; None when nothing will be.

    `rest_cents`: what is for the rest of the present period, now or on the next invoice. `invoice_cents`: what is
    really taken next after what is due now, with both and the balance; None where it is not asked for. `drops`: what is
    planned and will not happen then. `seen`: the standing that this rests on, of what is asked for by a member.
    """

    takes_effect_at: datetime
    due_now_cents: int
    then_cents: int
    next_at: datetime | None
    lines: tuple[Line, ...] = ()
    currency: str = CURRENCY
    rest_cents: int = 0
    invoice_cents: int | None = None
    drops: Pending | None = None
    seen: str = ""


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


@dataclass(frozen=True)
class Invoices:
    """`has_older`: those are where card and invoices are kept."""

    newest: tuple[Invoice, ...] = ()
    has_older: bool = False


class Refused(AppError):
    """What the gateway does not do, in words for who asked. Nothing was changed here."""


class Silent(Refused):
    """Who takes the money does not answer, and whoever asked has waited for that."""

    code = "payments-unavailable"
    status = 503


class KnownSilent(Silent):
    """Somebody else has waited just now, so nobody was asked."""


class Unheard(Refused):
    """What is paid for is not what was heard of here: it is being changed."""

    code = "payments-unavailable"
    status = 503


class AlreadyBought(Refused):
    code = "already-bought"
    status = 409


class NoPortal(Refused):
    code = "no-portal"
    status = 409


class Gateway(Protocol):
    """Each call that changes something gets the subscription's row locked and caught up with the clock, inside a
    transaction. A gateway that asks somebody else keeps the lock meanwhile: whoever writes this subscription next reads
    it after us. What only answers (`preview`, `more_seats`, `next_invoice`, `invoice_after`, `invoices`) needs no lock.
    """

    takes_money: bool

    def is_heard(self, subscription: Subscription, *, now: datetime) -> bool:
        """Whether what has been bought was asked for just now, or nobody can be asked."""
        ...

    def is_silent(self, subscription: Subscription, *, now: datetime) -> bool:
        """Whether it was asked about in vain a moment ago: then nobody need wait again."""
        ...

    def remember_silence(self, subscription: Subscription, *, now: datetime) -> None:
        """It was just asked about in vain. Outside the transaction that asked, which is undone."""
        ...

    def is_silent_to_any(self, *, now: datetime) -> bool:
        """As `is_silent`, about anybody."""
        ...

    def unheard(self, *, now: datetime) -> Iterable[uuid.UUID]:
        """Workspaces whose paid period has ended without word of what came after it."""
        ...

    def look(self, subscription: Subscription, *, now: datetime, is_before_change: bool = False) -> None:
        """Writes what has been bought: word of it may be late or lost. Asked briefly: somebody waits."""
        ...

    def is_paid_for(self, subscription: Subscription) -> bool:
        """Whether somebody pays, as who takes the money says now. Writes nothing, so it needs no lock. Raises Refused
        when that is not known."""
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

    def leave(self, subscription: Subscription, *, by: uuid.UUID, now: datetime) -> None:
        """Nothing is charged from then on, nor can a page to pay at that is open be used. What was paid for lasts until
        its period's end; where a payment is late, it ends at once."""
        ...

    def end(self, subscription: Subscription, *, by: uuid.UUID | None, now: datetime) -> None:
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
        that is not known now, Unheard when it would be of another plan."""
        ...

    def invoice_after(self, subscription: Subscription, *, tier: Tier | None, now: datetime) -> Preview | None:
        """As `next_invoice`, if this smaller plan, or with None the end, were planned."""
        ...

    def is_bought(self, subscription: Subscription, *, now: datetime) -> bool:
        """Whether somebody pays for the present plan here; else it was given, or nobody takes money."""
        ...

    def is_turning(self, subscription: Subscription, *, now: datetime) -> bool:
        """Whether a month ends just now: by one of the two clocks, ours and theirs, and not yet by the other. Then
        nobody can say when what is chosen would happen."""
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

    def invoices(self, subscription: Subscription) -> Invoices:
        """The newest first."""
        ...
