"""Whole numbers are digits and nothing else, at every door."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from config.numbers import whole
from tests.people import Person, join

WRONG = ["1_0", " 5 ", "5\n", "٥", "５", "+5", "5.0", "0x5", "²", "9" * 19, ""]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_whole_number(text: str) -> None:
    assert whole(text) is None


@pytest.mark.parametrize(("text", "number"), [("5", 5), ("-1", -1), ("007", 7), ("0", 0)])
def test_what_is_one(text: str, number: int) -> None:
    assert whole(text) == number


@pytest.mark.parametrize("text", WRONG)
def test_no_command_takes_another_for_one(text: str) -> None:
    workspace = "00000000-0000-0000-0000-000000000000"
    for command in (
        ["approve_plan", text],
        ["give_plan", workspace, "teams", "--seats", text],
        ["prepare_database", "--warm", text],
    ):
        with pytest.raises(CommandError, match="is no whole number"):
            call_command(*command)


def test_a_number_of_thousands_of_digits_is_refused_in_our_own_words(team_owner: Person) -> None:
    for digits in ("9" * 5_000, "9" * 101, "-" + "9" * 5_000):
        answer = team_owner.api.post("/subscription/seats", f'{{"seats": {digits}}}', content_type="application/json")

        assert answer.status_code == 400
        assert "a number has more than 100 digits" in answer.json()["detail"]
    caps = f'{{"caps": {{"requests": {"9" * 99}}}}}'
    assert (
        team_owner.api.patch(f"/admin/users/{team_owner.user.pk}", caps, content_type="application/json").status_code
        == 400
    )


def test_no_door_takes_another_for_one(team_owner: Person) -> None:
    bob, taken = join(team_owner, "Bob"), []
    caps = f"/admin/users/{bob.user.pk}"
    answers: dict[str, Any] = {}
    for text in filter(None, WRONG):
        api, web = team_owner.api, team_owner.web
        answers = {
            "seats": api.post("/subscription/seats", {"seats": text}),
            "upgrade": api.post("/user/upgrade-subscription", {"tier": "teams", "seats": text}),
            "preview": api.post("/subscription/preview", {"tier": "teams", "seats": text}),
            "caps": api.patch(caps, {"caps": {"requests": text}}),
            "interval": api.patch("/workspace", {"sync_interval_minutes": text}),
            "limit": api.get("/usage/logs", {"limit": text}),
            "limit of a search": api.get("/tasks/search", {"q": "x", "limit": text}),
            "show": web.get("/app/tasks", {"show": text}),
        }
        taken += [(door, text) for door, answer in answers.items() if answer.status_code != 400]
        web.post("/app/plan", {"action": "seats", "seats": text})

    assert taken == []
    assert (team_owner.subscription.seats, team_owner.subscription.fixed_seats) == (10, None)
    assert api.post("/subscription/seats", {"seats": 5.0}, format="json").json()["seats"] == 5
