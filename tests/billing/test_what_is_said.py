"""What pages, banners and mails say of each state is what the clock then does."""

import html
import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.models import Membership
from billing import letters
from billing.effective import Access, effective
from billing.models import Subscription
from billing.plans import PAST_DUE_GRACE
from billing.reminders import Reminder
from billing.standing import sentence
from tests.people import Person, put_on_plan
from usage import banners, services
from usage.models import Period
from usage.quota import Quota, quota

UTC_ZONE = ZoneInfo("UTC")
DAY = timedelta(days=1)


def text(person: Person, path: str) -> str:
    answer = person.web.get(path)
    assert answer.status_code == 200
    plain = re.sub(r"<[^>]+>", " ", html.unescape(answer.content.decode()))
    return re.sub(r"\s+", " ", plain)


def facts(person: Person, **changes: Any) -> Subscription:
    Subscription.objects.filter(workspace=person.workspace).update(**changes)
    return person.subscription


def ten_days_into_a_month(person: Person, tier: str, **changes: Any) -> Subscription:
    now = timezone.now()
    put_on_plan(person, tier, now=now - 10 * DAY)
    return facts(person, **changes)


def use(person: Person, *, requests: int) -> None:
    with tenancy.within(person.workspace):
        services.hold(membership=person.membership, key="first", now=timezone.now())
        Period.objects.update(requests_used=requests, requests_held=0, tokens_held=0)


def left(person: Person) -> Quota:
    membership = Membership.objects.select_related("user").get(pk=person.membership.pk)
    with tenancy.within(person.workspace):
        return quota(membership=membership, now=timezone.now())


def banner(person: Person) -> dict[str, str]:
    membership = Membership.objects.select_related("user").get(pk=person.membership.pk)
    shown = banners.of_quota(left(person), membership)
    assert shown is not None
    return shown


def date_of(moment: datetime) -> str:
    return f"{moment:%-d} {moment:%B}"


@pytest.mark.parametrize("tier", ["pro", "plus", "teams"])
def test_who_pays_reads_when_the_limits_start_anew(alice: Person, tier: str) -> None:
    subscription = ten_days_into_a_month(alice, tier)

    renews_at = effective(subscription, timezone.now()).renews_at

    assert renews_at is not None
    assert f"resets on {date_of(renews_at)}" in text(alice, "/app/usage")
    assert "questions stop until the next month begins" in text(alice, "/app/plan")


def test_in_a_trial_the_usage_page_names_its_end(alice: Person) -> None:
    now = timezone.now()
    facts(alice, started_at=now - 6 * DAY, trial_ends_at=now + DAY / 2)
    Membership.objects.filter(pk=alice.membership.pk).update(joined_at=now - 6 * DAY)
    use(alice, requests=100)

    assert f"the trial ends on {date_of(alice.subscription.trial_ends_at)}" in text(alice, "/app/usage")
    assert "until the trial ends" in banner(alice)["text"]


def test_after_a_cancellation_nothing_resets_and_the_pace_ends_with_the_plan(alice: Person) -> None:
    ends_at = timezone.now() + 2 * DAY
    ten_days_into_a_month(alice, "pro", pending_tier="", pending_at=ends_at)
    use(alice, requests=820)

    page = text(alice, "/app/usage")

    assert "resets on" not in page
    assert f"the subscription ends on {date_of(ends_at)}" in page
    assert "on pace for 984" in page
    assert "until the subscription ends" in banner(alice)["text"]
    assert left(alice).requests.runs_out_at is None
    assert "At a limit, questions stop; everything else goes on" in text(alice, "/app/plan")


def test_a_planned_smaller_plan_leaves_the_renewal_as_it_is(alice: Person) -> None:
    subscription = ten_days_into_a_month(alice, "plus")
    end = effective(subscription, timezone.now()).period.ends_at
    facts(alice, pending_tier="pro", pending_at=end)

    assert f"resets on {date_of(end)}" in text(alice, "/app/usage")


def test_in_the_grace_nobody_is_promised_a_renewal_or_sent_to_a_larger_plan(alice: Person) -> None:
    late = {"status": "past_due", "past_due_since": timezone.now() - DAY}
    subscription = ten_days_into_a_month(alice, "pro", **late)
    use(alice, requests=1_000)

    with tenancy.within(alice.workspace), pytest.raises(services.QuotaExceeded) as refused:
        services.hold(membership=alice.membership, key="next", now=timezone.now())
    said = banner(alice)

    assert effective(subscription, timezone.now()).renews_at is None
    assert "if the payment that failed is made" in refused.value.detail
    assert (refused.value.extra["plan"], refused.value.retry_after) == (None, None)
    assert "until the payment that failed is made" in said["text"]
    assert said["url"] == ""
    assert "resets on" not in text(alice, "/app/usage")


@pytest.mark.parametrize("state", ["grace", "read_only"])
def test_a_late_payer_who_has_cancelled_is_not_promised_more_than_comes(alice: Person, state: str) -> None:
    now = timezone.now()
    since = now - (5 * DAY if state == "grace" else 8 * DAY)
    end = now + DAY
    late = {"status": "past_due", "past_due_since": since, "pending_tier": "", "pending_at": end}
    subscription = ten_days_into_a_month(alice, "pro", **late)

    said = sentence(effective(subscription, now), UTC_ZONE)
    page = text(alice, "/app/plan")

    assert effective(subscription, end).access == Access.CLOSED
    assert f"until the subscription ends on {end:%-d}" in said
    assert "reading goes on" not in said if state == "grace" else "reading goes on until" in said
    assert ("Everything works until the subscription ends" in page) == (state == "grace")
    assert "after that only reading" not in page


def test_the_mail_of_a_failed_payment_says_the_same(alice: Person) -> None:
    since = timezone.now()

    def paragraphs(leaves_at: datetime | None) -> str:
        reminder = Reminder("payment-failed", since, since)
        made = letters.context(reminder, workspace="A", url="", erased_at=since, zone=UTC_ZONE, leaves_at=leaves_at)
        return " ".join(map(str, made["paragraphs"]))

    assert "after that, only reading" in paragraphs(None)
    assert "after that, only reading" in paragraphs(since + PAST_DUE_GRACE + DAY)
    assert "Everything works until the subscription ends on" in paragraphs(since + 3 * DAY)


def test_after_an_end_the_frame_promises_no_date(alice: Person) -> None:
    ten_days_into_a_month(alice, "pro", status="canceled", ended_at=timezone.now() - DAY)

    page = text(alice, "/app/plan")

    assert "resets" not in page
    assert "Your subscription ended on" in page


def test_a_team_that_became_a_smaller_plan_by_the_clock_has_one_seat(alice: Person) -> None:
    past = timezone.now() - DAY
    ten_days_into_a_month(alice, "teams", seats=5, pending_tier="pro", pending_at=past)

    said = alice.api.get("/subscription").json()

    assert (said["tier"], said["seats"]) == ("pro", 1)


def test_who_is_busy_at_their_own_cap_is_sent_to_no_plan(team_owner: Person, bob: Person) -> None:
    put_on_plan(team_owner, "teams", seats=10)
    Membership.objects.filter(pk=bob.membership.pk).update(request_cap=1)
    bob.membership.refresh_from_db()
    refusals = {}

    for person in (bob, team_owner):
        with tenancy.within(person.workspace):
            services.hold(membership=person.membership, key=f"a {person.email}", now=timezone.now())
            if person is team_owner:
                Period.objects.filter(member_id=person.user.pk).update(requests_held=5_000)
            with pytest.raises(services.Busy) as refused:
                services.hold(membership=person.membership, key=f"b {person.email}", now=timezone.now())
        refusals[person.email] = refused.value

    assert "upgrade_url" not in refusals[bob.email].extra
    assert "upgrade_url" in refusals[team_owner.email].extra
