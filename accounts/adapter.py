import ipaddress
import re
import uuid
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as current
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.sites.shortcuts import get_current_site
from django.db import transaction
from django.http import HttpRequest

from accounts import audit, mails, tenancy
from accounts.models import AuditAction, User

# What the button says that leads where a mail's link leads.
ACTIONS = {
    "account/email/password_reset_key": "Choose a new password",
    "account/email/account_already_exists": "Choose a new password",
    "account/email/email_confirmation": "Confirm this address",
    "account/email/email_confirmation_signup": "Confirm this address",
}
LINK = re.compile(r"https?://\S+")


class AccountAdapter(DefaultAccountAdapter):
    """Signing in through a page also opens the member's workspace."""

    def get_client_ip(self, request: HttpRequest) -> str:
        """A proxy that listens on IPv6 alone may name an IPv4 client `::ffff:203.0.113.9`: all of them one network."""
        address = ipaddress.ip_address(super().get_client_ip(request))
        return str(getattr(address, "ipv4_mapped", None) or address)

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        assert isinstance(user, User)
        with transaction.atomic():
            super().login(request, user)
            open_workspace(request, user)
            audit.record_everywhere(AuditAction.SIGNED_IN, user, by=user)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """A wrong password where somebody signs in or confirms who they are; not in the form that changes it."""
        audit.record_refused_sign_in(str(credentials.get("email", "")))

    def get_reauthentication_methods(self, user: AbstractBaseUser | AnonymousUser) -> list[dict[str, Any]]:
        """Who has a second factor confirms with it: the password alone would be enough to switch it off."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        return [each for each in methods if each["id"] != "reauthenticate"] or methods

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Into the outbox: no request waits for a mail server, nor shows by waiting that an address is known."""
        site = get_current_site(current.request)
        given = {"request": current.request, "email": email, "current_site": site, **context}
        message = self.render_mail(template_prefix, email, given)
        paragraphs = [" ".join(each.split()) for each in str(message.body).split("\n\n")]
        user = context.get("user")
        mails.put(
            key=f"{template_prefix.rpartition('/')[2]}:{uuid.uuid4()}",
            to=email,
            template="letter",
            context={
                "title": message.subject,
                "paragraphs": [each for each in paragraphs if each and not LINK.fullmatch(each)],
                "url": next((each for each in paragraphs if LINK.fullmatch(each)), ""),
                "action": ACTIONS.get(template_prefix, "Open"),
            },
            user_id=user.pk if isinstance(user, User) else None,
        )

    def populate_username(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        """Members have an e-mail address and no user name."""

    def save_user(
        self, request: HttpRequest, user: AbstractBaseUser, form: Any, commit: bool = True
    ) -> AbstractBaseUser:
        """The form creates user, workspace and trial together, so there is nothing left to save."""
        return user


def open_workspace(request: HttpRequest, user: User) -> None:
    membership = tenancy.home(user, remembered=request.session.get("workspace"))
    if membership is not None:
        request.session["workspace"] = str(membership.workspace_id)
