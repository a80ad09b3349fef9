"""What may change into what, by the present plan and its state; and the words of a refusal. Nothing is written here."""

from billing import wishes
from billing.effective import EffectivePlan, State
from billing.models import Subscription
from billing.moments import day
from billing.plans import PLANS, Tier
from config.errors import AppError

PAY_FIRST = "The last payment failed. Pay it first, then change the plan."
NONE_BELOW = "There is no plan below."
PAYS = {State.ACTIVE, State.GRACE, State.READ_ONLY}
PLANNED = "planned"


class NotAllowed(AppError):
    """The present state does not have this change."""


class UpgradeNotAllowed(NotAllowed):
    code = "upgrade-not-allowed"
    status = 409


class DowngradeNotAllowed(NotAllowed):
    code = "downgrade-not-allowed"
    status = 409


class NothingToChange(NotAllowed):
    code = "nothing-to-change"
    status = 409


class PlanHasChanged(NotAllowed):
    """What was shown before the choice is not so any more."""

    code = "plan-changed"
    status = 409


def standing(subscription: Subscription, current: EffectivePlan) -> str:
    """What the words of a dialog, or of a preview, rest on: of two that are equal, what is said of one is true of the
    other. Seats that follow the members change nothing in it, nor does the end of a trial: what was offered in it is
    offered after it, at the same price."""
    pending, wish = current.pending, wishes.waiting(subscription.workspace_id)
    seats = subscription.fixed_seats
    facts = {
        "plan": current.tier,
        "state": current.state if current.plan.trial is None else "",
        # Amounts and days that were said are of this month.
        "until": current.period.ends_at.isoformat() if current.state in PAYS else "",
        "seats": seats if current.plan.is_per_seat else None,
        PLANNED: f"{pending.plan.tier if pending.plan else 'end'}@{pending.at.isoformat()}" if pending else "",
        "wish": wish.pk if wish else None,
    }
    return " ".join(f"{name}:{fact}" for name, fact in facts.items() if fact)


def check_standing(subscription: Subscription, current: EffectivePlan, seen: str, *, drops: bool = False) -> None:
    """`seen` is empty where nobody was shown anything. `drops`: what was planned goes with the choice anyway, so that
    it has gone is no difference. Raises PlanHasChanged, with what is so now."""
    now = standing(subscription, current)
    if seen and seen != now and not (drops and is_dropped(subscription, current, seen)):
        words = "The plan has changed since you were asked, so nothing was done. Please choose again."
        raise PlanHasChanged(words, seen=now)


def is_dropped(subscription: Subscription, current: EffectivePlan, seen: str) -> bool:
    """What was planned when `seen` was, and nothing else, is not so any more."""
    was, now = seen.split(), standing(subscription, current).split()
    return was != now and [fact for fact in was if not fact.startswith(f"{PLANNED}:")] == now


def has(subscription: Subscription, current: EffectivePlan, tier: Tier, seats: int | None) -> bool:
    """Whether an upgrade to this plan is met: it was sent twice, or by two owners."""
    is_there = current.tier == tier and current.state == State.ACTIVE and current.pending is None
    return is_there and (not PLANS[tier].is_per_seat or subscription.fixed_seats == seats)


def upgrades(current: EffectivePlan) -> tuple[Tier, ...]:
    """Upwards only; what has ended may begin again with any plan. While a payment is late, it comes first."""
    if current.state in {State.GRACE, State.READ_ONLY}:
        return ()
    return PLANS[Tier.TRIAL].upgrades if current.state == State.ENDED else current.plan.upgrades


def downgrades(current: EffectivePlan) -> tuple[Tier, ...]:
    """Without the one that is planned already."""
    below = current.plan.downgrades if current.state == State.ACTIVE else ()
    return tuple(tier for tier in below if not is_planned(current, tier))


def is_planned(current: EffectivePlan, tier: Tier) -> bool:
    return current.pending is not None and current.pending.plan == PLANS[tier]


def check_upgrade(current: EffectivePlan, tier: Tier) -> None:
    """Raises UpgradeNotAllowed with what is allowed."""
    allowed = upgrades(current)
    if tier in allowed:
        return
    if current.is_late:
        words = PAY_FIRST
    elif current.state == State.ENDED:
        words = _has_ended(current)
    elif allowed:
        words = f"From {current.plan.name} you can change to {_listed(allowed)}."
    else:
        words = f"{current.plan.name} is the highest plan."
    raise UpgradeNotAllowed(words, allowed=list(allowed))


def check_downgrade(current: EffectivePlan, tier: Tier) -> None:
    """Raises NothingToChange when it is planned already, or DowngradeNotAllowed."""
    allowed = downgrades(current)
    if tier in allowed:
        return
    if current.pending and is_planned(current, tier):
        raise NothingToChange(f"The change to {PLANS[tier].name} on {day(current.pending.at)} is planned already.")
    if current.is_late:
        words = PAY_FIRST
    elif current.state == State.ENDED:
        words = _has_ended(current)
    else:
        below = current.plan.downgrades
        words = f"From {current.plan.name} you can go down to {_listed(below)}." if below else NONE_BELOW
    raise DowngradeNotAllowed(words, allowed=list(allowed))


def _has_ended(current: EffectivePlan) -> str:
    return f"{current.plan.name} has ended. Choose a plan to begin again: {_listed(upgrades(current))}."


def _listed(tiers: tuple[Tier, ...]) -> str:
    return " or ".join(PLANS[tier].name for tier in tiers)
