"""Random histories of a subscription over 400 days: nobody who pays is refused, nobody else is served."""

import itertools
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import settings as runs
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from billing.effective import Access, EffectivePlan, State, effective
from billing.models import Subscription
from billing.plans import KEPT_AFTER_END, PAST_DUE_GRACE, PLANS, Tier
from billing.states import RULES, TRANSITIONS

DAYS = 400
PAID = [Tier.PRO, Tier.PLUS, Tier.TEAMS]
# Month ends, leap days and changes of the clock lie within 400 days of these.
STARTS = st.sampled_from(
    [
        datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2028, 1, 31, 12, tzinfo=UTC),
        datetime(2028, 2, 29, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 30, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/New_York"), fold=1),
        datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")),
    ]
)
STEPS = st.one_of(st.timedeltas(timedelta(0), timedelta(days=40)), st.sampled_from([timedelta(days=7), timedelta(1)]))
WAYS = {(way.before, way.after) for way in TRANSITIONS}


class History(RuleBasedStateMachine):
    """Beside the subscription a plain book: what was paid for, from when until when."""

    @initialize(start=STARTS)
    def signs_up(self, start: datetime) -> None:
        self.zone, self.start = start.tzinfo, start.astimezone(UTC)
        self.now = self.start
        self.paid_tier: Tier | None = None
        self.leaves_at: datetime | None = None
        self.next: tuple[Tier, datetime] | None = None
        self.owes_since: datetime | None = None
        self.subscription = Subscription(
            workspace_id=uuid.uuid4(),
            started_at=self.now,
            trial_ends_at=self.now + timedelta(days=7),
            anchor_at=self.now,
        )
        self.subscription.save = lambda *_, **__: None

    @property
    def local(self) -> datetime:
        """As the customer's clocks show it: what the product makes of it must not depend on that."""
        return self.now.astimezone(self.zone)

    @property
    def current(self) -> EffectivePlan:
        return effective(self.subscription, self.local)

    @rule(step=STEPS)
    def time_passes(self, step: timedelta) -> None:
        before = self.current.state
        self.now = min(self.now + step, self.start + timedelta(days=DAYS))
        if self.next and self.now >= self.next[1]:
            self.paid_tier, self.next = self.next[0], None
        if self.leaves_at and self.now >= self.leaves_at:
            self.paid_tier = self.leaves_at = self.owes_since = None
        assert self.reaches(before, self.current.state), (before, self.current.state)

    @staticmethod
    def reaches(before: State, after: State) -> bool:
        """In one step or, when much time has passed, in two."""
        ways = WAYS | {(state, state) for state in State}
        return any({(before, middle), (middle, after)} <= ways for middle in State)

    @precondition(lambda self: self.paid_tier is None)
    @rule(tier=st.sampled_from(PAID))
    def buys(self, tier: Tier) -> None:
        self.subscription.buy(tier, seats=1, by=None, now=self.local)
        self.paid_tier = tier

    @precondition(lambda self: self.paid_tier is not None and PLANS[self.paid_tier].upgrades and not self.owes_since)
    @rule(which=st.integers(0, 1))
    def upgrades(self, which: int) -> None:
        assert self.paid_tier is not None
        above = PLANS[self.paid_tier].upgrades
        self.paid_tier, self.next, self.leaves_at = above[which % len(above)], None, None
        self.subscription.buy(self.paid_tier, seats=1, by=None, now=self.local)

    @precondition(lambda self: self.paid_tier is not None and PLANS[self.paid_tier].downgrades and not self.owes_since)
    @rule(which=st.integers(0, 1))
    def goes_down_at_the_end_of_the_month(self, which: int) -> None:
        assert self.paid_tier is not None
        below = PLANS[self.paid_tier].downgrades
        self.subscription.catch_up(self.local)
        self.next, self.leaves_at = (below[which % len(below)], self.current.period.ends_at), None
        self.subscription.pending_tier, self.subscription.pending_at = self.next

    @precondition(lambda self: self.paid_tier is not None)
    @rule()
    def cancels(self) -> None:
        self.subscription.catch_up(self.local)
        self.leaves_at, self.next = self.current.period.ends_at, None
        self.subscription.pending_tier, self.subscription.pending_at = "", self.leaves_at

    @precondition(lambda self: self.leaves_at or self.next)
    @rule()
    def thinks_better_of_it(self) -> None:
        self.subscription.forget_pending()
        self.leaves_at = self.next = None

    @precondition(lambda self: self.paid_tier is not None and not self.owes_since)
    @rule()
    def a_payment_fails(self) -> None:
        self.subscription.catch_up(self.local)
        self.subscription.status, self.subscription.past_due_since = "past_due", self.now
        self.owes_since = self.now

    @precondition(lambda self: self.owes_since)
    @rule()
    def pays(self) -> None:
        self.subscription.catch_up(self.local)
        self.subscription.status, self.subscription.past_due_since = "active", None
        self.owes_since = None

    @precondition(lambda self: self.owes_since)
    @rule()
    def the_last_retry_fails(self) -> None:
        self.subscription.catch_up(self.local)
        self.subscription.status, self.subscription.ended_at = "canceled", self.now
        self.subscription.past_due_since = None
        self.subscription.forget_pending()
        self.paid_tier = self.leaves_at = self.next = self.owes_since = None

    @precondition(lambda self: self.paid_tier is None and self.subscription.status != "trialing")
    @rule(tier=st.sampled_from(PAID))
    def returns_after_the_end(self, tier: Tier) -> None:
        self.buys(tier)
        assert (self.current.state, self.current.period.starts_at) == (State.ACTIVE, self.now)

    @invariant()
    def who_pays_is_served_and_nobody_else(self) -> None:
        in_trial = self.paid_tier is None and self.subscription.status == "trialing"
        if in_trial:
            expected = Access.FULL if self.now < self.start + timedelta(days=7) else Access.CLOSED
        elif self.paid_tier is None:
            expected = Access.CLOSED
        elif self.owes_since and self.now >= self.owes_since + PAST_DUE_GRACE:
            expected = Access.READ_ONLY
        else:
            expected = Access.FULL
        assert self.current.access == expected

    @invariant()
    def the_limits_are_those_of_the_plan_that_was_bought(self) -> None:
        if self.paid_tier is not None:
            assert self.current.plan == PLANS[self.paid_tier]
        elif self.subscription.status == "trialing":
            assert self.current.plan == PLANS[Tier.TRIAL]

    @invariant()
    def now_lies_in_the_period_while_there_is_service(self) -> None:
        if self.current.access != Access.CLOSED:
            assert self.current.period.starts_at <= self.now < self.current.period.ends_at

    @invariant()
    def nothing_is_erased_while_there_is_service_or_within_thirty_days_of_it(self) -> None:
        erases_at = self.current.erases_at
        assert (erases_at is None) == (self.current.access != Access.CLOSED)
        assert erases_at is None or erases_at > self.now or self.current.ended_at == erases_at - KEPT_AFTER_END


TestHistories = History.TestCase
TestHistories.settings = runs(max_examples=150, stateful_step_count=40, deadline=None)


def test_every_state_can_be_reached_and_left() -> None:
    entered = {way.after for way in TRANSITIONS} | {State.TRIAL}
    left = {way.before for way in TRANSITIONS}

    assert entered == left == set(State)


def test_upgrades_and_downgrades_are_each_others_opposite() -> None:
    for higher, lower in itertools.permutations(PAID, 2):
        assert (higher in PLANS[lower].upgrades) == (lower in PLANS[higher].downgrades)


def test_the_page_about_billing_has_the_same_states_and_ways() -> None:
    page = (Path(__file__).parents[2] / "docs" / "billing.md").read_text()

    rows = [
        f"| `{state}` | {rule.when} | {rule.access} | {f'`{rule.refusal}` ' if rule.refusal else ''}|"
        for state, rule in RULES.items()
    ]
    drawn = [f"    {way.before} --> {way.after}: {way.by}" for way in TRANSITIONS]
    assert [line for line in page.splitlines() if line.startswith("| `")][: len(rows)] == rows
    assert [line for line in page.splitlines() if " --> " in line][1:] == drawn
