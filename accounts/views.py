from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View

from accounts import audit, impersonation, services, sessions, tenancy, typed, zones
from accounts.edge import MemberPage
from accounts.models import AuditAction
from accounts.permissions import can_change_settings
from accounts.roles import EVERYBODY
from accounts.second_factor import has_second_factor
from accounts.zones import ZoneSelect
from config.errors import InvalidField
from config.staff import closed, site


class ProfileForm(forms.Form):
    name = forms.CharField(label="Your name", max_length=120, required=False)
    timezone = forms.CharField(
        label="Time zone", max_length=64, required=False, widget=ZoneSelect, help_text="Of times in pages and mails."
    )

    def clean_timezone(self) -> str:
        name: str = self.cleaned_data["timezone"]
        try:
            return name and zones.checked(name)
        except InvalidField as error:
            raise forms.ValidationError(error.detail) from error


class WorkspaceForm(forms.Form):
    name = forms.CharField(label="Workspace name", max_length=120)


class Settings(MemberPage):
    """Profile and workspace. What a connection has read is known above, so its part of the page is `agent`'s."""

    open_when_expired = True
    open_when_suspended = frozenset({"GET", "HEAD", "POST"})

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        section = request.POST.get("section")
        if section == "sessions":
            return self.end_sessions(request)
        if section not in {"profile", "workspace"}:
            raise InvalidField("There is no such section of the settings.", pointer="/section")
        if section == "workspace":
            form: forms.Form = self.workspace_form_of(request.POST)
            if not form.is_valid():
                return self._page(request, workspace_form=form)
            try:
                self.save_workspace(form)
            except InvalidField as error:
                form.add_error(error.field if error.field in form.fields else None, error.detail)
                return self._page(request, workspace_form=form)
        else:
            form = ProfileForm(request.POST)
            if not form.is_valid():
                return self._page(request, profile_form=form)
            services.change_profile(user=self.membership.user, **form.cleaned_data)
        messages.success(request, "Saved.")
        return redirect("settings")

    def end_sessions(self, request: HttpRequest) -> HttpResponse:
        user = self.membership.user
        if place := request.POST.get("place", ""):
            if not sessions.end(user, place):
                raise Http404
            messages.success(request, "That browser is signed out.")
        else:
            with transaction.atomic():
                sessions.end_others(request, user)
                audit.record_everywhere(AuditAction.SIGNED_OUT, user, by=user)
            messages.success(request, "Signed out everywhere else. Programs sign in again too.")
        return redirect(reverse("settings") + "#security")

    def workspace_form_of(self, data: Any = None) -> WorkspaceForm:
        return WorkspaceForm(data, initial={"name": self.membership.workspace.name}, auto_id="workspace_%s")

    def save_workspace(self, form: forms.Form) -> None:
        raise NotImplementedError  # with what the plan allows, which is known above

    def _page(self, request: HttpRequest, **forms_shown: forms.Form) -> HttpResponse:
        member = self.membership
        context = {
            "section": "settings",
            "profile_form": ProfileForm(initial={"name": member.user.name, "timezone": member.user.timezone}),
            "workspace_form": self.workspace_form_of() if can_change_settings(member) else None,
            "has_second_factor": has_second_factor(member.user),
            "places": [] if tenancy.impersonation_of(request) else sessions.places(request, member.user),
        }
        context |= self.more()
        if not context["can_change"]:
            context["workspace_form"] = None
        return render(request, "accounts/settings.html", context | forms_shown, status=400 if forms_shown else 200)

    def more(self) -> dict[str, Any]:
        return {"connections": [], "can_change": True}


class SetTheme(MemberPage):
    open_when_expired = True
    open_when_suspended = frozenset({"POST"})
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        services.choose_theme(user=self.membership.user, theme=request.POST.get("theme", ""))
        if request.headers.get("HX-Request"):
            return HttpResponse(status=204)
        return redirect(_here(request, request.headers.get("Referer", "")))


class DismissBanner(MemberPage):
    """Until what it says is another thing."""

    open_when_expired = True
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        request.session["dismissed"] = request.POST.get("banner", "")[:80]
        return redirect(_here(request, request.headers.get("Referer", "")))


class SwitchWorkspace(View):
    """Not a MemberPage: the form names the workspace to go to, not the one it was opened in."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        if not tenancy.is_signed_in(request):
            return redirect("account_login")
        try:
            chosen = tenancy.member(
                user_id=request.user.pk, workspace_id=request.POST.get("workspace"), while_closing=EVERYBODY
            )
        except tenancy.NotAMember as error:
            raise Http404 from error
        request.session["workspace"] = str(chosen.workspace_id)
        there = _here(request, request.POST.get("next", ""), section=request.POST.get("section", ""))
        if text := request.POST.get("prompt", ""):
            typed.keep(request, text, path=there)
        return redirect(there)


class EndImpersonation(View):
    """Of our staff alone; it may be over already."""

    http_method_names = ["post"]

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return closed(request) if not site.has_permission(request) else super().http_method_not_allowed(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        user, is_looking = tenancy.signed_in(request), request.session.pop(impersonation.KEY, None) is not None
        if user is None or not (is_looking or site.has_permission(request)):
            return closed(request)
        impersonation.end_all(by=user, now=timezone.now())
        return redirect("staff:accounts_membership_changelist")


SECTIONS = {"overview", "ask", "tasks", "sources", "usage", "members", "plan", "settings"}


def _here(request: HttpRequest, url: str, section: str = "") -> str:
    """A page of ours: another site's address is never followed."""
    if url and url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure()):
        return url
    try:
        return reverse(section if section in SECTIONS else "overview")
    except NoReverseMatch:
        return reverse("settings")
