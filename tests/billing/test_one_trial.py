"""One trial for each person, few sign-ups for each network."""

from collections.abc import Iterator

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client, override_settings
from django.utils import timezone

from accounts import schemas
from accounts.models import AuditEvent, User
from billing import one_trial
from billing.models import Subscription, TrialPerson
from billing.plans import Tier
from tests.people import PASSWORD, Person, put_on_plan, sign_up_as
from tests.threads import at_once

GOOD = {"password": PASSWORD, "name": "Ada"}


@pytest.fixture
def verified() -> Iterator[None]:
    with override_settings(EMAIL_VERIFICATION_REQUIRED=True):
        yield


def confirm(user: User) -> None:
    address = EmailAddress.objects.get(user=user)
    address.verified = True
    address.save()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada.l@gmail.com", "a.d.a.l+notion@googlemail.com"),
        ("ada+1@example.com", "Ada+2@Example.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
    ],
)
def test_the_same_mailbox_is_one_person(one: str, other: str) -> None:
    assert one_trial.digest(one) == one_trial.digest(other)


@pytest.mark.parametrize("other", ["a.da@example.com", "+@example.com", "ada@example.org", "+ada@example.com"])
def test_other_mailboxes_are_other_people(other: str) -> None:
    assert one_trial.digest("ada@example.com") != one_trial.digest(other)


def test_a_second_trial_of_one_person_has_ended_when_the_address_is_confirmed(verified: None, alice: Person) -> None:
    mailbox = f"ada{alice.user.pk.hex}"

    first, second = sign_up_as(f"{mailbox}@example.com"), sign_up_as(f"{mailbox}+again@example.com")
    confirm(first.user)
    confirm(second.user)

    ends = [person.subscription.trial_ends_at > timezone.now() for person in (first, second)]
    assert ends == [True, False]
    [event] = AuditEvent.objects.filter(workspace__in=[first.workspace, second.workspace])
    assert (event.workspace_id, event.action, event.actor_kind) == (second.workspace.pk, "plan.changed", "system")
    assert event.after == {"trial_ends_at": second.subscription.trial_ends_at.isoformat()}


def test_who_has_bought_meanwhile_keeps_it(verified: None, alice: Person) -> None:
    confirm(sign_up_as(f"b{alice.user.pk.hex}@example.com").user)
    buyer = sign_up_as(f"b{alice.user.pk.hex}+2@example.com")
    put_on_plan(buyer, "pro")

    confirm(buyer.user)

    assert buyer.subscription.status == "active"


def test_eight_addresses_of_one_person_at_once_have_one_trial(verified: None, alice: Person) -> None:
    users = [sign_up_as(f"c{alice.user.pk.hex}+{n}@example.com").user for n in range(8)]
    waiting = iter(users)

    at_once(lambda: confirm(next(waiting)), times=8)

    running = Subscription.objects.filter(workspace__memberships__user__in=users, trial_ends_at__gt=timezone.now())
    assert running.count() == 1


def test_an_address_that_nobody_confirmed_takes_nobodys_trial(alice: Person) -> None:
    confirm(alice.user)

    assert not TrialPerson.objects.filter(user_id=alice.user.pk).exists()
    assert alice.subscription.tier == Tier.TRIAL


@override_settings(
    ACCOUNT_RATE_LIMITS={"signup": "100/m/ip", "signup_network": "3/d/key"}, ALLAUTH_TRUSTED_PROXY_COUNT=1
)
def test_a_network_signs_up_few_times_a_day(alice: Person) -> None:
    cache.clear()

    schemas.fill(8)

    def try_from(address: str) -> int:
        body = {**GOOD, "email": f"n{timezone.now().timestamp()}@example.com"}
        answer = Client().post(
            "/auth/register", body, content_type="application/json", headers={"X-Forwarded-For": address}
        )
        return answer.status_code

    same = [try_from(f"203.0.113.{number}") for number in range(1, 5)]
    mapped = try_from("::ffff:203.0.113.5")
    other = [try_from(address) for address in ("198.51.100.7", "::ffff:198.51.101.7", "::ffff:198.51.102.7")]

    assert (same, mapped, other) == ([201, 201, 201, 429], 429, [201, 201, 201])


@override_settings(ACCOUNT_RATE_LIMITS={"signup": "100/m/ip", "signup_network": "1/d/key"})
def test_the_sign_up_page_has_the_same_limit(alice: Person) -> None:
    cache.clear()
    schemas.fill(8)

    def try_page(number: int) -> bytes:
        body = {"email": f"p{number}{alice.user.pk.hex}@example.com", "password1": PASSWORD, "name": "Ada"}
        return Client().post("/accounts/signup/", body).content

    try_page(1)

    assert b"Too many sign-ups from this network. Try again in 24 hours." in try_page(2)
