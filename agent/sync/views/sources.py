"""What is read: the list of sources, one source, and starting a sync."""

import uuid
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import tenancy
from accounts.connections import can_connect
from accounts.models import Connection
from agent.models import Page, Source, SyncRun
from agent.sync import choosing, coverage, finding, freshness, intervals, reasons, services, shown, vanishing
from agent.sync.views.connecting import sent_columns
from agent.sync.views.shared import ConnectionPage, can_manage, key_in
from billing import permissions, reading
from billing.models import Subscription
from billing.plans import Feature
from config.errors import InvalidField
from tasks.mapping import COLUMNS
from tasks.models import TaskSource

MOST_GAPS = 50


class SyncNow(ConnectionPage):
    def post(self, request: tenancy.WorkspaceRequest) -> HttpResponse:
        given = request.POST.get("connection")
        connection_id = key_in(given) if given else None
        runs = services.start_each(membership=self.membership, connection_id=connection_id)
        return redirect("connect-sync", runs[0].connection_id) if len(runs) == 1 else redirect("sources")


class Sources(ConnectionPage):
    def get(self, request: tenancy.WorkspaceRequest) -> HttpResponse:
        connections = list(Connection.objects.readable_by(self.membership).order_by("connected_at"))
        rows = shown.sources(connections)
        known = coverage.coverage(membership=self.membership, now=timezone.now())
        resting = reading.uncovered(self.membership.workspace_id, now=timezone.now())
        interval = intervals.interval_of(self.membership.workspace, now=timezone.now())
        mine = [each for each in connections if each.owner_id == self.membership.user_id]
        own = mine if can_connect(self.membership) else []
        context = {
            "section": "sources",
            "connections": connections,
            # Where the member may choose what is read, first one that is read at all.
            "choosable": min(own, key=lambda each: each.id in resting, default=None),
            "groups": _by_workspace(connections, rows),
            "is_syncing": any(row["state"] in {"busy", "waiting"} for row in rows),
            "can_connect_more": bool(own) and self._has_room(),
            "can_manage": any(can_manage(self.membership, connection) for connection in connections),
            "coverage": {
                **coverage.in_short(known),
                "waiting": sum(row["pages"]["waiting"] for row in known["connections"]),
                # What is said of all of them holds for the one that was read longest ago, or never.
                "last_synced_at": min(
                    (each.last_synced_at for each in connections), key=lambda at: (at is not None, at), default=None
                ),
            },
            "freshness": [
                freshness.shown(connection, covered, interval=interval) | {"can_choose": connection in own}
                for connection, covered in zip(connections, known["connections"], strict=True)
            ],
            "problems": [
                *(_lost_access(each) for each in connections if each.status == Connection.Status.REAUTHORIZE),
                *self._resting(connections),
            ],
            "losses": self._losses(connections),
            **_gaps(Page.objects.all(), connections),
        }
        return render(request, "agent/sources.html", context)

    def _losses(self, connections: list[Connection]) -> list[dict[str, Any]]:
        kept = vanishing.kept_by([each.id for each in connections])
        found = (
            shown.loss(each, kept=kept.get(each.id), can_confirm=can_manage(self.membership, each))
            for each in connections
        )
        return list(filter(None, found))

    def _has_room(self) -> bool:
        """For another Notion workspace, by the plan."""
        subscription = Subscription.objects.get(workspace_id=self.membership.workspace_id)
        return permissions.can_use(subscription, Feature.SEVERAL_CONNECTIONS)

    def _resting(self, connections: list[Connection]) -> list[dict[str, str]]:
        now = timezone.now()
        resting = reading.uncovered(self.membership.workspace_id, now=now)
        if not resting:
            return []
        why = reading.why_uncovered(permissions.plan_of(self.membership, now=now))
        return [
            {
                "tone": "warn",
                "title": each.notion_workspace_name,
                "text": why,
                "url": "/app/plan",
                "action": _("Compare plans"),
            }
            for each in connections
            if each.id in resting
        ]


def _by_workspace(connections: list[Connection], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The sources under the name of their Notion workspace; the name is left out where there is only one."""
    names = {each.id: each.notion_workspace_name for each in connections}
    places = {each.id: each.notion_workspace_id or str(each.id) for each in connections}
    groups: dict[str, dict[str, Any]] = {}
    for row in rows:
        group = groups.setdefault(places[row["connection_id"]], {"name": names[row["connection_id"]], "sources": []})
        group["sources"].append(row)
    if len(set(places.values())) < 2:
        return [{**group, "name": ""} for group in groups.values()]
    return sorted(groups.values(), key=lambda group: str(group["name"]).lower())


def _lost_access(connection: Connection) -> dict[str, str]:
    return {
        "tone": "warn",
        "title": connection.notion_workspace_name,
        "text": _("Notion no longer lets us in, so answers use the copy from the last sync."),
        "url": "/app/connect",
        "action": _("Restore access"),
    }


def _gaps(pages: QuerySet[Page], connections: list[Connection]) -> dict[str, Any]:
    """The pages that are not searchable or only as they were before, and how many more there are."""
    ids = [connection.id for connection in connections]
    bad = reasons.lacking(pages.filter(connection_id__in=ids), ids)
    rows = [
        {
            "title": page.title,
            "url": page.url,
            "state": "kept" if page.is_kept else page.state,
            "state_words": _("Kept") if page.is_kept else page.get_state_display(),
            "reason": page.why,
            "older_since": page.indexed_at if page.is_older else None,
            "next_try_at": page.next_try_at,
        }
        for page in bad.order_by("state", "title", "id")[:MOST_GAPS]
    ]
    return {"gaps": rows, "gaps_more": bad.count() - len(rows) if len(rows) == MOST_GAPS else 0}


class OneSource(ConnectionPage):
    def get(self, request: tenancy.WorkspaceRequest, source_id: uuid.UUID) -> HttpResponse:
        return self.show(self.source(source_id))

    def post(self, request: tenancy.WorkspaceRequest, source_id: uuid.UUID) -> HttpResponse:
        source = self.source(source_id)
        connection = self.owned(source.connection_id)
        action = request.POST.get("action")
        if action == "sync":
            services.start(membership=self.membership, connection_id=connection.id)
            return redirect("connect-sync", connection.id)
        if action == "map":
            columns = {name: request.POST.get(name, "") for name in COLUMNS}
            choosing.remap(membership=self.membership, source=source, columns=columns)
            messages.success(request, _("The columns are saved; tasks are read anew."))
            return redirect("source", source.id)
        if action == "remove":
            if "confirm" not in request.POST:
                return redirect("source", source.id)
            if request.POST.get("confirm", "").strip() != source.title.strip():
                return self.show(source, remove_error=_("Type the name exactly as it stands above."), status=422)
            try:
                finding.leave_out_source(source, by=self.membership)
            except InvalidField as refusal:
                return self.show(source, remove_error=refusal.detail, status=422)
            return redirect("sources")
        return redirect("source", source.id)

    def source(self, source_id: uuid.UUID) -> Source:
        readable = Connection.objects.readable_by(self.membership).values_list("id", flat=True)
        source = Source.objects.filter(pk=source_id, connection_id__in=list(readable)).first()
        if source is None:
            raise Http404
        return source

    def show(self, source: Source, *, remove_error: str = "", status: int = 200) -> HttpResponse:
        connection = self.connection(source.connection_id)
        row = next((each for each in shown.sources([connection]) if each["id"] == source.id), None)
        counted = coverage.by_source([connection.id]).get(source.pk, coverage.Figures())
        mapped = TaskSource.objects.filter(connection_id=connection.id, data_source_id=source.notion_id).first()
        context = {
            "section": "sources",
            "source": row or {"title": source.title, "state": "paused", "label": _("Not chosen"), "id": source.id},
            "counts": counted.shown() | {"older_since": counted.older_since},
            "can_manage": can_manage(self.membership, connection),
            "columns": choosing.offered(source, sent_columns(self.request.GET, str(source.pk)))
            if mapped and source.is_chosen
            else None,
            "mapping_problems": mapped.problems if mapped else [],
            "syncs": [
                _past(run) for run in SyncRun.objects.filter(connection_id=connection.id).order_by("-created_at")[:20]
            ],
            **_gaps(Page.objects.filter(source=source), [connection]),
            "freshness": self._freshness(connection),
            "worked_out_at": coverage.worked_out_at(Source.objects.filter(pk=source.pk)).get(connection.id),
            "remove_error": remove_error,
            "holds_tasks": mapped is not None,
        }
        return render(self.request, "agent/source.html", context, status=status)

    def _freshness(self, connection: Connection) -> dict[str, Any]:
        now = timezone.now()
        known = coverage.coverage(membership=self.membership, now=now)
        covered = next(row for row in known["connections"] if row["id"] == connection.id)
        return freshness.shown(connection, covered, interval=intervals.interval_of(self.membership.workspace, now=now))


def _past(run: SyncRun) -> dict[str, Any]:
    seconds = (run.finished_at - run.started_at).total_seconds() if run.finished_at and run.started_at else None
    return {
        "created_at": run.created_at,
        "duration": shown.length(seconds) if seconds is not None else "",
        "indexed": run.indexed,
        "unchanged": run.unchanged,
        "trashed": run.trashed,
        "skipped": run.skipped,
        "failed": run.unread,
        "kept": run.kept,
        "status": run.status,
        "reason": run.reason,
        "status_words": run.get_status_display(),
    }
