"""Tokens that anybody could make, and tokens of ours for something else, open nothing."""

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from django.conf import settings
from rest_framework.test import APIClient
from rest_framework_simplejwt.settings import api_settings

from accounts import tokens
from tests.people import Person

KEY = settings.SIMPLE_JWT["SIGNING_KEY"]
Forge = Callable[[dict[str, Any]], str]


def signed(key: str = KEY, algorithm: str = "HS256", **other: Any) -> Forge:
    return lambda claims: jwt.encode(claims | other, key, algorithm=algorithm)


def without(claim: str) -> Forge:
    return lambda claims: jwt.encode({name: value for name, value in claims.items() if name != claim}, KEY)


def claims_of(person: Person) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(tokens.issue(person.membership).access, options={"verify_signature": False})
    return claims


def ask(token: str) -> int:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return int(client.get("/user/profile").status_code)


def test_as_it_is_issued_it_opens(alice: Person) -> None:
    assert KEY == api_settings.SIGNING_KEY
    assert ask(signed()(claims_of(alice))) == 200


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda claims: jwt.encode(claims, None, algorithm="none"), id="unsigned"),
        pytest.param(signed(key="another key of at least thirty-two bytes"), id="another key"),
        pytest.param(signed(algorithm="HS512"), id="another algorithm"),
        pytest.param(signed(exp=int(time.time()) - 60), id="expired"),
        pytest.param(signed(token_type="refresh"), id="a refresh token"),
        pytest.param(signed(aud="somebody"), id="for somebody else"),
        pytest.param(signed(iss="somebody"), id="of somebody else"),
        pytest.param(signed(sub="1 OR 1=1"), id="no user"),
        pytest.param(signed(tv=10_000), id="of another password"),
        *[
            pytest.param(without(claim), id=f"without {claim}")
            for claim in ("exp", "aud", "iss", "sub", "ws", "tv", "mb")
        ],
    ],
)
def test_another_one_does_not(alice: Person, forge: Forge) -> None:
    # 403: it is ours, and its bearer is a member of nothing that it names.
    assert ask(forge(claims_of(alice))) in {401, 403}
