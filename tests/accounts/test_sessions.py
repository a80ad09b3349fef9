"""Where somebody is signed in: what the settings list, and what each of the two ways of signing out ends."""

import re
from datetime import timedelta
from html import unescape

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import ProgrammingError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services, tenancy, tokens
from accounts.session_store import BEGAN
from accounts.sessions import named
from tests.people import Browser, Person
from tests.second_factor import browser_after_password

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Safari/604.1"


@pytest.fixture
def desk(alice: Person) -> Browser:
    return browser_after_password(alice)


@pytest.fixture
def phone(alice: Person) -> Browser:
    browser = browser_after_password(alice)
    UserSession.objects.filter(session_key=browser.session.session_key).update(user_agent=PHONE, ip="203.0.113.7")
    return browser


def is_signed_in(browser: Browser) -> bool:
    return browser.get("/app/settings").status_code == 200


def listed(browser: Browser) -> str:
    page = unescape(browser.get("/app/settings").content.decode())
    return page[page.index('id="security"') : page.index('id="data"')]


def place_of(browser: Browser) -> str:
    return str(UserSession.objects.get(session_key=browser.session.session_key).pk)


def test_each_browser_is_listed_with_its_address_and_this_one_is_marked(desk: Browser, phone: Browser) -> None:
    section = listed(desk)

    assert "Safari, iPhone" in section
    assert "203.0.113.7" in section
    assert section.count("This browser") == 1
    assert re.findall(r'name="place" value="(\d+)"', section) == [place_of(phone)]


def test_one_browser_is_signed_out_and_no_other(desk: Browser, phone: Browser) -> None:
    answer = desk.post("/app/settings", {"section": "sessions", "place": place_of(phone)})

    assert answer.status_code == 302
    assert not is_signed_in(phone)
    assert is_signed_in(desk)
    assert "iPhone" not in listed(desk)


def test_everything_else_is_signed_out_at_once(alice: Person, desk: Browser, phone: Browser) -> None:
    pair, program = tokens.issue(alice.membership), APIClient()
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access}")

    desk.post("/app/settings", {"section": "sessions"})

    assert not is_signed_in(phone)
    assert program.get("/user/profile").status_code == 401
    assert APIClient().post("/auth/refresh", {"refresh": pair.refresh}).status_code == 401
    assert is_signed_in(desk)
    assert listed(desk).count("This browser") == 1
    assert 'name="place"' not in listed(desk)


def test_nobody_signs_out_somebody_else(charlie: Person, phone: Browser) -> None:
    stranger = browser_after_password(charlie)

    answers = [
        stranger.post("/app/settings", {"section": "sessions", "place": each}) for each in (place_of(phone), "x")
    ]

    assert [each.status_code for each in answers] == [404, 404]
    assert is_signed_in(phone)


def test_what_a_new_password_has_ended_is_not_listed(alice: Person, desk: Browser, phone: Browser) -> None:
    alice.user.refresh_from_db()
    alice.user.set_password("another long phrase of words")
    alice.user.save()
    desk = browser_after_password(alice, password="another long phrase of words")

    assert "iPhone" not in listed(desk)


def test_a_session_from_before_there_was_a_list_is_in_it(alice: Person) -> None:
    UserSession.objects.all().delete()

    assert listed(alice.web).count("This browser") == 1


def test_the_list_takes_the_same_number_of_queries_however_long_it_is(alice: Person, desk: Browser) -> None:
    listed(desk)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            listed(desk)
        counts.append(len(queries))
        for _ in range(3):
            browser_after_password(alice)

    assert counts[0] == counts[1]


def test_a_session_ends_thirty_days_after_signing_in_however_often_it_is_used(desk: Browser) -> None:
    session = desk.session
    session[BEGAN] -= 29 * 24 * 60 * 60
    session.save()
    assert Session.objects.get(pk=session.session_key).expire_date <= timezone.now() + timedelta(days=1, minutes=1)
    assert is_signed_in(desk)

    session[BEGAN] -= 24 * 60 * 60
    session.save()

    assert not is_signed_in(desk)


def test_what_is_over_is_forgotten(alice: Person, desk: Browser, phone: Browser) -> None:
    Session.objects.filter(pk=phone.session.session_key).update(expire_date=timezone.now() - timedelta(minutes=1))

    services.forget_expired(now=timezone.now())

    assert [each.session_key for each in UserSession.objects.filter(user=alice.user)] == [desk.session.session_key]


def test_a_workspaces_role_cannot_read_where_anybody_is_signed_in(alice: Person, desk: Browser) -> None:
    with tenancy.within(alice.workspace), pytest.raises(ProgrammingError, match="permission denied"):
        UserSession.objects.exists()


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (PHONE, "Safari, iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0", "Edge, Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36", "Chrome, Android"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox, Linux"),
        ("curl/8.5", ""),
    ],
)
def test_a_browser_is_named_in_words(user_agent: str, words: str) -> None:
    assert named(user_agent) == words
