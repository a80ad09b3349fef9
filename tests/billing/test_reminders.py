"""Reminders: which one is due at each moment, and that each is written once whoever asks and whatever dies."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from accounts import mails
from accounts.models import Mail, Membership, Role, User, Workspace
from billing import reminding
from billing.changes import locked
from billing.effective import effective
from billing.letters import LETTERS
from billing.models import Subscription
from billing.moments import day
from billing.plans import Tier
from billing.reminders import FIRST_WARNING, KINDS, LAST_WARNING, due, next_look
from devkit.home import PROJECT
from tests.billing.test_effective import Facts
from tests.people import Person, join, put_on_plan, sign_up
from tests.threads import at_once

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
START = datetime(2026, 11, 1, 14, 5, tzinfo=UTC)
TRIAL = Facts("trial", "trialing", START, START + 7 * DAY, START)
LATE = Facts("pro", "past_due", START, START, START, past_due_since=START + 7 * DAY)
ENDED = Facts("pro", "canceled", START, START, START, ended_at=START + 7 * DAY)
MOMENT = START + 7 * DAY


def kind(facts: Facts, now: datetime, first_warned_at: datetime | None = None) -> str:
    found = due(facts, now, first_warned_at=first_warned_at)
    return found.kind if found else ""


@pytest.mark.parametrize(
    ("facts", "after", "expected"),
    [
        (TRIAL, -7 * DAY, ""),
        (TRIAL, -3 * DAY - HOUR, ""),
        (TRIAL, -3 * DAY, "trial-3-days"),
        (TRIAL, -DAY - HOUR, "trial-3-days"),
        (TRIAL, -DAY, "trial-1-day"),
        (TRIAL, timedelta(), "trial-ended"),
        (TRIAL, 3 * DAY, "trial-over"),
        (TRIAL, 22 * DAY, "trial-over"),
        (TRIAL, 23 * DAY, FIRST_WARNING),
        (LATE, timedelta(), "payment-failed"),
        (LATE, 3 * DAY, "payment-late"),
        (LATE, 7 * DAY, "payment-read-only"),
        (LATE, 70 * DAY, "payment-read-only"),
        (ENDED, DAY, ""),
        (ENDED, 23 * DAY, FIRST_WARNING),
        (replace(TRIAL, status="active", tier="pro"), 23 * DAY, ""),
    ],
)
def test_the_latest_that_is_due_is_told(facts: Facts, after: timedelta, expected: str) -> None:
    assert kind(facts, MOMENT + after) == expected


@pytest.mark.parametrize("facts", [TRIAL, ENDED])
def test_the_last_warning_follows_the_first_by_a_day_or_more(facts: Facts) -> None:
    assert kind(facts, MOMENT + 29 * DAY, first_warned_at=MOMENT + 23 * DAY) == LAST_WARNING
    assert kind(facts, MOMENT + 29 * DAY - HOUR, first_warned_at=MOMENT + 23 * DAY) == FIRST_WARNING
    assert kind(facts, MOMENT + 50 * DAY) == FIRST_WARNING
    assert kind(facts, MOMENT + 50 * DAY, first_warned_at=MOMENT + 50 * DAY - HOUR) == FIRST_WARNING
    assert kind(facts, MOMENT + 51 * DAY, first_warned_at=MOMENT + 50 * DAY) == LAST_WARNING


def test_a_trial_of_two_days_has_no_third_one_before_its_end() -> None:
    short = replace(TRIAL, trial_ends_at=START + 2 * DAY)

    assert kind(short, START + HOUR) == ""
    assert kind(short, START + DAY) == "trial-1-day"


def test_what_is_erased_is_not_warned_of() -> None:
    assert kind(replace(TRIAL, content_erased_at=MOMENT + 31 * DAY), MOMENT + 40 * DAY) == ""
    assert kind(replace(ENDED, content_erased_at=MOMENT - DAY), MOMENT + 40 * DAY) == FIRST_WARNING


@given(
    st.sampled_from([TRIAL, LATE, ENDED, replace(LATE, pending_at=MOMENT + 5 * DAY)]),
    st.timedeltas(-10 * DAY, 60 * DAY),
    st.timedeltas(timedelta(), 60 * DAY),
)
def test_nothing_becomes_due_before_the_next_look(facts: Facts, first: timedelta, more: timedelta) -> None:
    """So that a sweep which looks only then misses none."""
    now, later = MOMENT + first, MOMENT + first + more
    look_at = next_look(facts, now)

    if look_at is None or later < look_at:
        assert due(facts, later) == due(facts, now)
    assert look_at is None or look_at > now


# Over the database


@pytest.fixture(autouse=True)
def _others_sleep(_database: None) -> None:
    """Rounds look at every subscription that is due, also at those of thousands of other tests."""
    Subscription.objects.update(remind_at=None)


def told(person: Person) -> list[str]:
    found = Mail.objects.filter(workspace=person.workspace).order_by("created_at", "key")
    return [mail.key.partition(":")[0] for mail in found]


def sweep(now: datetime) -> None:
    while reminding.sweep(now=now):
        pass


def sent(person: Person, at: datetime) -> None:
    Mail.objects.filter(workspace=person.workspace, sent_at=None).update(sent_at=at)


@pytest.fixture
def dave(now: datetime) -> Person:
    """His trial began eight days before its clock in these tests is turned on."""
    return sign_up("Dave", now=now)


def test_a_trial_is_told_of_four_times_and_its_erasure_twice(dave: Person, now: datetime) -> None:
    moment = now
    while moment < now + 60 * DAY:
        sweep(moment)
        sent(dave, moment)
        moment += 12 * HOUR

    expected = ["trial-3-days", "trial-1-day", "trial-ended", "trial-over", FIRST_WARNING, LAST_WARNING]
    assert told(dave) == expected
    assert dave.subscription.erases_from is not None
    assert dave.subscription.remind_at is None


def test_a_warning_names_the_day_that_is_said_everywhere(dave: Person, now: datetime) -> None:
    moment, said = now + 36 * DAY, set()
    for _ in range(4):
        sweep(moment)
        said |= {f"{day(found)}" for found in [effective(dave.subscription, moment).erases_at] if found}
        sent(dave, moment + HOUR)
        moment += 8 * HOUR

    named = [mail.subject.partition(" on ")[2] for mail in Mail.objects.filter(workspace=dave.workspace)]
    assert told(dave) == [FIRST_WARNING]
    assert (set(named), said) == ({day(now + 38 * DAY)}, {day(now + 38 * DAY)})


def test_a_last_warning_that_is_late_again_names_a_day_to_come(dave: Person, now: datetime) -> None:
    sweep(now + 36 * DAY)
    sent(dave, now + 36 * DAY)

    for hours in (0, 6, 12):
        sweep(now + 45 * DAY + hours * HOUR)

    last = Mail.objects.get(workspace=dave.workspace, key__startswith=LAST_WARNING)
    assert day(now + 46 * DAY) in last.subject
    assert dave.subscription.erases_from == now + 46 * DAY


def test_who_was_away_tells_only_where_things_stand(dave: Person, now: datetime) -> None:
    sweep(now + 20 * DAY)

    assert told(dave) == ["trial-over"]


def test_the_owners_are_told_each_in_their_own_time(team_owner: Person, bob: Person, now: datetime) -> None:
    second = join(team_owner, "Olga", Role.OWNER)
    User.objects.filter(pk=second.user.pk).update(timezone="Asia/Tokyo")
    failed = datetime(now.year + 1, 11, 1, 20, 5, tzinfo=UTC)
    Subscription.objects.filter(workspace=team_owner.workspace).update(status="past_due", past_due_since=failed)

    sweep(failed + HOUR)

    mails_of = {mail.to: mail.text for mail in Mail.objects.filter(workspace=team_owner.workspace)}
    assert set(mails_of) == {team_owner.email, second.email}
    assert f"1 Nov {failed.year} at 20:05 UTC" in mails_of[team_owner.email]
    assert f"2 Nov {failed.year} at 05:05" in mails_of[second.email]


def test_eight_sweeps_at_once_tell_once(now: datetime) -> None:
    people = [sign_up("Dave", now=now) for _ in range(6)]

    at_once(lambda: sweep(now + 5 * DAY), times=8)

    assert [told(person) for person in people] == [["trial-3-days"]] * 6


def test_who_has_bought_hears_nothing_more(dave: Person, now: datetime) -> None:
    sweep(now + 5 * DAY)
    assert told(dave) == ["trial-3-days"]

    buy(dave, now + 5 * DAY)
    sweep(now + 8 * DAY)

    assert told(dave) == []


def test_a_purchase_and_a_sweep_at_once_leave_no_reminder_to_a_customer(now: datetime) -> None:
    for _ in range(5):
        both_at_once(sign_up("Dave", now=now), now + 7 * DAY)


def both_at_once(person: Person, now: datetime) -> None:
    steps = iter([lambda: sweep(now), lambda: buy(person, now)] * 2)

    at_once(lambda: next(steps)(), times=4)

    assert told(person) == []


def buy(person: Person, now: datetime) -> None:
    with locked(person.workspace.pk, now) as subscription:
        subscription.buy(Tier.PRO, seats=1, by=person.user.pk, now=now)


def test_a_longer_trial_is_told_of_anew(dave: Person, now: datetime) -> None:
    sweep(now + 5 * DAY)
    sent(dave, now + 5 * DAY)
    Subscription.objects.filter(workspace=dave.workspace).update(trial_ends_at=now + 20 * DAY)

    sweep(now + 6 * DAY)
    sweep(now + 17 * DAY)

    assert told(dave) == ["trial-3-days", "trial-3-days"]


def test_a_suspended_workspace_is_told_when_it_is_open_again(dave: Person, now: datetime) -> None:
    Workspace.objects.filter(pk=dave.workspace.pk).update(state="suspended")
    sweep(now + 5 * DAY)
    assert told(dave) == []

    Workspace.objects.filter(pk=dave.workspace.pk).update(state="active")
    sweep(now + 6 * DAY + HOUR)

    assert told(dave) == ["trial-1-day"]


def test_one_that_cannot_be_told_keeps_nobody_waiting(dave: Person, now: datetime) -> None:
    broken = sign_up("Xena", now=now - HOUR)
    hers = Subscription.objects.filter(workspace=broken.workspace)
    hers.update(tier="unheard", status="active")

    sweep(now + 5 * DAY)
    hers.update(tier="trial", status="trialing")

    assert (told(broken), told(dave)) == ([], ["trial-3-days"])


DYING = """
import os, django
django.setup()
from datetime import datetime
from accounts import mails
from billing import reminding
from billing.changes import locked
from billing.effective import effective
put = mails.put
def put_and_die(**given):
    put(**given)
    os.kill(os.getpid(), 9)
mails.put = put_and_die
reminding.sweep(now=datetime.fromisoformat(os.environ["MOMENT"]))
"""


def test_a_worker_killed_in_the_middle_of_telling_has_said_nothing(dave: Person, now: datetime) -> None:
    moment = now + 5 * DAY
    Subscription.objects.exclude(workspace=dave.workspace).update(remind_at=None)
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "MOMENT": moment.isoformat()}

    died = subprocess.run([sys.executable, "-c", DYING], cwd=PROJECT, env=environment)
    before = told(dave)
    sweep(moment)

    assert (died.returncode, before, told(dave)) == (-9, [], ["trial-3-days"])


def test_a_round_reads_only_what_it_has_to_look_at(now: datetime) -> None:
    for _ in range(3):
        sign_up("Dave", now=now)
    sweep(now)

    with CaptureQueriesContext(connection) as asked:
        assert reminding.sweep(now=now) == 0
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        query = next(each["sql"] for each in asked.captured_queries if "remind_at" in each["sql"])
        cursor.execute(f"EXPLAIN {query}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute("RESET enable_seqscan")

    assert "subscription_to_remind" in plan
    assert len([each for each in asked.captured_queries if "SELECT" in each["sql"]]) == 1


def test_every_kind_has_a_letter_without_gaps() -> None:
    assert set(LETTERS) == set(KINDS)
    words: dict[str, Any] = {"workspace": "W", "about": "A", "works": "G", "erased": "E"}
    for letter in LETTERS.values():
        assert all(part.format(**words) for part in (letter.title, *letter.paragraphs))


def test_a_member_hears_nothing_of_money(team_owner: Person, bob: Person, now: datetime) -> None:
    Subscription.objects.filter(workspace=team_owner.workspace).update(status="past_due", past_due_since=now)

    sweep(now + HOUR)

    assert not Mail.objects.filter(to=bob.email).exists()
    assert Membership.objects.filter(user=bob.user, workspace=team_owner.workspace).exists()


def test_an_unsent_reminder_gives_way_to_the_next(dave: Person, now: datetime) -> None:
    sweep(now + 5 * DAY)

    sweep(now + 6 * DAY)

    assert told(dave) == ["trial-1-day"]


def test_withdrawing_leaves_other_kinds_alone(alice: Person) -> None:
    put_on_plan(alice, "pro")
    mails.put(
        key=f"invitation:{alice.workspace.pk}", to="x@example.com", template="letter", context={"title": "x"},
        workspace_id=alice.workspace.pk,
    )  # fmt: skip

    subscription = alice.subscription
    subscription.save()

    assert told(alice) == ["invitation"]
