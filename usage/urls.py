from django.urls import path

from usage import api as json
from usage import views

api = [
    path("usage/quota", json.QuotaOfMember.as_view(), name="api-quota"),
    path("usage/logs", json.Logs.as_view(), name="api-logs"),
    path("usage/summary", json.Summary.as_view(), name="api-summary"),
    path("admin/users", json.Users.as_view(), name="api-users"),
]
pages = [
    path("app/usage", views.UsagePage.as_view(), name="usage"),
    path("app/usage/export", views.UsageExport.as_view(), name="usage-export"),
    path("app/members", views.Members.as_view(), name="members"),
]
