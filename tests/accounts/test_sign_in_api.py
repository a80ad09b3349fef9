import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

import jwt
import pytest
from allauth.core.internal import ratelimit
from django.db import connections, transaction
from django.test import RequestFactory
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken

from accounts import tokens
from accounts.models import Membership
from accounts.sign_in import check_sign_up_rate
from tests.devkit.machine import eventually
from tests.people import PASSWORD, Person, join, sign_up

DAY = 24 * 60 * 60


@pytest.fixture
def api() -> APIClient:
    """From an address of its own, so that the limits of one test are not those of the next."""
    return APIClient(REMOTE_ADDR=f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}")


def test_signing_in_answers_with_tokens_that_work(api: APIClient, alice: Person) -> None:
    body = api.post("/auth/login", {"email": alice.email.upper(), "password": PASSWORD}).json()

    api.credentials(HTTP_AUTHORIZATION=f"Bearer {body['access']}")
    assert body["workspace"]["id"] == str(alice.workspace.pk)
    assert api.get("/user/profile").json()["email"] == alice.email


def test_unknown_and_wrong_are_answered_alike(api: APIClient, alice: Person) -> None:
    wrong = api.post("/auth/login", {"email": alice.email, "password": "not this one"})
    unknown = api.post("/auth/login", {"email": "nobody@example.com", "password": PASSWORD})

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()


def test_a_closed_account_is_answered_like_a_wrong_password(api: APIClient, alice: Person) -> None:
    alice.user.is_active = False
    alice.user.save()

    answer = api.post("/auth/login", {"email": alice.email, "password": PASSWORD})

    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/invalid-credentials")


def test_guessing_is_limited_even_for_the_right_password(api: APIClient, alice: Person) -> None:
    for _ in range(5):
        api.post("/auth/login", {"email": alice.email, "password": "wrong"})

    answer = api.post("/auth/login", {"email": alice.email, "password": PASSWORD})

    assert (answer.status_code, answer.json()["type"]) == (429, "/problems/rate-limited")
    # Five in five minutes.
    assert 240 < int(answer.headers["Retry-After"]) <= 300
    assert answer.json()["detail"] == "Too many failed attempts. Try again in 5 minutes."


def test_who_waits_for_a_turn_to_be_counted_is_not_one_too_many() -> None:
    request = RequestFactory(REMOTE_ADDR=f"10.0.{secrets.randbelow(256)}.{secrets.randbelow(256)}").post("/")
    (rate,) = ratelimit.get_rates(app="allauth.account", action="signup")
    counted = ratelimit.get_cache_key(request, app="allauth.account", action="signup", rate=rate)

    with ThreadPoolExecutor(1) as pool:
        with ratelimit.cache_lock(counted):
            signing_up = pool.submit(check_sign_up_rate, request)
            wait([signing_up], timeout=1.5)
            waits = not signing_up.done()
        signing_up.result()

    assert waits


def test_a_token_is_refused_after_its_member_was_removed(team_owner: Person, bob: Person) -> None:
    before = bob.api.get("/user/config").status_code
    Membership.objects.filter(pk=bob.membership.pk).delete()

    assert (before, bob.api.get("/user/config").status_code) == (200, 403)


def test_refreshing_gives_a_new_pair_in_the_same_workspace(api: APIClient, team_owner: Person) -> None:
    bob = join(team_owner, "Bob")

    body = api.post("/auth/refresh", {"refresh": tokens.issue(bob.membership).refresh}).json()

    api.credentials(HTTP_AUTHORIZATION=f"Bearer {body['access']}")
    assert api.get("/user/profile").json()["team_id"] == str(team_owner.workspace.pk)


def test_however_often_they_are_renewed_tokens_end_at_last(api: APIClient, alice: Person) -> None:
    began = int(time.time()) - 89 * DAY
    refresh = tokens.issue(alice.membership, began=began).refresh

    for _ in range(2):
        refresh = api.post("/auth/refresh", {"refresh": refresh}).json()["refresh"]
    too_old = api.post("/auth/refresh", {"refresh": tokens.issue(alice.membership, began=began - 2 * DAY).refresh})

    assert jwt.decode(refresh, options={"verify_signature": False})["exp"] == began + 90 * DAY
    assert too_old.status_code == 401


def test_of_32_refreshes_at_once_one_wins_and_its_tokens_live(alice: Person) -> None:
    pair = tokens.issue(alice.membership)

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(refresh_in_thread, [pair.refresh] * 32))

    winners = [body for status, body in answers if status == 200]
    assert sorted(status for status, _ in answers) == [200] + [401] * 31
    assert refresh_in_thread(winners[0]["refresh"])[0] == 200


def refresh_in_thread(refresh: str) -> tuple[int, dict[str, str]]:
    try:
        answer = APIClient().post("/auth/refresh", {"refresh": refresh})
        return answer.status_code, answer.json()
    finally:
        connections.close_all()


def test_a_refresh_token_used_again_later_ends_every_token(api: APIClient, alice: Person) -> None:
    stolen = tokens.issue(alice.membership)
    fresh = api.post("/auth/refresh", {"refresh": stolen.refresh}).json()
    BlacklistedToken.objects.filter(token__user=alice.user).update(
        blacklisted_at=timezone.now() - tokens.REUSE_GRACE * 2
    )

    assert api.post("/auth/refresh", {"refresh": stolen.refresh}).status_code == 401
    assert api.post("/auth/refresh", {"refresh": fresh["refresh"]}).status_code == 401
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {fresh['access']}")
    assert api.get("/user/config").status_code == 401


@contextmanager
def held(table: str, mode: str) -> Iterator[Callable[[], bool]]:
    """Nobody gets on with the table until the block is left; what is given returns when somebody stands before it."""
    # Another test process has tables of the same numbers, in a database of its own.
    question = (
        "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database"
        " WHERE NOT granted AND relation = %s::regclass AND datname = current_database())"
    )
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute(f"LOCK TABLE {table} IN {mode} MODE")

        def is_waited_for() -> bool:
            cursor.execute(question, [table])
            return bool(cursor.fetchone()[0])

        yield lambda: eventually(is_waited_for)


def test_a_refresh_that_waits_while_all_tokens_are_ended_gives_none(alice: Person) -> None:
    refresh = tokens.issue(alice.membership).refresh

    with ThreadPoolExecutor(1) as pool:
        with held("token_blacklist_blacklistedtoken", "SHARE ROW EXCLUSIVE") as wait_for_it:
            waiting = pool.submit(refresh_in_thread, refresh)
            wait_for_it()
            alice.user.end_all_tokens()
        status, _ = waiting.result()

    assert status == 401


def test_a_sign_in_that_waits_while_the_password_is_changed_gives_no_tokens(alice: Person) -> None:
    def sign_in() -> int:
        try:
            return APIClient().post("/auth/login", {"email": alice.email, "password": PASSWORD}).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool, held("mfa_authenticator", "ACCESS EXCLUSIVE") as wait_for_it:
        waiting = pool.submit(sign_in)
        wait_for_it()
        alice.user.set_password("a longer and quite other phrase")
        alice.user.save()

    assert waiting.result() == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_of_a_token_is_read_in_any_case(api: APIClient, alice: Person, scheme: str) -> None:
    api.credentials(HTTP_AUTHORIZATION=f"{scheme} {tokens.issue(alice.membership).access}")

    assert api.get("/user/config").status_code == 200


@pytest.mark.parametrize("header", ["bearer", "bearer a b", "Bearer a.b.c"])
def test_a_header_without_one_token_is_refused(api: APIClient, header: str) -> None:
    api.credentials(HTTP_AUTHORIZATION=header)

    assert api.get("/user/config").status_code == 401


def test_a_number_is_no_password(api: APIClient) -> None:
    person = sign_up("Nina")
    person.user.set_password("123456789012")
    person.user.save()

    answer = api.post("/auth/login", {"email": person.email, "password": 123456789012})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/password")


def test_signing_out_ends_the_refresh_token(api: APIClient, alice: Person) -> None:
    refresh = tokens.issue(alice.membership).refresh

    assert api.post("/auth/logout", {"refresh": refresh}).status_code == 204
    assert api.post("/auth/logout", {"refresh": refresh}).status_code == 204
    assert api.post("/auth/refresh", {"refresh": refresh}).status_code == 401


def test_a_token_that_was_signed_out_ends_no_others_however_late(api: APIClient, alice: Person) -> None:
    ended, other = tokens.issue(alice.membership), tokens.issue(alice.membership)
    api.post("/auth/logout", {"refresh": ended.refresh})
    BlacklistedToken.objects.filter(token__user=alice.user).update(
        blacklisted_at=timezone.now() - tokens.REUSE_GRACE * 2
    )

    late = api.post("/auth/refresh", {"refresh": ended.refresh})

    assert (late.status_code, late.json()["type"]) == (401, "/problems/invalid-token")
    assert api.post("/auth/refresh", {"refresh": other.refresh}).status_code == 200


def test_signing_out_with_a_used_token_keeps_the_watch_over_it(api: APIClient, alice: Person) -> None:
    stolen = tokens.issue(alice.membership)
    fresh = api.post("/auth/refresh", {"refresh": stolen.refresh}).json()
    api.post("/auth/logout", {"refresh": stolen.refresh})
    BlacklistedToken.objects.filter(token__user=alice.user).update(
        blacklisted_at=timezone.now() - tokens.REUSE_GRACE * 2
    )

    api.post("/auth/refresh", {"refresh": stolen.refresh})

    assert api.post("/auth/refresh", {"refresh": fresh["refresh"]}).status_code == 401


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
def test_what_is_no_refresh_token_is_refused(api: APIClient, token: str) -> None:
    assert api.post("/auth/refresh", {"refresh": token}).status_code in {400, 401}


def test_an_access_token_does_not_refresh(api: APIClient, alice: Person) -> None:
    assert api.post("/auth/refresh", {"refresh": tokens.issue(alice.membership).access}).status_code == 401


def test_nobody_reads_a_profile(api: APIClient) -> None:
    answer = api.get("/user/profile")

    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/not-authenticated")
