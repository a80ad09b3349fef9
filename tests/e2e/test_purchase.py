"""A customer's whole time, in a browser: trial, Pro, Teams, a card that fails, another card, down, and the end."""

import re
import secrets
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from billing.models import StripeAccount, StripeEvent, Subscription
from devkit.stripe.process import KEY, WEBHOOK_SECRET, StripeProcess
from tests.billing.stripe import FAILS_LATER, GOOD, at_stripe
from tests.browser import CHROMIUM
from tests.people import PASSWORD
from tests.stack import Stack, running

MONTH = 32 * 86_400
SOON = 15_000


@pytest.fixture(scope="module")
def vendor() -> Iterator[StripeProcess]:
    with StripeProcess() as process, at_stripe(process):
        yield process


@pytest.fixture(scope="module")
def shop(_database: None, vendor: StripeProcess) -> Iterator[Stack]:
    """Web and worker that take money through the stand-in, which tells them of what happens."""
    with running(
        BILLING_GATEWAY="stripe",
        STRIPE_API_URL=vendor.url,
        STRIPE_SECRET_KEY=KEY,
        STRIPE_WEBHOOK_SECRETS=WEBHOOK_SECRET,
    ) as product:
        vendor.send_webhooks_to(f"{product.url}/webhooks/stripe")
        yield product


class Customer:
    """Somebody at their browser. Every step reads as what they do."""

    def __init__(self, page: Page, shop: Stack, vendor: StripeProcess, *, email: str) -> None:
        self.page, self.shop, self.vendor, self.email = page, shop, vendor, email
        self.complaints: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and message.location["url"].startswith(self.shop.url):
            self.complaints.append(f"{message.text} {message.location['url']}")

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def open_plan(self) -> None:
        self.page.goto(f"{self.shop.url}/app/plan")

    def sees(self, *words: str) -> None:
        for each in words:
            expect(self.page.get_by_text(each).first).to_be_visible(timeout=SOON)

    def sign_up(self) -> None:
        self.page.goto(f"{self.shop.url}/pricing")
        self.page.get_by_role("link", name="Start the trial").first.click()
        self.page.get_by_label("E-mail").fill(self.email)
        self.page.get_by_label("Your name").fill("Nora")
        self.page.locator("input[name=workspace_name]").fill("Nora's studio")
        self.page.locator("input[name=password1]").fill(PASSWORD)
        self.press("Create account")

    def join(self, link: str) -> None:
        self.page.goto(link)
        self.page.get_by_role("link", name="Create an account").click()
        self.page.get_by_label("E-mail").fill(self.email)
        self.page.get_by_label("Your name").fill("Omar")
        self.page.locator("input[name=password1]").fill(PASSWORD)
        self.press("Create account")

    def pay(self, card: str) -> None:
        """At the vendor's page."""
        assert self.page.url.startswith(self.vendor.url)
        self.page.get_by_label("Card number").fill(card)

    def returns(self) -> None:
        self.page.get_by_role("link", name="Back").click()

    def a_month_passes(self) -> None:
        self.vendor.advance(MONTH)
        assert self.vendor.drain(60)
        until(lambda: not StripeEvent.objects.filter(processed_at=None).exists())

    @property
    def subscription(self) -> Subscription:
        return Subscription.objects.get(workspace__memberships__user__email=self.email)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON / 1000
    while not holds():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_customer_buys_grows_fails_to_pay_recovers_and_leaves(page: Page, shop: Stack, vendor: StripeProcess) -> None:
    nora = Customer(page, shop, vendor, email=f"nora-{secrets.token_hex(4)}@example.com")

    # A trial, which every page says.
    nora.sign_up()
    nora.sees("Your trial ends on")

    # Pro, by Checkout. The page waits for Stripe's word, which is held back, and changes by itself.
    nora.open_plan()
    nora.press("Choose Pro")
    nora.sees("Nothing is charged before you confirm it there.", "$10 a month")
    nora.press("Continue to payment")
    vendor.webhooks(mode="held")
    nora.pay(GOOD)
    nora.press("Subscribe for $10.00")
    nora.sees("Waiting for the payment provider…")
    assert nora.subscription.tier == "trial"
    vendor.webhooks(mode="auto")
    vendor.deliver()
    nora.sees("You are on Pro now")
    expect(page.locator("del", has_text="120")).to_be_visible()
    expect(page.locator("#sidebar")).to_contain_text("Pro plan")

    # Teams with two seats: amounts follow the number, and the Portal asks once more.
    nora.open_plan()
    nora.press("Upgrade to Teams")
    page.get_by_label("Seats").fill("2")
    nora.sees("$73 a month")
    expect(page.get_by_role("dialog")).to_contain_text("Today")
    nora.press("Continue to payment")
    assert page.url.startswith(vendor.url)
    page.get_by_role("button", name="Confirm").click()
    nora.sees("You are on Teams now")
    assert nora.subscription.seats == 2

    # The second seat is Omar's: his invitation, a link good once.
    page.get_by_role("link", name="Invite members").click()
    page.get_by_role("link", name="Invite people").click()
    page.get_by_label("E-mail addresses").fill(f"omar-{nora.email}")
    nora.press("Send invitations")
    link = page.locator(".secretbox code").inner_text()
    omar = Customer(browser.new_page(), shop, vendor, email=f"omar-{nora.email}")
    omar.join(link)
    nora.sees("1 of 2 seats")
    page.reload()
    nora.sees("2 of 2 seats")

    # A renewal that the card refuses: late, and said on every page.
    vendor.give_card(StripeAccount.objects.get(workspace=nora.subscription.workspace_id).customer_id, FAILS_LATER)
    nora.a_month_passes()
    page.goto(f"{shop.url}/app/settings")
    nora.sees("The last payment failed.")
    nora.open_plan()
    nora.sees("Payment late", "Everything works until")

    # Another card pays at once.
    nora.press("Update card")
    nora.pay(GOOD)
    nora.press("Use this card")
    nora.returns()
    until(lambda: nora.subscription.status == "active")
    nora.open_plan()
    expect(page.get_by_text("Payment late")).to_have_count(0)

    # Down to Pro at the period's end, taken back once, then meant.
    for _ in range(2):
        page.get_by_role("button", name=re.compile("Move to Pro on")).click()
        nora.sees("questions and 1,000,000 tokens a month instead of")
        nora.press("Move to Pro")
        nora.sees("Until then everything stays as it is.")
        if _ == 0:
            nora.press("Keep current plan")
            nora.sees("Teams", "The plan stays as it is.")
    nora.a_month_passes()
    nora.open_plan()
    expect(page.locator(".plan.mine")).to_contain_text("Pro")

    # The end: nothing works but what leads back, and what was read is kept for a while.
    nora.press("Cancel subscription")
    nora.sees("and erased after that")
    page.get_by_role("dialog").get_by_role("button", name="Cancel subscription").click()
    nora.sees("Keep current plan")
    nora.a_month_passes()
    nora.open_plan()
    nora.sees("Ended", "Choose Pro")
    assert page.goto(f"{shop.url}/app/settings").status == 200  # type: ignore[union-attr]  # it answered
    assert page.goto(f"{shop.url}/app/ask").status == 402  # type: ignore[union-attr]
    assert [words for words in nora.complaints if "402" not in words] == []
