"""Whole numbers are digits and nothing else, at every door."""

from typing import Any

import pytest

from config.numbers import whole
from tests.people import Person, join

WRONG = ["1_0", " 5 ", "5\n", "٥", "５", "+5", "5.0", "0x5", "²", "9" * 19, ""]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_whole_number(text: str) -> None:
    assert whole(text) is None


@pytest.mark.parametrize(("text", "number"), [("5", 5), ("-1", -1), ("007", 7), ("0", 0)])
def test_what_is_one(text: str, number: int) -> None:
    assert whole(text) == number


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
