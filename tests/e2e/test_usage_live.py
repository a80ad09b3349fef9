"""The Usage page, in a browser, follows a question that is being answered without being loaded again."""

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, expect

from accounts import tenancy
from tests.browser import CHROMIUM
from tests.people import Person, join, put_on_plan, sign_up
from tests.stack import Stack
from usage import services

# Another tab stands before the page, and then it is looked at again.
HIDE = "Object.defineProperty(document, 'hidden', { value: true, configurable: true })"
ASKED_HIDDEN_AND_SEEN = """() => {
    let asked = 0;
    document.addEventListener("htmx:beforeSend", () => { asked += 1; });
    const look = () => { document.dispatchEvent(new Event("visibilitychange")); return asked; };
    const hidden = look();
    delete document.hidden;
    return [hidden, look()];
}"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_usage_page_follows_a_question_until_it_is_answered(browser: Browser, stack: Stack) -> None:
    alice = sign_up("Alice")
    context = browser.new_context()
    context.add_cookies([{"name": "sessionid", "value": session_of(alice), "url": stack.url}])
    page = context.new_page()
    page.goto(f"{stack.url}/app/usage")
    page.evaluate("window.isTheFirst = true")
    limits = page.locator("section[aria-labelledby=limits]")
    expect(limits).to_contain_text("0 of 120")

    with tenancy.within(alice.workspace):
        held = services.hold(membership=alice.membership, key="one", now=timezone.now())
    # Nobody touches the page: the question was asked by the API.
    expect(limits).to_contain_text("1 in progress")
    with tenancy.within(alice.workspace):
        cost = services.Cost(200, 100, "extractive", milliseconds=1_200, grounded=True)
        services.settle(hold_id=held.pk, now=timezone.now(), outcome="succeeded", cost=cost)

    expect(limits).to_contain_text("1 of 120")
    expect(limits).not_to_contain_text("in progress")
    expect(page.locator("section[aria-labelledby=outcomes]")).to_contain_text("Answered")
    expect(page.locator("#allowance")).to_contain_text("119")
    page.evaluate(HIDE)
    expect(page.locator(".htmx-request")).to_have_count(0)
    assert page.evaluate(ASKED_HIDDEN_AND_SEEN) == [0, 1]
    assert page.evaluate("window.isTheFirst")
    context.close()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_an_owner_sees_a_colleagues_question_come_and_go(browser: Browser, stack: Stack) -> None:
    alice = sign_up("Alice")
    put_on_plan(alice, "teams", seats=2)
    bob = join(alice, "Bob")
    context = browser.new_context()
    context.add_cookies([{"name": "sessionid", "value": session_of(alice), "url": stack.url}])
    page = context.new_page()
    page.goto(f"{stack.url}/app/usage")
    team = page.locator("section[aria-labelledby=limits] li", has_text="Questions of the team")
    expect(team).to_contain_text("0 of 10,000")

    with tenancy.within(alice.workspace):
        held = services.hold(membership=bob.membership, key="one", now=timezone.now())
    # Nobody touches the page.
    expect(team).to_contain_text("1 in progress")
    with tenancy.within(alice.workspace):
        cost = services.Cost(200, 100, "extractive", milliseconds=1_200, grounded=True)
        services.settle(hold_id=held.pk, now=timezone.now(), outcome="succeeded", cost=cost)

    expect(team).to_contain_text("1 of 10,000")
    expect(team).not_to_contain_text("in progress")
    context.close()


def session_of(person: Person) -> str:
    return person.web.cookies["sessionid"].value
