"""Whether there is room for what is asked, before anything is written, and what is said when there is none."""

from dataclasses import dataclass
from datetime import datetime

from billing.effective import EffectivePlan
from usage.ceiling import Ceiling
from usage.models import Period
from usage.periods import Limits
from usage.refusals import busy, busy_together, ceiling_reached, quota_exceeded


@dataclass(frozen=True)
class Wanted:
    """`tokens=None`: what is left, but no less than `least`."""

    requests: int
    tokens: int | None
    least: int


def check_room(
    period: Period,
    current: EffectivePlan,
    limits: Limits,
    together: Ceiling | None,
    wanted: Wanted,
    *,
    now: datetime,
) -> None:
    """Refuses without a write. Used up is another refusal than held by work in flight, which soon ends."""
    asked = {"requests": wanted.requests, "tokens": wanted.least}
    for metric, amount in asked.items():
        limit = getattr(limits, metric)
        used, held = getattr(period, f"{metric}_used"), getattr(period, f"{metric}_held")
        if used + amount > limit:
            raise quota_exceeded(current, violated=metric, limit=limit, used=used, needed=amount, now=now)
        if used + held + amount > limit:
            raise busy(current, violated=metric, limit=limit)
    if together is None:
        return
    taken = together.taken()
    for metric, amount in asked.items():
        limit, used = together.limit(metric), taken[f"{metric}_used"]
        if used + amount > limit:
            raise ceiling_reached(current, together.seats, violated=metric, used=used, needed=amount, now=now)
        if used + taken[f"{metric}_held"] + amount > limit:
            raise busy_together(violated=metric)
