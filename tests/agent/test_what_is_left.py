"""What every page says is left is what `/usage/quota` says at that moment, and no more where nothing can be asked."""

import re
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest

from accounts import tenancy
from accounts.models import Connection, Membership
from billing.plans import Tier
from tests import index
from tests.billing import team
from tests.billing.states import WALK, put
from tests.people import Person, join, put_on_plan, sign_up
from tests.usage.test_usage_api import use
from usage import services
from usage.models import Period

PAGES = ("", "/ask", "/conversations", "/tasks", "/sources", "/usage", "/plan", "/members", "/settings")
ENDED = {"trial_ended", "ended", "ended_by_the_clock"}
CLOSED = {*ENDED, "read_only"}
DAY = timedelta(days=1)


@pytest.fixture
def owner(now: datetime) -> Person:
    """Alice since a month ago, with a connection, so that the overview shows its figures."""
    person = sign_up("Alice", now=now - 30 * DAY)
    index.connect(person)
    Connection.objects.filter(workspace=person.workspace).update(last_synced_at=now)
    return person


def words(person: Person, page: str) -> str:
    answer = person.web.get(f"/app{page}")
    assert answer.status_code in {200, 402}, page
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", unescape(text)).replace("\u00a0", " ")


def quota(person: Person) -> Any:
    return person.api.get("/usage/quota").json()


def set_used(person: Person, **used: int) -> None:
    with tenancy.within(person.workspace):
        Period.objects.filter(member_id=person.user.pk).update(**used)


def check_all_pages(person: Person) -> dict[str, str]:
    """Their words, after each was compared."""
    shown, said = {page: words(person, page) for page in PAGES}, quota(person)
    requests, tokens = (f"{said[name]['remaining']:,}" for name in ("requests", "tokens"))
    for page, text in shown.items():
        assert re.findall(r"([\d,]+) questions? left", text) == [requests], page
        assert set(re.findall(r"([\d,]+) left", text)) <= {requests, tokens}, page
    return shown


@pytest.mark.parametrize(("tier", "state"), WALK)
def test_in_every_state_the_pages_say_what_the_quota_says(owner: Person, now: datetime, tier: Tier, state: str) -> None:
    put(owner, tier, "active" if tier != Tier.TRIAL else tier, now)
    use(owner, now)
    set_used(owner, requests_used=40)
    put(owner, tier, state, now)

    shown = check_all_pages(owner)

    said, allowed = quota(owner), owner.api.get("/subscription").json()["allowed"]
    assert (said["requests"]["remaining"] == 0, said["tokens"]["remaining"] == 0) == (state in CLOSED, state in CLOSED)
    way_out = "Choose a plan" if state in ENDED else "Upgrade"
    assert (f"left {way_out} " in shown["/tasks"]) == bool(allowed["upgrades"])
    assert ("left Upgrade " in shown["/tasks"]) == (bool(allowed["upgrades"]) and state not in ENDED)


@pytest.mark.parametrize("tier", ["pro", "teams"])
def test_of_what_cannot_be_used_no_pace_is_told(owner: Person, now: datetime, tier: str) -> None:
    put(owner, tier, "active", now)
    use(owner, now - 9 * DAY)
    limit = quota(owner)["requests"]["limit"]
    set_used(owner, requests_used=limit // 2)
    before = quota(owner)["forecast"]["requests_run_out_at"]

    put(owner, tier, "read_only", now)
    shown = check_all_pages(owner)

    assert before is not None
    assert quota(owner)["forecast"] == {"requests_run_out_at": None, "tokens_run_out_at": None}
    assert not any(" pace" in text for text in shown.values())
    assert " 0 left " in shown[""]
    assert f"{limit // 2:,} of {limit:,} · 0 left" in shown["/usage"]


def test_what_is_used_up_is_not_said_to_be_used_up_some_day(owner: Person, now: datetime) -> None:
    put(owner, "pro", "active", now)
    use(owner, now - 9 * DAY)
    set_used(owner, requests_used=1_000)

    assert " 0 left " in check_all_pages(owner)[""]


def test_without_tokens_no_question_is_left(owner: Person, now: datetime) -> None:
    put(owner, "pro", "active", now)
    use(owner, now - 9 * DAY)
    set_used(owner, requests_used=300, tokens_used=1_000_000 - services.LEAST_RUN_TOKENS)

    pages = [words(owner, page) for page in PAGES]
    set_used(owner, tokens_used=1_000_000 - services.LEAST_RUN_TOKENS - 1)

    assert all(re.findall(r"([\d,]+) questions? left", text) == ["0"] for text in pages)
    assert " 0 left " in pages[0]
    assert "700 questions left" in words(owner, "/ask")


def test_what_is_held_is_not_left(owner: Person, now: datetime) -> None:
    put(owner, "pro", "active", now)
    with tenancy.within(owner.workspace):
        services.hold(membership=owner.membership, key="open", now=now)

    check_all_pages(owner)

    assert quota(owner)["requests"]["remaining"] == 999


def test_where_the_teams_seats_are_used_up_nobody_has_anything_left(owner: Person, now: datetime) -> None:
    bob = join(owner, "Bob")
    index.connect(bob)
    put_on_plan(owner, "teams", seats=2, now=now - 3 * DAY)
    team.fix_seats(owner, 1)
    use(owner, now)
    set_used(owner, requests_used=5_000)

    shown = check_all_pages(bob)

    assert quota(bob)["requests"]["remaining"] == 0
    assert "0 of 5,000 · 0 left for all members together" in shown["/usage"]


def test_a_capped_member_has_what_is_left_of_the_cap(owner: Person, now: datetime) -> None:
    put(owner, "teams", "active", now)
    bob = join(owner, "Bob")
    Membership.objects.filter(pk=bob.membership.pk).update(request_cap=7)

    check_all_pages(bob)

    assert quota(bob)["requests"]["remaining"] == 7


def test_whom_a_team_left_over_has_nothing_left(owner: Person, now: datetime) -> None:
    bob = join(owner, "Bob")
    put(owner, "teams", "has_become_smaller", now)

    check_all_pages(bob)
    check_all_pages(owner)

    assert [quota(person)["requests"]["remaining"] for person in (bob, owner)] == [0, 1_000]
