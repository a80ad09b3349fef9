"""The second factor: codes of an authenticator app and recovery codes, asked for after the password at every door."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from allauth.core import context as current
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal import auth
from allauth.mfa.utils import decrypt, encrypt
from django.conf import settings
from django.core.cache import cache
from django.forms import TextInput
from django.http import HttpRequest

from accounts import sealed
from accounts.models import User

# Where a row of allauth's keeps a secret, by its kind.
SECRETS = {Authenticator.Type.TOTP: "secret", Authenticator.Type.RECOVERY_CODES: "seed"}
PLACE = "mfa_authenticator.data"

_owner: ContextVar[object] = ContextVar("_owner", default=None)


@contextmanager
def secrets_of(user: User) -> Iterator[None]:
    """Before anybody is signed in, no request says whose secrets are opened."""
    before = _owner.set(user.pk)
    try:
        yield
    finally:
        _owner.reset(before)


def _whose() -> object:
    return _owner.get() or current.request.user.pk


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """Seals secrets for the user: in the row of another one they open nothing."""

    def encrypt(self, text: str) -> str:
        return sealed.seal(text, workspace_id=_whose(), place=PLACE)

    def decrypt(self, encrypted_text: str) -> str:
        return sealed.unseal(encrypted_text, workspace_id=_whose(), place=PLACE)


class CodeForm(AuthenticateForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget = _code_input()

    def clean_code(self) -> str:
        with secrets_of(self.user):
            return str(super().clean_code())


class SetUpForm(ActivateTOTPForm):  # type: ignore[misc]
    """Until it is confirmed the secret waits in the session, which is a row of the database like others: sealed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        session = current.request.session
        waiting = session.get(auth.SECRET_SESSION_KEY)
        super().__init__(*args, **kwargs)
        self.fields["code"].widget = _code_input()
        if self.is_bound and waiting:
            self.secret = decrypt(waiting)
        else:
            session[auth.SECRET_SESSION_KEY] = encrypt(self.secret)


def _code_input() -> TextInput:
    return TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"})


def _mark_code_used(totp: auth.TOTP, code: str) -> bool:
    """Remembered as long as the code is accepted. allauth itself forgets it after one step, whatever it tolerates."""
    steps = 1 + 2 * settings.MFA_TOTP_TOLERANCE
    return bool(cache.add(totp._get_used_cache_key(code), "y", timeout=steps * auth.app_settings.TOTP_PERIOD))


auth.TOTP._mark_code_used = _mark_code_used


def has_second_factor(user: User) -> bool:
    return bool(Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.TOTP).exists())


def end_tokens(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Those of before were given for a password alone."""
    if authenticator.type == Authenticator.Type.TOTP:
        user.end_all_tokens()
