"""After Teams → Pro: whom the team left over reads, is told so on every page, may leave, and can be removed."""

import re
from datetime import datetime, timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Role
from billing.models import Subscription
from tests import index
from tests.billing import team
from tests.people import Person, join, put_on_plan

ONLY_READS = "Pro is for one person: you can only read here until the plan is Teams again."


@pytest.fixture
def ada(team_owner: Person) -> Person:
    """An admin in the team."""
    return join(team_owner, "Ada", Role.ADMIN)


@pytest.fixture
def owner(team_owner: Person, bob: Person, ada: Person) -> Person:
    """Alice, whose team of three has become Pro."""
    put_on_plan(team_owner, "pro")
    return team_owner


def words(person: Person, page: str) -> str:
    answer = person.web.get(f"/app{page}")
    assert answer.status_code == 200
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", unescape(text)).replace("\u00a0", " ")


def test_the_owner_sees_and_removes_them_by_api(owner: Person, bob: Person, ada: Person) -> None:
    listed = owner.api.get("/admin/users").json()["results"]
    answers = [owner.api.delete(f"/admin/users/{each.user.pk}").status_code for each in (bob, ada)]

    assert {row["email"] for row in listed} == {owner.email, bob.email, ada.email}
    assert (answers, team.members(owner)) == ([204, 204], 1)
    assert owner.api.get("/admin/users").json()["type"] == "/problems/plan-required"


def test_the_owner_sees_and_removes_them_on_the_page(owner: Person, bob: Person, ada: Person) -> None:
    page = words(owner, "/members")
    asked = words(owner, f"/members?remove={bob.user.pk}")
    owner.web.post("/app/members", {"action": "remove", "member": str(bob.user.pk)})
    last = owner.web.post("/app/members", {"action": "remove", "member": str(ada.user.pk)}, follow=True)

    assert all(each in page for each in (bob.email, ada.email, "Pro is for one person. The others can only read here."))
    assert not any(each in page for each in ("Invite people", "Limits ", " a month"))
    assert "seat" not in asked.partition("Remove Bob?")[2].partition("Remove member")[0]
    assert team.members(owner) == 1
    assert "Teams is for everybody who works together" in last.content.decode()


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER, Role.VIEWER])
def test_each_of_them_finds_the_way_out_and_leaves(team_owner: Person, role: Role) -> None:
    nora = join(team_owner, "Nora", role)
    put_on_plan(team_owner, "pro")

    start = nora.web.get("/app").content.decode()
    page = nora.web.get("/app/members").content.decode()
    answer = nora.web.post("/app/members", {"action": "remove", "member": str(nora.user.pk)})

    assert 'href="/app/members"' in start
    assert f'href="?remove={nora.user.pk}">Leave' in page
    assert (answer.status_code, team.members(team_owner)) == (302, 1)


def test_they_remove_and_change_nobody_else(owner: Person, bob: Person, ada: Person) -> None:
    removal = ada.api.delete(f"/admin/users/{bob.user.pk}")
    posted = [
        ada.web.post("/app/members", {"action": "remove", "member": str(bob.user.pk)}),
        ada.web.post("/app/members", {"action": "role", "member": str(bob.user.pk), "role": "viewer"}),
        ada.web.post("/app/members", {"action": "invite", "emails": "n@example.com", "role": "member"}),
    ]

    assert (removal.status_code, removal.json()["type"]) == (403, "/problems/plan-required")
    assert [answer.status_code for answer in posted] == [403, 403, 403]
    assert "Remove" not in words(ada, "/members").partition("Leave")[0]
    assert team.members(owner) == 3


@pytest.mark.parametrize("page", ["", "/ask", "/tasks", "/sources", "/usage", "/plan", "/members", "/settings"])
def test_every_page_says_that_they_can_only_read(owner: Person, bob: Person, page: str) -> None:
    said = "You can only read here. Pro is for one person. You can read until the plan is Teams again, or leave"

    assert said in words(bob, page) or (page == "/plan" and ONLY_READS in words(bob, page))
    assert "You can only read here." not in words(owner, page)


def test_of_several_owners_the_plan_for_one_is_the_first_ones(team_owner: Person, bob: Person) -> None:
    team_owner.api.patch(f"/admin/users/{bob.user.pk}", {"role": "owner"})
    put_on_plan(team_owner, "pro")

    asked = [each.api.post("/agent/run", {"prompt": "What is planned?"}) for each in (team_owner, bob)]

    assert [answer.status_code for answer in asked] == [202, 403]
    assert asked[1].json()["type"] == "/problems/plan-required"
    assert ONLY_READS in words(bob, "/plan")
    assert bob.api.get("/subscription").json()["monthly_cents"] is not None


def test_when_the_first_owner_has_left_it_is_the_next_ones(team_owner: Person, bob: Person) -> None:
    team_owner.api.patch(f"/admin/users/{bob.user.pk}", {"role": "owner"})
    put_on_plan(team_owner, "pro")
    team_owner.api.delete(f"/admin/users/{team_owner.user.pk}")

    assert bob.api.post("/agent/run", {"prompt": "What is planned?"}).status_code == 202


def test_an_owner_is_told_before_that_the_plan_for_one_will_be_anothers(team_owner: Person, bob: Person) -> None:
    olga = join(team_owner, "Olga", Role.OWNER)
    told = olga.api.post("/subscription/preview", {"tier": "pro"}).json()["consequences"][0]
    asked = words(olga, "/plan?confirm=pro")

    assert told == "Pro is for one person and 3 are here. Only Alice can ask then; the others can only read."
    assert told in asked


def test_an_owner_who_is_left_over_removes_nobody_and_may_leave(team_owner: Person, bob: Person) -> None:
    olga = join(team_owner, "Olga", Role.OWNER)
    put_on_plan(team_owner, "pro")

    refused = [olga.api.delete(f"/admin/users/{each.user.pk}") for each in (team_owner, bob)]
    posted = olga.web.post("/app/members", {"action": "remove", "member": str(team_owner.user.pk)})
    offered = olga.web.get("/app/members").content.decode()
    left = olga.api.delete(f"/admin/users/{olga.user.pk}")

    assert [(answer.status_code, answer.json()["type"]) for answer in refused] == [(403, "/problems/plan-required")] * 2
    assert (posted.status_code, f"?remove={team_owner.user.pk}" in offered) == (403, False)
    assert (left.status_code, team.members(team_owner)) == (204, 2)


def test_the_owner_whose_plan_it_is_removes_the_other(team_owner: Person) -> None:
    olga = join(team_owner, "Olga", Role.OWNER)
    put_on_plan(team_owner, "pro")

    assert team_owner.api.delete(f"/admin/users/{olga.user.pk}").status_code == 204


def test_the_members_page_names_who_can_do_something_about_it(team_owner: Person, bob: Person) -> None:
    olga = join(team_owner, "Olga", Role.OWNER)
    put_on_plan(team_owner, "pro")
    said = "or Alice can remove them. With Teams, which Alice and Olga can choose, everybody can ask again."

    pages = [words(each, "/members") for each in (team_owner, olga, bob)]

    assert [said in page for page in pages] == [True, True, True]


def statements(person: Person, page: str) -> list[str]:
    """When it is looked at again."""
    words(person, page)
    with CaptureQueriesContext(connection) as queries:
        words(person, page)
    return [each["sql"] for each in queries]


def test_the_members_page_asks_no_more_the_more_are_left_over(owner: Person) -> None:
    before = statements(owner, "/members")
    for name in ("Dan", "Eve", "Finn"):
        join(owner, name)

    assert len(statements(owner, "/members")) == len(before)


def test_a_page_asks_once_for_whom_the_plan_is(owner: Person, ada: Person) -> None:
    for person in (owner, ada):
        asked = [each for each in statements(person, "/tasks") if 'ORDER BY "accounts_membership"."joined_at"' in each]
        assert len(asked) == 1


def test_their_plan_page_says_what_the_plan_is_for_them(owner: Person, bob: Person) -> None:
    mine, owners = words(bob, "/plan"), words(owner, "/plan")

    assert ["Your plan Read only" in mine, ONLY_READS in mine, "At a limit" in mine] == [True, True, False]
    assert ["Your plan Active" in owners, "At a limit" in owners] == [True, True]


def test_nothing_invites_them_to_ask(owner: Person, bob: Person) -> None:
    index.connect(bob)
    index.connect(owner)

    pages = [bob.web.get(f"/app{page}").content.decode() for page in ("", "/ask")]

    assert ['placeholder="Nothing can be asked at present" disabled' in page for page in pages] == [True, True]
    assert "Ask a question" not in words(bob, "/usage")
    assert "Nothing can be asked" not in words(owner, "/ask")
    assert "Ask a question" in words(owner, "/usage")


@pytest.mark.parametrize("state", ["grace", "read_only"])
def test_while_a_payment_is_late_they_are_not_told_that_everything_works(
    owner: Person, bob: Person, now: datetime, state: str
) -> None:
    since = now - timedelta(days=2 if state == "grace" else 8)
    Subscription.objects.filter(workspace=owner.workspace).update(status="past_due", past_due_since=since)

    assert "You can only read here." in words(bob, "/tasks")
    assert "Everything works" not in words(bob, "/tasks")
    assert "The last payment failed." in words(owner, "/tasks")


def test_when_the_plan_is_teams_again_all_is_as_before(owner: Person, bob: Person) -> None:
    put_on_plan(owner, "teams", seats=3)

    assert "You can only read here." not in words(bob, "/tasks")
    assert "Invite people" in words(owner, "/members")


# In a team that can only read


@pytest.fixture
def late(team_owner: Person, bob: Person, now: datetime) -> Person:
    mine = Subscription.objects.filter(workspace=team_owner.workspace)
    mine.update(status="past_due", past_due_since=now - timedelta(days=8))
    return team_owner


def test_in_read_only_nothing_is_offered_that_would_be_refused(late: Person, bob: Person) -> None:
    pages = [
        late.web.get(f"/app/members{query}").content.decode() for query in ("", "?invite=1", f"?limits={bob.user.pk}")
    ]

    for page in pages:
        assert not any(
            each in page for each in ("Invite people", "Send invitations", 'value="role"', "Limits of", "?limits=")
        )
    for action in ("invite", "role", "limits", "revoke"):
        assert late.web.post("/app/members", {"action": action}).status_code == 402


def test_in_read_only_a_member_is_removed_as_by_api(late: Person, bob: Person) -> None:
    assert f"?remove={bob.user.pk}" in late.web.get("/app/members").content.decode()

    late.web.post("/app/members", {"action": "remove", "member": str(bob.user.pk)})

    assert team.members(late) == 1
