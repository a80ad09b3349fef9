from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from accounts import tenancy
from accounts.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Signing in through a page also opens the member's workspace."""

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        open_workspace(request, user)

    def populate_username(self, request: HttpRequest, user: User) -> None:
        """Members have an e-mail address and no user name."""

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """The form creates user, workspace and trial together, so there is nothing left to save."""
        return user


def open_workspace(request: HttpRequest, user: User) -> None:
    membership = tenancy.home(user, remembered=request.session.get("workspace"))
    if membership is not None:
        request.session["workspace"] = str(membership.workspace_id)
