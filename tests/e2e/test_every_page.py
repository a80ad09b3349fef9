"""Every page that has an address, as who has nothing yet or little finds it, and who is signed out: accessible, inside
its window, nothing on the console. The addresses are the isolation tests', which know all; refusals and errors are
judged by `tests/pages`."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page

from devkit.notion.process import EmulatorProcess
from tests.browser import CHROMIUM, faults_in_each_look
from tests.e2e.test_pages import listen
from tests.isolation import table
from tests.isolation.world import World, build
from tests.people import sign_up
from tests.second_factor import with_factor
from tests.stack import Stack
from tests.staff import confirmed, one_of_staff

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
# What shows no page: a stream, a file, or the way to another one. Swagger UI's page has faults of its own.
NO_PAGES = {
    "",
    "docs",
    "openapi.json",
    "mails/<uuid:mail_id>",
    "app/connect/callback",
    "app/connect/notion",
    "app/runs/<uuid:run_id>/events",
    "app/sync/<uuid:sync_id>/events",
    "app/usage/export",
}
PAGES = {route: entry for route, entry in table.PAGES.items() if "GET" in entry.methods and route not in NO_PAGES}


@pytest.fixture(scope="module")
def world(_database: None, emulator: EmulatorProcess) -> World:
    return build()


def filled(world: World, route: str) -> str:
    for name, thing in PAGES[route].ids.items():
        route = route.replace(f"<uuid:{name}>", str(world.ids[thing]))
    return "/" + route.replace("<str:token>", table.INVITATION)


@contextmanager
def window(browser: Browser, stack: Stack, client: Client | None) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    if client is not None:
        session = client.cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": stack.url}])
    yield context.new_page()
    context.close()


def judged(browser: Browser, stack: Stack, client: Client | None, paths: dict[str, int]) -> list[str]:
    """What is wrong with these pages, each of which is to answer with its status; where several lead to one, once."""
    found, seen = [], set[str]()
    with window(browser, stack, client) as page:
        said = listen(page, stack)
        for path, status in paths.items():
            answer = page.goto(f"{stack.url}{path}", wait_until="load")
            assert answer is not None
            if answer.status != status:
                found.append(f"{path} answered {answer.status}")
            elif urlsplit(page.url).path not in seen:
                found += faults_in_each_look(page)
            seen.add(urlsplit(page.url).path)
    return found + [words for words in said if "the server responded with a status of 4" not in words]


def test_who_has_nothing_yet(browser: Browser, stack: Stack, world: World) -> None:
    own = [route for route, entry in PAGES.items() if not (entry.ids or entry.open_to_all)]
    # The audit log comes with a team.
    expected = {filled(world, route): 403 if "audit" in route else 200 for route in own}

    assert judged(browser, stack, sign_up("Nora").web, expected) == []


def test_who_has_little(browser: Browser, stack: Stack, world: World) -> None:
    alice = world.alice.web

    assert judged(browser, stack, alice, {filled(world, route): 200 for route in PAGES if PAGES[route].ids}) == []


def test_who_is_signed_out(browser: Browser, stack: Stack, world: World) -> None:
    open_to_all = {filled(world, route): 200 for route, entry in PAGES.items() if entry.open_to_all}
    # Of nothing that was erased.
    open_to_all["/app/erasures/" + table.INVITATION] = 404

    assert judged(browser, stack, None, {**dict.fromkeys(table.SIGN_IN.values(), 200), **open_to_all}) == []


def test_who_confirms_or_changes_how_they_sign_in(browser: Browser, stack: Stack) -> None:
    sam = one_of_staff("Sam")
    factored = confirmed(sam, with_factor(sam.user))

    assert judged(browser, stack, factored, dict.fromkeys([*table.SIGN_IN.values(), "/staff/"], 200)) == []
