"""Another e-mail address for an account: nobody's until it is confirmed, and both are told."""

from datetime import timedelta
from functools import partial

import pytest
from allauth.account.models import EmailAddress
from django.test import Client, override_settings
from rest_framework.test import APIClient

from accounts import addresses, tokens
from accounts.models import AuditEvent, Mail, User
from tests.accounts.test_passwords import change as change_password
from tests.accounts.test_passwords import link, without_token
from tests.people import PASSWORD, Browser, Person, sign_up, sign_up_as
from tests.second_factor import browser_after_password, own_address, reauthenticate
from tests.threads import at_once, in_turn

PAGE = "/accounts/email/"


@pytest.fixture
def web(alice: Person) -> Browser:
    browser = browser_after_password(alice)
    reauthenticate(browser)
    # The next page says that they are signed in now.
    browser.get("/app/settings")
    return browser


@pytest.fixture
def new(alice: Person) -> str:
    return f"new-{alice.email}"


def asked(web: Browser, address: str) -> str:
    """Where the link leads that the new address was sent."""
    assert web.post(PAGE, {"email": address}).status_code == 200
    return link(address)


def email_of(person: Person) -> str:
    return User.objects.get(pk=person.user.pk).email


def titles(address: str) -> list[str]:
    return list(Mail.objects.filter(to=address).order_by("created_at").values_list("subject", flat=True))


def opens(email: str) -> bool:
    api = APIClient(REMOTE_ADDR=own_address())
    return bool(api.post("/auth/login", {"email": email, "password": PASSWORD}).status_code == 200)


def test_who_confirms_signs_in_with_the_new_address_alone(alice: Person, web: Browser, new: str) -> None:
    before = alice.email
    assert web.post(PAGE, {"email": f" {new.upper()} "}).status_code == 200
    follow = link(new)

    done = Client().post(follow)

    assert "Your address was changed" in done.content.decode()
    assert (opens(new), opens(before)) == (True, False)
    kept = EmailAddress.objects.filter(user=alice.user).values_list("email", "verified", "primary")
    assert list(kept) == [(new, True, True)]


def test_both_addresses_are_told_when_it_is_asked_for_and_when_it_is_done(
    alice: Person, web: Browser, new: str
) -> None:
    follow = asked(web, new)
    before = [titles(alice.email)[-1:], titles(new)]
    Client().post(follow)

    assert before == [["Another address was asked for"], ["Confirm your new address"]]
    assert titles(alice.email)[-1] == titles(new)[-1] == "Your address was changed"
    event = AuditEvent.objects.get(workspace=alice.workspace, action="email.changed")
    assert (event.before, event.after) == ({"email": alice.email}, {"email": new})


def test_a_look_at_the_link_changes_nothing(alice: Person, web: Browser, new: str) -> None:
    page = Client().get(asked(web, new))

    assert "Confirm address" in page.content.decode()
    assert email_of(alice) == alice.email
    assert not EmailAddress.objects.filter(email=new).exists()


def test_sessions_and_tokens_go_on(alice: Person, web: Browser, new: str) -> None:
    pair = tokens.issue(alice.membership)

    Client().post(asked(web, new))

    assert web.get("/app/settings").status_code == 200
    assert APIClient(headers={"Authorization": f"Bearer {pair.access}"}).get("/user/config").status_code == 200


def test_an_open_browser_is_not_enough(alice: Person, new: str) -> None:
    answer = alice.web.post(PAGE, {"email": new})

    assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert titles(new) == []


@pytest.mark.parametrize("email", ["", "nobody", "a@b", "x" * 250 + "@example.com", "a\x00b@example.com"])
def test_what_is_no_address_is_refused(web: Browser, email: str) -> None:
    assert web.post(PAGE, {"email": email}).status_code == 400


def test_ones_own_address_is_no_new_one(alice: Person, web: Browser) -> None:
    answer = web.post(PAGE, {"email": alice.email.upper()})

    assert answer.status_code == 400
    assert "That is your address already." in answer.content.decode()


def test_an_address_of_somebody_else_is_not_given_away(alice: Person, charlie: Person, web: Browser, new: str) -> None:
    free, taken = (web.post(PAGE, {"email": email}) for email in (new, charlie.email))

    shown = [without_token(page).replace(email, "…") for page, email in ((free, new), (taken, charlie.email))]
    assert shown[0] == shown[1]
    assert titles(charlie.email)[-1] == "You have an account already"


def test_who_signs_up_with_it_meanwhile_keeps_it(alice: Person, web: Browser, new: str) -> None:
    follow = asked(web, new)
    sign_up_as(new)

    answer = Client().post(follow)

    assert answer.status_code == 409
    assert "is the address of another account" in answer.content.decode()
    assert email_of(alice) == alice.email


def no_longer_works(follow: str) -> bool:
    pages = [Client().get(follow), Client().post(follow)]
    return all("This link no longer works" in each.content.decode() for each in pages)


def test_a_link_is_good_once(alice: Person, web: Browser, new: str) -> None:
    follow = asked(web, new)
    Client().post(follow)

    assert no_longer_works(follow)
    assert titles(new).count("Your address was changed") == 1


def test_a_link_is_good_for_a_day(web: Browser, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    follow = asked(web, new)
    monkeypatch.setattr(addresses, "GOOD_FOR", -timedelta(seconds=1))

    assert no_longer_works(follow)


def test_a_new_password_makes_the_link_good_for_nothing(alice: Person, web: Browser, new: str) -> None:
    follow = asked(web, new)
    change_password(alice)

    assert no_longer_works(follow)


def test_a_forged_link_is_none() -> None:
    assert no_longer_works("/accounts/email/WyJ4Il0:1wXyZ:forged/")


def test_of_two_links_the_first_that_is_followed_counts(alice: Person, web: Browser, new: str) -> None:
    follows = [asked(web, address) for address in (new, f"other-{new}")]

    in_turn(User.objects.filter(pk=alice.user.pk), *(partial(Client().post, each) for each in follows))

    assert email_of(alice) == new


def test_of_two_people_who_confirm_one_address_at_once_one_has_it(alice: Person, web: Browser, new: str) -> None:
    bob = sign_up("Bob")
    other = browser_after_password(bob)
    reauthenticate(other)
    # The second message to one mailbox within minutes is not sent: these are the links of before.
    follows = iter([asked(web, new), link_to(bob, new)])

    statuses = at_once(lambda: Client().post(next(follows)).status_code, times=2)

    assert sorted(statuses) == [200, 409]
    assert sorted([email_of(alice) == new, email_of(bob) == new]) == [False, True]


def link_to(person: Person, address: str) -> str:
    Mail.objects.filter(to=address).delete()
    addresses.ask(person.user, address)
    return link(address)


def test_a_mailbox_is_not_filled_with_messages(web: Browser, new: str) -> None:
    statuses = [web.post(PAGE, {"email": new}).status_code for _ in range(2)]

    assert statuses == [200, 429]
    assert len(titles(new)) == 1


def test_an_address_that_was_left_gives_no_second_trial(web: Browser, alice: Person, new: str) -> None:
    with override_settings(EMAIL_VERIFICATION_REQUIRED=True):
        EmailAddress.objects.filter(user=alice.user).delete()
        EmailAddress.objects.create(user=alice.user, email=alice.email, verified=True, primary=True)
        Client().post(asked(web, new))
        again = sign_up_as(alice.email)
        EmailAddress.objects.update_or_create(user=again.user, email=alice.email, defaults={"verified": True})

    assert again.subscription.trial_ends_at is not None
    assert again.subscription.trial_ends_at <= again.subscription.changed_at
