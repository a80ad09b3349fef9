"""Which reminder is due: a pure function of a subscription's facts and the moment of asking, like the plan itself.

Of several that are due only the latest is: who was away hears where things stand, not what was true a week ago.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.effective import EffectivePlan, Facts, effective
from billing.plans import KEPT_AFTER_END, PAST_DUE_GRACE
from billing.states import State

FIRST_WARNING, LAST_WARNING = "erasure-7-days", "erasure-1-day"
# Between the two warnings, and between the last one and the erasure.
NOTICE = timedelta(days=1)
# How soon to look again whether the first warning has gone out, before the last one counts from it.
UNSENT_PAUSE = timedelta(hours=6)


@dataclass(frozen=True)
class Step:
    """`after` the moment that the state is about; before it when negative."""

    kind: str
    after: timedelta


ERASURE = (
    Step(FIRST_WARNING, KEPT_AFTER_END - timedelta(days=7)),
    Step(LAST_WARNING, KEPT_AFTER_END - NOTICE),
)
STEPS: dict[State, tuple[Step, ...]] = {
    State.TRIAL: (Step("trial-3-days", -timedelta(days=3)), Step("trial-1-day", -timedelta(days=1))),
    State.TRIAL_ENDED: (Step("trial-ended", timedelta()), Step("trial-over", timedelta(days=3)), *ERASURE),
    State.ACTIVE: (),
    State.GRACE: (Step("payment-failed", timedelta()), Step("payment-late", timedelta(days=3))),
    State.READ_ONLY: (Step("payment-read-only", PAST_DUE_GRACE),),
    State.ENDED: ERASURE,
}
KINDS = tuple(dict.fromkeys(step.kind for steps in STEPS.values() for step in steps))


@dataclass(frozen=True)
class Reminder:
    """`about`: the moment it tells of. Another one, as after a trial was made longer, is another reminder."""

    kind: str
    about: datetime
    since: datetime


def due(facts: Facts, now: datetime, *, first_warned_at: datetime | None = None) -> Reminder | None:
    """`first_warned_at`: when the first warning of this end went out; the last one follows it, never before."""
    reached = [each for each in _timeline(facts, now, first_warned_at) if each.since <= now]
    return reached[-1] if reached else None


def next_look(facts: Facts, now: datetime, *, first_warned_at: datetime | None = None) -> datetime | None:
    """When `due` can answer otherwise by the clock alone. None: only a change of the facts can bring that."""
    coming = [each.since for each in _timeline(facts, now, first_warned_at)]
    turns_at = effective(facts, now).ends_at
    reminder = due(facts, now, first_warned_at=first_warned_at)
    if reminder and reminder.kind == FIRST_WARNING and first_warned_at is None:
        coming.append(now + UNSENT_PAUSE)
    return min((moment for moment in [*coming, turns_at] if moment and moment > now), default=None)


def _timeline(facts: Facts, now: datetime, first_warned_at: datetime | None) -> Iterator[Reminder]:
    """The reminders of the present state, in their order."""
    current = effective(facts, now)
    about = _about(facts, current)
    if about is None or current.erased_at is not None:
        return
    for step in STEPS[current.state]:
        since = about + step.after
        if step.kind == LAST_WARNING:
            if first_warned_at is None:
                return
            since = max(since, first_warned_at + NOTICE)
        # A trial of two days has no third one before its end.
        if since > facts.started_at:
            yield Reminder(step.kind, about, since)


def _about(facts: Facts, current: EffectivePlan) -> datetime | None:
    if current.state == State.TRIAL:
        return facts.trial_ends_at
    return current.ended_at or facts.past_due_since
