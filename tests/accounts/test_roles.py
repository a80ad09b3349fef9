"""One table says what each role may do; services and pages read it each time."""

import pytest

from accounts.roles import MAY, Action, Role
from tests.people import Person


def test_every_action_is_in_the_table_and_an_owner_may_do_all() -> None:
    assert set(MAY) == set(Action)
    assert all(Role.OWNER in roles for roles in MAY.values())


@pytest.mark.parametrize("action", Action)
def test_who_may_do_more_may_do_all_that_others_may(action: Action) -> None:
    ranks = [role in MAY[action] for role in Role]

    assert ranks == sorted(ranks, reverse=True)


def test_the_table_alone_decides_who_asks(vera: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    before = vera.api.post("/agent/run", {"prompt": "What is the leave policy?"})
    monkeypatch.setitem(MAY, Action.ASK, MAY[Action.EDIT_TASKS])
    after = vera.api.post("/agent/run", {"prompt": "What is the leave policy?"})

    assert (before.status_code, after.status_code) == (202, 403)
    assert after.json()["type"] == "/problems/forbidden"
