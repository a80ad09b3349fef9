"""Questions a minute: apart from the quota, for the whole workspace, exact under load, open while Redis is away."""

import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

import pytest
from django.db import connections
from django.test import override_settings

from accounts import tenancy
from billing.effective import effective
from billing.models import Subscription
from config import valkey
from tests.people import Person, join, put_on_plan
from usage import rates, services
from usage.models import Period

TRIAL = 30


@pytest.fixture(autouse=True)
def _rested() -> Iterator[None]:
    yield
    rates._resting_until = 0.0


def ask_once(person: Person, now: datetime) -> str:
    try:
        with tenancy.within(person.workspace):
            services.admit(membership=person.membership, now=now)
        return "admitted"
    except services.RateLimited as refusal:
        return refusal.code
    finally:
        connections.close_all()


def age(person: Person, seconds: int) -> None:
    """As if the workspace had asked all it asked so long ago."""
    key = f"rate:{person.workspace.pk}"
    moments: list[tuple[bytes, float]] = valkey.client().zrange(key, 0, -1, withscores=True)
    for name, moment in moments:
        valkey.client().zadd(key, {name: moment - seconds * 1000})


def test_a_question_is_admitted_and_counted(alice: Person, now: datetime) -> None:
    with tenancy.within(alice.workspace):
        services.admit(membership=alice.membership, now=now)

    headers = alice.api.get("/usage/quota").headers
    assert headers["RateLimit-Policy"].endswith(f', "minute";q={TRIAL};w=60')
    assert f', "minute";r={TRIAL - 1};t=' in headers["RateLimit"]


def test_32_threads_are_admitted_exactly_as_often_as_the_plan_allows(alice: Person, now: datetime) -> None:
    with ThreadPoolExecutor(32) as pool:
        words = Counter(pool.map(lambda _: ask_once(alice, now), range(96)))

    assert words == {"admitted": TRIAL, "rate-limited": 96 - TRIAL}


def test_who_asks_too_fast_is_told_when_and_what_helps(alice: Person, now: datetime) -> None:
    for _ in range(TRIAL):
        ask_once(alice, now)

    answer = alice.api.post("/agent/run", {"prompt": "And now?"}, format="json")

    body = answer.json()
    assert (answer.status_code, body["type"]) == (429, "/problems/rate-limited")
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert (body["violated"], body["plan"]) == ("minute", "pro")
    assert body["upgrade_url"].endswith("/app/plan")
    assert '"minute";r=0;t=' in answer["RateLimit"]


def test_a_refused_question_costs_no_quota(alice: Person, now: datetime) -> None:
    for _ in range(TRIAL):
        ask_once(alice, now)

    alice.api.post("/agent/run", {"prompt": "And now?"}, format="json")

    with tenancy.within(alice.workspace):
        assert not Period.objects.exists()


def test_the_page_says_it_too(alice: Person, now: datetime) -> None:
    for _ in range(TRIAL):
        ask_once(alice, now)

    answer = alice.web.post("/app/ask", {"prompt": "And now?"})

    assert answer.status_code == 429
    assert "You ask faster than the plan allows" in answer.content.decode()
    assert "data-wait=" in answer.content.decode()


def test_a_minute_later_there_is_room_again(alice: Person, now: datetime) -> None:
    for _ in range(TRIAL):
        ask_once(alice, now)
    assert ask_once(alice, now) == "rate-limited"

    age(alice, 60)

    assert ask_once(alice, now) == "admitted"


def test_a_team_asks_together_as_often_as_its_seats(team_owner: Person, now: datetime) -> None:
    put_on_plan(team_owner, "teams", seats=2)
    bob = join(team_owner, "Bob")

    words = Counter(ask_once(person, now) for person in (team_owner, bob) for _ in range(65))

    assert words == {"admitted": 120, "rate-limited": 10}


def test_who_is_late_with_a_payment_is_sent_to_no_larger_plan(alice: Person, now: datetime) -> None:
    put_on_plan(alice, "pro")
    Subscription.objects.filter(workspace=alice.workspace).update(status="past_due", past_due_since=now)
    for _ in range(60):
        assert ask_once(alice, now) == "admitted"

    with tenancy.within(alice.workspace), pytest.raises(services.RateLimited) as refusal:
        services.admit(membership=alice.membership, now=now)

    assert "plan has" not in refusal.value.detail
    assert (refusal.value.extra["plan"], "upgrade_url" in refusal.value.extra) == (None, False)


@pytest.mark.parametrize("days", [8, 20])
def test_who_can_only_read_hears_of_the_payment_and_not_of_a_rate(alice: Person, now: datetime, days: int) -> None:
    put_on_plan(alice, "pro")
    for _ in range(60):
        ask_once(alice, now)
    since = now - timedelta(days=days)
    Subscription.objects.filter(workspace=alice.workspace).update(status="past_due", past_due_since=since)

    asked = alice.api.post("/agent/run", {"prompt": "What?"})
    written = alice.api.post("/tasks", {"title": "Book the room"})
    page = alice.web.post("/app/ask", {"prompt": "What?"})

    for answer in (asked, written):
        assert (answer.status_code, answer.json()["type"]) == (402, "/problems/payment-required")
        assert answer.json()["detail"].startswith("The last payment failed, so only reading is possible")
    assert (page.status_code, "The last payment failed." in page.content.decode()) == (402, True)
    assert "minute" not in page.content.decode()


def test_charlie_is_not_slowed_by_another_workspace(alice: Person, charlie: Person, now: datetime) -> None:
    for _ in range(TRIAL):
        ask_once(alice, now)

    assert ask_once(charlie, now) == "admitted"


def test_a_key_has_a_limit_of_its_own_below_the_workspaces(team_owner: Person, now: datetime) -> None:
    current = effective(team_owner.subscription, now)
    asked = rates.buckets(plan=current.plan, seats=2, workspace_id=team_owner.workspace.pk, api_key_id=uuid.uuid4())
    for _ in range(60):
        rates.take(current, asked)

    with pytest.raises(rates.RateLimited) as refusal:
        rates.take(current, asked)

    assert refusal.value.extra["violated"] == "key-minute"
    assert [rate.remaining for rate in rates.look(asked)] == [60, 0]


@contextmanager
def redis_away() -> Iterator[list[float]]:
    """A store that hangs up on everybody; the moments of the calls."""
    calls: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as nobody:

        def hang_up() -> None:
            with suppress(OSError):
                while True:
                    caller, _ = nobody.accept()
                    calls.append(time.monotonic())
                    caller.close()

        threading.Thread(target=hang_up, daemon=True).start()
        valkey.brief_client.cache_clear()
        try:
            with override_settings(REDIS_URL=f"redis://127.0.0.1:{nobody.getsockname()[1]}/0"):
                yield calls
        finally:
            valkey.brief_client.cache_clear()
            nobody.shutdown(socket.SHUT_RDWR)


def test_while_redis_is_away_questions_are_admitted(alice: Person, now: datetime) -> None:
    with redis_away():
        words = {ask_once(alice, now) for _ in range(TRIAL + 1)}
        headers = alice.api.get("/usage/quota").headers

    assert words == {"admitted"}
    assert "minute" not in headers["RateLimit"]
    assert '"requests";r=' in headers["RateLimit"]


# However slow this machine is, an hour's rest lasts beyond all questions, and none is over at once.
@pytest.mark.parametrize(("rest_seconds", "times"), [(3600.0, 1), (0.0, 5)])
def test_redis_that_is_away_is_asked_and_logged_once_for_each_rest(
    alice: Person, now: datetime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    rest_seconds: float, times: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(rates, "REST_SECONDS", rest_seconds)

    with redis_away() as calls:
        for _ in range(5):
            ask_once(alice, now)

    assert caplog.text.count("Redis is away") == times
    # Twice for each time: what answers wait for does not go on trying.
    assert len(calls) == 2 * times


def test_when_redis_is_back_questions_are_counted_after_the_rest(alice: Person, now: datetime) -> None:
    with redis_away():
        ask_once(alice, now)
    rates._resting_until = time.monotonic()

    words = Counter(ask_once(alice, now) for _ in range(TRIAL + 1))

    assert words == {"admitted": TRIAL, "rate-limited": 1}
