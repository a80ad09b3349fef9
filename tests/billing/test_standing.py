"""What members are told of the end: exactly when, in their own time, and what happens then."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.models import User
from billing.effective import PaymentRequired, TrialExpired, check_access, effective
from billing.models import Subscription
from billing.standing import sentence, standing
from tests.billing.test_effective import Facts
from tests.people import Person, put_on_plan

DAY = timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")
END = datetime(2026, 11, 30, 13, 5, tzinfo=UTC)
TRIAL = Facts("trial", "trialing", END - 7 * DAY, END, END - 7 * DAY)
PAID = replace(TRIAL, tier="pro", status="active")
LATE = replace(PAID, status="past_due", past_due_since=END)
LEAVING = replace(PAID, pending_at=END)


@pytest.mark.parametrize(
    ("facts", "after", "words"),
    [
        (
            TRIAL,
            -5 * DAY,
            "Your trial ends on 30 Nov 2026 at 14:05. Then questions stop; what is here is kept until 30 Dec 2026.",
        ),
        (
            TRIAL,
            DAY,
            "Your trial ended on 30 Nov 2026 at 14:05. What is here is kept until 30 Dec 2026 and then erased, unless "
            "you choose a plan.",
        ),
        (
            TRIAL,
            31 * DAY,
            "Your trial ended on 30 Nov 2026 at 14:05. What is here is erased soon, unless you choose a plan.",
        ),
        (
            replace(TRIAL, content_erased_at=END + 31 * DAY),
            32 * DAY,
            "Your trial ended on 30 Nov 2026 at 14:05. What was read from Notion was erased on 31 Dec 2026; a plan "
            "begins anew.",
        ),
        (
            LATE,
            DAY,
            "The last payment failed. Everything works until 7 Dec 2026 at 14:05. Then questions, syncs and changes "
            "stop; reading goes on.",
        ),
        (
            LATE,
            8 * DAY,
            "The last payment failed. Questions, syncs and changes have stopped until it is made; reading goes on.",
        ),
        (
            LEAVING,
            -DAY,
            "Your subscription ends on 30 Nov 2026 at 14:05. Then questions stop; what is here is kept until "
            "30 Dec 2026.",
        ),
        (PAID, DAY, "You are on the Pro plan."),
    ],
)
def test_the_words_say_when_and_what_then(facts: Facts, after: timedelta, words: str) -> None:
    now = END + after

    assert sentence(effective(facts, now), BERLIN) == words


@pytest.mark.parametrize("facts", [TRIAL, replace(PAID, status="canceled", ended_at=END)])
@pytest.mark.parametrize(
    ("after", "words"), [(DAY, "what is here is kept until 30 Dec 2026."), (30 * DAY, "what is here is erased soon.")]
)
def test_a_refusal_names_no_day_that_is_over(facts: Facts, after: timedelta, words: str) -> None:
    """The sweep comes each quarter of an hour."""
    with pytest.raises((TrialExpired, PaymentRequired), match=words):
        check_access(effective(facts, END + after), is_read=True)


@pytest.mark.parametrize(
    ("facts", "after", "tone"),
    [
        (TRIAL, -5 * DAY, ""),
        (TRIAL, -2 * DAY, "warn"),
        (TRIAL, DAY, "bad"),
        (LATE, DAY, "warn"),
        (LATE, 8 * DAY, "bad"),
    ],
)
def test_only_information_can_be_put_aside(facts: Facts, after: timedelta, tone: str) -> None:
    now = END + after
    said = standing(effective(facts, now), now, BERLIN)

    assert said is not None
    assert (said.tone, said.can_be_dismissed) == (tone, tone == "")


def test_who_chose_no_time_zone_is_told_which_one_it_is() -> None:
    now = END - DAY

    assert "at 13:05 UTC." in sentence(effective(TRIAL, now), ZoneInfo("UTC"))


def test_the_trial_status_speaks_in_the_members_time_zone(alice: Person) -> None:
    Subscription.objects.filter(workspace=alice.workspace).update(trial_ends_at=END + 3650 * DAY)
    User.objects.filter(pk=alice.user.pk).update(timezone="Europe/Berlin")

    body = alice.api.get("/user/trial-status").json()

    assert "at 14:05. Then questions stop" in body["message"]
    assert (body["erases_at"], body["content_erased_at"]) == (None, None)


def test_a_banner_stays_away_until_it_says_another_thing(alice: Person) -> None:
    page = alice.web.get("/app/settings")
    key = page.context["shell"].banner["dismissal"]

    answer = alice.web.post("/app/dismiss", {"banner": key})
    after = alice.web.get("/app/settings").content.decode()
    ends_at = timezone.now() + DAY
    Subscription.objects.filter(workspace=alice.workspace).update(trial_ends_at=ends_at)

    assert "Your trial ends on" in page.content.decode()
    assert answer.status_code == 302
    assert "Your trial ends on" not in after
    assert "Your trial ends on" in alice.web.get("/app/settings").content.decode()


def test_a_paying_member_sees_no_banner_until_a_payment_fails(alice: Person) -> None:
    put_on_plan(alice, "pro")
    before = alice.web.get("/app/settings").content.decode()

    Subscription.objects.filter(workspace=alice.workspace).update(status="past_due", past_due_since=timezone.now())

    assert 'class="callout banner' not in before
    assert "The last payment failed." in alice.web.get("/app/settings").content.decode()


def test_a_member_is_told_and_not_sent_to_buy(team_owner: Person, bob: Person) -> None:
    Subscription.objects.filter(workspace=bob.workspace).update(status="past_due", past_due_since=timezone.now())

    assert bob.web.get("/app/settings").context["shell"].banner["url"] == ""
    assert team_owner.web.get("/app/settings").context["shell"].banner["url"] == "/app/plan"


def test_the_plan_page_says_when_content_is_erased(alice: Person) -> None:
    ended_at = timezone.now() - DAY
    Subscription.objects.filter(workspace=alice.workspace).update(trial_ends_at=ended_at, started_at=ended_at - 7 * DAY)

    page = alice.web.get("/app/plan").content.decode()

    assert f"kept until {ended_at + 30 * DAY:%-d %b %Y} and then erased" in page
