"""The second factor: codes of an authenticator app and recovery codes, asked for after the password at every door."""

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from allauth.core import context as current
from allauth.mfa import app_settings
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal import auth
from allauth.mfa.utils import decrypt, encrypt
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms import TextInput
from django.http import HttpRequest

from accounts import audit, mails, sealed, sessions
from accounts.models import AuditAction, User

log = logging.getLogger(__name__)

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


class SecondFactorAdapter(DefaultMFAAdapter):
    """Seals secrets for the user: in the row of another one they open nothing."""

    def encrypt(self, text: str) -> str:
        return sealed.seal(text, workspace_id=_whose(), place=PLACE)

    def decrypt(self, encrypted_text: str) -> str:
        return sealed.unseal(encrypted_text, workspace_id=_whose(), place=PLACE)


class CodeForm(AuthenticateForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget = _code_input()

    def clean_code(self) -> str:
        try:
            with secrets_of(self.user):
                return str(super().clean_code())
        except sealed.Unreadable as error:
            log.error("the second factor of %s cannot be opened: %s", self.user.pk, error)
            raise ValidationError("Your second factor cannot be read here. Ask whoever looks after this.") from error
        except ValidationError:
            audit.record_refused_sign_in(self.user.email)
            raise


class SetUpForm(ActivateTOTPForm):
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


def _mark_code_used(self: auth.TOTP, code: str) -> bool:
    """Remembered as long as the code is accepted. allauth itself forgets it after one step, whatever it tolerates."""
    steps = 1 + 2 * settings.MFA_TOTP_TOLERANCE
    return bool(cache.add(self._get_used_cache_key(code), "y", timeout=steps * app_settings.TOTP_PERIOD))


auth.TOTP._mark_code_used = _mark_code_used  # type: ignore[method-assign]  # allauth has no setting for it


def has_second_factor(user: User) -> bool:
    return bool(Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.TOTP).exists())


def remove(user: User) -> bool:
    """With its recovery codes, for who has lost both. Whether there was one."""
    with transaction.atomic(), audit.acting(audit.OPERATOR):
        removed, _ = Authenticator.objects.filter(user_id=user.pk).delete()
        if removed:
            audit.record_everywhere(AuditAction.SECOND_FACTOR_REMOVED, user)
            _tell(user, "Your second factor was removed", "Whoever looks after this installation removed it.")
    return bool(removed)


def begin(request: HttpRequest, user: User) -> None:
    """In the transaction that sets it up: sessions and tokens of before were given for a password alone. This session
    goes on."""
    sessions.end_others(request, user)
    audit.record_everywhere(AuditAction.SECOND_FACTOR_SET_UP, user, by=user)
    _tell(user, "A second factor was set up", "From now on a code is asked for after your password.")


def removed(user: User, authenticator: Authenticator, **_: Any) -> None:
    """In the transaction that removes it."""
    if authenticator.type == Authenticator.Type.TOTP:
        audit.record_everywhere(AuditAction.SECOND_FACTOR_REMOVED, user, by=user)
        _tell(user, "The second factor was switched off", "Your password alone signs you in again.")


def reset(user: User, **_: Any) -> None:
    _tell(user, "New recovery codes were made", "Those from before are not accepted any more.")


def _tell(user: User, title: str, words: str) -> None:
    mails.put(
        key=f"second-factor:{uuid.uuid4()}",
        to=user.email,
        template="letter",
        context={
            "title": title,
            "paragraphs": [words, "If this was not you, choose a new password and look at your settings."],
            "url": f"{settings.PUBLIC_URL}/app/settings",
            "action": "Open the settings",
        },
        user_id=user.pk,
    )
