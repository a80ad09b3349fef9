from django.urls import path

from accounts.api import Config
from agent import api as json
from agent.live import urls as live
from agent.runs import offered
from agent.sync import urls as sync
from agent.views import ask, certificates, closing, overview, proposals, settings

api = [
    # A member's settings name a model, and only here is known which there are.
    path("user/config", Config.as_view(models=offered.names), name="api-config"),
    path("agent/run", json.Ask.as_view(), name="api-run"),
    path("agent/runs/<uuid:run_id>", json.OneRun.as_view(), name="api-run-one"),
    path("agent/runs/<uuid:run_id>/events", json.RunEvents.as_view(), name="api-run-events"),
    path("agent/runs/<uuid:run_id>/stop", json.StopRun.as_view(), name="api-run-stop"),
    path("agent/runs/<uuid:run_id>/feedback", json.RunFeedback.as_view(), name="api-run-feedback"),
    path("agent/proposals/<uuid:proposal_id>", json.OneProposal.as_view(), name="api-proposal"),
    path("agent/proposals/<uuid:proposal_id>/approve", json.Approve.as_view(), name="api-proposal-approve"),
    path("agent/proposals/<uuid:proposal_id>/edit", json.Edit.as_view(), name="api-proposal-edit"),
    path("agent/proposals/<uuid:proposal_id>/reject", json.Reject.as_view(), name="api-proposal-reject"),
    path("agent/proposals/<uuid:proposal_id>/undo", json.Undo.as_view(), name="api-proposal-undo"),
    path("agent/conversations", json.Conversations.as_view(), name="api-conversations"),
    path("agent/conversations/<uuid:conversation_id>", json.OneConversation.as_view(), name="api-conversation"),
    path("workspace", json.OneWorkspace.as_view(), name="api-workspace"),
    path("workspace/restore", json.RestoreWorkspace.as_view(), name="api-restore-workspace"),
    path("erasures/<str:token>", json.Certificate.as_view(), name="api-certificate"),
    path("workspace/export", json.WorkspaceExport.as_view(), name="api-export"),
    path("workspace/export/<uuid:export_id>", json.ExportFile.as_view(), name="api-export-file"),
    *sync.api,
    *live.api,
]
pages = [
    path("app", overview.Overview.as_view(), name="overview"),
    path("app/ask", ask.Ask.as_view(), name="ask"),
    path("app/ask/<uuid:conversation_id>", ask.OneConversation.as_view(), name="conversation"),
    path("app/conversations", ask.Conversations.as_view(), name="conversations"),
    path("app/runs/<uuid:run_id>/stop", ask.Stop.as_view(), name="run-stop"),
    path("app/runs/<uuid:run_id>/feedback", ask.Feedback.as_view(), name="run-feedback"),
    path("app/runs/<uuid:run_id>/events", ask.Events.as_view(), name="run-events"),
    path("app/erasures/<str:token>", certificates.CertificatePage.as_view(), name="certificate"),
    path("app/closing", closing.Closing.as_view(), name="closing"),
    path("app/proposals/<uuid:proposal_id>", proposals.OneProposal.as_view(), name="proposal"),
    path("app/settings", settings.Settings.as_view(), name="settings"),
    *sync.pages,
]
