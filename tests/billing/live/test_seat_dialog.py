"""The dialog for seats in a browser: what is typed is what is asked about, with a script and without one."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from devkit.stripe.process import StripeProcess
from tests.billing.stripe import pay, state
from tests.browser import CHROMIUM
from tests.devkit.machine import eventually
from tests.people import Person, sign_up
from tests.stack import Stack

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
NOT_THESE = "Nothing was done yet: the amounts that were shown were for another number of seats."


@pytest.fixture(params=["with a script", "without a script"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=request.param == "with a script")
    yield context.new_page()
    context.close()


def open_dialog(page: Page, stack: Stack, person: Person) -> None:
    page.context.add_cookies([{"name": "sessionid", "value": person.web.cookies["sessionid"].value, "url": stack.url}])
    page.goto(f"{stack.url}/app/plan?confirm=teams")


def type_and_press(page: Page, seats: str, button: str) -> None:
    """At once: the amounts have not come yet."""
    page.get_by_role("spinbutton", name="Seats").fill(seats)
    page.get_by_role("button", name=button, exact=True).click()


def test_who_types_and_presses_at_once_sees_the_amounts_first(page: Page, stack: Stack, vendor: StripeProcess) -> None:
    alice = sign_up("Alice")
    open_dialog(page, stack, alice)

    type_and_press(page, "5", "Continue to payment")
    expect(page.get_by_role("dialog")).to_contain_text(NOT_THESE)
    expect(page.locator("#offer")).to_contain_text("$109 a month")
    page.get_by_role("button", name="Continue to payment", exact=True).click()

    expect(page.get_by_role("button", name="Subscribe for $109.00")).to_be_visible()


def test_seats_that_were_typed_are_fixed_after_their_amounts_were_seen(
    page: Page, stack: Stack, vendor: StripeProcess
) -> None:
    alice = sign_up("Alice")
    pay(alice.api.post("/user/upgrade-subscription", {"tier": "teams"}).json()["checkout_url"])
    eventually(lambda: state(alice) == ("teams", "active"))
    open_dialog(page, stack, alice)

    type_and_press(page, "3", "Change seats")
    expect(page.get_by_role("dialog")).to_contain_text(NOT_THESE)
    assert alice.subscription.fixed_seats is None
    page.get_by_role("dialog").get_by_role("button", name="Change seats", exact=True).click()

    expect(page.get_by_role("status").first).to_contain_text("You have Teams with 3 seats now.")
    expect(page.get_by_text("$85 a month").first).to_be_visible()
    assert alice.subscription.fixed_seats == 3
