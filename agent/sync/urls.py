from django.urls import path

from agent.sync import api as json
from agent.sync import views

api = [
    path("user/notion-integration", json.NotionIntegration.as_view(), name="api-notion-integration"),
    path("agent/sync", json.StartSync.as_view(), name="api-sync"),
    path("agent/sync/<uuid:sync_id>", json.OneSync.as_view(), name="api-sync-one"),
    path("agent/sync/<uuid:sync_id>/events", json.SyncEvents.as_view(), name="api-sync-events"),
    path("agent/sync/<uuid:sync_id>/pause", json.PauseSync.as_view(), name="api-sync-pause"),
    path("agent/sync/<uuid:sync_id>/resume", json.ResumeSync.as_view(), name="api-sync-resume"),
    path("agent/sync/<uuid:sync_id>/cancel", json.CancelSync.as_view(), name="api-sync-cancel"),
    path("agent/sync/<uuid:sync_id>/confirm", json.ConfirmLoss.as_view(), name="api-sync-confirm"),
    path("agent/coverage", json.Coverage.as_view(), name="api-coverage"),
]
pages = [
    path("app/connect", views.Connect.as_view(), name="connect"),
    path("app/connect/notion", views.Authorize.as_view(), name="connect-authorize"),
    path("app/connect/callback", views.Callback.as_view(), name="connect-callback"),
    path("app/connect/<uuid:connection_id>/choose", views.Choose.as_view(), name="connect-choose"),
    path("app/connect/<uuid:connection_id>/sync", views.Progress.as_view(), name="connect-sync"),
    path("app/sync/<uuid:sync_id>/events", views.Events.as_view(), name="sync-events"),
    path("app/sync", views.SyncNow.as_view(), name="sync-now"),
    path("app/sources", views.Sources.as_view(), name="sources"),
    path("app/sources/<uuid:source_id>", views.OneSource.as_view(), name="source"),
]
