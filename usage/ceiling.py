"""What the members of a team may use together in a period: a member's limit times the seats that it is paid for.

Otherwise guests who take turns on one seat would each bring a whole quota. Call inside the workspace.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Sum

from billing import seats
from billing.effective import EffectivePlan
from billing.models import Subscription
from usage import periods
from usage.models import Period


@dataclass(frozen=True)
class Ceiling:
    current: EffectivePlan
    seats: int
    now: datetime

    def limit(self, metric: str) -> int:
        return self.seats * int(getattr(self.current.plan, metric))

    def taken(self) -> dict[str, int]:
        """What is used and held by everybody, also by those who have left."""
        present = periods.present(self.current.period, now=self.now)
        sums = {name: Sum(name) for name in ("requests_used", "requests_held", "tokens_used", "tokens_held")}
        found = Period.objects.filter(pk__in=present.values("pk")).aggregate(**sums)
        return {name: amount or 0 for name, amount in found.items()}

    def locked_room(self) -> dict[str, int]:
        """What is left. Until the transaction ends nobody else of the workspace reserves; what is read after the lock,
        in a statement of its own, has everything that was reserved before."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('docent quota ' || current_schema()))")
        taken = self.taken()
        return {
            metric: self.limit(metric) - taken[f"{metric}_used"] - taken[f"{metric}_held"]
            for metric in ("requests", "tokens")
        }


def ceiling(subscription: Subscription, current: EffectivePlan, *, now: datetime) -> Ceiling | None:
    """None where one person's limit is the workspace's."""
    if not current.plan.is_per_seat:
        return None
    return Ceiling(current, seats.owned(subscription, current), now)
