"""Every management command of ours, with ids that are not there and on a workspace it was not asked about."""

import json
import uuid
from collections.abc import Callable
from contextlib import suppress
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts import tenancy
from accounts.models import Connection, User
from agent.models import SyncRun
from billing.models import Subscription
from devkit import demo
from devkit.notion.process import EmulatorProcess
from tests.isolation import inventory
from tests.isolation.world import SECRET, World, build


@pytest.fixture(scope="module")
def world(_database: None, emulator: EmulatorProcess) -> World:
    """Beside the demo company's Notion."""
    emulator.seed(demo.load(), namespace="")
    return build()


def run(*arguments: str) -> str:
    said = StringIO()
    call_command(*arguments, stdout=said, stderr=said)
    return said.getvalue()


def run_refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    return str(refused.value)


def run_where_no_worker_is() -> str:
    """Whatever its verdict is."""
    said = StringIO()
    with suppress(CommandError):
        call_command("doctor", stdout=said, stderr=said)
    assert "connections" in said.getvalue()
    return said.getvalue()


# How each command is called so that it has nothing to do with Alice. A command without an entry turns the build red.
HARMLESS: dict[str, Callable[[], str]] = {
    "prepare_database": lambda: run("prepare_database", "--warm", "1"),
    "approve_plan": lambda: run("approve_plan"),
    "give_plan": lambda: run("give_plan"),
    "reseal": lambda: run("reseal", "--check"),
    "connections": lambda: run("connections", "--all"),
    "doctor": run_where_no_worker_is,
    "metrics": lambda: run("metrics"),
    "stripe_setup": lambda: run_refused("stripe_setup"),
    "load_demo": lambda: run("load_demo", "--json"),
    "notion_webhook": lambda: run("notion_webhook", "close"),
    "remove_second_factor": lambda: run_refused("remove_second_factor", "nobody@example.com"),
    "staff": lambda: run_refused("staff", "nobody@example.com"),
    "usage_differences": lambda: run("usage_differences"),
}
REFUSED: dict[str, tuple[str, ...]] = {
    "approve_plan": ("approve_plan", "999999999", "--by", "alice@example.com"),
    "remove_second_factor": ("remove_second_factor", "nobody@example.com"),
    "staff": ("staff", "nobody@example.com"),
    "give_plan": ("give_plan", str(uuid.uuid4()), "pro", "--by", "alice@example.com", "--why", "A friend"),
}


def test_every_command_has_an_entry() -> None:
    assert inventory.commands() == set(HARMLESS)


@pytest.mark.parametrize("name", HARMLESS)
def test_a_command_leaves_other_workspaces_alone_and_tells_no_content(world: World, name: str) -> None:
    before = world.of_alice()

    said = HARMLESS[name]()

    assert world.of_alice() == before
    assert SECRET not in said


def test_loading_the_demo_twice_makes_one_connection_and_one_sync(world: World) -> None:
    before = world.of_alice()

    said = [run("load_demo", "--json") for _ in range(2)]

    connection = Connection.objects.get(owner=User.objects.get(email=json.loads(said[0])["email"]))
    with tenancy.within(connection.workspace):
        assert SyncRun.objects.filter(connection_id=connection.pk).count() == 1
    assert said[0] == said[1]
    assert world.of_alice() == before


def test_the_demo_pays_for_the_members_it_has(world: World) -> None:
    email = json.loads(run("load_demo", "--json"))["email"]
    demo = Subscription.objects.filter(workspace__memberships__user__email=email)
    first = demo.get().seats
    # As an earlier release made it.
    demo.update(seats=5)

    run("load_demo")

    assert (first, demo.get().seats, demo.get().fixed_seats) == (1, 1, None)


@pytest.mark.parametrize("name", REFUSED)
def test_an_id_that_does_not_exist_is_refused_with_words(world: World, name: str) -> None:
    before = world.of_alice()

    with pytest.raises(CommandError, match="There is no"):
        run(*REFUSED[name])

    assert world.of_alice() == before


def test_resealing_touches_only_secrets_under_an_older_key(world: World) -> None:
    before = world.of_alice()

    # Other tests leave rows that no key opens, which the command says at its end.
    with suppress(CommandError):
        run("reseal")

    assert world.of_alice() == before
