"""Every address. Apps bring theirs in `urls.py` as two lists, `api` and `pages`; they are named by string, because
this package stands below them."""

from importlib import import_module
from importlib.util import find_spec

from django.urls import URLPattern, include, path

from config import openapi, views
from config.staff import site as staff

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
    path("accounts/", include("allauth.account.urls")),
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
