"""All pages in all their states: well-formed, nothing the security policy forbids, usable by everybody."""

import re
from html.parser import HTMLParser

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import CHROMIUM, faults_in_each_look, spill
from tests.pages.gallery import ROOT, Gallery
from tests.pages.states import pages

NAMES = sorted(pages())
# With the states that `tests/e2e` does not bring about.
RICHEST = [
    "login-wrong",
    "overview",
    "thread",
    "thread-proposals",
    "proposal-edit",
    "thread-trouble",
    "plan-confirm",
    "plan-cancel",
    "plan-late",
    "plan-bought",
    "keys-new-wrong",
    "closing-export",
    "account-delete-wrong",
    "account-closing",
    "certificate",
]
# Refusals and errors have a template each, beside the frames that all pages stand in.
ERRORS = {path.name for path in (ROOT / "templates").glob("*.html")} - {"bare.html", "base.html", "shell.html"}
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}

# An amount stands on one line.
BROKEN_AMOUNTS = """[...document.querySelectorAll('.pairs .num')].filter(each => {
    const range = new Range(); range.selectNodeContents(each); return range.getClientRects().length > 1;
}).map(each => each.textContent)"""

TOPS_OF_ROWS = """[...document.querySelectorAll('.plan dl')].map(list =>
    [...list.children].map(row => Math.round(row.getBoundingClientRect().top)))"""

with_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


class Reader(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.headings: list[str] = []
        self.forms: list[tuple[str, set[str]]] = []
        self.feed(text)
        self.faults += [f"<{tag}> is never closed" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self.open.append(tag)
        self.faults += [f"<{tag} {name}>" for name in given if name == "style" or re.match(r"on|hx-on|hx-vals$", name)]
        self.faults += ["inline script"] * (tag == "script" and "src" not in given)
        self.faults += ["inline style"] * (tag == "style")
        self.ids += [given["id"]] if "id" in given else []
        self.headings += [tag] if re.fullmatch("h[1-6]", tag) else []
        if tag == "form":
            self.forms.append((given.get("method", "get"), set()))
        elif tag in ("input", "button") and self.forms:
            self.forms[-1][1].add(given.get("name", ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID and "svg" not in self.open:
            self.faults.append(f"<{tag}/>")

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> closes {self.open[-1:]} at {self.getpos()}")
        if tag in self.open:
            while self.open.pop() != tag:
                pass


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_well_formed_and_has_nothing_inline(shown: Gallery, name: str) -> None:
    page = Reader(shown.render(name))

    assert page.faults == []
    assert len(page.ids) == len(set(page.ids))
    assert page.headings.count("h1") == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_posting_form_carries_its_guards(shown: Gallery, name: str) -> None:
    text = shown.render(name)

    posting = [fields for method, fields in Reader(text).forms if method == "post"]

    assert all("csrfmiddlewaretoken" in fields for fields in posting)
    if 'id="sidebar"' in text:
        alone = 1 + ("/end-impersonation" in text)
        assert sum("workspace" not in fields for fields in posting) == alone, "signing out concerns no workspace"


@with_chromium
def test_pages_are_accessible_and_do_not_scroll_sideways(browser: Browser, site: str) -> None:
    page = new_page(browser, 1440)

    found = []
    for name in RICHEST:
        page.goto(f"{site}/{name}")
        found += faults_in_each_look(page)
    page.context.close()

    assert found == []


@with_chromium
def test_refusals_and_errors_are_accessible(browser: Browser, site: str) -> None:
    told = [(name, template) for name, (template, _) in pages().items() if template in ERRORS]
    page = new_page(browser, 1440)

    found = []
    for name, _ in told:
        page.goto(f"{site}/{name}")
        found += faults_in_each_look(page)
    page.context.close()

    assert found == []
    assert {template for _, template in told} == ERRORS


@with_chromium
def test_pages_fit_the_narrowest_phone(browser: Browser, site: str) -> None:
    page = new_page(browser, 320)

    found = []
    for name in ("overview", "members", "plan-confirm", "plan-seats", "plan-bought", "pricing"):
        page.goto(f"{site}/{name}")
        found += spill(page) + page.evaluate(BROKEN_AMOUNTS)
    page.context.close()

    assert found == []


@with_chromium
def test_the_rows_of_the_plans_line_up(browser: Browser, site: str) -> None:
    page = new_page(browser, 1440)

    tops = []
    for name in ("pricing", "plan-confirm"):
        page.goto(f"{site}/{name}")
        tops.append(page.evaluate(TOPS_OF_ROWS))
    page.context.close()

    for plans in tops:
        assert len(plans) == 4
        assert plans.count(plans[0]) == 4


@with_chromium
def test_the_sections_of_the_settings_are_a_select_on_a_phone(browser: Browser, site: str) -> None:
    phone, desk = (opened(browser, f"{site}/settings", width) for width in (390, 1440))
    pages = [phone.get_by_label("Section", exact=True), phone.locator(".settings > nav .links")]
    pages += [desk.get_by_label("Section", exact=True), desk.locator(".settings > nav .links")]
    seen = [each.is_visible() for each in pages]

    phone.get_by_label("Section", exact=True).select_option("Your data")
    phone.wait_for_url("**/settings#data")
    expect(phone.locator("#data")).to_be_in_viewport()
    phone.reload()
    expect(phone.get_by_label("Section", exact=True)).to_have_value("data")
    for page in (phone, desk):
        page.context.close()

    assert seen == [True, False, False, True]


@with_chromium
def test_what_is_wide_is_neither_squeezed_nor_out_of_sight_on_a_phone(browser: Browser, site: str) -> None:
    phone = opened(browser, f"{site}/sources", 390)
    kept_fresh = phone.locator(".figures .wide .note").first.bounding_box()
    phone.goto(f"{site}/task")
    before, after = (phone.locator(f"td[data-is={name}]").first.bounding_box() for name in ("Before", "After"))
    phone.context.close()

    assert kept_fresh is not None
    assert kept_fresh["width"] > 300
    assert [box["x"] + box["width"] <= 390 for box in (before, after) if box is not None] == [True, True]


@with_chromium
def test_keys_lead_to_the_box_and_to_pages(browser: Browser, site: str) -> None:
    page = opened(browser, f"{site}/overview", 1440)

    page.keyboard.press("/")
    focused = page.evaluate("document.activeElement.id")
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("u")
    page.wait_for_url("**/usage")
    page.context.close()

    assert focused == "prompt"


@with_chromium
def test_the_menu_of_a_phone_opens_and_closes(browser: Browser, site: str) -> None:
    page = opened(browser, f"{site}/overview", 390)

    page.get_by_role("button", name="Open menu").click()
    was_open = page.get_by_role("link", name="Usage").is_visible()
    page.keyboard.press("Escape")
    is_open = page.get_by_role("link", name="Usage").is_visible()
    page.context.close()

    assert was_open
    assert not is_open


@with_chromium
def test_choosing_follows_what_is_ticked(browser: Browser, site: str) -> None:
    page = opened(browser, f"{site}/choose", 1440)

    page.get_by_role("button", name="None", exact=True).click()
    is_disabled = page.get_by_role("button", name="Start sync").is_disabled()
    page.get_by_label("Launch plan").check()
    words = page.get_by_role("button", name="Start sync").inner_text()
    page.context.close()

    assert is_disabled
    assert words.replace("\u00a0", " ") == "Start sync of 1 source"


@with_chromium
def test_an_answer_appears_as_it_streams_and_nothing_twice(browser: Browser, site: str) -> None:
    page = opened(browser, f"{site}/thread", 1440)

    answer = page.locator("#run-r2")
    expect(answer.get_by_text("Finished paragraph")).to_be_visible()
    expect(answer.get_by_text("First form")).to_have_count(0)
    expect(answer.locator(".raw")).to_have_text("It is blocked.")
    expect(answer.get_by_role("status")).to_have_text("Writing")
    page.context.close()


@with_chromium
def test_a_finished_answer_replaces_the_stream(browser: Browser, site: str) -> None:
    page = opened(browser, f"{site}/thread-ending", 1440)

    expect(page.locator("#run-r1").get_by_text("Three of the 14 launch tasks are blocked")).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.context.close()


@with_chromium
def test_a_citation_lights_up_its_card(browser: Browser, site: str) -> None:
    page = opened(browser, f"{site}/thread", 1440)

    page.locator("#run-r1 a.cite").first.focus()

    expect(page.locator("#r1s1")).to_have_class("source on")
    page.context.close()


def opened(browser: Browser, url: str, width: int) -> Page:
    page = new_page(browser, width)
    page.goto(url)
    return page


def new_page(browser: Browser, width: int) -> Page:
    return browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce").new_page()


@with_chromium
def test_a_new_key_is_copied_and_the_button_says_so(browser: Browser, site: str) -> None:
    page = new_page(browser, 1440)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{site}/keys-made")

    page.get_by_role("button", name="Copy").click()

    expect(page.locator("[data-copy]")).to_have_text("Copied")
    expect(page.locator("#announcer")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#new-key").inner_text()
    page.context.close()
