"""The pages on which the address of an account is changed."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.core import ratelimit
from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from accounts import addresses
from accounts.models import User
from config.views import too_many


class AddressForm(forms.Form):
    email = forms.EmailField(
        label="New address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_email(self) -> str:
        address = str(self.cleaned_data["email"]).strip().lower()
        if address == self.user.email:
            raise forms.ValidationError("That is your address already.")
        return address


@method_decorator([never_cache, reauthentication_required], name="dispatch")
class ChangeAddress(View):
    """Confirming who one is comes first: whoever sits down at an open browser could take the account away."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "account/email_change.html", {"form": AddressForm(user=_user(request))})

    def post(self, request: HttpRequest) -> HttpResponse:
        user = _user(request)
        form = AddressForm(request.POST, user=user)
        if not form.is_valid():
            return render(request, "account/email_change.html", {"form": form}, status=400)
        address = form.cleaned_data["email"]
        # The first keeps a member from trying addresses, the second a mailbox from being filled.
        if not all(
            (
                ratelimit.consume(request, action="change_email", user=user),
                ratelimit.consume(request, action="confirm_email", key=address),
            )
        ):
            return too_many(request)
        with transaction.atomic():
            addresses.ask(user, address)
        return render(request, "account/email_asked.html", {"address": address})


@method_decorator(never_cache, name="dispatch")
class ConfirmAddress(View):
    """Behind the link in the mail, which any browser may open. A look changes nothing: programs follow links too."""

    def get(self, request: HttpRequest, signed: str) -> HttpResponse:
        return _shown(request, wish=addresses.wish(signed))

    def post(self, request: HttpRequest, signed: str) -> HttpResponse:
        try:
            done = addresses.change(signed)
        except addresses.Taken as taken:
            return _shown(request, taken=taken.detail, status=409)
        return _shown(request, done=done)


def _shown(request: HttpRequest, *, status: int = 200, **found: object) -> HttpResponse:
    return render(request, "account/email_new.html", found, status=status)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
