"""The staff's administration at `/staff/`: open to staff who used a second factor and lately confirmed it."""

from collections.abc import Callable
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.contrib.admin import AdminSite
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse


def is_staff(request: HttpRequest) -> bool:
    return bool(request.user.is_active and getattr(request.user, "is_staff", False))


def has_factor(request: HttpRequest) -> bool:
    user = request.user
    return isinstance(user, AbstractBaseUser) and bool(is_mfa_enabled(user, [Authenticator.Type.TOTP]))


def used_factor(request: HttpRequest) -> bool:
    """In this session, at its beginning or since."""
    user = request.user if isinstance(request.user, AbstractBaseUser) else None
    return any(each["method"] == "mfa" for each in get_authentication_records(request, user))


class StaffSite(AdminSite):
    """Has no sign-in of its own: a password alone would pass the second factor by."""

    site_header = site_title = "Docent staff"
    index_title = "What staff look after"

    def has_permission(self, request: HttpRequest) -> bool:
        return is_staff(request) and used_factor(request) and has_factor(request)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        """Every page of the site is wrapped with this; the framework's own would ask for a password."""
        opened = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if not self.has_permission(request):
                return closed(request)
            if not did_recently_reauthenticate(request):
                return redirect_to_login(request.get_full_path(), reverse("mfa_reauthenticate"))
            return opened(request, *args, **kwargs)

        return guarded

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return closed(request)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return redirect("account_logout")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return redirect("account_change_password")

    def password_change_done(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return redirect("account_change_password")


def closed(request: HttpRequest) -> HttpResponse:
    """Only staff are told what is missing."""
    missing = ("code" if has_factor(request) else "factor") if is_staff(request) else ""
    return render(request, "staff_closed.html", {"missing": missing}, status=403)


site = StaffSite(name="staff")
