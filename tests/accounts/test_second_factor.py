"""Signing in through pages with a second factor: setting it up, codes that work once, and switching it off."""

import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from urllib.parse import unquote

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, connections

from accounts import sealed, tenancy
from accounts.models import Mail
from tests.people import PASSWORD, Browser, Person
from tests.second_factor import App, browser_after_password, own_address, reauthenticate, signed_in, with_factor

SET_UP = "/accounts/2fa/totp/activate/"
SWITCH_OFF = "/accounts/2fa/totp/deactivate/"
CODES = "/accounts/2fa/recovery-codes/"
ASKED = "/accounts/2fa/authenticate/"


def text(browser: Browser, path: str) -> str:
    return unescape(browser.get(path).content.decode())


def key_shown(page: str) -> str:
    found = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert found
    return found[1]


@pytest.fixture
def web(alice: Person) -> Browser:
    """Alice signed in with her password, which she has just said again."""
    browser = browser_after_password(alice)
    reauthenticate(browser)
    return browser


def is_signed_in(browser: Browser) -> bool:
    return browser.get("/app/settings").status_code == 200


def test_a_factor_is_set_up_with_a_code_and_shows_its_recovery_codes_once(alice: Person, web: Browser) -> None:
    assert "Set up" in text(web, "/app/settings")
    page = web.get(SET_UP)
    app = App(key_shown(page.content.decode()))

    answer = web.post(SET_UP, {"code": app.code()})
    first, again = web.get(answer["Location"]), text(web, CODES)

    shown = re.findall(r"<li><code>(\d{8})</code>", first.content.decode())
    download = re.search(r'href="data:text/plain;charset=utf-8,([^"]*)" download', first.content.decode())
    assert len(shown) == 10
    assert download
    assert unquote(download[1]).split() == shown
    assert "10 of 10 are not used yet." in again
    assert not re.search(r"\d{8}", again.replace(str(alice.workspace.pk), ""))
    assert "Switch off" in text(web, "/app/settings")
    for each in (page, first):
        assert "no-store" in each["Cache-Control"]
    assert signed_in(alice, app.code(1)).get("/app/settings").status_code == 200


def test_a_wrong_code_sets_nothing_up_and_keeps_the_key(alice: Person, web: Browser) -> None:
    key = key_shown(text(web, SET_UP))

    page = unescape(web.post(SET_UP, {"code": "000000"}).content.decode())

    assert "Incorrect code." in page
    assert key_shown(page) == key
    assert not Authenticator.objects.filter(user=alice.user).exists()


def test_the_qr_code_is_an_image_that_the_policy_allows(web: Browser) -> None:
    page = web.get(SET_UP)

    assert '<img class="qr" src="data:image/svg+xml;base64,' in page.content.decode()
    assert "img-src 'self' data:" in page["Content-Security-Policy"]


@pytest.mark.parametrize("path", [SET_UP, SWITCH_OFF, CODES, CODES + "generate/"])
def test_a_factor_is_changed_only_by_who_has_just_said_the_password(alice: Person, path: str) -> None:
    if path != SET_UP:
        with_factor(alice.user)

    for answer in (alice.web.get(path), alice.web.post(path, {"code": "x"})):
        assert answer.status_code in {302, 405}
        assert answer.status_code == 405 or re.match("/accounts/(2fa/)?reauthenticate/", answer["Location"])


def test_setting_up_ends_the_tokens_that_a_password_alone_gave(alice: Person, web: Browser) -> None:
    before = alice.api.get("/user/config").status_code
    app = App(key_shown(text(web, SET_UP)))

    web.post(SET_UP, {"code": app.code()})

    assert (before, alice.api.get("/user/config").status_code) == (200, 401)


def test_the_password_alone_signs_nobody_in(alice: Person) -> None:
    factor = with_factor(alice.user)
    browser = browser_after_password(alice)

    before = is_signed_in(browser)
    page = text(browser, ASKED)
    browser.post(ASKED, {"code": factor.app.code()})

    assert (before, is_signed_in(browser)) == (False, True)
    assert "authenticator app" in page
    assert browser.session["workspace"] == str(alice.workspace.pk)


def test_who_said_no_password_is_not_asked_for_a_code(alice: Person) -> None:
    with_factor(alice.user)

    assert Browser().get(ASKED)["Location"] == "/accounts/login/"


def test_a_wrong_password_is_answered_alike_with_and_without_a_factor(alice: Person, charlie: Person) -> None:
    with_factor(alice.user)

    pages = []
    for person in (alice, charlie):
        browser = Browser(REMOTE_ADDR=own_address())
        answer = browser.post("/accounts/login/", {"login": person.email, "password": "not this one"})
        page = re.sub(r"\w{64}", "the form's token", answer.content.decode())
        pages.append((answer.status_code, page.replace(person.email, "").replace(str(person.workspace.pk), "")))

    assert pages[0] == pages[1]


def test_a_code_signs_in_once(alice: Person) -> None:
    code = with_factor(alice.user).app.code()
    signed_in(alice, code)
    browser = browser_after_password(alice)

    page = unescape(browser.post(ASKED, {"code": code}).content.decode())

    assert "Incorrect code." in page
    assert not is_signed_in(browser)


def test_a_code_is_remembered_for_as_long_as_it_is_accepted(alice: Person) -> None:
    code = with_factor(alice.user).app.code()
    signed_in(alice, code)
    totp = Authenticator.objects.get(user=alice.user, type="totp").wrap()

    # Accepted in the step before its own, in its own and in the one after.
    left = cache._cache.get_client().pttl(cache.make_key(totp._get_used_cache_key(code)))

    assert left > 60_000


@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_of_four_browsers_with_one_code_one_is_signed_in(alice: Person, kind: str) -> None:
    factor = with_factor(alice.user)
    code = factor.app.code() if kind == "app" else factor.recovery_codes[0]
    browsers = [browser_after_password(alice) for _ in range(4)]

    def send(browser: Browser) -> None:
        try:
            browser.post(ASKED, {"code": code})
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, browsers))

    assert sum(map(is_signed_in, browsers)) == 1


def test_a_recovery_code_signs_in_once(alice: Person) -> None:
    code = with_factor(alice.user).recovery_codes[3]
    signed_in(alice, code)
    browser = browser_after_password(alice)

    browser.post(ASKED, {"code": code})

    assert not is_signed_in(browser)


def test_guessing_codes_is_limited_even_for_the_right_one(alice: Person) -> None:
    factor = with_factor(alice.user)
    browser = browser_after_password(alice)
    for _ in range(5):
        browser.post(ASKED, {"code": "000000"})

    page = unescape(browser.post(ASKED, {"code": factor.app.code()}).content.decode())

    assert "Too many failed login attempts." in page
    assert not is_signed_in(browser)


def test_new_recovery_codes_take_the_place_of_the_old_ones(alice: Person) -> None:
    factor = with_factor(alice.user)
    browser = signed_in(alice, factor.app.code())
    reauthenticate(browser, factor.recovery_codes[1])

    answer = browser.post(CODES + "generate/")
    new = re.findall(r"<li><code>(\d{8})</code>", text(browser, answer["Location"]))
    other = browser_after_password(alice)
    other.post(ASKED, {"code": factor.recovery_codes[0]})

    assert len(new) == 10
    assert not set(new) & set(factor.recovery_codes)
    assert not is_signed_in(other)
    assert is_signed_in(signed_in(alice, new[0]))


def test_after_switching_off_the_password_is_enough(alice: Person) -> None:
    factor = with_factor(alice.user)
    browser = signed_in(alice, factor.app.code())
    reauthenticate(browser, factor.recovery_codes[0])

    answer = browser.post(SWITCH_OFF)

    assert browser.get(answer["Location"])["Location"] == "/app/settings#security"
    assert "Set up" in text(browser, "/app/settings")
    assert not Authenticator.objects.filter(user=alice.user).exists()
    assert is_signed_in(browser_after_password(alice))


def test_secrets_are_sealed_also_while_they_wait_to_be_confirmed(alice: Person, web: Browser) -> None:
    key = key_shown(text(web, SET_UP))
    waiting = Session.objects.get(pk=web.session.session_key).get_decoded()
    web.post(SET_UP, {"code": App(key).code()})

    kept = [row.data.get("secret") or row.data["seed"] for row in Authenticator.objects.filter(user=alice.user)]
    assert key not in str(waiting)
    assert len(kept) == 2
    assert all(each.startswith(f"{sealed.VERSION}.") for each in kept)


def test_a_secret_moved_to_somebody_else_opens_nothing(alice: Person, charlie: Person) -> None:
    factor = with_factor(charlie.user)
    row = Authenticator.objects.get(user=charlie.user, type="totp")
    Authenticator.objects.create(user=alice.user, type="totp", data=row.data)
    browser = browser_after_password(alice)

    answer = browser.post(ASKED, {"code": factor.app.code()})

    assert "Your second factor cannot be read here." in unescape(answer.content.decode())
    assert not is_signed_in(browser)


def test_a_workspaces_role_cannot_read_factors(alice: Person) -> None:
    with (
        tenancy.within(alice.workspace),
        connection.cursor() as cursor,
        pytest.raises(ProgrammingError, match="permission denied"),
    ):
        cursor.execute("SELECT data FROM public.mfa_authenticator")


def test_only_pages_of_ours_are_routed(alice: Person) -> None:
    for path in ("recovery-codes/download/", "webauthn/", "webauthn/add/", "trust/"):
        assert alice.web.get(f"/accounts/2fa/{path}").status_code == 404


def test_a_new_password_by_mail_does_not_pass_the_factor_by(alice: Person) -> None:
    with_factor(alice.user)
    browser = Browser(REMOTE_ADDR=own_address())
    browser.post("/accounts/password/reset/", {"email": alice.email})
    mail = Mail.objects.get(to=alice.email, key__startswith="password_reset_key")
    link = re.search(r"/accounts/password/reset/key/\S+", mail.text)
    assert link
    form = browser.get(link[0])["Location"]

    new = "a longer and quite other phrase"
    answer = browser.post(form, {"password1": new, "password2": new})

    assert answer.status_code == 302
    assert not is_signed_in(browser)
    browser.post("/accounts/login/", {"login": alice.email, "password": new})
    assert not is_signed_in(browser)


def mails_about_it(person: Person) -> list[str]:
    return list(
        Mail.objects.filter(to=person.email, key__startswith="second-factor:").values_list("subject", flat=True)
    )


def test_other_browsers_are_signed_out_and_their_owner_is_told(alice: Person, web: Browser) -> None:
    before = [alice.web, browser_after_password(alice)]
    app = App(key_shown(text(web, SET_UP)))

    web.post(SET_UP, {"code": app.code()})

    assert [is_signed_in(browser) for browser in before] == [False, False]
    assert is_signed_in(web)
    assert mails_about_it(alice) == ["A second factor was set up"]


def test_who_has_a_factor_confirms_with_a_code_and_not_with_the_password(alice: Person) -> None:
    factor = with_factor(alice.user)
    browser = signed_in(alice, factor.app.code())

    refused = browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    before = browser.get(SWITCH_OFF)
    reauthenticate(browser, factor.app.code(1))

    assert refused["Location"].startswith("/accounts/2fa/reauthenticate/")
    assert before["Location"].startswith("/accounts/2fa/reauthenticate/")
    assert browser.get(SWITCH_OFF).status_code == 200


@pytest.mark.parametrize("sent", [{}, {"credential": "{}"}, {"code": ""}])
def test_a_form_without_a_code_is_shown_again(alice: Person, sent: dict[str, str]) -> None:
    with_factor(alice.user)

    assert browser_after_password(alice).post(ASKED, sent).status_code == 200


def test_of_four_set_ups_at_once_one_counts(alice: Person, web: Browser) -> None:
    code = App(key_shown(text(web, SET_UP))).code()

    def send(_: int) -> int:
        browser = Browser(REMOTE_ADDR=own_address())
        browser.workspace_id = web.workspace_id
        browser.cookies.update(web.cookies)
        try:
            return int(browser.post(SET_UP, {"code": code}).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(4)))

    assert set(answers) == {302}
    assert Authenticator.objects.filter(user=alice.user, type=Authenticator.Type.TOTP).count() == 1


def test_looking_for_the_codes_page_does_not_use_up_their_showing(alice: Person, web: Browser) -> None:
    app = App(key_shown(text(web, SET_UP)))
    web.post(SET_UP, {"code": app.code()})

    assert web.head(CODES).status_code == 405
    assert re.search(r"<li><code>\d{8}</code>", text(web, CODES))


def test_who_lost_everything_is_let_in_again(alice: Person) -> None:
    with_factor(alice.user)

    call_command("remove_second_factor", alice.email)

    assert is_signed_in(browser_after_password(alice))
    assert mails_about_it(alice) == ["Your second factor was removed"]
    with pytest.raises(CommandError, match="has no second factor"):
        call_command("remove_second_factor", alice.email)
