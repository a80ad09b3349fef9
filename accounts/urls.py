from django.conf import settings
from django.urls import path

from accounts import api as json
from accounts import mails_page, views

api = [
    path("auth/login", json.Login.as_view(), name="api-login"),
    path("auth/refresh", json.Refresh.as_view(), name="api-refresh"),
    path("auth/logout", json.Logout.as_view(), name="api-logout"),
]
pages = [
    path("app/theme", views.SetTheme.as_view(), name="set-theme"),
    path("app/dismiss", views.DismissBanner.as_view(), name="dismiss-banner"),
    path("app/switch-workspace", views.SwitchWorkspace.as_view(), name="switch-workspace"),
]
if settings.SHOWS_MAILS:
    pages += [
        path("mails", mails_page.Mails.as_view(), name="mails"),
        path("mails/<uuid:mail_id>", mails_page.MailHTML.as_view(), name="mail-html"),
    ]
