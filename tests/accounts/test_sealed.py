import base64
import uuid

import pytest
from pytest_django import Settings

from accounts import sealed

PLACE = "accounts_connection.access_token"


@pytest.fixture
def workspace_id() -> uuid.UUID:
    return uuid.uuid4()


def test_what_is_sealed_comes_back_and_never_looks_the_same(workspace_id: uuid.UUID) -> None:
    twice = [sealed.seal("a token", workspace_id=workspace_id, place=PLACE) for _ in range(2)]

    assert [sealed.unseal(each, workspace_id=workspace_id, place=PLACE) for each in twice] == ["a token"] * 2
    assert twice[0] != twice[1]


@pytest.mark.parametrize("elsewhere", [{"workspace_id": uuid.uuid4()}, {"place": "accounts_connection.refresh_token"}])
def test_in_another_place_it_opens_nothing(workspace_id: uuid.UUID, elsewhere: dict[str, object]) -> None:
    text = sealed.seal("a token", workspace_id=workspace_id, place=PLACE)

    with pytest.raises(sealed.Unreadable):
        sealed.unseal(text, **{"workspace_id": workspace_id, "place": PLACE} | elsewhere)


def test_whatever_bit_is_changed_it_opens_nothing(workspace_id: uuid.UUID) -> None:
    version, name, encoded = sealed.seal("a token", workspace_id=workspace_id, place=PLACE).split(".")
    raw = bytearray(base64.urlsafe_b64decode(encoded))

    for bit in range(8 * len(raw)):
        changed = raw.copy()
        changed[bit // 8] ^= 1 << bit % 8
        text = f"{version}.{name}.{base64.urlsafe_b64encode(changed).decode()}"
        with pytest.raises(sealed.Unreadable):
            sealed.unseal(text, workspace_id=workspace_id, place=PLACE)


def test_under_another_key_it_opens_nothing(workspace_id: uuid.UUID, settings: Settings) -> None:
    text = sealed.seal("a token", workspace_id=workspace_id, place=PLACE)
    settings.SEAL_KEYS = {name: b"x" * 32 for name in settings.SEAL_KEYS}

    with pytest.raises(sealed.Unreadable):
        sealed.unseal(text, workspace_id=workspace_id, place=PLACE)
