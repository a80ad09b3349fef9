"""How many seats a yes brings, and whether their number is fixed."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Role, User
from billing import giving, jobs
from billing.models import PlanRequest, Subscription
from billing.wishes import AlreadyDecided
from devkit.stripe.process import StripeProcess
from tests.billing.pages import text
from tests.billing.stripe import hear, pay, upgrade
from tests.billing.wishes import answer, ask, ask_for_seats, letters
from tests.people import Person, join, put_on_plan

pytestmark = pytest.mark.usefixtures("hosted")


def test_fewer_seats_than_were_asked_for_are_a_no_that_says_what_was_given(alice: Person, sam: User) -> None:
    ask(alice, "teams", seats=10)

    call_command("give_plan", str(alice.workspace.pk), "teams", "--seats", "2", "--by", sam.email, "--why", "A start")

    [(_, subject, words)] = letters(alice)
    said = alice.api.get("/subscription").json()
    assert (subject, "Our answer: You were given Teams with 2 seats." in words) == (
        "Your wish for Teams with 10 seats was refused",
        True,
    )
    assert (said["seats"], said["request"]["seats"], said["request"]["status"]) == (2, 10, "refused")
    assert "Our answer: You were given Teams with 2 seats." in text(alice)


@pytest.mark.parametrize("seats", ["10", "12"])
def test_as_many_seats_as_were_asked_for_or_more_are_a_yes(alice: Person, sam: User, seats: str) -> None:
    ask(alice, "teams", seats=10)

    call_command("give_plan", str(alice.workspace.pk), "teams", "--seats", seats, "--by", sam.email, "--why", "Yes")

    [(_, subject, words)] = letters(alice)
    assert subject == f"Alice's company is on Teams with {seats} seats now"
    assert "You asked for Teams with 10 seats" in words
    assert alice.api.get("/subscription").json()["request"]["status"] == "approved"


def test_a_yes_names_the_seats_that_are_there(alice: Person, sam: User) -> None:
    call_command("give_plan", str(alice.workspace.pk), "teams", "--by", sam.email, "--why", "A start")
    wish = ask_for_seats(alice, 3)
    for name in ("Bob", "Dora", "Eve"):
        join(alice, name)

    answer(alice, wish, by=sam)

    [(_, subject, words)] = letters(alice)
    assert (subject, alice.subscription.seats) == ("Alice's company is on Teams with 4 seats now", 4)
    assert "You asked for Teams with 3 seats" in words


@pytest.mark.parametrize(("asked", "fixed"), [({}, None), ({"seats": 2}, 2)])
def test_a_yes_fixes_the_number_of_seats_when_one_was_asked_for(
    alice: Person, sam: User, asked: dict[str, int], fixed: int | None
) -> None:
    join(alice, "Bob")
    wish = ask(alice, "teams", **asked)

    answer(alice, wish, by=sam)

    assert (alice.subscription.seats, alice.subscription.fixed_seats) == (2, fixed)


def test_a_wish_without_a_number_fixes_none_when_somebody_has_left(alice: Person, sam: User) -> None:
    bob = join(alice, "Bob")
    wish = ask(alice, "teams")
    bob.membership.delete()

    answer(alice, wish, by=sam)

    assert (alice.subscription.seats, alice.subscription.fixed_seats) == (1, None)


def test_a_number_below_the_members_who_came_since_is_not_fixed(alice: Person, sam: User) -> None:
    wish = ask(alice, "teams", seats=1)
    join(alice, "Bob")

    answer(alice, wish, by=sam)

    assert (alice.subscription.seats, alice.subscription.fixed_seats) == (2, None)


@pytest.mark.parametrize(("seats", "fixed"), [(2, None), (3, 3)])
def test_a_wish_from_before_this_was_kept_fixes_more_seats_than_members(
    alice: Person, sam: User, seats: int, fixed: int | None
) -> None:
    join(alice, "Bob")
    wish = PlanRequest.objects.create(workspace=alice.workspace, tier="teams", seats=seats, requested_by=alice.user)

    answer(alice, wish, by=sam)

    assert (alice.subscription.seats, alice.subscription.fixed_seats) == (seats, fixed)


def test_a_number_of_seats_is_another_wish_than_as_many_as_members(alice: Person) -> None:
    first = ask(alice, "teams")

    second = ask(alice, "teams", seats=1)

    assert second.pk != first.pk


def test_what_is_given_as_seats_follow_the_members_answers_such_a_wish_with_yes(alice: Person, sam: User) -> None:
    bob = join(alice, "Bob")
    ask(alice, "teams")
    bob.membership.delete()

    call_command("give_plan", str(alice.workspace.pk), "teams", "--by", sam.email, "--why", "A start")

    assert alice.api.get("/subscription").json()["request"]["status"] == "approved"


def test_a_given_number_of_seats_is_fixed(alice: Person, sam: User) -> None:
    call_command("give_plan", str(alice.workspace.pk), "teams", "--seats", "1", "--by", sam.email, "--why", "A start")

    assert alice.subscription.fixed_seats == 1


@pytest.mark.parametrize("seats", [None, 1, 2])
def test_what_an_owner_chooses_after_a_wish_withdraws_it(alice: Person, sam: User, seats: int | None) -> None:
    call_command("give_plan", str(alice.workspace.pk), "teams", "--seats", "2", "--by", sam.email, "--why", "A start")
    wish = ask_for_seats(alice, 10)

    said = text(alice, "?confirm=teams")
    chosen = alice.api.post("/subscription/seats", {"seats": seats})

    assert "Your wish for Teams with 10 seats, which waits for our answer, is withdrawn with it." in said
    assert (chosen.status_code, chosen.json()["request"]["status"]) == (200, "withdrawn")
    with pytest.raises(AlreadyDecided):
        answer(alice, wish, by=sam)
    assert (alice.subscription.seats, alice.subscription.fixed_seats) == (seats or 1, seats)


def test_another_owner_hears_that_seats_were_chosen_since(alice: Person, sam: User) -> None:
    call_command("give_plan", str(alice.workspace.pk), "teams", "--seats", "3", "--by", sam.email, "--why", "A start")
    bob = join(alice, "Bob", Role.OWNER)
    ask_for_seats(bob, 10)

    alice.api.post("/subscription/seats", {"seats": 2})

    [(to, subject, words)] = letters(alice)
    assert (to, subject) == (bob.email, "Your wish for Teams with 10 seats was withdrawn")
    assert f"{alice.email} has changed the number of seats since." in words


def test_more_seats_still_wait_and_take_the_place_of_the_wish(alice: Person, sam: User) -> None:
    call_command("give_plan", str(alice.workspace.pk), "teams", "--seats", "2", "--by", sam.email, "--why", "A start")
    ask_for_seats(alice, 10)

    more = alice.api.post("/subscription/seats", {"seats": 12})

    assert (more.status_code, more.json()["request"]["seats"], more.json()["request"]["status"]) == (202, 12, "waiting")


def let_go(person: Person, deed: str) -> PlanRequest:
    """Teams, which is over after two days; a day before that more seats were asked for."""
    put_on_plan(person, "teams", seats=2)
    person.api.post(f"/subscription/{deed}", {"tier": "pro"} if deed == "downgrade" else {})
    wish = ask_for_seats(person, 5)
    over_at = timezone.now() - timedelta(days=1)
    PlanRequest.objects.filter(pk=wish.pk).update(requested_at=over_at - timedelta(days=1))
    Subscription.objects.filter(workspace=person.workspace).update(pending_at=over_at)
    return wish


def is_withdrawn(person: Person) -> bool:
    request = person.api.get("/subscription").json()["request"]
    assert not request["reason"] or request["reason"] == "The Teams plan that it was for is over."
    return bool(request["status"] == "withdrawn")


@pytest.mark.parametrize(("deed", "left"), [("downgrade", ("pro", "active")), ("cancel", ("teams", "ended"))])
def test_a_yes_to_more_seats_of_a_plan_that_is_over_is_refused_and_says_why(
    alice: Person, sam: User, deed: str, left: tuple[str, str]
) -> None:
    wish = let_go(alice, deed)

    for _ in range(2):
        with pytest.raises(CommandError, match=r"was withdrawn by the clock .*\. The Teams plan .* is over\."):
            call_command("approve_plan", str(wish.pk), "--by", sam.email)

    said = alice.api.get("/subscription").json()
    [(to, subject, words)] = letters(alice)
    assert ((said["tier"], said["state"]), is_withdrawn(alice)) == (left, True)
    assert (to, subject) == (alice.email, "Your wish for Teams with 5 seats was withdrawn")
    assert "The Teams plan that it was for is over." in words


@pytest.mark.parametrize("deed", ["downgrade", "cancel"])
def test_it_is_not_listed(alice: Person, capsys: pytest.CaptureFixture[str], deed: str) -> None:
    wish = let_go(alice, deed)

    call_command("approve_plan")

    assert f"{wish.pk}: " not in capsys.readouterr().out
    assert is_withdrawn(alice)


def test_who_asked_hears_it_once_also_when_nobody_comes(alice: Person) -> None:
    let_go(alice, "downgrade")

    for _ in range(2):
        jobs.withdraw_lapsed()

    assert is_withdrawn(alice)
    assert len(letters(alice)) == 1


def test_a_member_who_leaves_after_the_end_does_not_keep_the_wish(alice: Person) -> None:
    bob = join(alice, "Bob")
    let_go(alice, "cancel")

    assert alice.api.delete(f"/admin/users/{bob.user.pk}").status_code == 204

    assert (alice.subscription.pending_at, is_withdrawn(alice)) == (None, True)


@pytest.mark.parametrize("deed", ["downgrade", "cancel"])
def test_what_is_asked_for_after_the_end_waits_and_brings_teams(alice: Person, sam: User, deed: str) -> None:
    let_go(alice, deed)
    wish = ask(alice, "teams", seats=5)

    jobs.withdraw_lapsed()
    answer(alice, wish, by=sam)

    assert (alice.subscription.tier, alice.subscription.seats) == ("teams", 5)


def test_before_the_end_a_yes_brings_the_seats_and_what_is_planned_stays(alice: Person, sam: User) -> None:
    put_on_plan(alice, "teams", seats=2)
    alice.api.post("/subscription/downgrade", {"tier": "pro"})
    wish = ask_for_seats(alice, 5)

    jobs.withdraw_lapsed()
    answer(alice, wish, by=sam)

    assert (alice.subscription.seats, alice.subscription.pending_tier) == (5, "pro")


def test_a_larger_plan_that_was_asked_for_waits_on_after_the_end(alice: Person, sam: User) -> None:
    put_on_plan(alice, "plus")
    alice.api.post("/subscription/cancel")
    wish = ask(alice, "teams")
    past = timezone.now() - timedelta(days=1)
    PlanRequest.objects.filter(pk=wish.pk).update(requested_at=past - timedelta(days=1))
    Subscription.objects.filter(workspace=alice.workspace).update(pending_at=past)

    jobs.withdraw_lapsed()
    answer(alice, wish, by=sam)

    assert alice.subscription.tier == "teams"


def test_for_a_wish_that_waits_on_no_lock_is_taken(alice: Person) -> None:
    put_on_plan(alice, "plus")
    alice.api.post("/subscription/cancel")
    ask(alice, "teams", seats=2)
    Subscription.objects.filter(workspace=alice.workspace).update(pending_at=timezone.now() - timedelta(hours=1))
    PlanRequest.objects.filter(workspace=alice.workspace).update(requested_at=timezone.now() - timedelta(hours=2))
    # Those of other workspaces.
    giving.withdraw_lapsed(now=timezone.now())

    with CaptureQueriesContext(connection) as queries:
        giving.withdraw_lapsed(now=timezone.now())

    assert not [query for query in queries if "FOR UPDATE" in query["sql"]]
    assert len(queries) == 1


def test_a_purchase_beside_a_given_plan_withdraws_what_was_asked_for_on_it(
    vendor: StripeProcess, alice: Person
) -> None:
    page = upgrade(alice, "pro")
    put_on_plan(alice, "teams", seats=2)
    ask_for_seats(alice, 5)

    pay(page)
    hear(alice, vendor)

    assert (alice.subscription.tier, is_withdrawn(alice), len(letters(alice))) == ("pro", True, 1)
