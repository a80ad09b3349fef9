"""A workspace is taken along, deleted, kept, deleted again and erased, in a browser."""

import zipfile

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, expect

from accounts import schemas, tenancy
from accounts.models import Mail, Workspace
from agent import deletion
from agent.models import Conversation
from tests.browser import CHROMIUM
from tests.devkit.machine import eventually
from tests.e2e.test_pages import listen, opened
from tests.people import sign_up
from tests.stack import Stack
from tests.threads import elsewhere


def certificate_of(address: str) -> str:
    mail = Mail.objects.filter(to=address, key__startswith="certificate:").first()
    lines = mail.text.splitlines() if mail else []
    return next((line[line.index("/app/erasures/") :] for line in lines if "/app/erasures/" in line), "")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_export_ask_for_deletion_take_it_back_ask_again_and_read_the_certificate(
    browser: Browser, stack: Stack
) -> None:
    schemas.fill(4)
    alice = sign_up("Alice")
    with tenancy.within(alice.workspace):
        Conversation.objects.create(owner_id=alice.user.pk, title="When do we ship?")

    with opened(browser, stack, alice) as page:
        said = listen(page, stack)
        page.goto(f"{stack.url}/app/settings#data")
        page.get_by_label("Type Alice's company to confirm").fill("Alice's company")
        page.get_by_role("button", name="Delete the workspace").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Alice's company will be erased on")

        page.goto(f"{stack.url}/app/tasks")
        page.wait_for_url("**/app/closing")
        page.get_by_role("button", name="Export", exact=True).click()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download").click()
        with zipfile.ZipFile(download.value.path()) as file:
            assert any("when-do-we-ship" in name for name in file.namelist())

        page.get_by_role("button", name="Keep the workspace").click()
        expect(page.get_by_text("Everything is as it was.")).to_be_visible()

        page.goto(f"{stack.url}/app/settings#data")
        page.get_by_label("Type Alice's company to confirm").fill("Alice's company")
        page.get_by_role("button", name="Delete the workspace").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Alice's company will be erased on")
        Workspace.objects.filter(pk=alice.workspace.pk).update(erases_at=timezone.now())
        elsewhere(lambda: deletion.sweep(now=timezone.now()))
        eventually(lambda: certificate_of(alice.email))

        page.goto(f"{stack.url}{certificate_of(alice.email)}")
        expect(page.get_by_role("heading", level=1)).to_have_text("Certificate of erasure")
        expect(page.get_by_text(str(alice.workspace.pk))).to_be_visible()
        numbers = page.locator("dl.pairs dd.num").all_inner_texts()
        assert len(numbers) > 10
        assert all(number.endswith("→ 0") for number in numbers)
        assert any(not number.startswith("0 ") for number in numbers)

        # The account is there, with an empty workspace.
        page.goto(f"{stack.url}/app/plan")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert said == []
