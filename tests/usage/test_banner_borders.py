"""What the frame says just below and at 80 and 100 percent: of questions and of tokens, for who has a plan's whole
limit, for who is held below it, and for a team together."""

import html
import re
from datetime import datetime, timedelta

import pytest

from accounts import tenancy
from accounts.models import Membership
from tests.billing import team
from tests.people import Person, join, put_on_plan
from tests.usage.test_caps import cap, use
from usage import analytics
from usage.models import Period

# In thousandths of the limit: what is said, and how it begins.
BORDERS = {799: "", 800: "warn", 999: "warn", 1_000: "bad"}
METRICS = {"requests": "questions", "tokens": "tokens"}


def frame(person: Person) -> str:
    page = html.unescape(person.web.get("/app/usage").content.decode()).replace("\xa0", " ")
    found = re.search(r'<section class="callout banner (.*?)</section>', page, re.S)
    return re.sub(r"<[^>]+>", "", found[1]) if found else ""


def uses(person: Person, now: datetime, metric: str, count: int) -> None:
    use(person, now, f"first of {person.user.pk}", tokens=150)
    with tenancy.within(person.workspace):
        Period.objects.filter(member_id=person.user.pk).update(**{f"{metric}_used": count})


def check(said: str, *, used: int, limit: int, what: str, tone: str, whose: str = "") -> None:
    if not tone:
        assert said == ""
        return
    assert said.startswith(tone)
    words = (
        f"All {limit:,} {what}{whose} are used." if tone == "bad" else f"{used:,} of {limit:,} {what}{whose} are used."
    )
    assert words in said


@pytest.mark.parametrize(("share", "tone"), BORDERS.items())
@pytest.mark.parametrize("metric", METRICS)
def test_who_has_a_plans_whole_limit(alice: Person, now: datetime, metric: str, share: int, tone: str) -> None:
    put_on_plan(alice, "pro", now=now - timedelta(days=3))
    limit = 1_000 if metric == "requests" else 1_000_000

    uses(alice, now, metric, limit * share // 1_000)

    check(frame(alice), used=limit * share // 1_000, limit=limit, what=METRICS[metric], tone=tone)


@pytest.mark.parametrize(("share", "tone"), BORDERS.items())
@pytest.mark.parametrize("metric", METRICS)
def test_who_is_held_below_it(team_owner: Person, now: datetime, metric: str, share: int, tone: str) -> None:
    put_on_plan(team_owner, "teams", seats=2, now=now - timedelta(days=3))
    bob, limit = join(team_owner, "Bob"), 3_000 if metric == "requests" else 300_000
    cap(team_owner, bob, now, **{metric: limit})

    uses(bob, now, metric, limit * share // 1_000)

    said = frame(bob)
    check(said, used=limit * share // 1_000, limit=limit, what=METRICS[metric], tone=tone)
    assert ("an owner or admin can raise it" in said) == bool(tone)
    assert "Compare plans" not in said
    assert frame(team_owner) == ""


@pytest.mark.parametrize(("share", "tone"), BORDERS.items())
@pytest.mark.parametrize("metric", METRICS)
def test_a_team_together(team_owner: Person, now: datetime, metric: str, share: int, tone: str) -> None:
    put_on_plan(team_owner, "teams", seats=2, now=now - timedelta(days=3))
    team.fix_seats(team_owner, 2)
    bob = join(team_owner, "Bob")
    limit = 10_000 if metric == "requests" else 10_000_000
    # As who had the seat before and has left: more than one member may use.
    uses(bob, now, metric, limit * share // 1_000 - limit // 10)
    uses(team_owner, now, metric, limit // 10)
    Membership.objects.filter(pk=bob.membership.pk).delete()

    said = frame(team_owner)

    of_seats = " of the team's seats"
    check(said, used=limit * share // 1_000, limit=limit, what=METRICS[metric], tone=tone, whose=of_seats)
    assert ("Add seats" in said) == bool(tone)


@pytest.mark.parametrize(("share", "tone"), BORDERS.items())
@pytest.mark.parametrize("metric", METRICS)
def test_in_a_trial(alice: Person, now: datetime, metric: str, share: int, tone: str) -> None:
    limit = 120 if metric == "requests" else 50_000
    used = limit * share // 1_000 if tone != "warn" else -(-limit * share // 1_000)
    used -= metric == "requests" and share == 999

    uses(alice, now, metric, used)

    said = frame(alice)
    assert said.startswith(tone)
    assert ("are used" in said) == bool(tone)
    assert (f"All {limit:,} {METRICS[metric]} of the trial are used." in said) == (tone == "bad")
    assert (f"{used:,} of {limit:,} {METRICS[metric]} are used." in said) == (tone == "warn")


@pytest.mark.parametrize(
    ("share", "percent"), [(None, None), (0.0, 0), (0.29, 29), (0.57, 57), (199 / 200, 99), (1.0, 100)]
)
def test_not_every_answer_had_sources_before_all_had(share: float | None, percent: int | None) -> None:
    assert analytics.whole_percent(share) == percent
