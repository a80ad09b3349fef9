"""A customer's whole time, in a browser: trial, Pro, Teams, a card that fails, another card, down, and the end."""

import re
import secrets

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from billing.models import StripeAccount, StripeEvent, Subscription
from devkit.stripe.process import StripeProcess
from tests.billing.stripe import FAILS_LATER, GOOD
from tests.browser import CHROMIUM
from tests.devkit.machine import eventually
from tests.people import PASSWORD
from tests.stack import Stack

MONTH = 32 * 86_400


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
            expect(self.page.get_by_text(each).first).to_be_visible()

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

    def type_card(self, card: str) -> None:
        assert self.page.url.startswith(self.vendor.url)
        self.page.get_by_label("Card number").fill(card)

    def status(self, path: str) -> int:
        answer = self.page.goto(f"{self.shop.url}/app/{path}")
        assert answer is not None
        return answer.status

    def a_month_passes(self) -> None:
        self.vendor.advance(MONTH)
        assert self.vendor.drain(60)
        eventually(lambda: not StripeEvent.objects.filter(processed_at=None).exists())

    @property
    def subscription(self) -> Subscription:
        return Subscription.objects.get(workspace__memberships__user__email=self.email)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_customer_buys_grows_fails_to_pay_recovers_and_leaves(
    browser: Browser, page: Page, stack: Stack, vendor: StripeProcess
) -> None:
    nora = Customer(page, stack, vendor, email=f"nora-{secrets.token_hex(4)}@example.com")
    omar = Customer(browser.new_page(), stack, vendor, email=f"omar-{nora.email}")

    nora.sign_up()
    nora.sees("Your trial ends on")
    buy_pro(nora)
    grow_to_teams(nora)
    invite(nora, omar)
    fail_to_pay(nora)
    pay_with_another_card(nora)
    go_down_to_pro(nora)
    leave(nora)

    assert [words for words in nora.complaints + omar.complaints if "402" not in words] == []


def buy_pro(nora: Customer) -> None:
    """By Checkout. Whoever comes back has the plan though the events are held back, and keeps it when they come."""
    nora.open_plan()
    nora.press("Choose Pro")
    nora.sees("Nothing is charged before you confirm it there.", "$10 a month")
    nora.press("Continue to payment")
    nora.vendor.webhooks(mode="held")
    nora.type_card(GOOD)
    nora.press("Subscribe for $10.00")
    nora.sees("You are on Pro now")
    assert nora.subscription.tier == "pro"

    nora.vendor.webhooks(mode="auto")
    nora.vendor.deliver()

    expect(nora.page.locator("del", has_text="120")).to_be_visible()
    expect(nora.page.locator("#sidebar")).to_contain_text("Pro plan")


def grow_to_teams(nora: Customer) -> None:
    """With two seats: the amounts follow the number, and the Portal asks once more."""
    nora.open_plan()
    nora.press("Upgrade to Teams")
    nora.page.get_by_label("Seats").fill("2")
    nora.sees("$73 a month")
    nora.press("Continue to payment")
    nora.press("Confirm")

    nora.sees("You are on Teams now")
    assert nora.subscription.seats == 2


def invite(nora: Customer, omar: Customer) -> None:
    nora.page.get_by_role("link", name="Invite members").click()
    nora.page.get_by_role("link", name="Invite people").click()
    nora.page.get_by_label("E-mail addresses").fill(omar.email)
    nora.press("Send invitations")
    omar.join(nora.page.locator(".secretbox code").inner_text())

    nora.page.goto(f"{nora.shop.url}/app/members")
    nora.sees("2 of 2 seats")


def fail_to_pay(nora: Customer) -> None:
    """At the renewal; every page says so."""
    customer = StripeAccount.objects.get(workspace=nora.subscription.workspace_id).customer_id
    nora.vendor.give_card(customer, FAILS_LATER)
    nora.a_month_passes()

    nora.page.goto(f"{nora.shop.url}/app/settings")
    nora.sees("The last payment failed.")
    nora.open_plan()
    nora.sees("Payment late", "Everything works until")


def pay_with_another_card(nora: Customer) -> None:
    nora.press("Update card")
    nora.type_card(GOOD)
    nora.press("Use this card")
    nora.page.get_by_role("link", name="Back").click()

    eventually(lambda: nora.subscription.status == "active")
    nora.open_plan()
    expect(nora.page.get_by_text("Payment late")).to_have_count(0)


def go_down_to_pro(nora: Customer) -> None:
    """At the period's end; taken back once, then meant."""
    move_to_pro(nora)
    nora.press("Keep current plan")
    nora.sees("The plan stays as it is.")
    move_to_pro(nora)
    nora.a_month_passes()

    nora.open_plan()
    expect(nora.page.locator(".plan.mine")).to_contain_text("Pro")


def move_to_pro(nora: Customer) -> None:
    nora.page.get_by_role("button", name=re.compile("Move to Pro on")).click()
    nora.sees("Pro is for one person and 2 are here")
    nora.press("Move to Pro")
    nora.sees("The plan changes to Pro on")


def leave(nora: Customer) -> None:
    """Nothing works any more but what leads back, and what was read is kept for a while."""
    nora.press("Cancel subscription")
    nora.sees("and erased after that")
    nora.page.get_by_role("dialog").get_by_role("button", name="Cancel subscription").click()
    nora.sees("Keep current plan")
    nora.a_month_passes()

    nora.open_plan()
    nora.sees("Your subscription ended on", "Choose Pro")
    assert [nora.status(path) for path in ("settings", "plan", "ask", "tasks")] == [200, 200, 402, 402]
