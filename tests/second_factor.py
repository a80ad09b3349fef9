"""An authenticator app of the tests, and people who have one."""

import secrets
from dataclasses import dataclass

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth

from accounts.models import User
from accounts.second_factor import secrets_of
from tests.people import PASSWORD, Browser, Person


@dataclass
class App:
    secret: str

    def code(self, later: int = 0) -> str:
        """The one that is shown now, or some steps later. Each signs in once, so a test's second one is of the next."""
        now = list(auth.yield_hotp_counters_from_time())[1]
        return auth.format_hotp_value(auth.hotp_value(self.secret, now + later))


@dataclass
class Factor:
    app: App
    recovery_codes: list[str]


def with_factor(user: User) -> Factor:
    """As if the user had set it up on the page."""
    with secrets_of(user):
        app = App(auth.generate_totp_secret())
        auth.TOTP.activate(user, app.secret)
        return Factor(app, RecoveryCodes.activate(user).generate_codes())


def own_address() -> str:
    """So that the limits of one test are not those of the next."""
    return ".".join(["10", *(str(secrets.randbelow(256)) for _ in range(3))])


def browser_after_password(person: Person, *, password: str = PASSWORD) -> Browser:
    browser = Browser(REMOTE_ADDR=own_address())
    browser.workspace_id = str(person.workspace.pk)
    answer = browser.post("/accounts/login/", {"login": person.email, "password": password})
    assert answer.status_code == 302
    return browser


def signed_in(person: Person, code: str) -> Browser:
    """With the password and this code."""
    browser = browser_after_password(person)
    assert browser.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 302
    return browser


def reauthenticate(browser: Browser, code: str = "") -> None:
    """With the password, or with a code for who has a second factor."""
    way, sent = ("2fa/", {"code": code}) if code else ("", {"password": PASSWORD})
    answer = browser.post(f"/accounts/{way}reauthenticate/", sent)
    assert not answer["Location"].startswith("/accounts/")
