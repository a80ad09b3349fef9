import uuid
from datetime import datetime

from django.conf import settings

from billing import wishes
from billing.effective import effective
from billing.gateways.contract import ACTIVE, PENDING_APPROVAL, Change, Invoices, NoPortal, Preview
from billing.models import Subscription
from billing.plans import PLANS, Tier


class Manual:
    """Nobody takes money: a change applies at once and records who made it, or waits for staff when hosted."""

    takes_money = False

    def is_heard(self, subscription: Subscription, *, now: datetime) -> bool:
        return True

    def is_silent(self, subscription: Subscription, *, now: datetime) -> bool:
        return False

    def remember_silence(self, subscription: Subscription, *, now: datetime) -> None:
        return None

    def is_silent_to_any(self, *, now: datetime) -> bool:
        return False

    def unheard(self, *, now: datetime) -> tuple[uuid.UUID, ...]:
        return ()

    def look(self, subscription: Subscription, *, now: datetime, is_before_change: bool = False) -> None:
        return None

    def is_paid_for(self, subscription: Subscription) -> bool:
        return False

    def preview(self, subscription: Subscription, *, tier: Tier, seats: int, now: datetime) -> Preview:
        return Preview(takes_effect_at=now, due_now_cents=0, then_cents=PLANS[tier].monthly_cents(seats), next_at=None)

    def introduce(self, subscription: Subscription) -> None:
        return None

    def change(
        self, subscription: Subscription, *, tier: Tier, seats: int, is_fixed: bool, by: uuid.UUID, now: datetime
    ) -> Change:
        if settings.IS_PRODUCTION:
            wishes.ask(subscription, tier=tier, seats=seats, is_fixed=is_fixed, by=by, now=now)
            return Change(PENDING_APPROVAL, subscription)
        subscription.fixed_seats = seats if is_fixed else None
        subscription.buy(tier, seats=seats, by=by, now=now)
        return Change(ACTIVE, subscription)

    def schedule(self, subscription: Subscription, *, tier: Tier | None, by: uuid.UUID, now: datetime) -> None:
        subscription.pending_tier, subscription.pending_at = tier or "", effective(subscription, now).period.ends_at
        subscription.changed_by, subscription.changed_at = by, now
        subscription.save()

    def leave(self, subscription: Subscription, *, by: uuid.UUID, now: datetime) -> None:
        return None

    def end(self, subscription: Subscription, *, by: uuid.UUID | None, now: datetime) -> None:
        subscription.end(by=by, now=now)

    def resume(self, subscription: Subscription, *, by: uuid.UUID, now: datetime) -> None:
        subscription.forget_pending()
        subscription.changed_by, subscription.changed_at = by, now
        subscription.save()

    def set_seats(self, subscription: Subscription, *, seats: int, now: datetime) -> None:
        subscription.pay_for(seats, now=now)
        subscription.changed_at = now
        subscription.save()

    def more_seats(self, subscription: Subscription, *, seats: int, now: datetime) -> Preview:
        return Preview(takes_effect_at=now, due_now_cents=0, then_cents=0, next_at=None)

    def next_invoice(self, subscription: Subscription, *, seats: int, now: datetime) -> Preview | None:
        return None

    def invoice_after(self, subscription: Subscription, *, tier: Tier | None, now: datetime) -> Preview | None:
        return None

    def is_bought(self, subscription: Subscription, *, now: datetime) -> bool:
        return False

    def is_turning(self, subscription: Subscription, *, now: datetime) -> bool:
        return False

    def hear(self, subscription: Subscription, *, now: datetime) -> None:
        return None

    def has_portal(self, subscription: Subscription) -> bool:
        return False

    def portal_url(self, subscription: Subscription) -> str:
        raise NoPortal("Nothing is charged on this installation, so there are no card and no invoices.")

    def invoices(self, subscription: Subscription) -> Invoices:
        return Invoices()
