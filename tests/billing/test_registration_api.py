import re
import secrets
from threading import Thread

import pytest
from allauth.account.models import EmailAddress
from django.test import Client, override_settings
from rest_framework.test import APIClient

from accounts import schemas
from accounts.models import Mail, User, WorkspaceSchema
from tests.people import PASSWORD, Person

VERIFIED = override_settings(EMAIL_VERIFICATION_REQUIRED=True, ACCOUNT_EMAIL_VERIFICATION="mandatory")


def address() -> str:
    return f"new-{secrets.token_hex(5)}@example.com"


def register(email: str, **fields: str) -> dict[str, object]:
    return {"email": email, "password": PASSWORD, "name": "Nora", "workspace_name": "Nora & Co"} | fields


@pytest.fixture(autouse=True)
def _warm_pool() -> None:
    schemas.fill(4)


def client() -> APIClient:
    """Each from an address of its own, so that the limits of one test are not those of the next."""
    return APIClient(REMOTE_ADDR=f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}")


def test_registration_answers_with_user_workspace_trial_and_tokens() -> None:
    email = address()

    answer = client().post("/auth/register", register(email.upper()))

    body = answer.json()
    assert answer.status_code == 201
    assert body["user"]["email"] == email
    assert (body["workspace"]["name"], body["workspace"]["role"]) == ("Nora & Co", "owner")
    assert (body["subscription"]["tier"], body["subscription"]["status"]) == ("trial", "trialing")
    assert body["email_verification"] == "not_required"


def test_the_tokens_of_a_registration_work() -> None:
    api = client()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {api.post('/auth/register', register(address())).json()['access']}")

    assert api.get("/user/profile").json()["name"] == "Nora"


def test_a_known_address_is_refused(alice: Person) -> None:
    answer = client().post("/auth/register", register(alice.email))

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/email-taken")


def test_an_address_that_somebody_has_beside_their_own_is_refused(alice: Person) -> None:
    email = address()
    EmailAddress.objects.create(user=alice.user, email=email)

    answer = client().post("/auth/register", register(email))

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/email-taken")
    assert not User.objects.filter(email=email).exists()


# One letter that lower case makes two of: after it these are too long, or no addresses.
@pytest.mark.parametrize("email", ["İ" * 200 + "@example.com", "İnci@example.com", f"{'İ' * 242}@example.com"])
def test_an_address_is_judged_as_it_is_kept(email: str) -> None:
    answer = client().post("/auth/register", register(email))
    page = Client().post("/accounts/signup/", {"email": email, "password1": PASSWORD})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/email")
    assert page.status_code == 200
    assert page.context["form"].errors["email"] == ["Enter a valid e-mail address."]


def test_a_weak_password_is_refused_with_its_field() -> None:
    answer = client().post("/auth/register", register(address(), password="short"))

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/password"


def test_a_number_is_no_password() -> None:
    answer = client().post("/auth/register", {"email": address(), "password": 918273645546372819})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/password")


@pytest.mark.parametrize("body", [{}, {"email": "no address", "password": PASSWORD}, {"email": "a@example.com"}])
def test_incomplete_registrations_are_refused(body: dict[str, str]) -> None:
    assert client().post("/auth/register", body).status_code == 400


def test_many_sign_ups_from_one_address_are_limited() -> None:
    api = client()

    answers = [api.post("/auth/register", register("no-mail")).status_code for _ in range(3)]
    limited = [api.post("/auth/register", register(address(), password="short")) for _ in range(21)][-1]

    assert answers == [400, 400, 400]
    assert (limited.status_code, limited.json()["type"]) == (429, "/problems/rate-limited")
    assert "Retry-After" in limited.headers


@VERIFIED
def test_where_addresses_are_verified_a_known_one_is_answered_like_a_new_one(alice: Person) -> None:
    new = client().post("/auth/register", register(address()))
    known = client().post("/auth/register", register(alice.email))

    assert new.status_code == known.status_code == 201
    assert shape(new.json()) == shape(known.json())
    assert new.json()["access"] is known.json()["access"] is None
    assert "account with this address already" in Mail.objects.get(to=alice.email).subject


def shape(value: object) -> object:
    return {key: shape(inner) for key, inner in value.items()} if isinstance(value, dict) else type(value).__name__


@VERIFIED
def test_an_unverified_address_cannot_sign_in_until_its_link_was_followed() -> None:
    email, api = address(), client()
    api.post("/auth/register", register(email))
    before = api.post("/auth/login", {"email": email, "password": PASSWORD})

    link = re.search(r"http://[^/]+(/accounts/confirm-email/\S+)", Mail.objects.get(to=email).text)
    assert link is not None
    api.post(link[1], format="multipart")

    assert (before.status_code, before.json()["type"]) == (401, "/problems/email-unverified")
    assert api.post("/auth/login", {"email": email, "password": PASSWORD}).status_code == 200


def test_an_empty_pool_is_filled_while_the_sign_up_waits() -> None:
    WorkspaceSchema.objects.filter(state="warm").delete()
    filler = Thread(target=schemas.fill, args=(1,))
    filler.start()

    answer = client().post("/auth/register", register(address()))

    filler.join()
    assert answer.status_code == 201
