"""What is planned takes several calls at Stripe. Any of them may fail: what was chosen holds, and seats are paid."""

from datetime import timedelta

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Job, User
from billing import giving, jobs
from billing.plans import Tier
from billing.seats import due
from billing.stripe import events, truth
from billing.stripe import seats as at_stripes
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import DAY, account, buy, clock, hear, state
from tests.billing.team import joined
from tests.people import Person
from tests.threads import elsewhere

SCHEDULES = r"v1/subscription_schedules"
# The library repeats a call that failed once.
TWICE = 2


def told(person: Person) -> QuerySet[Job]:
    names = ("billing.jobs.send_seats", "billing.jobs.finish_planned")
    return Job.objects.filter(workspace=person.workspace, name__in=names, failed_at=None)


def work(person: Person) -> None:
    """What workers would do in a few minutes."""
    for _ in range(6):
        told(person).update(due_at=timezone.now() - timedelta(seconds=1))
        for job in told(person):
            task = jobs.send_seats if job.name == "billing.jobs.send_seats" else jobs.finish_planned
            elsewhere(lambda key=str(job.pk), task=task: task(key))


def totals(vendor: StripeProcess) -> list[int]:
    return [one["total"] for one in vendor.control("state?kind=invoice")["objects"]]


def at_stripe(person: Person) -> tuple[int, str]:
    """Seats, and the plan that comes."""
    bought = truth.ask(account(person)).bought
    assert bought is not None
    coming = truth.planned(bought)
    return truth.item_of(bought).quantity or 1, coming.tier if coming else ""


@pytest.mark.parametrize("do", ["500", "500_after"])
def test_a_planned_smaller_plan_outlives_a_failure_while_somebody_joins(
    vendor: StripeProcess, alice: Person, do: str
) -> None:
    buy(alice, vendor, "teams")
    alice.api.post("/subscription/downgrade", {"tier": "pro"})

    for skip in range(7):
        joined(alice, f"M{skip}", timezone.now())
        vendor.fault(do, times=TWICE, method="POST", path="v1/sub", skip=skip)
        work(alice)

        assert at_stripe(alice) == (skip + 2, "pro")
        assert (alice.subscription.seats, alice.subscription.pending_tier) == (skip + 2, "pro")
        assert not told(alice)
        vendor.control("faults", method="DELETE")


def test_a_crash_there_is_found_by_whoever_looks_next(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    alice.api.post("/subscription/downgrade", {"tier": "pro"})
    joined(alice, "Bob", timezone.now())
    vendor.fault("500", times=TWICE, method="POST", path=SCHEDULES + "$")
    job = told(alice).get()
    elsewhere(lambda: jobs.send_seats(str(job.pk)))
    told(alice).delete()

    hear(alice, vendor)
    shown = alice.api.get("/subscription").json()["pending"]
    work(alice)
    vendor.advance(32 * DAY)
    hear(alice, vendor)

    assert shown["tier"] == "pro"
    assert state(alice) == ("pro", "active")
    assert totals(vendor)[-1] < 6_100


def test_what_was_left_half_done_until_the_month_ended_does_not_come_back(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    alice.api.post("/subscription/downgrade", {"tier": "pro"})
    joined(alice, "Bob", timezone.now())
    vendor.fault("500", times=999, method="POST", path=SCHEDULES + "$")
    work(alice)
    waits = alice.subscription.pending_tier
    told(alice).delete()
    vendor.advance(32 * DAY)
    vendor.control("faults", method="DELETE")
    hear(alice, vendor)

    joined(alice, "Cleo", clock(vendor))
    work(alice)

    assert waits == "pro"
    assert at_stripe(alice) == (3, "")
    assert alice.subscription.pending_at is None


def test_a_smaller_plan_that_failed_half_way_blocks_no_seat(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    vendor.fault("500", times=4, method="POST", path=SCHEDULES + r"/sub_sched_\w+(/release)?$")
    refused = alice.api.post("/subscription/downgrade", {"tier": "pro"})
    for name in ("Bob", "Cleo"):
        joined(alice, name, timezone.now())

    work(alice)

    assert refused.status_code == 503
    assert at_stripe(alice) == (3, "pro")


def test_a_schedule_that_plans_nothing_is_let_go(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    truth.api().v1.subscription_schedules.create({"from_subscription": account(alice).subscription_id})

    events.reconcile(now=clock(vendor))
    work(alice)

    bought = truth.ask(account(alice)).bought
    assert bought is not None
    assert bought.schedule is None


SMALLER, SMALLEST, END, BACK = (
    ("downgrade", {"tier": "plus"}),
    ("downgrade", {"tier": "pro"}),
    ("cancel", {}),
    ("resume", {}),
)
Choice = tuple[str, dict[str, str]]


@pytest.mark.parametrize(
    ("first", "then", "wanted"),
    [(SMALLEST, SMALLER, "plus"), (SMALLEST, END, "end"), (SMALLEST, BACK, ""), (END, SMALLER, "plus")],
)
def test_a_choice_that_fails_half_way_leaves_the_one_before_or_the_new_one(
    vendor: StripeProcess, alice: Person, first: Choice, then: Choice, wanted: str
) -> None:
    buy(alice, vendor, "teams")
    for skip in range(6):
        alice.api.post(f"/subscription/{first[0]}", first[1])
        before = planned(alice)
        vendor.fault("500", times=TWICE, method="POST", path="v1/sub", skip=skip)

        answer = alice.api.post(f"/subscription/{then[0]}", then[1])
        check_it_holds(vendor, alice, {wanted} if answer.status_code == 200 else {before, wanted})
        alice.api.post("/subscription/resume")


@pytest.mark.parametrize("first", [SMALLEST, END])
def test_what_is_planned_outlives_an_upgrade_that_fails(vendor: StripeProcess, alice: Person, first: Choice) -> None:
    buy(alice, vendor, "plus")
    for skip in range(7):
        alice.api.post(f"/subscription/{first[0]}", first[1])
        before = planned(alice)
        vendor.fault("500", times=TWICE, path="v1/(sub|billing_portal)", skip=skip)

        answer = alice.api.post("/user/upgrade-subscription", {"tier": "teams"})
        check_it_holds(vendor, alice, {"" if answer.status_code == 200 else before})


def check_it_holds(vendor: StripeProcess, person: Person, wanted: set[str]) -> None:
    vendor.control("faults", method="DELETE")
    hear(person, vendor)
    shown = planned(person)
    work(person)
    hear(person, vendor)
    assert shown in wanted
    assert planned(person) == shown
    assert not told(person)


def planned(person: Person) -> str:
    subscription = person.subscription
    return (subscription.pending_tier or "end") if subscription.pending_at else ""


def test_seats_are_told_after_an_outage_however_long(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    joined(alice, "Bob", timezone.now())
    vendor.fault("503", times=999)
    work(alice)
    vendor.control("faults", method="DELETE")

    work(alice)

    assert at_stripe(alice) == (2, "")
    assert alice.subscription.seats == due(alice.subscription) == 2


def test_seats_that_were_given_up_are_told_with_the_next_event(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    joined(alice, "Bob", timezone.now())
    told(alice).update(failed_at=timezone.now())

    hear(alice, vendor)
    hear(alice, vendor)

    assert told(alice).count() == 1


def test_a_plan_given_while_the_job_waits_for_its_turn_stays(vendor: StripeProcess, alice: Person, sam: User) -> None:
    buy(alice, vendor, "teams")
    as_the_job_read_it = account(alice)
    truth.api().v1.subscriptions.cancel(as_the_job_read_it.subscription_id)
    giving.give(workspace=alice.workspace, tier=Tier.TEAMS, by=sam, why="a gift", now=timezone.now())

    at_stripes.send(as_the_job_read_it, change="x", now=timezone.now())

    assert state(alice) == ("teams", "active")


HALF_WAY = {
    "noted alone": SCHEDULES + "$",
    "with a schedule of one phase": SCHEDULES + r"/sub_sched_\w+(/release)?$",
}


@pytest.mark.parametrize("half_way", HALF_WAY)
def test_the_next_invoice_is_of_the_smaller_plan_before_it_is_all_arranged(
    vendor: StripeProcess, alice: Person, half_way: str
) -> None:
    buy(alice, vendor, "teams")
    vendor.fault("500", times=999, method="POST", path=HALF_WAY[half_way])
    refused = alice.api.post("/subscription/downgrade", {"tier": "pro"})
    vendor.control("faults", method="DELETE")

    shown = alice.api.get("/subscription").json()
    told(alice).update(due_at=timezone.now() - timedelta(seconds=1))
    work(alice)
    arranged = alice.api.get("/subscription").json()

    assert (refused.status_code, shown["pending"]["tier"]) == (503, "pro")
    assert shown["next_invoice"]["then_cents"] == arranged["next_invoice"]["then_cents"] == 1_000


def test_what_is_noted_to_end_brings_no_next_invoice(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    alice.api.post("/subscription/downgrade", {"tier": "pro"})
    vendor.fault("500", times=999, method="POST", path=SCHEDULES)
    refused = alice.api.post("/subscription/cancel")
    vendor.control("faults", method="DELETE")

    shown = alice.api.get("/subscription").json()

    assert (refused.status_code, shown["pending"]["tier"]) == (503, None)
    assert (shown["next_invoice"], shown["next_invoice_is_known"]) == (None, True)


def test_seats_beside_what_is_only_noted_have_no_amount_that_is_made_up(vendor: StripeProcess, alice: Person) -> None:
    buy(alice, vendor, "teams")
    vendor.fault("500", times=999, method="POST", path=SCHEDULES + "$")
    alice.api.post("/subscription/downgrade", {"tier": "pro"})
    vendor.control("faults", method="DELETE")

    preview = alice.api.post("/subscription/preview", {"tier": "teams", "seats": 4})

    assert (preview.status_code, preview.json()["type"]) == (503, "/problems/payments-unavailable")
