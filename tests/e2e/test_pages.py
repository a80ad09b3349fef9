"""Every page of a workspace in use, in a browser: accessible, inside its window, and nothing on the console."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, ConsoleMessage, Page, Request

from accounts import tenancy
from accounts.models import Role
from agent.models import Source, SyncRun
from agent.runs import services as runs
from agent.sync import services as syncs
from billing.team import invitations
from devkit.notion.process import EmulatorProcess
from tests.agent.asking import work
from tests.browser import CHROMIUM, faults_in_each_look, spill
from tests.devkit.machine import eventually
from tests.outside import HANDBOOK, TASKS, connect, seeded
from tests.people import Person, join, put_on_plan, sign_up
from tests.stack import Stack

# Tasks, and what a connection has, are looked at by the tests beside this one.
PATHS = [
    "app",
    "app/ask",
    "app/ask/{conversation}",
    "app/conversations",
    "app/sources/{source}",
    "app/connect",
    "app/usage",
    "app/plan",
    "app/plan?confirm=teams",
    "app/plan?confirm=pro",
    "app/plan?confirm=cancel",
    "app/plan?bought=teams&was=plus",
    "pricing",
    "app/members",
    "app/keys",
    "app/keys?new=1",
    "app/settings?disconnect={connection}",
    "app/nowhere",
    "docs",
]


OF_A_TEAM = [
    "app/members",
    "app/members?invite=1",
    "app/members?limits={bob}",
    "app/members?remove={bob}",
    "app/members?remove={vera}",
    "app/members?of={bob}&role=owner",
    "app/invitations/{token}",
    "app/invitations/nowhere",
]
OF_STRANGERS = ["app/invitations/{token}", "accounts/signup/?next=/app/invitations/{token}"]


@pytest.fixture(scope="module")
def team(stack: Stack) -> tuple[Person, dict[str, str]]:
    """Alice with Bob, Vera and an open invitation."""
    alice = sign_up("Alice")
    put_on_plan(alice, "teams", seats=3)
    bob, vera = join(alice, "Bob"), join(alice, "Vera", Role.VIEWER)
    link = invitations.invite(by=alice.membership, email=f"guest-{alice.email}", role=Role.MEMBER, now=timezone.now())
    return alice, {"bob": str(bob.user.pk), "vera": str(vera.user.pk), "token": link.token}


@pytest.fixture(scope="module")
def used(stack: Stack, emulator: EmulatorProcess) -> tuple[Person, dict[str, str]]:
    """Alice after a sync and two questions, one of them without an answer."""
    alice = sign_up("Alice")
    put_on_plan(alice, "plus")
    notion = seeded(emulator, {"pages": [HANDBOOK], "databases": [TASKS]}, ["handbook"])
    connection = connect(alice, notion)
    with tenancy.within(alice.workspace):
        sync = syncs.start(membership=alice.membership)
        # The stack's worker takes it.
        eventually(lambda: SyncRun.objects.get(pk=sync.pk).status == "complete")
        first = runs.ask(membership=alice.membership, prompt="How many days of holiday are there?", now=timezone.now())
        runs.ask(
            membership=alice.membership,
            prompt="Who won the football world cup?",
            conversation_id=first.conversation_id,
            now=timezone.now(),
        )
        source = Source.objects.get(kind="database")
    work(alice)
    return alice, {
        "conversation": str(first.conversation_id),
        "source": str(source.pk),
        "connection": str(connection.pk),
    }


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_pages_are_accessible_and_quiet(browser: Browser, stack: Stack, used: tuple[Person, dict[str, str]]) -> None:
    alice, ids = used
    with opened(browser, stack, alice) as page:
        said = listen(page, stack)

        found = [fault for path in PATHS for fault in look(page, stack, path.format(**ids))]

    assert found == []
    assert [words for words in said if "404 (Not Found)" not in words] == []


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("is_signed_in", [True, False])
def test_pages_of_a_team_are_accessible_and_quiet(
    browser: Browser, stack: Stack, team: tuple[Person, dict[str, str]], is_signed_in: bool
) -> None:
    alice, ids = team
    with opened(browser, stack, alice if is_signed_in else None) as page:
        said = listen(page, stack)

        paths = OF_A_TEAM if is_signed_in else OF_STRANGERS
        found = [fault for path in paths for fault in look(page, stack, path.format(**ids))]

    assert found == []
    assert [words for words in said if "404 (Not Found)" not in words] == []


@contextmanager
def opened(browser: Browser, stack: Stack, person: Person | None, width: int = 1440) -> Iterator[Page]:
    """A new window, in which this person is signed in."""
    context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    if person is not None:
        session = person.web.cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": stack.url}])
    yield context.new_page()
    context.close()


def listen(page: Page, stack: Stack) -> list[str]:
    said: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            said.append(f"{page.url}: {message.text}")

    def left(request: Request) -> None:
        if not request.url.startswith((stack.url, "data:")):
            said.append(f"{page.url} asked {request.url}")

    page.on("console", note)
    page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
    page.on("request", left)
    return said


def look(page: Page, stack: Stack, path: str) -> list[str]:
    page.goto(f"{stack.url}/{path}", wait_until="load")
    # The last is drawn by Swagger UI, which has faults of its own.
    return spill(page) if path == "docs" else faults_in_each_look(page)
