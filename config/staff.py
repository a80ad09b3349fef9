"""The staff's administration at `/staff/`. Closed to everybody until staff sign in with a second factor."""

from collections.abc import Callable
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


class StaffSite(AdminSite):
    """Has no sign-in of its own: a password alone would pass the second factor by."""

    def has_permission(self, request: HttpRequest) -> bool:
        return False

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return closed(request)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        """Every page of the site is wrapped with this; the framework's own would ask for a password."""
        return closed


def closed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return render(request, "staff_closed.html", status=403)


site = StaffSite(name="staff")
