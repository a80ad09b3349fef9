"""Our staff see what a member sees: why, how long, what it may do, and who is told."""

from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.db import connection
from django.utils import timezone
from psycopg import sql

from accounts import impersonation, impersonation_edge, tenancy
from accounts.jobs import end_impersonations
from accounts.models import AuditEvent, Impersonation, Mail, Membership, Role, User, Workspace
from accounts.permissions import Forbidden
from accounts.staffing import DoesNotApply
from agent.models import Conversation
from config.errors import InvalidField
from tests.people import Person, join, put_on_plan, sign_up
from tests.second_factor import reauthenticate
from tests.staff import Staff, at_work, look
from tests.threads import at_once

WHY = "They asked us to look"


@pytest.fixture
def sam() -> Staff:
    return at_work("Sam")


def begin(person: Person, by: User, *, why: str = WHY, now: datetime | None = None) -> Impersonation:
    given = {"why": why, "now": now or timezone.now()}
    return impersonation.begin(membership_id=person.membership.pk, by=by, **given)


def only(person: Person) -> Impersonation:
    return Impersonation.objects.get(workspace=person.workspace)


def let_pass(person: Person, minutes: float) -> None:
    """As if it had begun so long ago."""
    one, back = only(person), timedelta(minutes=minutes)
    Impersonation.objects.filter(pk=one.pk).update(began_at=one.began_at - back, ends_at=one.ends_at - back)


def told(person: Person, start: str = "staff.") -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(workspace=person.workspace, action__startswith=start).order_by("at"))


def letters(person: Person) -> list[Mail]:
    return list(Mail.objects.filter(workspace=person.workspace, key__startswith="impersonation:"))


def words(answer: Any) -> str:
    return unescape(answer.content.decode())


def allow(person: Person, answer: str = "yes") -> Any:
    return person.web.post("/app/settings", {"section": "staff", "allowed": answer})


def test_staff_see_the_pages_of_a_member_under_a_banner_and_stay_themselves(sam: Staff, alice: Person) -> None:
    listed = sam.web.get(f"/staff/accounts/membership/?q={alice.workspace.pk}")
    web = look(sam, alice)

    page, profile = web.get("/app/settings"), web.get("/user/profile")
    own = web.get("/staff/accounts/workspace/")

    assert f"/staff/accounts/membership/{alice.membership.pk}/view/" in words(listed)
    assert profile.json()["email"] == alice.email
    assert alice.workspace.name in words(page)
    banner = f"You see {alice.workspace.name} as {alice.email} until {only(alice).ends_at:%H:%M} UTC."
    for shown in (page, own, web.get("/app/nowhere-at-all"), web.post("/app/theme", {"theme": "dark"})):
        assert banner in words(shown), shown
        assert 'action="/staff/impersonation/end/"' in words(shown)
    assert "only looking" in words(page)
    assert own.status_code == 200


def test_the_owners_and_the_member_are_told_by_mail_and_in_the_audit_log_by_name(sam: Staff, alice: Person) -> None:
    put_on_plan(alice, "teams", seats=4)
    bob, olga, _ = join(alice, "Bob"), join(alice, "Olga", Role.OWNER), join(alice, "Vera")
    web = look(sam, bob)

    web.post("/staff/impersonation/end/")
    web.post("/staff/impersonation/end/")

    assert sorted(mail.to for mail in letters(alice)) == sorted([alice.email, bob.email, olga.email])
    for said in (WHY, "Sam of our staff", bob.email, "They can change nothing."):
        assert said in letters(alice)[0].text
    began, ended = told(alice)
    assert [each.action for each in (began, ended)] == ["staff.view_began", "staff.view_ended"]
    for event in (began, ended):
        assert (event.actor_kind, event.actor_name, event.about) == ("staff", "Sam", bob.email)
        assert event.address is None
    assert began.after == {"ends_at": only(alice).ends_at.isoformat(), "reason": WHY}
    assert "Sam, Docent staff began to look" in words(alice.web.get("/app/settings/audit"))


def test_ending_gives_staff_their_own_pages_back(sam: Staff, alice: Person) -> None:
    web = look(sam, alice)
    key = web.cookies["sessionid"].value

    ended = web.post("/staff/impersonation/end/")

    assert ended["Location"] == "/staff/accounts/membership/"
    assert web.get("/user/profile").json()["email"] == sam.user.email
    assert web.get("/staff/accounts/workspace/").status_code == 200
    assert web.cookies["sessionid"].value == key
    assert "You see" not in words(web.get("/app/settings"))


def test_it_ends_by_the_clock_however_much_it_is_used(sam: Staff, alice: Person) -> None:
    web = look(sam, alice)
    let_pass(alice, 29)
    before, ends_at = web.get("/app/settings").status_code, only(alice).ends_at
    let_pass(alice, 1.1)

    late = web.post("/app/settings", {"section": "workspace", "name": "Renamed"})
    after = web.get("/user/profile")

    assert (before, only(alice).ends_at) == (200, ends_at - timedelta(minutes=1.1))
    assert (late.status_code, "You are yourself again." in words(late)) == (403, True)
    assert after.json()["email"] == sam.user.email
    assert only(alice).ended_at == only(alice).ends_at
    assert [event.action for event in told(alice)] == ["staff.view_began", "staff.view_ended"]


def test_one_that_nobody_uses_any_more_is_ended_by_a_job(sam: Staff, alice: Person) -> None:
    look(sam, alice)
    end_impersonations()
    before = only(alice).ended_at
    let_pass(alice, 31)

    end_impersonations()
    end_impersonations()

    assert (before, only(alice).ended_at) == (None, only(alice).ends_at)
    assert [(event.action, event.actor_name) for event in told(alice)][1:] == [("staff.view_ended", "Sam")]


def test_to_begin_twice_is_to_begin_once_and_lasts_no_longer(alice: Person, sam: Staff) -> None:
    begun = at_once(lambda: begin(alice, sam.user), times=3)
    later = begin(alice, sam.user, now=timezone.now() + timedelta(minutes=20))

    assert {one.pk for one in (*begun, later)} == {only(alice).pk}
    assert later.ends_at == only(alice).began_at + timedelta(minutes=30)
    assert len(letters(alice)) == len(told(alice)) == 1


def test_whoever_looks_at_another_looks_no_longer_at_the_first(sam: Staff, alice: Person, charlie: Person) -> None:
    look(sam, alice)

    web = look(sam, charlie)

    assert web.get("/user/profile").json()["email"] == charlie.email
    assert [event.action for event in told(alice)] == ["staff.view_began", "staff.view_ended"]


def test_signing_out_ends_it(sam: Staff, alice: Person) -> None:
    web = look(sam, alice)

    web.post("/accounts/logout/")

    assert web.get("/app")["Location"].startswith("/accounts/login/")
    assert only(alice).ended_at is not None


@pytest.mark.parametrize("change", ["staff", "factor", "account", "member", "promoted", "closed", "erasing"])
def test_it_ends_at_once_when_its_ground_is_gone(sam: Staff, alice: Person, change: str) -> None:
    web = look(sam, alice)
    staff, member = User.objects.filter(pk=sam.user.pk), User.objects.filter(pk=alice.user.pk)
    changes: dict[str, Any] = {
        "staff": lambda: staff.update(is_staff=False),
        "factor": lambda: sam.user.authenticator_set.all().delete(),
        "account": lambda: staff.update(is_active=False),
        "member": lambda: Membership.objects.filter(pk=alice.membership.pk).delete(),
        "promoted": lambda: member.update(is_staff=True),
        "closed": lambda: member.update(is_active=False),
        "erasing": lambda: Workspace.objects.filter(pk=alice.workspace.pk).update(state="erasing"),
    }

    changes[change]()
    answers = [web.get("/app/settings"), web.get("/app/settings")]

    assert not [answer for answer in answers if alice.email in words(answer)]


@pytest.mark.parametrize("who", ["staff", "superuser", "themself", "closed", "erasing"])
def test_nobody_looks_through_the_eyes_of(sam: Staff, alice: Person, who: str) -> None:
    person = sam.person if who == "themself" else alice
    facts = {"staff": {"is_staff": True}, "superuser": {"is_superuser": True}, "closed": {"is_active": False}}
    User.objects.filter(pk=alice.user.pk).update(**facts.get(who, {"is_active": True}))
    if who == "erasing":
        Workspace.objects.filter(pk=alice.workspace.pk).update(state="erasing")

    answer = sam.web.post(f"/staff/accounts/membership/{person.membership.pk}/view/", {"why": WHY})

    assert answer.status_code == 409
    assert not Impersonation.objects.filter(staff=sam.user).exists()
    assert letters(person) == []


def test_only_staff_with_a_reason_begin(sam: Staff, alice: Person, charlie: Person) -> None:
    for by, why, error in ((charlie.user, WHY, Forbidden), (sam.user, " ", InvalidField)):
        with pytest.raises(error):
            begin(alice, by, why=why)
    with pytest.raises(DoesNotApply):
        impersonation.begin(membership_id=0, by=sam.user, why=WHY, now=timezone.now())

    assert charlie.web.get(f"/staff/accounts/membership/{alice.membership.pk}/view/").status_code == 403
    assert sam.web.get("/staff/accounts/membership/0/view/").status_code == 404


def test_a_key_of_another_staff_members_look_opens_nothing(sam: Staff, alice: Person) -> None:
    look(sam, alice)
    kim = at_work("Kim")
    session = kim.web.session
    session[impersonation.KEY] = str(only(alice).pk)
    session.save()

    assert kim.web.get("/user/profile").status_code == 403
    assert kim.web.get("/user/profile").json()["email"] == kim.user.email


def test_it_leaves_no_trace_of_the_member_having_been_there(sam: Staff, alice: Person) -> None:
    web = look(sam, alice)

    for address in ("/app", "/app/settings", "/app/usage", "/app/plan", "/user/profile"):
        assert web.get(address).status_code == 200

    assert Membership.objects.get(pk=alice.membership.pk).last_active_at is None
    assert not UserSession.objects.filter(user=alice.user).exists()
    assert not told(alice, "sign_in")


def test_other_workspaces_of_the_member_are_not_told_of(sam: Staff, alice: Person) -> None:
    bob = join(alice, "Bob")
    elsewhere = Membership.objects.exclude(pk=bob.membership.pk).get(user=bob.user).workspace
    web = look(sam, bob)

    profile, page = web.get("/user/profile").json(), words(web.get("/app/settings"))
    moved = web.post("/app/switch-workspace", {"workspace": str(elsewhere.pk)})

    assert [each["id"] for each in profile["workspaces"]] == [str(alice.workspace.pk)]
    assert elsewhere.name not in page
    assert moved.status_code == 403


def test_what_is_refused_is_told_as_a_page_as_a_problem_and_to_htmx(sam: Staff, alice: Person) -> None:
    web = look(sam, alice)
    form = {"section": "workspace", "name": "Renamed"}

    page = web.post("/app/settings", form)
    htmx = web.post("/app/settings", form, headers={"HX-Request": "true"})
    problem = web.patch("/workspace", {"name": "Renamed"}, content_type="application/json")

    for answer in (page, htmx):
        assert (answer.status_code, "You are only looking." in words(answer)) == (403, True)
    assert (problem.status_code, problem.json()["type"]) == (403, "/problems/only-looking")
    assert Workspace.objects.get(pk=alice.workspace.pk).name != "Renamed"


def test_an_owner_lets_staff_act_for_a_day_and_what_they_do_is_told_by_name(sam: Staff, alice: Person) -> None:
    web = look(sam, alice)
    form = {"section": "workspace", "name": "Renamed"}
    before = web.post("/app/settings", form).status_code
    assert allow(alice).status_code == 302

    page = words(web.get("/app/settings"))
    after = web.post("/app/settings", form).status_code
    allow(alice, "no")
    later = web.post("/app/settings", {**form, "name": "Again"}).status_code

    assert (before, after, later) == (403, 302, 403)
    assert "The customer lets you act here" in page
    assert Workspace.objects.get(pk=alice.workspace.pk).name == "Renamed"
    [changed] = told(alice, "workspace.settings_changed")
    assert (changed.actor_email, changed.real_actor_kind, changed.real_actor_name) == (alice.email, "staff", "Sam")
    assert changed.address is None
    assert [event.action for event in told(alice, "workspace.staff_")] == [
        "workspace.staff_allowed",
        "workspace.staff_disallowed",
    ]


def test_what_was_allowed_ends_after_a_day(sam: Staff, alice: Person) -> None:
    allow(alice)
    until = Workspace.objects.get(pk=alice.workspace.pk).staff_may_act_until
    assert until is not None
    assert timedelta(hours=23.9) < until - timezone.now() <= timedelta(hours=24)
    Workspace.objects.filter(pk=alice.workspace.pk).update(staff_may_act_until=timezone.now())

    answer = look(sam, alice).post("/app/settings", {"section": "workspace", "name": "Renamed"})

    assert answer.status_code == 403
    assert "Our staff may look and change nothing" in words(alice.web.get("/app/settings"))


def test_a_member_allows_nothing_and_sees_no_switch(alice: Person) -> None:
    bob = join(alice, "Bob")
    put_on_plan(alice, "teams", seats=3)

    assert allow(bob).status_code == 403
    assert "Help from our staff" not in words(bob.web.get("/app/settings"))
    assert Workspace.objects.get(pk=alice.workspace.pk).staff_may_act_until is None


@pytest.mark.parametrize("section", ["staff", "sessions", "export", "deletion", "profile"])
def test_staff_who_may_act_still_leave_these_forms_alone(sam: Staff, alice: Person, section: str) -> None:
    allow(alice)
    form = {"section": section, "allowed": "no", "confirm": alice.workspace.name, "name": "Renamed"}

    answer = look(sam, alice).post("/app/settings", form)

    assert (answer.status_code, "This is closed to staff." in words(answer)) == (403, True)
    assert Workspace.objects.get(pk=alice.workspace.pk).state == "active"
    assert impersonation.may_act(Workspace.objects.get(pk=alice.workspace.pk), timezone.now())


CHANGES = (
    "UPDATE accounts_workspace SET name = 'x'",
    ' insert into "accounts_oauthstate" (digest) VALUES (1)',
    "DELETE FROM public.accounts_membership",
    "WITH room AS (SELECT 1 FOR UPDATE) UPDATE usage_period SET tokens_held = 1",
)


@pytest.mark.parametrize("words", CHANGES)
def test_an_address_that_would_write_for_a_get_is_refused_by_the_database_guard(words: str) -> None:
    with connection.execute_wrapper(impersonation_edge._only_reading), connection.cursor() as cursor:
        for statement in (words, sql.SQL(words)):
            with pytest.raises(impersonation_edge.OnlyLooking):
                cursor.execute(statement)
        cursor.execute("WITH a AS (SELECT 1 FROM accounts_workspace LIMIT 1 FOR NO KEY UPDATE) SELECT 1")


def test_no_copy_leaves_by_an_address_that_is_not_known_for_it(sam: Staff, alice: Person) -> None:
    with tenancy.within(alice.workspace):
        made = Conversation.objects.create(owner_id=alice.user.pk, title="Nightjar merger")
    allow(alice)

    answers = [web.post(f"/app/ask/{made.pk}", {"action": "export"}) for web in (alice.web, look(sam, alice))]

    assert "attachment" in answers[0]["Content-Disposition"]
    assert (answers[1].status_code, "Staff take no copy" in words(answers[1])) == (403, True)
    assert "Content-Disposition" not in answers[1]


def test_a_password_gives_no_token_in_such_a_browser(sam: Staff, alice: Person) -> None:
    allow(alice)
    web = look(sam, alice)
    form = {"email": alice.email, "password": "correct horse battery staple"}

    answers = [web.post(f"/auth/{way}", form, content_type="application/json") for way in ("login", "refresh")]

    assert [(each.status_code, each.json()["type"]) for each in answers] == [(403, "/problems/closed-to-staff")] * 2


def test_staff_confirm_who_they_are_as_themselves_meanwhile(sam: Staff, alice: Person) -> None:
    web = look(sam, alice)

    reauthenticate(web, sam.factor.recovery_codes.pop())

    assert web.get("/user/profile").json()["email"] == alice.email
    assert sign_up("Nora").web.post("/staff/impersonation/end/").status_code == 403
