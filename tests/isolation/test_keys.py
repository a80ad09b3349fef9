"""Every address × API keys of each scope and role: they do what was promised and no more than members."""

from functools import partial
from typing import Any

import pytest
from django.test import Client

from accounts import scopes
from accounts.roles import Action, Role
from accounts.scopes import TABLE, Never, Scope
from devkit.notion.process import EmulatorProcess
from tests.isolation import table
from tests.isolation.test_addresses import NEED_SIGN_IN, send, undone
from tests.isolation.world import SECRET, World, build, shown
from tests.people import Person, key_of, program

FOR_PROGRAMS = sorted({*(each for each in NEED_SIGN_IN if each[0] in table.JSON), ("admin/users", "GET")})
FOR_PEOPLE = [
    (route, method) for route, entry in table.PAGES.items() for method in sorted(entry.methods) if not entry.open_to_all
]
# What keys were promised to do, apart from the table of the product: whoever changes that has to change this too.
ANY = "read ask conversations:write tasks:write sync"
PROMISED = {
    "GET /user/profile": ANY,
    "GET /user/trial-status": ANY,
    "GET /user/config": "read",
    "GET /user/notion-integration": "read",
    "POST /agent/run": "ask",
    "GET /agent/runs/{run_id}": "ask read",
    "GET /agent/runs/{run_id}/events": "ask read",
    "POST /agent/runs/{run_id}/stop": "ask",
    "POST /agent/runs/{run_id}/feedback": "ask",
    "GET /agent/proposals/{proposal_id}": "ask tasks:write read",
    "POST /agent/proposals/{proposal_id}/approve": "tasks:write",
    "POST /agent/proposals/{proposal_id}/edit": "tasks:write",
    "POST /agent/proposals/{proposal_id}/reject": "tasks:write",
    "POST /agent/proposals/{proposal_id}/undo": "tasks:write",
    "GET /agent/conversations": "conversations:write read",
    "GET /agent/conversations/{conversation_id}": "conversations:write read",
    "PATCH /agent/conversations/{conversation_id}": "conversations:write",
    "DELETE /agent/conversations/{conversation_id}": "conversations:write",
    "POST /agent/sync": "sync",
    "GET /agent/sync/{sync_id}": "sync read",
    "GET /agent/sync/{sync_id}/events": "sync read",
    "POST /agent/sync/{sync_id}/pause": "sync",
    "POST /agent/sync/{sync_id}/resume": "sync",
    "POST /agent/sync/{sync_id}/cancel": "sync",
    "POST /agent/sync/{sync_id}/confirm": "sync",
    "GET /agent/coverage": "sync read",
    "GET /tasks": "tasks:write read",
    "POST /tasks": "tasks:write",
    "GET /tasks/search": "tasks:write read",
    "GET /tasks/{task_id}": "tasks:write read",
    "PATCH /tasks/{task_id}": "tasks:write",
    "DELETE /tasks/{task_id}": "tasks:write",
    "GET /tasks/{task_id}/history": "tasks:write read",
    "POST /tasks/{task_id}/sync": "tasks:write",
    "GET /usage/quota": ANY,
    "GET /usage/logs": "read",
    "GET /usage/summary": "read",
    "GET /workspace": "read",
}
FOR_PEOPLE_ALONE = {
    Action.MAKE_KEYS,
    Action.MANAGE_MEMBERS,
    Action.CHANGE_SETTINGS,
    Action.SEE_AUDIT,
    Action.CHANGE_OWNERS,
    Action.CHANGE_PLAN,
    Action.DELETE_WORKSPACE,
}
OPEN = [case for case in FOR_PROGRAMS if scopes.that_open(scopes.address_of(case[0]), case[1])]
REFUSALS = {"/problems/scope-required", "/problems/not-by-key"}


@pytest.fixture(scope="module")
def world(_database: None, emulator: EmulatorProcess) -> World:
    return build()


@pytest.fixture(scope="module")
def of_each_scope(world: World) -> dict[Scope, Person]:
    """Alice as the program that has a key of this one scope."""
    return {scope: as_program(world.alice, scope.value) for scope in Scope}


@pytest.fixture(scope="module")
def of_each_role(world: World) -> dict[Role, tuple[Person, Person]]:
    """A person, and the same one as a program that may do whatever a key may."""
    world.vera.membership.role = Role.MEMBER
    world.vera.membership.save()
    programs = {role: (person, as_program(person)) for role, person in world.by_role.items()}
    world.vera.membership.role = Role.VIEWER
    world.vera.membership.save()
    world.rows = world.of_alice()
    return programs


def as_program(person: Person, *of: str) -> Person:
    same = Person(user=person.user, membership=person.membership)
    same.__dict__["api"] = program(key_of(person, *of))
    return same


def refusal(answer: Any) -> str | None:
    kind = answer.json()["type"] if answer.status_code == 403 else None
    return kind if kind in REFUSALS else None


def test_the_table_names_every_address_that_knows_who_asks() -> None:
    named = {(address, method) for address, methods in TABLE.items() for method in methods}

    assert named == {(scopes.address_of(route), method) for route, method in FOR_PROGRAMS}


def opened() -> dict[str, set[str]]:
    return {
        f"{method} {address}": {scope.value for scope in entry}
        for address, methods in TABLE.items()
        for method, entry in methods.items()
        if not isinstance(entry, Never)
    }


def test_keys_open_what_was_promised_and_nothing_else() -> None:
    assert opened() == {call: set(names.split()) for call, names in PROMISED.items()}


def test_no_key_manages_keys_members_money_or_the_workspace() -> None:
    needed = {
        f"{method} {scopes.address_of(route)}"
        for route, entry in table.JSON.items()
        for method, action in entry.needs.items()
        if action in FOR_PEOPLE_ALONE
    }

    # Its name and settings may be read.
    assert needed & set(opened()) == {"GET /workspace"}


@pytest.mark.parametrize(("route", "method"), FOR_PROGRAMS)
def test_a_key_does_what_its_scope_says(
    world: World, of_each_scope: dict[Scope, Person], route: str, method: str
) -> None:
    enough, before = PROMISED.get(f"{method} {scopes.address_of(route)}", "").split(), world.of_alice()

    for scope, robot in of_each_scope.items():
        answer = undone(partial(send, world, robot, route, method))

        if scope in enough:
            assert answer.status_code not in {401, 402, 403, *range(500, 600)}, (scope, shown(answer))
        else:
            expected = "/problems/scope-required" if enough else "/problems/not-by-key"
            assert refusal(answer) == expected, (scope, shown(answer))
            assert SECRET not in shown(answer)
            assert world.of_alice() == before


@pytest.mark.parametrize(("route", "method"), OPEN)
def test_a_key_does_no_more_than_who_made_it(
    world: World, of_each_role: dict[Role, tuple[Person, Person]], route: str, method: str
) -> None:
    for role, (person, robot) in of_each_role.items():
        theirs, its = (undone(partial(send, world, each, route, method, shared=True)) for each in (person, robot))

        assert its.status_code == theirs.status_code, (role, shown(its), shown(theirs))


@pytest.mark.parametrize(("route", "method"), OPEN)
def test_a_strangers_key_gets_nothing_of_alices(world: World, route: str, method: str) -> None:
    before, entry = world.of_alice(), table.JSON[route]

    answer = send(world, as_program(world.charlie), route, method)

    if entry.ids or method in entry.foreign_body:
        assert answer.status_code == 404, shown(answer)
    assert answer.status_code < 500, shown(answer)
    assert SECRET not in shown(answer)
    assert world.of_alice() == before
    world.charlie.membership.api_keys.all().delete()


@pytest.mark.parametrize(("route", "method"), FOR_PEOPLE)
def test_a_key_opens_no_page(world: World, of_each_scope: dict[Scope, Person], route: str, method: str) -> None:
    before, entry = world.of_alice(), table.PAGES[route]
    address = "/" + route
    for name, thing in entry.ids.items():
        address = address.replace(f"<uuid:{name}>", str(world.ids[thing]))
    known = of_each_scope[Scope.READ].api._credentials

    with_key, without = (Client(**given).generic(method, address) for given in (known, {}))

    assert (with_key.status_code, with_key.headers.get("Location")) == (302, without.headers["Location"])
    assert world.of_alice() == before


@pytest.mark.parametrize("route", [route for route, entry in table.JSON.items() if entry.open_to_all])
def test_what_is_open_to_all_does_not_look_at_a_key(world: World, route: str) -> None:
    method = min(table.JSON[route].methods)
    body = str(table.JSON[route].bodies.get(method, "")).replace("'", '"')

    answers = [
        Client(**given).generic(method, f"/{route}", body, content_type="application/json").status_code
        for given in ({}, {"HTTP_AUTHORIZATION": f"Bearer {'docent_' + 57 * 'x'}"})
    ]

    assert answers[0] == answers[1]


@pytest.mark.parametrize("method", ["PUT", "TRACE"])
def test_a_method_that_is_not_there_is_said_to_be_that(of_each_scope: dict[Scope, Person], method: str) -> None:
    answer = of_each_scope[Scope.READ].api.generic(method, "/tasks")

    assert (answer.status_code, answer.json()["type"]) == (405, "/problems/method-not-allowed")


def test_whoever_only_asks_for_headers_is_told_the_same_reason() -> None:
    for method in ("GET", "HEAD"):
        with pytest.raises(scopes.NotByKey, match="No API key manages API keys"):
            scopes.check(list(Scope), "/user/api-keys", method)
