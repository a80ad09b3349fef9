"""What a hold is refused with."""

from datetime import datetime, timedelta

from billing.effective import EffectivePlan
from billing.moments import exactly, here
from billing.plans import Plan, cheapest_with_more, upgrade_url
from config.errors import AppError

BUSY_RETRY = timedelta(seconds=2)


class QuotaExceeded(AppError):
    code = "quota-exceeded"
    status = 429
    is_for_payment = True


class Busy(AppError):
    """Only work in flight is in the way: there is room when it ends."""

    code = "busy"
    status = 429


def quota_exceeded(
    current: EffectivePlan, *, violated: str, limit: int, used: int, needed: int, now: datetime
) -> QuotaExceeded:
    is_capped, better = _ways_out(current, violated, limit)
    # Too little for a single question also when nothing of it is used.
    renews_at = current.renews_at if needed <= limit else None
    is_trial = current.plan.trial is not None
    span = "of the trial" if is_trial else "of this month"
    if needed > limit:
        detail = [f"Of {_counted(limit, violated)} a month nothing can be asked; this needs {needed:,} or more."]
    elif used < limit:
        detail = [f"Of the {limit:,} {violated} {span} {_are(limit - used)} left, and this needs {needed:,} or more."]
    else:
        detail = [f"The {_counted(limit, violated)} {span} {'is' if limit == 1 else 'are'} used."]
    detail += _return(current) if needed <= limit else []
    if is_capped:
        detail.append("This is your own limit; ask an owner or admin of the workspace to raise it.")
    if better is not None:
        detail.append(f"The {better.name} plan has {getattr(better, violated):,} a month.")
    return QuotaExceeded(
        " ".join(detail),
        retry_after=(renews_at - now).total_seconds() if renews_at else None,
        violated=violated,
        resets_at=renews_at,
        plan=better.tier if better else None,
        **({} if is_capped else {"upgrade_url": upgrade_url()}),
    )


def _ways_out(current: EffectivePlan, violated: str, limit: int) -> tuple[bool, Plan | None]:
    """Whether it is a member's own cap, and the cheapest plan with more."""
    # A cap is below what the plan gives; no plan raises it.
    is_capped = limit < getattr(current.plan, violated)
    # While a payment is late, no plan can be changed.
    return is_capped, None if is_capped or current.is_late else cheapest_with_more(current.tier, violated)


def ceiling_reached(
    current: EffectivePlan, seats: int, *, violated: str, used: int, needed: int, now: datetime
) -> QuotaExceeded:
    """Everybody together has used what the seats bring."""
    each = getattr(current.plan, violated)
    limit = seats * each
    what = (
        f"{violated} of this month, {each:,} for each of {seats} seats," if seats > 1 else f"{violated} of this month"
    )
    if used < limit:
        words = f"Of the workspace's {limit:,} {what} {_are(limit - used)} left, and this needs {needed:,} or more."
    else:
        words = f"The workspace's {limit:,} {what} are used, also by people who have left."
    way_out = [] if current.is_late else ["An owner can add seats."]
    return QuotaExceeded(
        " ".join([words, *_return(current), *way_out]),
        retry_after=(current.renews_at - now).total_seconds() if current.renews_at else None,
        violated=violated,
        resets_at=current.renews_at,
        plan=None,
        seats=seats,
        upgrade_url=upgrade_url(),
    )


def _counted(number: int, violated: str) -> str:
    return f"{number:,} {violated.removesuffix('s') if number == 1 else violated}"


def _are(number: int) -> str:
    return f"{number:,} {'is' if number == 1 else 'are'}"


def _return(current: EffectivePlan) -> list[str]:
    """When what is used up starts anew."""
    if current.renews_at is not None:
        return [f"They start anew on {exactly(current.renews_at, here())}."]
    if current.is_late and current.ends_at != current.leaves_at:
        return [f"They start anew on {exactly(current.period.ends_at, here())} if the payment that failed is made."]
    if current.plan.trial is None:
        return ["The subscription ends before they would start anew; an owner can take that back."]
    return []


def busy_together(*, violated: str) -> Busy:
    return Busy(
        "Questions of others hold what is left of the workspace's quota. Try again when one of them has ended.",
        retry_after=BUSY_RETRY.total_seconds(),
        violated=violated,
        plan=None,
        upgrade_url=upgrade_url(),
    )


def busy(current: EffectivePlan, *, violated: str, limit: int) -> Busy:
    is_capped, better = _ways_out(current, violated, limit)
    return Busy(
        "Your other questions hold what is left of the quota. Try again when one of them has ended.",
        retry_after=BUSY_RETRY.total_seconds(),
        violated=violated,
        plan=better.tier if better else None,
        **({} if is_capped else {"upgrade_url": upgrade_url()}),
    )
