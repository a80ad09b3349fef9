"""Every address × everybody who should not get in: generated from the code, judged by `table.py`."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.test import Client

from accounts.models import Connection, Workspace
from accounts.roles import MAY, Action
from devkit.notion.process import EmulatorProcess
from tests.isolation import inventory, table
from tests.isolation.world import SECRET, World, build, shown
from tests.people import Person, put_on_plan, sign_up

ENTRIES = {**table.JSON, **table.PAGES}
CASES = [(route, method) for route, entry in ENTRIES.items() for method in sorted(entry.methods)]
NEED_SIGN_IN = [case for case in CASES if not ENTRIES[case[0]].open_to_all and case[0] != "admin/users"]


@pytest.fixture(scope="module")
def world(_database: None, emulator: EmulatorProcess) -> World:
    return build()


def send(
    world: World,
    person: Person | None,
    route: str,
    method: str,
    *,
    shared: bool = False,
    given: dict[str, str] | None = None,
) -> Any:
    """This person's request to Alice's thing at the address, or to its twin that she shares."""
    entry, ids = ENTRIES[route], world.shared if shared else world.ids
    address = "/" + route
    for name, thing in entry.ids.items():
        address = address.replace(f"<uuid:{name}>", str(ids[thing]))
    body = {key: _filled(value, ids) for key, value in (given or entry.bodies.get(method, {})).items()}
    if route in table.JSON:
        client = person.api if person else Client()
        return client.generic(method, address, _json(body), content_type="application/json")
    browser = person.web if person else Client()
    if method == "POST":
        own = {"workspace": str(person.workspace.pk)} if person and "workspace" not in body else {}
        return browser.post(address, {**own, **body})
    return browser.generic(method, address, headers={"X-Workspace": str(person.workspace.pk)} if person else {})


def _filled(value: Any, ids: dict[str, UUID]) -> Any:
    if isinstance(value, list):
        return [_filled(each, ids) for each in value]
    return value.format(**{name: str(key) for name, key in ids.items()}) if isinstance(value, str) else value


def _json(body: dict[str, Any]) -> str:
    import json

    return json.dumps(body)


def test_every_address_has_an_entry_with_its_methods() -> None:
    found = {
        route: each
        for route, each in inventory.addresses().items()
        if not route.startswith((table.SIGN_IN_PREFIX, *table.STAFF_PREFIXES)) or route in ENTRIES
    }

    assert set(found) == set(ENTRIES)
    classes = {route: each for route, each in found.items() if each.view_class is not None}
    assert {route: each.methods for route, each in classes.items()} == {r: ENTRIES[r].methods for r in classes}


@pytest.mark.parametrize(("route", "method"), NEED_SIGN_IN)
def test_nobody_gets_in(world: World, route: str, method: str) -> None:
    before = world.of_alice()

    answer = send(world, None, route, method)

    if route in table.JSON:
        assert answer.status_code == 401, shown(answer)
    else:
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/")
    assert SECRET not in shown(answer).replace(f"confirm={SECRET}", "")
    assert world.of_alice() == before


@pytest.mark.parametrize(("route", "method"), CASES)
def test_a_stranger_gets_nothing_of_alices(world: World, route: str, method: str) -> None:
    before, entry = world.of_alice(), ENTRIES[route]

    answer = send(world, world.charlie, route, method)

    if entry.ids or method in entry.foreign_body or entry.stranger_status:
        assert answer.status_code == (entry.stranger_status or 404), shown(answer)
    assert answer.status_code < 500, shown(answer)
    assert SECRET not in shown(answer)
    assert world.of_alice() == before


@pytest.mark.parametrize(("route", "method"), CASES)
def test_another_member_gets_nothing_private(world: World, route: str, method: str) -> None:
    entry = ENTRIES[route]

    answer = send(world, world.bob, route, method)

    if entry.stranger_status:
        assert answer.status_code == entry.stranger_status, shown(answer)
    elif entry.shared_in_workspace and method != "GET":
        assert answer.status_code == 403, shown(answer)
    elif entry.ids or (method in entry.foreign_body and "workspace" not in entry.bodies[method]):
        assert answer.status_code == 404, shown(answer)
    assert answer.status_code < 500, shown(answer)
    if not entry.shared_in_workspace:
        assert SECRET not in shown(answer)
    assert not world.lost()


def test_every_write_says_what_it_needs() -> None:
    for route, entry in ENTRIES.items():
        writes = frozenset() if entry.open_to_all else entry.methods - {"GET"}

        assert writes <= set(entry.needs) <= entry.methods, route


@pytest.mark.parametrize(
    ("route", "method", "given", "needed"),
    [
        *((*case, None, ENTRIES[case[0]].needs.get(case[1])) for case in CASES if not ENTRIES[case[0]].open_to_all),
        *((route, "POST", given, needed) for route, given, needed in table.FORMS),
    ],
)
def test_a_role_does_what_the_table_of_roles_lets_it(
    world: World, route: str, method: str, given: dict[str, str] | None, needed: Action | None
) -> None:
    entry, before = ENTRIES[route], world.of_alice()
    assert all(person.web for person in world.by_role.values()), "signed in before anything is undone"

    for role, person in world.by_role.items():
        work = partial(send, world, person, route, method, shared=True, given=given)
        if needed is not None and role not in MAY[needed]:
            answer = work()
            assert answer.status_code in entry.refused, (role, shown(answer))
        else:
            answer = undone(work)
            assert answer.status_code not in {402, 403} - {entry.stranger_status}, (role, shown(answer))
            assert answer.status_code < 500, (role, shown(answer))
    assert world.of_alice() == before


def undone(work: Callable[[], Any]) -> Any:
    """What it answers; the next role finds everything as it was."""
    with transaction.atomic():
        answer = work()
        transaction.set_rollback(True)
    return answer


@pytest.mark.parametrize("section", ["workspace", "sharing"])
def test_a_viewer_saves_nothing_of_the_workspaces_settings(world: World, section: str) -> None:
    own = Connection.objects.create(workspace=world.alice.workspace, owner=world.vera.user, kind="token", bot_id="v")
    before = world.of_alice()
    form = {"section": section, "name": "Mine now", "connection": str(own.pk), "shared": "yes"}

    answer = world.vera.web.post("/app/settings", {"workspace": str(world.vera.workspace.pk), **form})

    assert answer.status_code == 403, shown(answer)
    assert world.of_alice() == before
    own.delete()


def test_who_became_a_viewer_no_longer_decides_what_is_read(world: World) -> None:
    own = Connection.objects.create(workspace=world.alice.workspace, owner=world.vera.user, kind="token", bot_id="v")
    before = world.of_alice()

    for step, form in (("choose", {"action": "refresh"}), ("sync", {"action": "stop"})):
        where = {"workspace": str(world.vera.workspace.pk)}
        answer = world.vera.web.post(f"/app/connect/{own.pk}/{step}", {**where, **form})

        assert answer.status_code == 403, shown(answer)
    assert world.of_alice() == before
    own.delete()


def test_what_stays_open_after_a_trial_is_what_was_promised() -> None:
    opened = {route: entry.expired for route, entry in table.JSON.items() if entry.expired}

    for route, methods in table.WAY_OUT.items():
        if route in table.JSON:
            assert methods & table.JSON[route].methods <= opened.get(route, frozenset()), route
    assert set(opened) <= {*table.WAY_OUT, *table.BESIDE_IT}


@pytest.mark.parametrize(("route", "method"), [c for c in CASES if ENTRIES[c[0]].open_to_all])
def test_what_is_open_to_all_stays_open_after_a_trial(world: World, route: str, method: str) -> None:
    entry = ENTRIES[route]

    assert method in entry.expired
    assert send(world, world.eve, route, method).status_code != 402


@pytest.mark.parametrize(("route", "method"), [c for c in CASES if not ENTRIES[c[0]].open_to_all])
def test_an_expired_trial_leaves_only_the_way_out(world: World, route: str, method: str) -> None:
    answer = send(world, world.eve, route, method)

    if method in ENTRIES[route].expired:
        assert answer.status_code != 402, shown(answer)
    else:
        assert answer.status_code == 402, shown(answer)


@pytest.fixture(scope="module")
def sue(world: World) -> Person:
    """Owner of a workspace that is suspended."""
    sue = sign_up("Sue")
    put_on_plan(sue, "teams", seats=3)
    assert sue.web
    assert sue.api
    Workspace.objects.filter(pk=sue.workspace.pk).update(state="suspended")
    return sue


@pytest.mark.parametrize(("route", "method"), [c for c in CASES if not ENTRIES[c[0]].open_to_all])
def test_a_suspended_workspace_leaves_only_the_way_out(world: World, sue: Person, route: str, method: str) -> None:
    answer = send(world, sue, route, method)

    is_open = method in table.SUSPENDED.get(route, ())
    words = shown(answer)
    assert ("workspace-suspended" in words or "This workspace is suspended.</h1>" in words) == (not is_open), words
    assert is_open or answer.status_code == 403
    assert answer.status_code < 500


def every_method(*prefixes: str) -> list[tuple[str, str]]:
    found = [each for route, each in inventory.addresses().items() if route.startswith(prefixes)]
    return [(each.route, method) for each in found if each.route not in ENTRIES for method in sorted(each.methods)]


def browsers(*people: Person) -> list[Client]:
    """Each is used once: what is sent may sign it out."""
    signed_in = [Client() for _ in people]
    for client, person in zip(signed_in, people, strict=True):
        client.force_login(person.user)
    return [Client(), *signed_in]


@pytest.mark.parametrize(("route", "method"), every_method(table.SIGN_IN_PREFIX))
def test_signing_in_tells_strangers_nothing(world: World, route: str, method: str) -> None:
    clients, address, before = browsers(world.charlie), table.SIGN_IN[route], world.of_alice()
    for client in clients:
        answer = client.generic(method, address, f"email={world.alice.email}", "application/x-www-form-urlencoded")

        assert answer.status_code < 500
        assert SECRET not in shown(answer)
        assert world.alice.email not in shown(answer).replace(f'value="{world.alice.email}"', "")
    assert world.of_alice() == before


@pytest.mark.parametrize(("route", "method"), every_method(*table.STAFF_PREFIXES))
def test_staff_pages_are_closed_to_everybody(world: World, route: str, method: str) -> None:
    clients, before = browsers(world.alice, world.charlie), world.of_alice()
    address = "/" + route.replace("<path:object_id>", "1").replace("<int:content_type_id>", "1")
    for client in clients:
        answer = client.generic(method, address)

        assert answer.status_code in {301, 302, 403, 404, 405}, address
        assert SECRET not in shown(answer)
    assert world.of_alice() == before


def test_the_addresses_of_signing_in_are_those_with_a_page_of_ours() -> None:
    routes = {route for route in inventory.addresses() if route.startswith(table.SIGN_IN_PREFIX)}

    assert routes == set(table.SIGN_IN)
