"""A workspace is handed over in a browser."""

import pytest
from playwright.sync_api import Browser, expect

from accounts.models import Membership
from tests.browser import CHROMIUM
from tests.e2e.test_pages import listen, opened
from tests.people import join, put_on_plan, sign_up
from tests.stack import Stack


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_an_owner_makes_another_one_and_steps_down(browser: Browser, stack: Stack) -> None:
    alice = sign_up("Alice")
    put_on_plan(alice, "teams", seats=2)
    bob = join(alice, "Bob")

    with opened(browser, stack, alice) as page:
        said = listen(page, stack)
        page.goto(f"{stack.url}/app/members")
        page.get_by_label("Role of Bob").select_option("owner")
        page.get_by_role("button", name="Make owner").click()
        expect(page.get_by_label("Role of Bob")).to_have_value("owner")
        page.get_by_label("Role of Alice").select_option("admin")
        page.get_by_role("button", name="Step down").click()
        expect(page.get_by_text("The last owner stays.")).to_be_visible()
        expect(page.get_by_label("Role of Bob")).to_have_count(0)

    now = dict(Membership.objects.filter(workspace=alice.workspace).values_list("user_id", "role"))
    assert now == {alice.user.pk: "admin", bob.user.pk: "owner"}
    assert said == []
