"""Signing in with a password, for programs: the same checks and limits as the sign-in page, which is allauth's."""

import ipaddress
import math
import time

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.core import ratelimit
from allauth.core.internal import ratelimit as kept
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts import tenancy
from accounts.models import Membership, User
from accounts.roles import MAY, Action
from accounts.second_factor import CodeForm, has_second_factor
from config.errors import AppError, InvalidField

# Those of one address are counted one after the other. Who gets no turn is refused like one too many, which on a busy
# machine eight who signed up at once were after allauth's own second. Now they wait as long as a killed process blocks.
kept.CACHE_LOCK_WAIT_TIMEOUT = kept.CACHE_LOCK_TIMEOUT

UNITS = ((3600, "hours"), (60, "minutes"), (1, "seconds"))


class InvalidCredentials(AppError):
    """The same words for an unknown address, a wrong password and a closed account."""

    code = "invalid-credentials"
    status = 401


class EmailUnverified(AppError):
    code = "email-unverified"
    status = 401


class CodeRequired(AppError):
    """Said only to who knows the password."""

    code = "totp-required"
    status = 401


class RateLimited(AppError):
    code = "rate-limited"
    status = 429


def _limited(words: str, request: HttpRequest, action: str, key: str | None = None) -> RateLimited:
    seconds = _wait(request, action, key)
    size, name = next(unit for unit in UNITS if seconds >= 2 * unit[0] or unit[0] == 1)
    return RateLimited(f"{words} Try again in {math.ceil(seconds / size)} {name}.", retry_after=seconds)


def _wait(request: HttpRequest, action: str, key: str | None) -> int:
    """Seconds until every limit lets one in again: each looks back over its own span, at so many attempts."""
    app, now, waits = "allauth.account", time.time(), [2.0]
    for rate in kept.get_rates(app=app, action=action):
        # The newest first.
        attempts = cache.get(kept.get_cache_key(request, app=app, action=action, rate=rate, key=key), [])
        if len(attempts) >= rate.amount:
            waits.append(attempts[rate.amount - 1] + rate.duration - now)
    return math.ceil(max(waits))


def sign_in(request: HttpRequest, *, email: str, password: str, code: str = "") -> Membership:
    """The membership to work in: where the user was last. `code`: of the second factor, for those who have one."""
    user = _authenticated(request, email=email.strip().lower(), password=password)
    if not isinstance(user, User) or not user.is_active:
        raise InvalidCredentials("The e-mail address or the password is not right.")
    if settings.EMAIL_VERIFICATION_REQUIRED and not is_verified(user):
        send_verification(request, email=user.email, user=user)
        raise EmailUnverified("Confirm your e-mail address first. The message with the link has been sent again.")
    if has_second_factor(user):
        check_code(request, user, code)
    tenancy.check_stays(user)
    home = tenancy.home(user)
    if home is None:
        raise InvalidCredentials("The e-mail address or the password is not right.")
    membership = tenancy.member(
        user_id=user.pk, workspace_id=home.workspace_id, while_closing=MAY[Action.DELETE_WORKSPACE]
    )
    # The password may have been changed since it was looked at; tokens get the number compared here.
    if membership.user.token_version != user.token_version:
        raise InvalidCredentials("The e-mail address or the password is not right.")
    return membership


def _authenticated(request: HttpRequest, *, email: str, password: str) -> object:
    """Nobody for a wrong password. Raises RateLimited."""
    adapter = get_adapter(request)
    try:
        return adapter.authenticate(request, email=email, password=password)
    except ValidationError as error:
        key = adapter._get_login_attempts_cache_key(request, email=email)
        raise _limited("Too many failed attempts.", request, "login_failed", key) from error


def confirm(request: HttpRequest, user: User, *, password: str, code: str) -> None:
    """That it is this person who asks, by what signs them in. Raises InvalidField, CodeRequired or RateLimited."""
    if _authenticated(request, email=user.email, password=password) != user:
        raise InvalidField("The password is not right.", pointer="/password")
    if has_second_factor(user):
        check_code(request, user, code)


def check_code(request: HttpRequest, user: User, code: str) -> None:
    """With the limits of the sign-in page and its memory of used codes. Raises CodeRequired or RateLimited."""
    form = CodeForm(user=user, data={"code": code})
    if form.is_valid():
        form.authenticator.record_usage()
    elif form.has_error("code", "too_many_login_attempts"):
        raise _limited("Too many failed attempts.", request, "login_failed", f"mfa-auth-user-{user.pk}")
    elif form.has_error("code", "required"):
        raise CodeRequired("Send the code of your authenticator app, or a recovery code, as `totp`.")
    else:
        raise CodeRequired("The code is not right, or it was used already.")


def is_verified(user: User) -> bool:
    return bool(EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists())


def check_sign_up_rate(request: HttpRequest) -> None:
    if not ratelimit.consume(request, action="signup"):
        raise _limited("Too many sign-ups from this address.", request, "signup")
    check_sign_up_network(request)


def check_sign_up_network(request: HttpRequest) -> None:
    """Few trials a day for each network, however many addresses it has. Raises RateLimited."""
    address = ipaddress.ip_address(get_adapter(request).get_client_ip(request))
    prefix = 24 if address.version == 4 else 64
    network = ipaddress.ip_network((address, prefix), strict=False)
    if not ratelimit.consume(request, action="signup_network", key=str(network)):
        raise _limited("Too many sign-ups from this network.", request, "signup_network", str(network))


def send_verification(request: HttpRequest, *, email: str, user: User | None) -> None:
    """Without a user, the message says that there is an account already: nobody else learns it."""
    address = EmailAddress.objects.filter(user=user, email=email).first() if user else EmailAddress(email=email)
    if address is not None:
        send_verification_email_to_address(request, address, signup=True)
