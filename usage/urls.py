from django.urls import path

from usage import api as json
from usage.views import members, usage

api = [
    path("usage/quota", json.QuotaOfMember.as_view(), name="api-quota"),
    path("usage/logs", json.Logs.as_view(), name="api-logs"),
    path("usage/summary", json.Summary.as_view(), name="api-summary"),
    path("admin/users", json.Users.as_view(), name="api-users"),
    path("admin/users/<uuid:user_id>", json.OneUser.as_view(), name="api-one-user"),
]
pages = [
    path("app/usage", usage.UsagePage.as_view(), name="usage"),
    path("app/usage/export", usage.UsageExport.as_view(), name="usage-export"),
    path("app/members", members.Members.as_view(), name="members"),
]
