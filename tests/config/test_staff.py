from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework_simplejwt.views import TokenViewBase

from accounts.models import User
from config.staff import site
from tests.people import PASSWORD, Person
from tests.second_factor import Factor, browser_after_password, reauthenticate, signed_in, with_factor

ADDRESSES = ["", "login/", "logout/", "password_change/", "password_change/done/", "jsi18n/", "autocomplete/"]
ADDRESSES += [
    "accounts/connection/",
    "accounts/erasurecertificate/",
    "accounts/mail/",
    "accounts/membership/",
    "accounts/user/",
    "accounts/workspace/",
    "billing/planrequest/",
    "auth/group/add/",
    "r/1/1/",
    "anything/else",
]


def test_no_address_lets_a_superuser_with_a_password_in(alice: Person) -> None:
    User.objects.filter(pk=alice.user.pk).update(is_staff=True, is_superuser=True)
    form = {"username": alice.email, "password": PASSWORD}

    for browser in (alice.web, Client()):
        for address in ADDRESSES:
            answers = [browser.get(f"/staff/{address}"), browser.post(f"/staff/{address}", form)]

            assert [answer.status_code for answer in answers] == [403, 403], address
            assert "The staff pages are closed." in answers[0].content.decode()


def test_signing_in_there_signs_nobody_in(alice: Person) -> None:
    User.objects.filter(pk=alice.user.pk).update(is_staff=True, is_superuser=True)
    browser = Client()

    browser.post("/staff/login/", {"username": alice.email, "password": PASSWORD})

    assert "sessionid" not in browser.cookies


def test_the_list_of_addresses_above_is_the_sites_own() -> None:
    known = {str(pattern.pattern) for pattern in site.get_urls()}

    assert {address for address in known if "(" not in address and "<" not in address} <= set(ADDRESSES)


def command(*arguments: str) -> str:
    said = StringIO()
    call_command("staff", *arguments, stdout=said)
    return said.getvalue()


@pytest.fixture
def factor(alice: Person) -> Factor:
    """Alice is one of staff, with a second factor."""
    command(alice.email)
    return with_factor(alice.user)


def page(browser: Client, path: str = "/staff/") -> tuple[int, str]:
    answer = browser.get(path)
    return answer.status_code, answer.content.decode()


def test_it_opens_to_staff_who_used_a_second_factor_and_lately_confirmed(alice: Person, factor: Factor) -> None:
    browser = signed_in(alice, factor.app.code())

    before = browser.get("/staff/billing/planrequest/")
    reauthenticate(browser, factor.recovery_codes[0])
    status, words = page(browser)

    assert before["Location"] == "/accounts/2fa/reauthenticate/?next=/staff/billing/planrequest/"
    assert status == 200
    for link in ("/staff/accounts/connection/", "/staff/billing/planrequest/"):
        assert f'href="{link}"' in words


def test_a_change_is_not_made_before_it_was_confirmed(alice: Person, factor: Factor) -> None:
    browser = signed_in(alice, factor.app.code())

    answer = browser.post("/staff/billing/planrequest/", {"action": "approve"})

    assert answer["Location"].startswith("/accounts/2fa/reauthenticate/")


def test_staff_without_a_factor_are_told_to_set_one_up(alice: Person) -> None:
    command(alice.email)
    browser = browser_after_password(alice)
    reauthenticate(browser)

    status, words = page(browser)

    assert status == 403
    assert 'href="/accounts/2fa/totp/activate/"' in words


def test_staff_who_signed_in_before_they_had_a_factor_are_asked_for_a_code(alice: Person) -> None:
    command(alice.email)
    browser = browser_after_password(alice)
    factor = with_factor(alice.user)

    status, words = page(browser)
    confirmed = browser.post("/accounts/2fa/reauthenticate/?next=/staff/", {"code": factor.app.code()})

    assert status == 403
    assert 'href="/accounts/2fa/reauthenticate/?next=/staff/"' in words
    assert (confirmed["Location"], page(browser)[0]) == ("/staff/", 200)


def test_customers_with_a_factor_see_nothing_of_it(charlie: Person) -> None:
    factor = with_factor(charlie.user)
    browser = signed_in(charlie, factor.app.code())
    reauthenticate(browser, factor.recovery_codes[0])

    status, words = page(browser)

    assert status == 403
    assert "/accounts/2fa/" not in words


@pytest.mark.parametrize("change", ["staff", "account", "factor"])
def test_it_closes_at_once(alice: Person, factor: Factor, change: str) -> None:
    browser = signed_in(alice, factor.app.code())
    reauthenticate(browser, factor.recovery_codes[0])
    before, _ = page(browser)
    changes: dict[str, Any] = {
        "staff": lambda: command(alice.email, "--remove"),
        "account": lambda: User.objects.filter(pk=alice.user.pk).update(is_active=False),
        "factor": lambda: browser.post("/accounts/2fa/totp/deactivate/"),
    }

    changes[change]()

    assert (before, page(browser)[0]) == (200, 403)


def test_the_site_sends_to_the_products_own_pages_for_passwords_and_signing_out(alice: Person, factor: Factor) -> None:
    browser = signed_in(alice, factor.app.code())
    reauthenticate(browser, factor.recovery_codes[0])

    assert browser.post("/staff/logout/")["Location"] == "/accounts/logout/"
    assert browser.get("/staff/password_change/")["Location"] == "/accounts/password/change/"


def test_the_command_says_what_is_missing(alice: Person) -> None:
    said = [command(alice.email.upper())]
    with_factor(alice.user)
    said += [command(alice.email), command(alice.email, "--remove")]

    assert "sets up a second factor" in said[0]
    assert [each.strip() for each in said[1:]] == [f"{alice.email} is staff.", f"{alice.email} is not staff."]
    assert not User.objects.get(pk=alice.user.pk).is_staff


@pytest.mark.parametrize("address", ["/admin", "/admin/", "/staff"])
def test_the_usual_addresses_lead_there(address: str) -> None:
    answer = Client().get(address)

    assert (answer.status_code, answer["Location"]) == (302, "/staff/")
    assert Client().post(address).status_code == 405


def test_the_frameworks_own_way_to_tokens_is_not_routed() -> None:
    views = [getattr(pattern.callback, "view_class", None) for pattern in patterns(get_resolver())]

    assert len(views) > 30
    assert not [view for view in views if view and issubclass(view, TokenViewBase)]


def patterns(resolver: URLResolver) -> list[URLPattern]:
    found: list[URLPattern] = []
    for entry in resolver.url_patterns:
        found += patterns(entry) if isinstance(entry, URLResolver) else [entry]
    return found
