import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework_simplejwt.views import TokenViewBase

from accounts.models import User
from config.staff import site
from tests.people import PASSWORD, Person

ADDRESSES = ["", "login/", "logout/", "password_change/", "password_change/done/", "jsi18n/", "autocomplete/"]
ADDRESSES += [
    "accounts/connection/",
    "accounts/user/",
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
