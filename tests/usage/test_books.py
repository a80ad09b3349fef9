"""Each night what is kept is compared with the rows: a difference is an alarm, work in flight is none."""

import logging
import threading
import uuid
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.models import F

from accounts import tenancy
from accounts.models import Job
from tests.people import Person, put_on_plan
from tests.usage.test_usage_api import use
from usage import analytics, books, jobs, services
from usage.models import Difference, Entry, Hold, MemberDay, Period, Quarter, Speed


def check(person: Person, now: datetime) -> list[tuple[str, int, int]]:
    with tenancy.within(person.workspace):
        return [(each.name, each.kept, each.derived) for each in books.check(now=now)]


@pytest.fixture
def used(alice: Person, now: datetime) -> Person:
    """Alice, after one answer, one failure, one late settlement, one overage and one question in flight."""
    use(alice, now, key="good")
    use(alice, now, key="broken", outcome="failed")
    with tenancy.within(alice.workspace):
        slow = services.hold(membership=alice.membership, key="slow", now=now - timedelta(hours=1), tokens=200)
        services.expire_holds(now=now)
        services.settle(hold_id=slow.pk, now=now, outcome="succeeded", cost=services.Cost(300, 100, "m"))
        services.hold(membership=alice.membership, key="open", now=now)
    return alice


def test_what_adds_up_raises_no_alarm(used: Person, now: datetime) -> None:
    assert check(used, now) == []


@pytest.mark.parametrize("name", ["requests_used", "requests_held", "tokens_used", "tokens_held"])
def test_a_counter_that_was_changed_by_hand_is_an_alarm(
    used: Person, now: datetime, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with tenancy.within(used.workspace):
        right = getattr(Period.objects.get(), name)
        Period.objects.update(**{name: F(name) + 7})

    with caplog.at_level(logging.ERROR):
        found = check(used, now)

    assert found == [(name, right + 7, right)]
    assert f"{name} is {right + 7} and should be {right}" in caplog.text
    assert str(used.workspace.pk) in caplog.text


def test_a_sum_that_was_changed_by_hand_is_an_alarm(used: Person, now: datetime) -> None:
    with tenancy.within(used.workspace):
        Quarter.objects.filter(kind="overage").update(output_tokens=F("output_tokens") + 1)
        MemberDay.objects.update(failed=0)
        Speed.objects.all().delete()

    names = [name for name, _, _ in check(used, now)]

    assert names == ["output_tokens", "failed", *["answers"] * len(names[2:])]
    assert names[2:]


def test_a_line_that_is_gone_is_an_alarm(used: Person, now: datetime) -> None:
    with tenancy.within(used.workspace):
        Entry.objects.get(hold__key__endswith=":good").delete()

    assert ("lines", 0, 1) in check(used, now)


def test_an_alarm_is_kept_once_and_nothing_is_corrected(used: Person, now: datetime) -> None:
    with tenancy.within(used.workspace):
        Period.objects.update(requests_used=9)
    check(used, now)
    check(used, now + timedelta(days=1))

    with tenancy.within(used.workspace):
        kept = Difference.objects.get()
        assert Period.objects.get().requests_used == 9
    assert (kept.found_at, kept.seen_at) == (now, now + timedelta(days=1))


def test_staff_see_the_alarms_and_end_them(used: Person, now: datetime) -> None:
    with tenancy.within(used.workspace):
        Period.objects.update(requests_used=9)
    check(used, now)

    said, after = StringIO(), StringIO()
    call_command("usage_differences", stdout=said)
    call_command("usage_differences", looked_into=str(used.workspace.pk), stdout=after)

    assert f"{used.workspace.pk} {now:%Y-%m-%d}: period" in said.getvalue()
    assert "requests_used is 9 and should be 2" in said.getvalue()
    assert after.getvalue() == ""


@pytest.mark.parametrize("workspace", ["Acme", "00000000-0000-0000-0000-000000000000"])
def test_the_alarms_of_no_workspace_cannot_be_ended(workspace: str) -> None:
    with pytest.raises(CommandError, match=workspace):
        call_command("usage_differences", "--looked-into", workspace)


def test_eight_threads_that_hold_and_settle_raise_no_alarm(team_owner: Person, now: datetime) -> None:
    ended = threading.Event()
    done: list[int] = []

    def work(number: int) -> None:
        count = 0
        try:
            while not ended.is_set():
                use(team_owner, now, key=f"{number}-{count}", outcome=("succeeded", "failed")[count % 2])
                count += 1
        finally:
            done.append(count)
            connections.close_all()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    try:
        found = [difference for _ in range(25) for difference in check(team_owner, now)]
    finally:
        ended.set()
        for thread in threads:
            thread.join()

    assert found == []
    assert min(done) > 0
    assert check(team_owner, now) == []


def test_use_leads_to_one_look_in_the_coming_night(alice: Person, now: datetime) -> None:
    for key in ("a", "b"):
        with tenancy.within(alice.workspace):
            services.hold(membership=alice.membership, key=key, now=now - timedelta(minutes=30))
        for job in Job.objects.filter(workspace=alice.workspace, name="usage.jobs.expire_holds"):
            jobs.expire_holds(str(job.pk))

    job = Job.objects.get(workspace=alice.workspace, name="usage.jobs.check_books")
    assert now < job.due_at < now + timedelta(hours=26)
    assert 2 <= job.due_at.hour < 4


def test_the_job_raises_the_alarm(used: Person, now: datetime) -> None:
    with tenancy.within(used.workspace):
        Period.objects.update(requests_used=9)
        books.expect_check(now=now - timedelta(days=2))
    job = Job.objects.get(workspace=used.workspace, name="usage.jobs.check_books")

    jobs.check_books(str(job.pk))

    with tenancy.within(used.workspace):
        assert Difference.objects.count() == 1


def test_a_workspace_that_uses_nothing_is_not_visited(alice: Person) -> None:
    assert not Job.objects.filter(workspace=alice.workspace, name="usage.jobs.check_books").exists()


def test_old_holds_are_forgotten_and_their_lines_stay(alice: Person, now: datetime) -> None:
    put_on_plan(alice, "pro", now=now - timedelta(days=200))
    use(alice, now - timedelta(days=150), key="old")
    use(alice, now - timedelta(days=60), key="newer")

    with tenancy.within(alice.workspace):
        forgotten = books.forget_holds(now=now)
        lines = list(Entry.objects.order_by("at").values_list("hold_id", "requests"))
        span = analytics.Span(now - timedelta(days=200), now)
        shown = analytics.totals(membership=alice.membership, span=span)["requests"]
        kept = Hold.objects.get().key

    assert (forgotten, shown) == (1, 2)
    assert all(isinstance(hold_id, uuid.UUID) and requests == 1 for hold_id, requests in lines)
    assert kept.endswith(":newer")
    assert check(alice, now) == []
