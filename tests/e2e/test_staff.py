"""A second factor and the staff pages in a browser: set up, asked for, and what staff do with it."""

import re

import pytest
from django.core.management import call_command
from django.test import override_settings
from playwright.sync_api import Browser, Page, expect

from accounts.models import Connection, User
from billing.models import PlanRequest
from tests.billing.wishes import ask
from tests.browser import CHROMIUM, faults_in_each_look
from tests.e2e.test_pages import listen, opened
from tests.people import PASSWORD, Person, sign_up
from tests.second_factor import App, with_factor
from tests.stack import Stack
from tests.staff import at_work

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


def sign_in(page: Page, stack: Stack, person: Person) -> None:
    page.goto(f"{stack.url}/accounts/login/")
    page.get_by_label("E-mail").fill(person.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def confirm(page: Page) -> None:
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()


def test_a_factor_is_set_up_in_the_settings_and_asked_for_from_then_on(browser: Browser, stack: Stack) -> None:
    alice = sign_up("Alice")
    with opened(browser, stack, None) as page:
        said = listen(page, stack)
        sign_in(page, stack, alice)
        page.goto(f"{stack.url}/app/settings")
        page.get_by_role("link", name="Set up the second factor").click()
        faults = faults_in_each_look(page)
        confirm(page)
        app = App(page.locator("main code").inner_text())
        is_drawn = page.locator("img.qr").evaluate("image => image.complete && image.naturalWidth > 0")
        faults += faults_in_each_look(page)
        page.get_by_label("The six digits").fill(app.code())
        page.get_by_role("button", name="Switch on").click()
        codes = page.locator(".codes code").all_inner_texts()
        faults += faults_in_each_look(page)
        with page.expect_download() as download:
            page.get_by_role("link", name="Download").click()
        kept = download.value.path().read_text().split()
        page.context.clear_cookies()

        sign_in(page, stack, alice)
        faults += faults_in_each_look(page)
        page.get_by_label("Code").fill(codes[0])
        page.get_by_role("button", name="Sign in").click()
        page.goto(f"{stack.url}/app/settings")
        expect(page.get_by_role("link", name="Switch off the second factor")).to_be_visible()
        faults += faults_in_each_look(page)

    assert is_drawn
    assert kept == codes
    assert (faults, said) == ([], [])


def test_staff_look_search_and_answer(browser: Browser, stack: Stack) -> None:
    sam, alice, charlie = sign_up("Sam"), sign_up("Alice"), sign_up("Charlie")
    call_command("staff", sam.email)
    app = with_factor(sam.user).app
    with override_settings(IS_PRODUCTION=True):
        granted, refused = ask(alice, "plus"), ask(charlie, "plus")
    for person, status in ((alice, "reauthorize"), (charlie, "active")):
        Connection.objects.create(
            workspace=person.workspace, owner=person.user, kind="token", bot_id=person.email, status=status
        )
    with opened(browser, stack, None) as page:
        said = listen(page, stack)
        sign_in(page, stack, sam)
        page.get_by_label("Code").fill(app.code())
        page.get_by_role("button", name="Sign in").click()
        page.goto(f"{stack.url}/staff/")
        page.get_by_label("Code").fill(app.code(1))
        page.get_by_role("button", name="Confirm").click()

        page.get_by_role("link", name="Connections", exact=True).first.click()
        page.get_by_role("link", name="no access").click()
        expect(page.locator("#result_list")).to_contain_text(str(alice.workspace.pk))
        expect(page.locator("#result_list")).not_to_contain_text(str(charlie.workspace.pk))
        page.goto(f"{stack.url}/staff/accounts/connection/")
        page.locator("#searchbar").fill(str(charlie.workspace.pk))
        page.locator("#changelist-search").get_by_role("button").click()
        expect(page.locator("#result_list tbody tr")).to_have_count(1)

        page.goto(f"{stack.url}/staff/billing/planrequest/")
        answer(page, alice, "Approve")
        answer(page, charlie, "Refuse", why="Not yet.")
        page.get_by_role("button", name="Log out").click()
        page.get_by_role("button", name="Sign out").click()
        page.goto(f"{stack.url}/staff/")
        expect(page.locator("h1")).to_have_text("The staff pages are closed.")

    outcomes = PlanRequest.objects.in_bulk([granted.pk, refused.pk])
    assert (outcomes[granted.pk].outcome, outcomes[refused.pk].outcome) == ("approved", "refused")
    assert outcomes[refused.pk].decided_by == sam.email
    assert alice.subscription.tier == "plus"
    assert [words for words in said if not re.search(r"403 \(Forbidden\)", words)] == []


def test_a_banner_says_whose_pages_staff_see_until_they_end_it(browser: Browser, stack: Stack) -> None:
    sam, alice = at_work("Sam"), sign_up("Alice")
    with opened(browser, stack, sam) as page:
        said = listen(page, stack)
        page.goto(f"{stack.url}/staff/accounts/membership/?q={alice.workspace.pk}")
        page.get_by_role("link", name="See it as they see it").click()
        page.get_by_label("Reason").fill("They asked us to look")
        page.get_by_role("button", name="See it as they see it").click()
        banner = page.get_by_role("region", name="Staff", exact=True)
        faults, seen = [], []
        for path in ("/app", "/app/ask", "/app/tasks", "/app/settings", "/app/keys"):
            page.goto(f"{stack.url}{path}")
            seen.append(banner.inner_text())
            faults += faults_in_each_look(page)
        page.goto(f"{stack.url}/app/settings")
        page.get_by_label("Your name").fill("Changed")
        page.get_by_role("button", name="Save profile").click()
        expect(page.locator("h1")).to_have_text("This is closed to staff.")
        banner.get_by_role("button", name="End").click()
        page.wait_for_url("**/staff/accounts/membership/")
        page.goto(f"{stack.url}/app/settings")
        expect(page.get_by_label("Your name")).to_have_value("Sam")
        expect(banner).to_have_count(0)

    assert [each for each in seen if f"You see {alice.workspace.name} as {alice.email}" not in each] == []
    assert faults == []
    assert [words for words in said if "403 (Forbidden)" not in words] == []
    assert User.objects.get(pk=alice.user.pk).name == "Alice"


def answer(page: Page, person: Person, word: str, *, why: str = "") -> None:
    row = page.locator("#result_list tr", has_text=str(person.workspace.pk))
    row.locator("input.action-select").check()
    page.locator("select[name=action]").select_option(label=word)
    page.get_by_label("why, if refused").fill(why)
    page.get_by_role("button", name="Run").or_(page.get_by_role("button", name="Go")).click()
    expect(page.locator(".messagelist")).to_contain_text("answered.")
