"""A sync as it happens: step 3 of connecting, and every later one."""

import uuid
from contextlib import suppress

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from accounts import tenancy
from agent.models import SyncRun
from agent.sync import live, services, shown, vanishing
from agent.sync.views.shared import ConnectionPage, can_manage, key_in
from config.handover import Mode

STEPS = {"pause": services.pause, "resume": services.resume, "stop": services.stop}


class Progress(ConnectionPage):
    """Step 3, and every later sync: what is read, as it happens."""

    def get(self, request: tenancy.WorkspaceRequest, connection_id: uuid.UUID) -> HttpResponse:
        connection = self.connection(connection_id)
        run = SyncRun.objects.filter(connection_id=connection.id).order_by("-created_at").first()
        if run is None:
            return redirect("connect-choose", connection.id)
        context = {
            "section": "sources",
            "connection": connection,
            "is_first": connection.last_synced_at is None
            or SyncRun.objects.filter(connection_id=connection.id).count() == 1,
            "sync": shown.progress(run, connection=connection, now=timezone.now()),
            "can_steer": can_manage(self.membership, connection),
            "loss": None
            if run.status in services.OPEN
            else shown.loss(
                connection, kept=vanishing.kept(connection), can_confirm=can_manage(self.membership, connection)
            ),
        }
        return render(request, "connect/sync.html", context)

    def post(self, request: tenancy.WorkspaceRequest, connection_id: uuid.UUID) -> HttpResponse:
        connection = self.owned(connection_id)
        action = request.POST.get("action", "")
        run = SyncRun.objects.filter(connection_id=connection.id, status__in=services.OPEN).first()
        if action in STEPS and run is not None:
            # One that ended meanwhile says so on the page.
            with suppress(services.SyncIsOver):
                STEPS[action](membership=self.membership, sync_run_id=run.pk, now=timezone.now())
        elif action == "confirm":
            try:
                services.confirm_loss(
                    membership=self.membership,
                    connection_id=connection.id,
                    sync_run_id=key_in(request.POST.get("sync", "")),
                )
            except (services.NothingToConfirm, services.SyncsInTurn) as error:
                messages.error(request, error.detail)
        return redirect("connect-sync", connection.id)


class Events(ConnectionPage):
    """What the page hears while the sync is open."""

    def get(self, request: HttpRequest, sync_id: uuid.UUID) -> HttpResponse:
        run = services.get(membership=self.membership, sync_run_id=sync_id)
        return live.answer(request, run, mode=Mode.PAGE, seen=request.GET.get("seen", ""))
