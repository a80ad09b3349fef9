"""The member's time zone: taken from their browser, chosen in the settings, and used by pages and mails."""

import re
import secrets
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from accounts import schemas, zones
from accounts.models import Invitation, User
from billing.models import Subscription
from billing.plans import KEPT_AFTER_END
from tests.people import PASSWORD, Person


def choose(person: Person, zone: str) -> tuple[int, str]:
    """The status, and the zone that is kept then."""
    form = {"section": "profile", "name": "Alice", "timezone": zone}
    status = person.web.post("/app/settings", form).status_code
    person.user.refresh_from_db()
    return status, person.user.timezone


def selected(person: Person) -> list[str]:
    page = person.web.get("/app/settings").content.decode()
    return re.findall(r'<option value="([^"]+)" selected>', page.split('name="timezone"')[1].split("</select>")[0])


def test_a_member_chooses_a_time_zone_by_its_place(alice: Person) -> None:
    page = alice.web.get("/app/settings").content.decode()

    assert choose(alice, "America/Argentina/Buenos_Aires") == (302, "America/Argentina/Buenos_Aires")
    assert selected(alice) == ["America/Argentina/Buenos_Aires"]
    assert '<option value="America/Argentina/Buenos_Aires">Buenos Aires, Argentina</option>' in page


@pytest.mark.parametrize("zone", ["Mars/Base", "localtime", "../../etc/passwd", "europe/berlin", "x" * 5_000, "<b>"])
def test_what_is_no_time_zone_is_refused_with_words(alice: Person, zone: str) -> None:
    answer = alice.web.post("/app/settings", {"section": "profile", "name": "Alice", "timezone": zone})

    alice.user.refresh_from_db()
    page = answer.content.decode()
    assert (answer.status_code, alice.user.timezone) == (400, "UTC")
    assert "One is Europe/Berlin." in page or "at most 64 characters" in page
    assert f'<option value="{zone}"' not in page or "<" not in zone


def test_another_name_of_a_place_stays_chosen_and_none_leaves_it(alice: Person) -> None:
    alice.api.patch("/user/config", {"timezone": "US/Eastern"})

    assert selected(alice) == ["US/Eastern"]
    assert choose(alice, "") == (302, "US/Eastern")


def test_one_that_the_machine_has_forgotten_breaks_no_page(alice: Person) -> None:
    User.objects.filter(pk=alice.user.pk).update(timezone="Europe/Atlantis")

    assert [alice.web.get(path).status_code for path in ("/app/settings", "/app/plan", "/app/usage")] == [200] * 3


@pytest.mark.parametrize(("sent", "kept"), [("Asia/Calcutta", "Asia/Calcutta"), ("Etc/Unknown", "UTC"), ("", "UTC")])
def test_who_signs_up_has_the_zone_of_their_browser(sent: str, kept: str) -> None:
    email = f"zoe-{secrets.token_hex(4)}@example.com"
    form = {"email": email, "password1": PASSWORD, "name": "Zoe", "workspace_name": "Zoe's", "timezone": sent}
    schemas.fill(2)

    answer = Client(REMOTE_ADDR="10.9.9.9").post("/accounts/signup/", form)

    assert (answer.status_code, User.objects.get(email=email).timezone) == (302, kept)


def test_pages_refusals_and_the_api_tell_the_time_where_the_member_is(alice: Person) -> None:
    # Late in the evening in UTC, the next day in Tokyo.
    ended = (timezone.now() - timedelta(days=2)).replace(hour=20, minute=30)
    there = ended.astimezone(ZoneInfo("Asia/Tokyo"))
    Subscription.objects.filter(workspace=alice.workspace).update(trial_ends_at=ended)
    choose(alice, "Asia/Tokyo")

    plan, refused = (alice.web.get(path) for path in ("/app/plan", "/app"))
    by_api = alice.api.get("/tasks").json()

    kept = f"kept until {there + KEPT_AFTER_END:%-d %b %Y}"
    assert f"ended on {there:%-d %b %Y} at 05:30." in plan.content.decode()
    assert (refused.status_code, kept in refused.content.decode()) == (402, True)
    assert kept in by_api["detail"]
    assert timezone.get_current_timezone() == ZoneInfo("UTC")


def test_an_invitation_is_good_until_the_members_own_day(team_owner: Person) -> None:
    team_owner.api.post("/workspace/invitations", {"email": "new@example.com", "role": "member"})
    Invitation.objects.filter(workspace=team_owner.workspace).update(
        expires_at=datetime(2999, 3, 1, 20, 30, tzinfo=UTC)
    )
    choose(team_owner, "Asia/Tokyo")

    assert "2\u00a0Mar\u00a02999" in team_owner.web.get("/app/members").content.decode()


def test_each_zone_that_is_offered_is_one() -> None:
    offered = [name for _, names in zones._offered() for name in names]

    assert len(offered) > 300
    assert {ZoneInfo(name).key for name in offered} <= zones.names()
