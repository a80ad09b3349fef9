"""Where it is hosted and nobody pays here, a change of plan waits for staff, who answer it once."""

import itertools
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.contrib.messages.storage.fallback import FallbackStorage
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.test import RequestFactory, override_settings
from django.utils import timezone

from accounts.models import Mail, User
from billing.admin import PlanRequestAdmin
from billing.models import PlanRequest
from tests.billing.pages import text
from tests.billing.wishes import answer, answered, ask, ask_for_seats, letters, staff, waiting
from tests.people import Person, join, put_on_plan
from tests.threads import at_once

pytestmark = pytest.mark.usefixtures("hosted")


def test_who_asked_hears_that_staff_said_yes_and_it_is_kept_who(alice: Person, sam: User) -> None:
    wish = ask(alice, "teams", seats=3)

    answer(alice, wish, by=sam)

    wish.refresh_from_db()
    [(to, subject, _)] = letters(alice)
    assert (alice.subscription.tier, alice.subscription.seats) == ("teams", 3)
    assert (wish.outcome, wish.decided_by, wish.decided_at is not None) == ("approved", sam.email, True)
    assert (to, subject) == (alice.email, "Alice's company is on Teams with 3 seats now")


def test_a_no_says_why_by_mail_on_the_page_and_in_the_api(alice: Person, sam: User) -> None:
    wish = ask(alice, "plus")

    call_command(
        "approve_plan", str(wish.pk), "--by", sam.email.upper(), "--refuse", " Call \u202eus\u2800 first.\u200b "
    )

    [(to, subject, words)] = letters(alice)
    said = alice.api.get("/subscription").json()["request"]
    assert (to, subject, "Our answer: Call us first." in words) == (alice.email, "Your wish for Plus was refused", True)
    assert (said["tier"], said["status"], said["reason"]) == ("plus", "refused", "Call us first.")
    assert "Our answer: Call us first." in text(alice)
    assert alice.subscription.tier == "trial"
    ask(alice, "plus")
    assert "Call us first." not in text(alice)


def test_owners_hear_it_when_who_asked_is_none_of_them_any_more(alice: Person, sam: User) -> None:
    wish = ask(alice)
    bob = join(alice, "Bob", role=alice.membership.role)
    alice.membership.delete()

    answer(alice, wish, by=sam)

    assert [to for to, _, _ in letters(alice)] == [bob.email]


def test_the_customer_takes_a_wish_back(alice: Person, sam: User) -> None:
    first = ask(alice, "plus")
    shown = text(alice)
    by_api = alice.api.post("/subscription/withdraw")
    second = ask(alice, "pro")
    page = alice.web.post("/app/plan", {"action": "withdraw"}, follow=True).content.decode()
    again = alice.api.post("/subscription/withdraw")

    assert "Your wish for Plus waits for our answer." in shown
    assert "Take back" in shown
    assert (by_api.status_code, again.status_code) == (200, 200)
    assert "Your wish was taken back." in page
    outcomes = PlanRequest.objects.filter(pk__in=[first.pk, second.pk]).values_list("outcome", "decided_by")
    assert list(outcomes) == [("withdrawn", alice.email)] * 2
    assert not letters(alice)
    with pytest.raises(CommandError, match=f"This wish was withdrawn by {alice.email}"):
        call_command("approve_plan", str(first.pk), "--by", sam.email)


def test_only_an_owner_takes_it_back(alice: Person) -> None:
    ask(alice)
    bob = join(alice, "Bob", role="admin")

    assert bob.api.post("/subscription/withdraw").status_code == 403
    assert "Take back" not in text(bob)
    assert bob.api.get("/subscription").json()["request"] is None


@pytest.mark.parametrize(("address", "dialog"), [("cancel", "cancel"), ("downgrade", "pro")])
@pytest.mark.parametrize(("tier", "what"), [("plus", "Teams with 2 seats"), ("teams", "Teams with 5 seats")])
def test_a_cancellation_or_a_smaller_plan_withdraws_what_was_asked_for_before(
    alice: Person, sam: User, address: str, dialog: str, tier: str, what: str
) -> None:
    put_on_plan(alice, tier)
    wish = ask(alice, "teams", seats=2) if tier == "plus" else ask_for_seats(alice, 5)

    said = text(alice, f"?confirm={dialog}")
    answered = alice.api.post(f"/subscription/{address}", {"tier": "pro"} if address == "downgrade" else {}).json()
    page = text(alice)

    assert f"Your wish for {what}, which waits for our answer, is withdrawn with it." in said
    assert (answered["request"]["status"], answered["pending"] is not None) == ("withdrawn", True)
    assert "Your wish" not in page
    assert not letters(alice)
    with pytest.raises(CommandError, match=f"This wish was withdrawn by {alice.email}"):
        call_command("approve_plan", str(wish.pk), "--by", sam.email)
    assert alice.subscription.pending_at is not None


def test_another_owner_who_had_asked_hears_that_it_was_withdrawn(alice: Person) -> None:
    bob = join(alice, "Bob", role=alice.membership.role)
    put_on_plan(alice, "teams", seats=2)
    ask_for_seats(bob, 5)

    alice.web.post("/app/plan", {"action": "cancel"})

    [(to, subject, words)] = letters(alice)
    assert (to, subject) == (bob.email, "Your wish for Teams with 5 seats was withdrawn")
    assert f"{alice.email} has cancelled the subscription since." in words


def test_both_who_asked_the_same_hear_the_answer(alice: Person, sam: User) -> None:
    bob = join(alice, "Bob", role=alice.membership.role)
    wish = ask(alice, "teams")
    assert ask(bob, "teams") == wish

    answer(alice, wish, by=sam, why="Call us first.")

    told = {to: (subject, words) for to, subject, words in letters(alice)}
    assert set(told) == {alice.email, bob.email}
    assert told[alice.email][0].startswith("Your wish for Teams")
    assert told[bob.email][0].startswith("The wish for Teams")
    assert f"{alice.email} asked for Teams" in told[bob.email][1]
    assert "Our answer: Call us first." in told[bob.email][1]


def test_who_asked_the_same_hears_that_it_was_taken_back(alice: Person) -> None:
    bob = join(alice, "Bob", role=alice.membership.role)
    ask(alice, "teams")
    ask(bob, "teams")

    alice.api.post("/subscription/withdraw")

    [(to, _, words)] = letters(alice)
    assert to == bob.email
    assert f"{alice.email} has taken it back since." in words


def test_a_cancellation_that_is_refused_leaves_the_wish(alice: Person) -> None:
    wish = ask(alice, "plus")

    assert alice.api.post("/subscription/cancel").status_code == 409

    assert waiting(alice) == wish


def test_a_wish_after_a_cancellation_takes_its_place_when_staff_says_yes(alice: Person, sam: User) -> None:
    put_on_plan(alice, "plus")
    alice.api.post("/subscription/cancel")
    wish = ask(alice, "teams")

    answer(alice, wish, by=sam)

    assert (alice.subscription.tier, alice.subscription.pending_at) == ("teams", None)


def test_a_yes_is_to_what_staff_saw(alice: Person, sam: User) -> None:
    seen = ask(alice, "teams", seats=2)
    same = ask(alice, "teams", seats=2)
    other = ask(alice, "teams", seats=300)

    with pytest.raises(
        CommandError, match=f"was withdrawn .* Request {other.pk} of the same workspace waits now: Teams with 300 seats"
    ):
        call_command("approve_plan", str(seen.pk), "--by", sam.email)

    assert (same, other.seats, alice.subscription.tier) == (seen, 300, "trial")


def test_of_two_staff_at_the_same_moment_one_decides(alice: Person, sam: User) -> None:
    kim, wish, turns = staff("Kim"), ask(alice), itertools.count()

    def decide() -> bool:
        turn = next(turns)
        by, why = (sam, kim)[turn % 2], {"why": "No."} if turn % 2 else {}
        return answered(lambda: answer(alice, wish, by=by, **why))

    firsts = at_once(decide, times=6)

    wish.refresh_from_db()
    is_yes = wish.outcome == "approved"
    assert (firsts.count(True), len(letters(alice))) == (1, 1)
    assert wish.decided_by == (sam if is_yes else kim).email
    assert alice.subscription.tier == ("pro" if is_yes else "trial")


def test_staff_are_told_of_a_wish_once_a_day_until_they_answer(alice: Person, sam: User) -> None:
    def told() -> list[str]:
        mine = Mail.objects.filter(key__startswith=f"plan-wish:{alice.workspace.pk}:").order_by("created_at")
        return list(mine.values_list("subject", flat=True))

    ask(alice, "plus")
    alice.api.post("/subscription/withdraw")
    wish = ask(alice, "pro")
    before = told()
    answer(alice, wish, by=sam, why="Later.")
    ask(alice, "teams")
    with override_settings(STAFF_MAIL=""):
        ask(alice, "pro")

    assert before == ["A wish for Plus waits"]
    assert told() == ["A wish for Plus waits", "A wish for Teams with 1 seat waits"]
    assert Mail.objects.get(key__startswith=f"plan-wish:{alice.workspace.pk}:0:").to == "staff@example.com"


def test_staff_sees_what_waits_and_what_is_missing_or_unknown_is_said(
    alice: Person, sam: User, capsys: pytest.CaptureFixture[str]
) -> None:
    wish = ask(alice, "teams", seats=3)
    wrong = [
        (["999999", "--by", sam.email], "no request"),
        ([str(wish.pk)], "Say who answers"),
        ([str(wish.pk), "--by", "nobody@example.com"], "Nobody has the address"),
        ([str(wish.pk), "--by", alice.email], "Only staff"),
        ([str(wish.pk), "--by", sam.email, "--refuse", " \u2800"], "Say why"),
    ]

    call_command("approve_plan")
    for arguments, words in wrong:
        with pytest.raises(CommandError, match=words):
            call_command("approve_plan", *arguments)

    assert f"{wish.pk}: Alice's company wants Teams with 3 seats (" in capsys.readouterr().out
    assert waiting(alice) == wish


class Open(AdminSite):
    """The staff's site without its door, which has tests of its own."""

    def has_permission(self, request: Any) -> bool:
        return bool(request.user.is_active and request.user.is_staff)


def in_admin(by: User, **form: object) -> tuple[str, list[str]]:
    """The page after a click, and what it says."""
    make = RequestFactory().post if form else RequestFactory().get
    request = make("/staff/billing/planrequest/", form)
    request.user, request._dont_enforce_csrf_checks = by, True
    request.session = {}
    request._messages = FallbackStorage(request)
    page = PlanRequestAdmin(PlanRequest, Open()).changelist_view(request)
    if hasattr(page, "render"):
        page.render()
    return page.content.decode(), [str(each) for each in request._messages]


def test_staff_answer_in_the_administration(alice: Person, sam: User) -> None:
    wish = ask(alice, "plus")
    chosen = {"_selected_action": [str(wish.pk)], "index": "0"}

    listed, _ = in_admin(sam)
    _, without_a_word = in_admin(sam, action="refuse", why="", **chosen)
    _, done = in_admin(sam, action="approve", **chosen)
    _, again = in_admin(sam, action="refuse", why="No.", **chosen)

    assert str(alice.workspace.pk) in listed
    assert "Alice" not in listed
    assert (without_a_word, done) == ([f"{wish.pk}: Say why."], [f"{wish.pk}: answered."])
    assert f"{wish.pk}: This wish was approved by {sam.email}" in again[0]
    assert alice.subscription.tier == "plus"


@pytest.mark.parametrize("chosen", ["x", "", "\x00", "1.5", "-1", "9" * 400, "9" * 5_000])
def test_what_no_page_of_the_administration_sends_answers_nothing(alice: Person, sam: User, chosen: str) -> None:
    ask(alice, "plus")

    _, said = in_admin(sam, action="approve", _selected_action=[chosen])

    assert said == ["There is no such request."]
    assert waiting(alice)


@pytest.mark.parametrize("query", ["?tier__exact=%00", "?outcome=%00", "?tier__regex=("])
def test_an_odd_filter_of_the_administration_leads_to_the_whole_list(sam: User, query: str) -> None:
    request = RequestFactory().get(f"/staff/billing/planrequest/{query}")
    request.user = sam

    answer = PlanRequestAdmin(PlanRequest, Open()).changelist_view(request)

    assert (answer.status_code, answer.headers["Location"]) == (302, "/staff/billing/planrequest/?e=1")


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({}, "one_open_plan_request"),
        ({"outcome": "approved"}, "what_is_decided_says_how_and_by_whom"),
        ({"decided_at": timezone.now(), "outcome": "approved"}, "what_is_decided_says_how_and_by_whom"),
        ({"decided_at": timezone.now(), "outcome": "refused", "decided_by": "a@b.c"}, "who_refuses_says_why"),
    ],
)
def test_the_database_keeps_one_wish_and_how_it_was_decided(alice: Person, facts: dict[str, Any], name: str) -> None:
    ask(alice)

    with pytest.raises(IntegrityError, match=name):
        PlanRequest.objects.create(workspace=alice.workspace, tier="pro", requested_by=alice.user, **facts)
