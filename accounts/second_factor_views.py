"""allauth's pages of the second factor, where they would break on what is sent."""

from typing import Any

from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from django.db import transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts import audit
from accounts.models import AuditAction, User
from accounts.second_factor import CodeForm, begin, has_second_factor


class Authenticate(AuthenticateView):
    """A form without a code is one with a wrong code, not one of a passkey."""

    def _build_forms(self) -> Form | None:
        sent = self.request.POST if self.request.method == "POST" else None
        self.auth_form: Form = CodeForm(user=self.stage.login.user, data=sent)
        self.webauthn_form = None
        return None if sent is None else self.auth_form


class SetUp(ActivateTOTPView):
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Sent twice at once, the second finds what the first has set up."""
        with transaction.atomic():
            user = User.objects.select_for_update().get(pk=str(request.user.pk))
            if has_second_factor(user):
                return redirect("mfa_view_recovery_codes")
            answer: HttpResponse = super().post(request, *args, **kwargs)
            if has_second_factor(user):
                begin(request, user)
        return answer


class SwitchOff(DeactivateTOTPView):
    @transaction.atomic
    def form_valid(self, form: Form) -> HttpResponse:
        """Sent twice at once, the second finds nothing left to switch off."""
        if not Authenticator.objects.select_for_update().filter(pk=self.authenticator.pk):
            return redirect(self.get_success_url())
        answer: HttpResponse = super().form_valid(form)
        return answer


class NewCodes(GenerateRecoveryCodesView):
    @transaction.atomic
    def form_valid(self, form: Form) -> HttpResponse:
        user = User.objects.get(pk=str(self.request.user.pk))
        answer: HttpResponse = super().form_valid(form)
        audit.record_everywhere(AuditAction.RECOVERY_CODES_RENEWED, user, by=user)
        return answer
