from typing import Any

from allauth.account.forms import SignupForm as AllauthSignupForm
from allauth.core import context as current
from django import forms
from django.contrib import messages
from django.contrib.auth.password_validation import password_validators_help_texts
from django.http import HttpRequest
from django.utils import timezone

from accounts import sign_in
from accounts.models import User
from billing import services
from billing.plans import PLANS, Tier
from billing.team import invitations
from config.errors import AppError, InvalidField


class SignupForm(AllauthSignupForm):
    """Sign-up in a browser: allauth's limits, verification and silence about known addresses; our registration."""

    name = forms.CharField(max_length=120, required=False, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    workspace_name = forms.CharField(
        max_length=120, required=False, widget=forms.TextInput(attrs={"autocomplete": "organization"})
    )
    # Filled by the browser. Nobody sees it, so one that is unknown is left out without a word.
    timezone = forms.CharField(required=False, widget=forms.HiddenInput(attrs={"data-zone": True}))
    field_order = ("name", "email", "password1", "workspace_name")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        trial = PLANS[Tier.TRIAL].trial
        self.trial_days = trial.days if trial else 0
        self.invited = invitations.in_address(current.request.POST.get("next") or current.request.GET.get("next") or "")
        if self.invited:
            self.fields["email"].initial = self.invited.invitation.email
            del self.fields["workspace_name"]
        self.fields["password1"].help_text = " ".join(password_validators_help_texts()[:1])

    def clean_email(self) -> str:
        try:
            self.cleaned_data["email"] = services.kept_address(self.cleaned_data["email"])
        except InvalidField as error:
            raise forms.ValidationError(error.detail) from error
        if self.invited and self.cleaned_data["email"] != self.invited.invitation.email:
            raise forms.ValidationError(f"The invitation is for {self.invited.invitation.email}.")
        return str(super().clean_email())

    def clean(self) -> dict[Any, Any]:
        cleaned = super().clean()
        # Colleagues share a network; what holds them back is that each needs an invitation.
        if not self.errors and not self.invited:
            try:
                sign_in.check_sign_up_network(current.request)
            except sign_in.RateLimited as error:
                raise forms.ValidationError(error.detail, code="rate-limited") from error
        return cleaned

    def save(self, request: HttpRequest) -> User:
        made = services.register(
            email=self.cleaned_data["email"],
            password=self.cleaned_data["password1"],
            name=self.cleaned_data["name"],
            workspace_name=self.cleaned_data.get("workspace_name", ""),
            zone=self.cleaned_data["timezone"],
            now=timezone.now(),
        )
        if self.invited:
            self._join(self.invited, made.user, request)
        return made.user

    def _join(self, invited: invitations.Link, user: User, request: HttpRequest) -> None:
        """What refuses it is said on the invitation's page, which comes next."""
        try:
            joined = invitations.accept_as_new(invited, user=user, now=timezone.now())
        except AppError as error:
            messages.error(request, error.detail)
        else:
            request.session["workspace"] = str(joined.workspace_id)
