"""Every address. Apps bring theirs in `urls.py` as two lists, `api` and `pages`; they are named by string, because
this package stands below them."""

from importlib import import_module
from importlib.util import find_spec

from allauth.account import urls as allauth
from django.urls import URLPattern, include, path

from config import openapi, views
from config.staff import site as staff

# Of allauth's addresses those with a page of ours. Without `account_email`: there one person could claim an address
# that another one registers later, or has registered already; `accounts.addresses` changes it instead.
SIGN_IN = {
    "account_login",
    "account_logout",
    "account_inactive",
    "account_signup",
    "account_reauthenticate",
    "account_email_verification_sent",
    "account_confirm_email",
    "account_change_password",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
}
APPS = ("accounts", "billing", "usage", "tasks", "agent")


def _brought(kind: str) -> list[URLPattern]:
    names = [f"{app}.urls" for app in APPS if find_spec(f"{app}.urls")]
    return [pattern for name in names for pattern in getattr(import_module(name), kind, [])]


api_patterns = _brought("api")
page_patterns = _brought("pages")
urlpatterns = [
    path("", views.start, name="start"),
    *api_patterns,
    *page_patterns,
    path("accounts/", include([each for each in allauth.urlpatterns if each.name in SIGN_IN])),
    path("admin", views.to_staff),
    path("admin/", views.to_staff),
    path("staff", views.to_staff),
    path("staff/", staff.urls),
    path("openapi.json", openapi.Description.as_view(), name="openapi"),
    path("docs", openapi.Reader.as_view(), name="docs"),
]
handler400 = "config.views.bad_request"
handler403 = "config.views.forbidden"
handler404 = "config.views.not_found"
handler429 = "config.views.too_many"
handler500 = "config.views.server_error"
