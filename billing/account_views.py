from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.decorators.cache import never_cache

from accounts import sign_in, tenancy
from accounts.edge import MemberPage
from accounts.roles import EVERYBODY
from accounts.second_factor import has_second_factor
from accounts.zones import zone_of
from billing import account_deletion
from billing.moments import exactly
from config.errors import AppError, InvalidField


class ConfirmForm(forms.Form):
    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        max_length=1_000,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    code = forms.CharField(
        label=gettext_lazy("Code of your authenticator app, or a recovery code"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "spellcheck": "false"}),
    )

    def __init__(self, data: Any = None, *, asks_code: bool) -> None:
        super().__init__(data, auto_id="account_%s")
        if not asks_code:
            del self.fields["code"]


class DeleteAccount(MemberPage):
    """Whoever is signed in, in whatever workspace and whatever has become of that."""

    open_when_expired = True
    while_closing = EVERYBODY
    asks_for_payments = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(self._form())

    def post(self, request: HttpRequest) -> HttpResponse:
        form, user = self._form(request.POST), self.membership.user
        if form.is_valid():
            try:
                given = form.cleaned_data
                sign_in.confirm(request, user, password=given["password"], code=given.get("code", ""))
                account_deletion.close(user=user, now=timezone.now())
            except (InvalidField, sign_in.CodeRequired, sign_in.RateLimited, account_deletion.LastOwner) as error:
                form.add_error(FIELDS.get(type(error)), error.detail)
            else:
                logout(request)
                return redirect("account-deleted")
        return self._page(form, status=400)

    def _form(self, data: Any = None) -> ConfirmForm:
        return ConfirmForm(data, asks_code=has_second_factor(self.membership.user))

    def _page(self, form: ConfirmForm, *, status: int = 200) -> HttpResponse:
        user = self.membership.user
        context = {
            "form": form,
            "person": user,
            "gone": account_deletion.alone(user),
            "to_hand_over": account_deletion.to_hand_over(user),
            "shell": None,
        }
        return render(self.request, "accounts/delete_account.html", context, status=status)


FIELDS: dict[type[AppError], str] = {InvalidField: "password", sign_in.CodeRequired: "code"}


@method_decorator(never_cache, name="dispatch")
class Deleted(View):
    """Where who deleted their account comes out: signed out, so it says nothing of anybody."""

    http_method_names = ["get"]

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "accounts/account_deleted.html")


@method_decorator(never_cache, name="dispatch")
class AccountClosing(View):
    """Who signs in to a deleted account comes here, and gets no further without keeping it. Not a MemberPage: no
    workspace is open to them."""

    def get(self, request: HttpRequest) -> HttpResponse:
        user = tenancy.signed_in(request)
        if user is None:
            return redirect_to_login(request.get_full_path())
        if user.erases_at is None:
            return redirect("overview")
        at = exactly(user.erases_at, zone_of(user))
        return render(request, "accounts/account_closing.html", {"person": user, "at": at})

    def post(self, request: HttpRequest) -> HttpResponse:
        user = tenancy.signed_in(request)
        if user is None:
            return redirect_to_login(request.get_full_path())
        account_deletion.keep(user=user, now=timezone.now())
        messages.success(request, _("Your account stays. Everything in it is as it was."))
        return redirect("overview")
