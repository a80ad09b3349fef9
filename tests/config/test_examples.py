"""The examples of the API's description and of docs/api.md, sent as they stand."""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from django.http import JsonResponse
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import scopes, tokens
from billing import wishes
from billing.plans import Tier
from config.example_answers import ANSWERS
from config.examples import BODIES
from devkit.notion.process import EmulatorProcess
from tests.described import complaints, description
from tests.isolation import table
from tests.isolation.test_addresses import undone
from tests.isolation.world import World, build
from tests.outside import HANDBOOK, seeded
from tests.people import PASSWORD

# Signed by their sender: tests/agent/live and tests/billing/test_webhooks.py send them.
SIGNED = {"POST /webhooks/notion", "POST /webhooks/stripe"}
CURLS = re.findall(r"^    (curl .*)$", Path(__file__).parents[2].joinpath("docs/api.md").read_text(), re.MULTILINE)
Filling = tuple[APIClient, dict[str, Any]]


@pytest.fixture(scope="module")
def world(_database: None, emulator: EmulatorProcess) -> World:
    return build()


@pytest.fixture(scope="module")
def described(_database: None) -> dict[str, Any]:
    return description()


def _refresh(world: World) -> Filling:
    return world.alice.api, {"refresh": tokens.begin(world.alice.membership).refresh}


def _invited(world: World) -> Filling:
    sent = world.alice.api.post("/workspace/invitations", {"email": world.charlie.email})
    return world.charlie.api, {"token": sent.json()["link"].rstrip("/").rpartition("/")[2]}


def _leaving(world: World) -> Filling:
    world.alice.api.post("/subscription/cancel", {})
    return world.alice.api, {}


def _wishing(world: World) -> Filling:
    """As where staff answers for plans; here they are changed at once."""
    eve = world.eve
    wishes.ask(eve.subscription, tier=Tier.PRO, seats=1, is_fixed=False, by=eve.user.pk, now=timezone.now())
    return world.eve.api, {}


# By whom it is sent, and what of it can be known only here; where nothing is said, by Alice and as it is.
FILLED: dict[str, Callable[[World], Filling]] = {
    "POST /auth/register": lambda world: (APIClient(), {"email": f"ada-{token_hex(5)}@example.com"}),
    "POST /auth/login": lambda world: (APIClient(), {"email": world.alice.email, "password": PASSWORD}),
    "POST /auth/refresh": _refresh,
    "POST /auth/logout": _refresh,
    "POST /user/upgrade-subscription": lambda world: (world.eve.api, {}),
    "PATCH /user/notion-integration": lambda world: (world.alice.api, {"sources": [str(world.ids["source"])]}),
    "POST /subscription/resume": _leaving,
    "POST /subscription/withdraw": _wishing,
    "POST /invitations/accept": _invited,
    # Everybody else in the isolation tests' world owns one with others in it.
    "DELETE /user/account": lambda world: (world.eve.api, {"password": PASSWORD}),
    "DELETE /workspace": lambda world: (world.alice.api, {"confirm": world.alice.workspace.name}),
}


def bodies(described: dict[str, Any]) -> set[str]:
    return {
        f"{method.upper()} {address}"
        for address, operations in described["paths"].items()
        for method, operation in operations.items()
        if "requestBody" in operation
    }


def test_every_body_has_an_example(described: dict[str, Any]) -> None:
    assert bodies(described) == set(BODIES), "add or remove an example in config/examples.py"


@pytest.mark.parametrize("label", sorted(set(BODIES) - SIGNED))
def test_an_example_is_taken_and_answered_as_described(
    world: World, described: dict[str, Any], emulator: EmulatorProcess, label: str
) -> None:
    method, address = label.split(" ")
    entries = {scopes.address_of(route): entry for route, entry in table.JSON.items()}
    ids = {name: world.ids[thing] for name, thing in entries[address].ids.items()}

    def send() -> Any:
        client, filling = FILLED.get(label, lambda world: (world.alice.api, {}))(world)
        if label == "POST /user/notion-integration":
            filling = {"token": seeded(emulator, {"pages": [HANDBOOK]}, ["handbook"]).token}
        return getattr(client, method.lower())(address.format(**ids), BODIES[label] | filling, format="json")

    answer = undone(send)

    assert answer.status_code < 300, f"change the example in config/examples.py, or FILLED here: {answer.content!r}"
    assert not complaints(described, described["paths"][address][method.lower()], answer)


@pytest.mark.parametrize("label", sorted(ANSWERS))
def test_an_answer_has_exactly_the_fields_of_its_example(world: World, described: dict[str, Any], label: str) -> None:
    address = label.removeprefix("GET ")
    ids = {f"{thing}_id": world.ids[thing] for thing in ("run", "task")}

    answer = world.alice.api.get(address.format(**ids), {"q": "night"} if address == "/tasks/search" else None)

    assert not complaints(described, described["paths"][address]["get"], answer)
    assert not complaints(described, described["paths"][address]["get"], Response(ANSWERS[label]))
    other = list(differences(ANSWERS[label], answer.json()))
    assert not other, f"change config/example_answers.py: {other}"


class Response(JsonResponse):
    """An example as an answer."""

    def json(self) -> Any:
        return json.loads(self.content)


def differences(example: Any, real: Any, where: str = "$") -> Iterator[str]:
    """Of fields and types; what may be nothing says the schema, and of a list the first one stands for all."""
    if isinstance(example, dict) and isinstance(real, dict):
        for name in sorted({*example, *real}):
            if name in example and name in real:
                yield from differences(example[name], real[name], f"{where}.{name}")
            else:
                yield f"{where}.{name} is in one of them alone"
    elif isinstance(example, list) and isinstance(real, list):
        if example and real:
            yield from differences(example[0], real[0], f"{where}[0]")
    elif None not in (example, real) and type(example) is not type(real):
        yield f"{where}: {type(example).__name__} and {type(real).__name__}"


def test_the_documentation_has_commands() -> None:
    assert len(CURLS) >= 3


@pytest.mark.parametrize("line", CURLS)
def test_a_command_of_the_documentation_works(world: World, described: dict[str, Any], line: str) -> None:
    token = tokens.issue(world.alice.membership).access
    signs_in = {"ada@example.com": world.alice.email, '"…"': f'"{PASSWORD}"'}
    for sign, value in {"$H": "", "$T": token, **signs_in}.items():
        line = line.replace(sign, value)
    _, address, *rest = shlex.split(line)
    options = list(zip(rest[::2], rest[1::2], strict=True))
    headers = dict(value.split(": ", 1) for option, value in options if option == "-H")
    body = next(value for option, value in options if option == "-d")

    answer = undone(lambda: Client().generic("POST", address, body, headers["Content-Type"], headers=headers))

    assert answer.status_code < 300, answer.content
    assert json.loads(body)
    assert not complaints(described, described["paths"][address]["post"], answer)
