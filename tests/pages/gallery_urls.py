from typing import Never

from django.http import HttpRequest
from django.urls import path


def nothing(_request: HttpRequest, **_: object) -> Never:
    raise NotImplementedError


PLAIN = (
    *("overview", "ask", "conversations", "tasks", "sources", "usage", "members", "plan", "settings", "connect"),
    *("pricing", "audit", "api-keys", "docs"),
    *("sync-now", "switch-workspace", "set-theme", "dismiss-banner"),
    *("account_login", "account_signup", "account_logout", "account_reset_password", "account_change_password"),
    *("account_email_verification_sent", "account_reauthenticate", "change-address"),
    *("mfa_authenticate", "mfa_reauthenticate", "mfa_activate_totp", "mfa_deactivate_totp"),
    *("mfa_view_recovery_codes", "mfa_generate_recovery_codes"),
)
WITH_ID = (
    *("conversation", "source", "task", "connect-choose", "connect-sync"),
    *("run-stop", "run-events", "run-feedback", "sync-events"),
)

urlpatterns = [
    *(path(name, nothing, name=name) for name in PLAIN),
    *(path(f"{name}/<id>", nothing, name=name) for name in WITH_ID),
    path("confirm/<key>", nothing, name="account_confirm_email"),
]
