from django.urls import path

from billing import account_views, views
from billing.api import audit, invitations, people, plans, subscription, webhooks
from billing.keys import api as keys
from billing.keys.views import ApiKeysPage
from billing.team.audit_pages import AuditExport, AuditPage
from billing.team.views import AcceptPage

api = [
    path("auth/register", people.Register.as_view(), name="api-register"),
    path("user/profile", people.Profile.as_view(), name="api-profile"),
    path("user/account", people.Account.as_view(), name="api-account"),
    path("user/trial-status", plans.TrialStatus.as_view(), name="api-trial-status"),
    path("user/upgrade-subscription", subscription.Upgrade.as_view(), name="api-upgrade"),
    path("user/api-keys", keys.ApiKeys.as_view(), name="api-api-keys"),
    path("user/api-keys/<uuid:key_id>", keys.OneApiKey.as_view(), name="api-one-api-key"),
    path("subscription/plans", plans.Plans.as_view(), name="api-plans"),
    path("subscription", subscription.Present.as_view(), name="api-subscription"),
    path("subscription/preview", subscription.PreviewChange.as_view(), name="api-subscription-preview"),
    path("subscription/downgrade", subscription.Downgrade.as_view(), name="api-subscription-downgrade"),
    path("subscription/cancel", subscription.Cancel.as_view(), name="api-subscription-cancel"),
    path("subscription/resume", subscription.Resume.as_view(), name="api-subscription-resume"),
    path("subscription/withdraw", subscription.Withdraw.as_view(), name="api-subscription-withdraw"),
    path("subscription/seats", subscription.Seats.as_view(), name="api-subscription-seats"),
    path("webhooks/stripe", webhooks.FromStripe.as_view(), name="webhook-stripe"),
    path("subscription/portal", subscription.Portal.as_view(), name="api-subscription-portal"),
    path("workspace/invitations", invitations.Invitations.as_view(), name="api-invitations"),
    path("workspace/invitations/<uuid:invitation_id>", invitations.OneInvitation.as_view(), name="api-one-invitation"),
    path("workspace/audit", audit.Audit.as_view(), name="api-audit"),
    path("invitations/accept", invitations.Accept.as_view(), name="api-accept-invitation"),
]
pages = [
    path("app/plan", views.PlanPage.as_view(), name="plan"),
    path("app/keys", ApiKeysPage.as_view(), name="api-keys"),
    path("app/account/delete", account_views.DeleteAccount.as_view(), name="delete-account"),
    path("app/account/deleted", account_views.Deleted.as_view(), name="account-deleted"),
    path("app/account/closing", account_views.AccountClosing.as_view(), name="account-closing"),
    path("pricing", views.Pricing.as_view(), name="pricing"),
    path("app/invitations/<str:token>", AcceptPage.as_view(), name="invitation"),
    path("app/settings/audit", AuditPage.as_view(), name="audit"),
    path("app/settings/audit/export", AuditExport.as_view(), name="audit-export"),
]
