from allauth.mfa.base import views as factor
from allauth.mfa.recovery_codes import views as codes
from django.conf import settings
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django.views.generic import RedirectView

from accounts import address_views as address
from accounts import api as json
from accounts import mails_page, views
from accounts import second_factor_views as second_factor

# They are shown once, which a HEAD would use up.
recovery_codes = require_http_methods(["GET"])(never_cache(codes.view_recovery_codes))
api = [
    path("auth/login", json.Login.as_view(), name="api-login"),
    path("auth/refresh", json.Refresh.as_view(), name="api-refresh"),
    path("auth/logout", json.Logout.as_view(), name="api-logout"),
]
pages = [
    path("app/theme", views.SetTheme.as_view(), name="set-theme"),
    path("app/dismiss", views.DismissBanner.as_view(), name="dismiss-banner"),
    path("app/switch-workspace", views.SwitchWorkspace.as_view(), name="switch-workspace"),
    path("accounts/email/", address.ChangeAddress.as_view(), name="change-address"),
    path("accounts/email/<str:signed>/", address.ConfirmAddress.as_view(), name="confirm-address"),
]
# Of allauth's addresses of the second factor those with a page of ours. Its list of factors is a card of the settings.
pages += [
    path("accounts/2fa/", RedirectView.as_view(url="/app/settings#security"), name="mfa_index"),
    path("accounts/2fa/authenticate/", second_factor.Authenticate.as_view(), name="mfa_authenticate"),
    path("accounts/2fa/reauthenticate/", factor.reauthenticate, name="mfa_reauthenticate"),
    path("accounts/2fa/totp/activate/", never_cache(second_factor.SetUp.as_view()), name="mfa_activate_totp"),
    path("accounts/2fa/totp/deactivate/", second_factor.SwitchOff.as_view(), name="mfa_deactivate_totp"),
    path("accounts/2fa/recovery-codes/", recovery_codes, name="mfa_view_recovery_codes"),
    path("accounts/2fa/recovery-codes/generate/", second_factor.NewCodes.as_view(), name="mfa_generate_recovery_codes"),
]
if settings.SHOWS_MAILS:
    pages += [
        path("mails", mails_page.Mails.as_view(), name="mails"),
        path("mails/<uuid:mail_id>", mails_page.MailHTML.as_view(), name="mail-html"),
    ]
