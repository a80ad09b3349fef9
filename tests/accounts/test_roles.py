"""One table says what each role may do; services and pages read it each time."""

import re
from html import unescape
from pathlib import Path

import pytest

from accounts.roles import MAY, Action, Role
from billing.team import roles
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


def test_the_page_about_the_api_has_the_same_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
    table = page.partition("| | Owner | Admin | Member | Viewer |\n|---|---|---|---|---|\n")[2].partition("\n\n")[0]

    assert table.splitlines() == [
        f"| {row.words} | {' | '.join('yes' if may else 'no' for may in row.may)} |" for row in roles.rows()
    ]


def test_the_members_page_shows_the_table_to_everybody(team_owner: Person, vera: Person) -> None:
    page = unescape(vera.web.get("/app/members").content.decode())
    shown = re.findall(r'<tr><th scope="row">([^<]+)</th>(.*?)</tr>', page, re.DOTALL)

    assert [(words, tuple(re.findall(r"unseen\">(yes|no)<", cells))) for words, cells in shown] == [
        (row.words, tuple("yes" if may else "no" for may in row.may)) for row in roles.rows()
    ]


def test_who_invites_is_told_what_each_role_may(team_owner: Person) -> None:
    page = team_owner.web.get("/app/members?invite=1").content.decode()

    assert "Viewer: ask and read what is shared. Member: also make and change tasks, " in page
    assert all(words in page for words in roles.invitable_in_words())
