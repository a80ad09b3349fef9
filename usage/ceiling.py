"""What the members of a team may use together in a period: a member's limit times the seats that it is paid for.

Otherwise guests who take turns on one seat would each bring a whole quota. Call inside the workspace.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from billing import seats
from billing.effective import EffectivePlan
from billing.models import Subscription

COUNTERS = ("requests_used", "requests_held", "tokens_used", "tokens_held")
# As `periods.present`: the latest row of each member. By hand, since the lock is held while it is asked.
TAKEN = f"""
SELECT {", ".join(f"COALESCE(SUM({name}), 0)::bigint" for name in COUNTERS)}
FROM (
  SELECT DISTINCT ON (member_id) * FROM usage_period WHERE starts_at >= %s AND starts_at <= %s
  ORDER BY member_id, starts_at DESC
) AS present
"""


@dataclass(frozen=True)
class Ceiling:
    current: EffectivePlan
    seats: int
    now: datetime

    def limit(self, metric: str) -> int:
        return self.seats * int(getattr(self.current.plan, metric))

    def taken(self) -> dict[str, int]:
        """What is used and held by everybody, also by those who have left."""
        begins_at = self.current.period.starts_at
        with connection.cursor() as cursor:
            cursor.execute(TAKEN, [begins_at, max(self.now, begins_at)])
            return dict(zip(COUNTERS, cursor.fetchone(), strict=True))

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
