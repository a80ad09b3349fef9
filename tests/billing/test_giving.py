"""Staff gives a plan that nobody asked for: who and why is kept, and nothing stands beside what is being paid for."""

import itertools
import uuid
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.test import override_settings
from django.utils import timezone

from accounts.models import User
from billing import giving
from billing.models import GivenPlan, PlanRequest
from billing.plans import Tier
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import buy, state
from tests.billing.wishes import answered, staff
from tests.people import Person, join
from tests.threads import at_once


@pytest.fixture
def sam(_database: None) -> User:
    return staff()


def give(person: Person, tier: str, *more: str, by: str, why: str = "A school") -> None:
    call_command("give_plan", str(person.workspace.pk), tier, *more, "--by", by, "--why", why)


def test_a_plan_is_given_at_once_and_who_gave_it_and_why_is_kept(alice: Person, sam: User) -> None:
    give(alice, "plus", by=sam.email.upper())

    given = GivenPlan.objects.get(workspace=alice.workspace)
    assert (state(alice), alice.subscription.changed_by) == (("plus", "active"), sam.pk)
    assert (given.tier, given.given_by, given.why) == ("plus", sam.email, "A school")


def test_where_stripe_takes_the_money_it_costs_nothing(vendor: StripeProcess, alice: Person, sam: User) -> None:
    give(alice, "teams", "--seats", "4", by=sam.email)

    page = alice.web.get("/app/plan").content.decode()
    assert (*state(alice), alice.subscription.seats) == ("teams", "active", 4)
    assert "given to you, nothing is charged" in page


def test_nothing_is_given_beside_what_is_being_paid_for(vendor: StripeProcess, alice: Person, sam: User) -> None:
    buy(alice, vendor, "pro")

    with pytest.raises(CommandError, match="has to end before"):
        give(alice, "teams", by=sam.email)

    assert state(alice) == ("pro", "active")
    assert not GivenPlan.objects.filter(workspace=alice.workspace).exists()


def test_a_member_without_a_seat_in_the_given_number_is_not_left_out(alice: Person, sam: User) -> None:
    join(alice, "Bob")

    with pytest.raises(CommandError, match="Seats: from 2"):
        give(alice, "teams", "--seats", "1", by=sam.email)
    give(alice, "teams", by=sam.email)

    assert (alice.subscription.seats, alice.subscription.fixed_seats) == (2, None)


def test_a_wish_that_waits_is_answered_by_what_is_given(alice: Person, sam: User) -> None:
    wish = PlanRequest.objects.create(workspace=alice.workspace, tier="plus", requested_by=alice.user)

    give(alice, "pro", by=sam.email)

    wish.refresh_from_db()
    assert (wish.outcome, wish.decided_by, wish.reason) == ("refused", sam.email, "You were given Pro.")


def test_only_staff_gives(alice: Person) -> None:
    with pytest.raises(CommandError, match="Only staff"):
        give(alice, "pro", by=alice.email)

    assert state(alice) == ("trial", "trialing")


def test_what_is_missing_or_unknown_is_said(alice: Person, sam: User) -> None:
    workspace = str(alice.workspace.pk)
    wrong = [
        ([workspace, "pro", "--by", sam.email], "Say all of it"),
        ([workspace, "pro", "--by", sam.email, "--why", "  "], "Say why"),
        ([workspace, "trial", "--by", sam.email, "--why", "x"], "choose from '?pro'?, "),
        ([workspace, "pro", "--seats", "2", "--by", sam.email, "--why", "x"], "for one person"),
        ([workspace, "pro", "--by", "nobody@example.com", "--why", "x"], "Nobody has the address"),
        ([str(uuid.uuid4()), "pro", "--by", sam.email, "--why", "x"], "no workspace"),
        (["7", "pro", "--by", sam.email, "--why", "x"], "invalid UUID"),
    ]

    for arguments, words in wrong:
        with pytest.raises(CommandError, match=words):
            call_command("give_plan", *arguments)

    assert state(alice) == ("trial", "trialing")


def test_what_was_given_is_listed(alice: Person, sam: User, capsys: pytest.CaptureFixture[str]) -> None:
    give(alice, "pro", by=sam.email, why="Wrote the guide")
    capsys.readouterr()

    call_command("give_plan")

    listed = [line for line in capsys.readouterr().out.splitlines() if str(alice.workspace.pk) in line]
    assert len(listed) == 1
    assert listed[0].endswith(f"Pro for Alice's company, by {sam.email}: Wrote the guide")


def test_the_database_keeps_no_gift_without_a_reason(alice: Person) -> None:
    with pytest.raises(IntegrityError, match="who_gives_says_why"):
        GivenPlan.objects.create(workspace=alice.workspace, tier="pro", given_by="a@b.c", given_at=timezone.now())


@override_settings(IS_PRODUCTION=True)
def test_wishes_a_yes_and_gifts_at_the_same_moment_follow_each_other(alice: Person, sam: User) -> None:
    wish = PlanRequest.objects.create(workspace=alice.workspace, tier="pro", requested_by=alice.user)
    now, turns, web = timezone.now(), itertools.count(), alice.api
    deeds: list[Callable[[], object]] = [
        lambda: answered(lambda: giving.approve(request_id=wish.pk, by=sam, now=now)),
        lambda: giving.give(workspace=alice.workspace, tier=Tier.PLUS, by=sam, why="A school", now=now),
        lambda: web.post("/user/upgrade-subscription", {"tier": "teams"}),
    ]

    at_once(lambda: deeds[next(turns) % 3](), times=12)

    wish.refresh_from_db()
    assert wish.decided_at == now
    # One that finds its plan given already is none.
    assert GivenPlan.objects.filter(workspace=alice.workspace).count() in range(1, 5)
    assert PlanRequest.objects.filter(workspace=alice.workspace, decided_at=None).count() <= 1
    assert alice.subscription.status == "active"
