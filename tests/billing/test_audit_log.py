"""Reading the audit log: by owners and admins of a team, filtered, in pieces and as CSV; and what it says of plans."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import services
from accounts.models import ActorKind, AuditAction, AuditEvent, Role
from billing import changes, reminding
from billing.models import Subscription
from billing.plans import COMING, Feature
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import buy, hear
from tests.billing.wishes import answer, ask, staff
from tests.people import Person, join, put_on_plan

EVERYTHING = "/workspace/audit"
PAGE = "/app/settings/audit"
CSV = {"Accept": "text/csv"}


def happen(person: Person, *, about: str = "", at: datetime | None = None, action: AuditAction | None = None) -> None:
    AuditEvent.objects.create(
        workspace=person.workspace,
        at=at or timezone.now(),
        action=action or AuditAction.USAGE_DOWNLOADED,
        actor_kind=ActorKind.MEMBER,
        actor_id=person.user.pk,
        actor_email=person.email,
        about=about,
    )


def listed(person: Person, query: str = "") -> list[dict[str, Any]]:
    answered = person.api.get(EVERYTHING + query)
    assert answered.status_code == 200, answered.json()
    results: list[dict[str, Any]] = answered.json()["results"]
    return results


def text(person: Person, query: str = "") -> str:
    page = person.web.get(PAGE + query)
    assert page.status_code == 200
    return unescape(page.content.decode())


def sheet(person: Person, query: str = "") -> list[dict[str, str]]:
    answered = person.api.get(EVERYTHING + query, headers=CSV)
    assert (answered.status_code, answered["Content-Type"]) == (200, "text/csv; charset=utf-8")
    written = b"".join(answered.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(written)))


def test_an_owner_reads_who_changed_what_from_what_to_what(team_owner: Person) -> None:
    team_owner.api.patch("/workspace", {"name": "Renamed"})
    team_owner.api.patch("/workspace", {"name": "Renamed", "sync_interval_minutes": 60})

    newest, event = listed(team_owner)
    page = text(team_owner)

    assert event["action"] == "workspace.settings_changed"
    assert event["actor"] == {"kind": "member", "id": str(team_owner.user.pk), "email": team_owner.email, "name": ""}
    assert (event["before"], event["after"], event["real_actor"]) == (
        {"name": "Alice's company"},
        {"name": "Renamed"},
        None,
    )
    assert (newest["before"], newest["after"]) == ({"sync_interval_minutes": None}, {"sync_interval_minutes": 60})
    assert f"<bdi>{team_owner.email}</bdi></a> changed the workspace's settings" in page
    assert re.search(r"name: <bdi>Alice's company</bdi> → <bdi>Renamed</bdi>", page)


@pytest.mark.parametrize("role", Role)
def test_owners_and_admins_alone_read_it(team_owner: Person, role: Role) -> None:
    person = join(team_owner, "Dora", role)
    may = role in {Role.OWNER, Role.ADMIN}

    codes = [person.api.get(EVERYTHING).status_code, person.api.get(EVERYTHING, headers=CSV).status_code]
    codes += [person.web.get(path).status_code for path in (PAGE, f"{PAGE}/export")]

    assert codes == [200 if may else 403] * 4
    assert ("Audit log" in person.web.get("/app/settings").content.decode()) is may


@pytest.mark.parametrize("tier", ["pro", "plus"])
def test_it_comes_with_teams(alice: Person, tier: str) -> None:
    put_on_plan(alice, tier)

    answered = alice.api.get(EVERYTHING)

    assert (answered.status_code, answered.json()["type"]) == (403, "/problems/plan-required")
    assert alice.web.get(PAGE).status_code == 403
    assert alice.web.get(f"{PAGE}/export").status_code == 403
    assert "Audit log" not in alice.web.get("/app/settings").content.decode()
    assert Feature.AUDIT_LOG not in COMING


def test_what_happened_on_another_plan_is_read_after_the_upgrade(alice: Person) -> None:
    services.rename_workspace(workspace=alice.workspace, name="Renamed", by=alice.membership)
    put_on_plan(alice, "teams")

    assert [event["action"] for event in listed(alice)] == ["workspace.settings_changed"]


def test_charlie_sees_nothing_of_it(team_owner: Person, charlie: Person) -> None:
    put_on_plan(charlie, "teams")
    happen(team_owner, about="nightjar")

    assert listed(charlie) == sheet(charlie) == listed(charlie, f"?member={team_owner.user.pk}")
    assert "nightjar" not in text(charlie, f"?member={team_owner.user.pk}")


def test_it_is_filtered_by_member_action_and_days(team_owner: Person, bob: Person) -> None:
    old = datetime(2026, 3, 1, 12, tzinfo=UTC)
    happen(team_owner, about="old", at=old)
    happen(team_owner, about="new")
    happen(bob, about="bob's", action=AuditAction.LEFT)
    queries = {
        f"?member={bob.user.pk}": ["bob's"],
        "?action=member.left": ["bob's"],
        f"?action=member.left&member={team_owner.user.pk}": [],
        "?from=2026-03-01&to=2026-03-01": ["old"],
        "?from=2026-03-02": ["bob's", "new"],
        "?to=2026-03-01T12:00:00Z": [],
    }

    for query, expected in queries.items():
        assert [event["about"] for event in listed(team_owner, query) if event["about"]] == expected, query
        assert re.findall(r'full"><bdi>(bob\'s|old|new)</bdi>', text(team_owner, query)) == expected, query
        assert [row["about"] for row in sheet(team_owner, query) if row["about"]] == expected, query


@pytest.mark.parametrize(
    ("query", "pointer"),
    [("?member=bob", "/member"), ("?action=x", "/action"), ("?from=x", "/from"), ("?actor=x", "/actor")],
)
def test_a_filter_that_cannot_be_is_refused_with_what_is_wrong(team_owner: Person, query: str, pointer: str) -> None:
    answered = team_owner.api.get(EVERYTHING + query)

    assert answered.status_code == 400
    assert answered.json()["errors"][0]["pointer"] == pointer
    if pointer != "/actor":
        assert team_owner.web.get(PAGE + query).status_code == 400
        assert team_owner.web.get(f"{PAGE}/export{query}").status_code == 400


def test_it_is_read_in_pieces_that_stay_right_while_it_grows(team_owner: Person) -> None:
    now = timezone.now()
    for number in range(5):
        happen(team_owner, about=str(number), at=now)
    first = team_owner.api.get(f"{EVERYTHING}?limit=2").json()
    happen(team_owner, about="later", at=now + timedelta(seconds=1))

    seen, cursor = [event["id"] for event in first["results"]], first["next"]
    while cursor:
        piece = team_owner.api.get(f"{EVERYTHING}?limit=2&cursor={cursor}").json()
        seen, cursor = seen + [event["id"] for event in piece["results"]], piece["next"]

    assert len(seen) == len(set(seen)) == 5


def test_the_page_leads_to_what_is_older_and_back_with_its_filter(team_owner: Person) -> None:
    for number in range(51):
        happen(team_owner, about=f"number {number}.")
    query = f"?member={team_owner.user.pk}"

    first = text(team_owner, query)
    [older] = re.findall(r'href="(\?[^"]*cursor=[^"]*)"', first)
    second = text(team_owner, older)

    assert "number 50." in first
    assert "number 0." not in first
    assert "number 0." in second
    assert f'href="{query}">Newest' in second


def test_its_page_asks_as_much_for_many_events_as_for_one(team_owner: Person) -> None:
    def asked(path: str, **more: Any) -> int:
        with CaptureQueriesContext(connection) as queries:
            client: Any = team_owner.web if path == PAGE else team_owner.api
            assert client.get(path, **more).status_code == 200
        return len(queries)

    happen(team_owner)
    assert asked(PAGE) + asked(EVERYTHING)
    few = asked(PAGE), asked(EVERYTHING)
    for _ in range(40):
        happen(join(team_owner, "Bob"))

    assert (asked(PAGE), asked(EVERYTHING)) == few


def test_a_spreadsheet_runs_nothing_and_loses_nothing(team_owner: Person) -> None:
    happen(team_owner, about="=HYPERLINK(1)")
    happen(team_owner, about="+1")

    rows = [row for row in sheet(team_owner) if row["action"] != AuditAction.AUDIT_DOWNLOADED]

    assert [row["about"] for row in rows] == ["'+1", "'=HYPERLINK(1)"]
    assert {row["actor"] for row in rows} == {team_owner.email}


def test_the_file_is_sent_in_pieces_that_add_up(team_owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.pieces.PIECE", 3)
    for number in range(7):
        happen(team_owner, about=str(number))

    written = b"".join(team_owner.web.get(f"{PAGE}/export").streaming_content).decode()

    assert [row["about"] for row in csv.DictReader(io.StringIO(written))] == list("6543210")


def test_staff_are_known_by_their_name_alone(alice: Person) -> None:
    sam = staff()
    with override_settings(IS_PRODUCTION=True):
        wish = ask(alice, "teams")
        answer(alice, wish, by=sam)

    found = {event["action"]: event for event in listed(alice)}
    page = text(alice)

    assert found["plan.request_decided"]["actor"] == {
        "kind": "staff",
        "id": None,
        "email": "",
        "name": "Sam",
    }
    changed = found["plan.changed"]
    assert (changed["actor"]["email"], changed["real_actor"]["kind"]) == (alice.email, "staff")
    assert (changed["before"]["tier"], changed["after"]["tier"]) == ("trial", "teams")
    assert sam.email not in page + str(found) + str(sheet(alice))
    assert "done by Sam, Docent staff" in page
    assert {"real_actor": "Sam"}.items() <= {row["action"]: row for row in sheet(alice)}["plan.changed"].items()
    assert AuditEvent.objects.get(action=AuditAction.PLAN_REQUEST_DECIDED).actor_email == sam.email


def test_a_given_plan_is_the_doing_of_staff(alice: Person) -> None:
    call_command("give_plan", str(alice.workspace.pk), "teams", "--by", staff().email, "--why", "A friend")

    [event] = listed(alice)
    assert (event["action"], event["actor"]["kind"]) == ("plan.changed", "staff")


def test_what_the_payment_provider_says_is_its_doing_and_what_an_owner_says_theirs(
    vendor: StripeProcess, alice: Person
) -> None:
    buy(alice, vendor, "teams")
    alice.api.post("/subscription/cancel")
    hear(alice, vendor)

    told = [(event["action"], event["actor"]["kind"]) for event in reversed(listed(alice))]
    assert told == [("plan.asked", "member"), ("plan.changed", "payment_provider"), ("plan.cancelled", "member")]


def test_what_the_clock_brings_is_told_when_it_comes(team_owner: Person) -> None:
    now = timezone.now()
    changes.downgrade(membership=team_owner.membership, tier="plus", now=now)
    due = team_owner.subscription.pending_at
    assert due is not None
    Subscription.objects.exclude(workspace=team_owner.workspace).update(remind_at=None)

    reminding.sweep(now=due + timedelta(minutes=1))

    planned, changed = AuditEvent.objects.filter(workspace=team_owner.workspace).order_by("at")
    assert (planned.action, planned.actor_kind) == (AuditAction.PLAN_CHANGE_PLANNED, ActorKind.MEMBER)
    assert (changed.action, changed.actor_kind) == (AuditAction.PLAN_CHANGED, ActorKind.SYSTEM)
    assert (changed.before, changed.after) == ({"tier": "teams", "seats": 10}, {"tier": "plus", "seats": 1})


def test_the_page_says_when_what_is_planned_will_be(team_owner: Person) -> None:
    team_owner.api.post("/subscription/cancel")
    due = team_owner.subscription.pending_at
    assert due is not None

    assert f"pending at: <bdi>–</bdi> → <bdi>{due:%-d %b %Y, %H:%M}</bdi>" in text(team_owner)
