from django.urls import path

from billing import api as json
from billing import views

api = [
    path("auth/register", json.Register.as_view(), name="api-register"),
    path("user/profile", json.Profile.as_view(), name="api-profile"),
    path("user/trial-status", json.TrialStatus.as_view(), name="api-trial-status"),
    path("user/upgrade-subscription", json.Upgrade.as_view(), name="api-upgrade"),
    path("subscription/plans", json.Plans.as_view(), name="api-plans"),
]
pages = [path("app/plan", views.PlanPage.as_view(), name="plan")]
