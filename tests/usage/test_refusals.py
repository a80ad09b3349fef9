"""What somebody is told who has used everything: what returns and when, and who can help."""

from datetime import datetime, timedelta

import pytest

from accounts import tenancy
from accounts.models import Membership
from billing.models import Subscription
from tests.people import Person, put_on_plan
from usage import banners, services
from usage.models import Period
from usage.quota import quota


def use_up(person: Person, now: datetime, *, requests: int) -> services.QuotaExceeded:
    """What refuses the next question."""
    with tenancy.within(person.workspace):
        services.hold(membership=person.membership, key="first", now=now)
        Period.objects.update(requests_used=requests, requests_held=0)
        with pytest.raises(services.QuotaExceeded) as refused:
            services.hold(membership=person.membership, key="next", now=now)
    return refused.value


def banner(person: Person, now: datetime) -> dict[str, str]:
    membership = Membership.objects.select_related("user").get(pk=person.membership.pk)
    with tenancy.within(person.workspace):
        shown = banners.of_quota(quota(membership=membership, now=now), membership)
    assert shown is not None
    return shown


def test_a_payer_is_told_when_questions_return(alice: Person, now: datetime) -> None:
    put_on_plan(alice, "pro", now=now)

    refusal = use_up(alice, now, requests=1_000)

    assert "They start anew on" in refusal.detail
    assert refusal.retry_after is not None
    assert refusal.extra["plan"] == "plus"


def test_in_a_trial_nothing_returns(alice: Person, now: datetime) -> None:
    refusal = use_up(alice, now, requests=120)

    assert "start anew" not in refusal.detail
    assert (refusal.retry_after, refusal.extra["resets_at"]) == (None, None)


def test_before_the_end_of_a_cancelled_subscription_nothing_returns(alice: Person, now: datetime) -> None:
    put_on_plan(alice, "pro", now=now - timedelta(days=3))
    end = alice.subscription.anchor_at + timedelta(days=27)
    Subscription.objects.filter(workspace=alice.workspace).update(pending_tier="", pending_at=end)

    refusal = use_up(alice, now, requests=1_000)

    assert "The subscription ends before they would start anew" in refusal.detail
    assert (refusal.retry_after, refusal.extra["resets_at"]) == (None, None)
    assert "the subscription ends before" in banner(alice, now)["text"]


def test_who_is_at_their_own_cap_is_sent_to_an_admin_and_to_no_plan(
    team_owner: Person, bob: Person, now: datetime
) -> None:
    put_on_plan(team_owner, "teams", seats=10, now=now)
    Membership.objects.filter(pk=bob.membership.pk).update(request_cap=10)
    bob.membership.refresh_from_db()

    refusal = use_up(bob, now, requests=10)

    assert "ask an owner or admin of the workspace to raise it" in refusal.detail
    assert refusal.extra["plan"] is None
    assert "upgrade_url" not in refusal.extra
    assert banner(bob, now)["url"] == ""
    assert "an owner or admin can raise it" in banner(bob, now)["text"]


def test_a_cap_of_one_question_is_told_as_one(team_owner: Person, bob: Person, now: datetime) -> None:
    put_on_plan(team_owner, "teams", seats=10, now=now)
    Membership.objects.filter(pk=bob.membership.pk).update(request_cap=1)
    bob.membership.refresh_from_db()

    refusal = use_up(bob, now, requests=1)

    assert refusal.detail.startswith("The 1 request of this month is used. They start anew")
    assert banner(bob, now)["title"] == "The one question is used."


@pytest.mark.parametrize(("used", "tone"), [(4_100, "warn"), (5_000, "bad")])
def test_a_viewer_who_may_ask_is_warned_and_not_sent_to_buy(vera: Person, now: datetime, used: int, tone: str) -> None:
    with tenancy.within(vera.workspace):
        services.hold(membership=vera.membership, key="first", now=now)
        Period.objects.update(requests_used=used, requests_held=0)

    shown = banner(vera, now)

    assert (shown["tone"], shown["url"], shown["action"]) == (tone, "", "")
