"""Every state of a subscription and every way from one to another; `docs/billing.md` draws this table.

`billing.effective` tells the state, and nothing else compares dates with a subscription.
"""

from dataclasses import dataclass
from enum import StrEnum


class Access(StrEnum):
    FULL = "full"
    READ_ONLY = "read_only"
    CLOSED = "closed"


class State(StrEnum):
    TRIAL = "trial"
    TRIAL_ENDED = "trial_ended"
    ACTIVE = "active"
    GRACE = "grace"
    READ_ONLY = "read_only"
    ENDED = "ended"


@dataclass(frozen=True)
class Rule:
    """`refusal`: the code of the 402 where access is not full."""

    when: str
    access: Access
    refusal: str = ""


RULES: dict[State, Rule] = {
    State.TRIAL: Rule("trialing, before `trial_ends_at`", Access.FULL),
    State.TRIAL_ENDED: Rule("trialing, from then on", Access.CLOSED, "trial-expired"),
    State.ACTIVE: Rule("active", Access.FULL),
    State.GRACE: Rule("past due, 7 days from `past_due_since`", Access.FULL),
    State.READ_ONLY: Rule("past due, after that", Access.READ_ONLY, "payment-required"),
    State.ENDED: Rule("canceled, or a cancellation's `pending_at` is over", Access.CLOSED, "payment-required"),
}


@dataclass(frozen=True)
class Transition:
    """`by`: what brings it about. A transition by the clock needs no job: it is true at the moment of asking."""

    before: State
    after: State
    by: str


TRANSITIONS = (
    Transition(State.TRIAL, State.TRIAL_ENDED, "clock"),
    Transition(State.TRIAL, State.ACTIVE, "purchase"),
    Transition(State.TRIAL_ENDED, State.ACTIVE, "purchase"),
    Transition(State.ACTIVE, State.ACTIVE, "upgrade, downgrade at the period's end"),
    Transition(State.ACTIVE, State.GRACE, "failed payment"),
    Transition(State.GRACE, State.ACTIVE, "payment"),
    Transition(State.GRACE, State.READ_ONLY, "clock"),
    Transition(State.READ_ONLY, State.ACTIVE, "payment"),
    Transition(State.ACTIVE, State.ENDED, "cancellation at the period's end"),
    Transition(State.GRACE, State.ENDED, "cancellation, last retry failed"),
    Transition(State.READ_ONLY, State.ENDED, "cancellation, last retry failed"),
    Transition(State.ENDED, State.ACTIVE, "purchase"),
)
