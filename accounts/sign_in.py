"""Signing in with a password, for programs: the same checks and limits as the sign-in page, which is allauth's."""

import ipaddress

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.core import ratelimit
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts import tenancy
from accounts.models import Membership, User
from config.errors import AppError

RETRY = 60


class InvalidCredentials(AppError):
    """The same words for an unknown address, a wrong password and a closed account."""

    code = "invalid-credentials"
    status = 401


class EmailUnverified(AppError):
    code = "email-unverified"
    status = 401


class RateLimited(AppError):
    code = "rate-limited"
    status = 429


def sign_in(request: HttpRequest, *, email: str, password: str) -> Membership:
    """The membership to work in: where the user was last."""
    try:
        user: User | None = get_adapter(request).authenticate(request, email=email.strip().lower(), password=password)
    except ValidationError as error:
        raise RateLimited("Too many failed attempts. Try again in a few minutes.", retry_after=RETRY) from error
    if user is None or not user.is_active:
        raise InvalidCredentials("The e-mail address or the password is not right.")
    if settings.EMAIL_VERIFICATION_REQUIRED and not is_verified(user):
        send_verification(request, email=user.email, user=user)
        raise EmailUnverified("Confirm your e-mail address first. The message with the link has been sent again.")
    home = tenancy.home(user)
    if home is None:
        raise InvalidCredentials("The e-mail address or the password is not right.")
    membership = tenancy.member(user_id=user.pk, workspace_id=home.workspace_id)
    # The password may have been changed since it was looked at; tokens get the number compared here.
    if membership.user.token_version != user.token_version:
        raise InvalidCredentials("The e-mail address or the password is not right.")
    return membership


def is_verified(user: User) -> bool:
    return bool(EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists())


def check_sign_up_rate(request: HttpRequest) -> None:
    if not ratelimit.consume(request, action="signup"):
        raise RateLimited("Too many sign-ups from this address. Try again in a minute.", retry_after=RETRY)
    check_sign_up_network(request)


def check_sign_up_network(request: HttpRequest) -> None:
    """Few trials a day for each network, however many addresses it has. Raises RateLimited."""
    address = ipaddress.ip_address(get_adapter(request).get_client_ip(request))
    prefix = 24 if address.version == 4 else 64
    network = ipaddress.ip_network((address, prefix), strict=False)
    if not ratelimit.consume(request, action="signup_network", key=str(network)):
        raise RateLimited("Too many sign-ups from this network today. Try again tomorrow.", retry_after=24 * 60 * RETRY)


def send_verification(request: HttpRequest, *, email: str, user: User | None) -> None:
    """Without a user, the message says that there is an account already: nobody else learns it."""
    address = EmailAddress.objects.filter(user=user, email=email).first() if user else EmailAddress(email=email)
    if address is not None:
        send_verification_email_to_address(request, address, signup=True)
