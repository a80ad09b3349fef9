from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View

from accounts import services, tenancy
from accounts.edge import MemberPage
from accounts.models import Connection, Membership


class ProfileForm(forms.Form):
    name = forms.CharField(label="Your name", max_length=120, required=False)


class WorkspaceForm(forms.Form):
    name = forms.CharField(label="Workspace name", max_length=120)


class Settings(MemberPage):
    open_when_expired = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        if request.POST.get("section") == "workspace":
            form: forms.Form = self._workspace_form(request.POST)
            if not form.is_valid():
                return self._page(request, workspace_form=form)
            services.rename_workspace(
                workspace=self.membership.workspace, name=form.cleaned_data["name"], by=self.membership
            )
        else:
            form = ProfileForm(request.POST)
            if not form.is_valid():
                return self._page(request, profile_form=form)
            services.rename_user(user=self.membership.user, name=form.cleaned_data["name"])
        messages.success(request, "Saved.")
        return redirect("settings")

    def _workspace_form(self, data: Any = None) -> WorkspaceForm:
        return WorkspaceForm(data, initial={"name": self.membership.workspace.name}, auto_id="workspace_%s")

    def _page(self, request: HttpRequest, **forms_shown: forms.Form) -> HttpResponse:
        member = self.membership
        context = {
            "section": "settings",
            "profile_form": ProfileForm(initial={"name": member.user.name}),
            "workspace_form": self._workspace_form() if member.may_manage else None,
            "connections": _connections(member),
            "second_factor_url": "",
            "has_second_factor": False,
        }
        return render(request, "accounts/settings.html", context | forms_shown, status=400 if forms_shown else 200)


def _connections(membership: Membership) -> list[dict[str, Any]]:
    """Ending one is offered where what was read through it can be counted: on the sources page."""
    return [
        {
            "id": connection.pk,
            "notion_workspace_name": connection.notion_workspace_name,
            "connected_at": connection.connected_at,
            "is_shared": connection.is_shared,
            "status": connection.status,
            "can_disconnect": False,
        }
        for connection in Connection.objects.readable_by(membership).order_by("connected_at")
    ]


class SetTheme(MemberPage):
    open_when_expired = True
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        services.choose_theme(user=self.membership.user, theme=request.POST.get("theme", ""))
        if request.headers.get("HX-Request"):
            return HttpResponse(status=204)
        return redirect(_here(request, request.headers.get("Referer", "")))


class SwitchWorkspace(View):
    """Not a MemberPage: the form names the workspace to go to, not the one it was opened in."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        if not tenancy.is_signed_in(request):
            return redirect("account_login")
        chosen = tenancy.member(user_id=request.user.pk, workspace_id=request.POST.get("workspace"))
        request.session["workspace"] = str(chosen.workspace_id)
        return redirect(_here(request, request.POST.get("next", ""), section=request.POST.get("section", "")))


SECTIONS = {"overview", "ask", "tasks", "sources", "usage", "members", "plan", "settings"}


def _here(request: HttpRequest, url: str, section: str = "") -> str:
    """A page of ours: another site's address is never followed."""
    if url and url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure()):
        return url
    try:
        return reverse(section if section in SECTIONS else "overview")
    except NoReverseMatch:
        return reverse("settings")
