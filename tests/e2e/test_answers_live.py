"""A conversation that is looked at while its answers come."""

import signal
import threading

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Route, expect

from accounts import tenancy
from agent.models import Run
from agent.runs import services
from tests.browser import CHROMIUM
from tests.devkit.machine import eventually
from tests.e2e.test_pages import listen
from tests.index import handbook
from tests.people import put_on_plan, sign_up
from tests.stack import Stack

QUESTION = "How many days of paid holiday do we have?"


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_two_answers_that_end_at_the_same_moment_are_both_shown(browser: Browser, stack: Stack) -> None:
    alice = sign_up("Alice")
    put_on_plan(alice, "pro")
    handbook(alice)
    stack.worker.signal(signal.SIGSTOP)
    try:
        with tenancy.within(alice.workspace):
            first = services.ask(membership=alice.membership, prompt=QUESTION, now=timezone.now())
            conversation = first.conversation_id
            services.ask(membership=alice.membership, prompt=QUESTION, conversation_id=conversation, now=timezone.now())
        context = browser.new_context(viewport={"width": 390, "height": 420})
        context.add_cookies([{"name": "sessionid", "value": alice.web.cookies["sessionid"].value, "url": stack.url}])
        page = context.new_page()
        said = listen(page, stack)
        page.goto(f"{stack.url}/app/ask/{conversation}")
        expect(page.locator("[data-run][aria-busy]")).to_have_count(2)

        held: list[Route] = []
        goes_on = threading.Event()

        def hold(route: Route) -> None:
            # One that comes when the others go on would be held for ever.
            if goes_on.is_set():
                route.continue_()
            else:
                held.append(route)

        page.route(f"**/app/ask/{conversation}", hold)
    finally:
        stack.worker.signal(signal.SIGCONT)

    with tenancy.within(alice.workspace):
        eventually(lambda: Run.objects.filter(status="succeeded").count() == 2)
    # Time for both ends to be heard before the page is shown anew.
    page.wait_for_timeout(1_000)
    goes_on.set()
    for route in held:
        route.continue_()
    expect(page.locator("[data-run] .pills")).to_have_count(2)
    expect(page.locator("[aria-busy]")).to_have_count(0)
    is_below, is_at_its_end = page.locator("#thread").evaluate(
        "thread => [thread.scrollTop > 0, thread.scrollHeight - thread.scrollTop - thread.clientHeight < 80]"
    )
    context.close()
    assert said == []
    assert (is_below, is_at_its_end) == (True, True)
