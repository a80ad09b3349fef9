import uuid
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import connections as authorizations
from accounts import tenancy
from accounts.edge import MemberPage
from accounts.models import Connection, Membership
from agent.models import Page, Source, SyncRun
from agent.sync import services, shown
from config.errors import AppError
from tasks import services as tasks
from tasks.mapping import CHOICES
from tasks.models import Task, TaskSource

PREVIEW = 3


class TokenForm(forms.Form):
    token = forms.CharField(
        label=gettext_lazy("Integration token"),
        max_length=400,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )


class Connect(MemberPage):
    """Step 1 of connecting: Notion's consent page, or an internal integration's token."""

    def get(self, request: tenancy.WorkspaceRequest) -> HttpResponse:
        return self.show(TokenForm(), problem=request.session.pop("connect_problem", ""))

    def post(self, request: tenancy.WorkspaceRequest) -> HttpResponse:
        form = TokenForm(request.POST)
        if form.is_valid():
            try:
                connection = authorizations.connect_with_token(
                    membership=self.membership,
                    token=form.cleaned_data["token"],
                    is_shared=False,
                    now=timezone.now(),
                )
            except AppError as error:
                form.add_error("token", error.detail)
            else:
                return _to_choice(connection)
        return self.show(form, status=422)

    def show(self, form: TokenForm, *, problem: str = "", status: int = 200) -> HttpResponse:
        context = {
            "section": "sources",
            "form": form,
            "problem": problem,
            "is_first": True,
            "authorize_url": "/app/connect/notion" if authorizations.can_authorize() else "",
        }
        return render(self.request, "connect/start.html", context, status=status)


class Authorize(MemberPage):
    """On to Notion's consent page. By a link, since a form may not lead to another host."""

    def get(self, request: tenancy.WorkspaceRequest) -> HttpResponse:
        if request.session.session_key is None:
            request.session.save()
        url = authorizations.begin_authorization(
            membership=self.membership,
            session_key=request.session.session_key or "",
            is_shared=False,
            now=timezone.now(),
        )
        return redirect(url)


class Callback(MemberPage):
    """Back from Notion's consent page."""

    def get(self, request: tenancy.WorkspaceRequest) -> HttpResponse:
        try:
            connection = authorizations.complete_authorization(
                membership=self.membership,
                session_key=request.session.session_key or "",
                state=request.GET.get("state", ""),
                code=request.GET.get("code", ""),
                refusal=request.GET.get("error", ""),
                now=timezone.now(),
            )
        except authorizations.AccessNotGiven:
            request.session["connect_problem"] = "denied"
            return redirect("connect")
        except AppError as error:
            request.session["connect_problem"] = error.detail
            return redirect("connect")
        return _to_choice(connection)


def _to_choice(connection: Connection) -> HttpResponse:
    services.look_for_sources(connection)
    return redirect("connect-choose", connection.id)


class ConnectionPage(MemberPage):
    schema_of_view: ClassVar[str] = "workspace"

    def connection(self, connection_id: uuid.UUID) -> Connection:
        connection = Connection.objects.readable_by(self.membership).filter(pk=connection_id).first()
        if connection is None:
            raise Http404
        return connection

    def owned(self, connection_id: uuid.UUID) -> Connection:
        try:
            return authorizations.owned(self.membership, connection_id)
        except authorizations.NoConnection as error:
            raise Http404 from error


class Choose(ConnectionPage):
    """Step 2: which databases and page trees are read, and which database holds the tasks."""

    def get(self, request: tenancy.WorkspaceRequest, connection_id: uuid.UUID) -> HttpResponse:
        return self.show(self.owned(connection_id))

    def post(self, request: tenancy.WorkspaceRequest, connection_id: uuid.UUID) -> HttpResponse:
        connection = self.owned(connection_id)
        if request.POST.get("action") == "refresh":
            services.look_for_sources(connection)
            return redirect("connect-choose", connection.id)
        known = {str(source.id): source for source in Source.objects.filter(connection_id=connection.id)}
        chosen = {known[key].id for key in request.POST.getlist("source") if key in known}
        if not chosen:
            return self.show(connection, problem=_("Choose at least one."), status=422)
        services.choose(membership=self.membership, connection=connection, source_ids=chosen)
        holder = known.get(request.POST.get("tasks_source", ""))
        if holder is not None and holder.kind == Source.Kind.DATABASE:
            tasks.map_source(
                connection_id=connection.id,
                data_source_id=holder.notion_id,
                title=holder.title,
                schema=holder.schema,
            )
        services.start_connection(connection, requested_by=self.membership.user_id)
        return redirect("connect-sync", connection.id)

    def show(self, connection: Connection, *, problem: str = "", status: int = 200) -> HttpResponse:
        sources = list(Source.objects.filter(connection_id=connection.id).order_by("kind", "title", "id"))
        mapped = TaskSource.objects.filter(connection_id=connection.id).first()
        guess = mapped.data_source_id if mapped else tasks.likeliest([(s.notion_id, s.schema) for s in sources])
        chosen = [source for source in sources if source.is_chosen]
        context = {
            "section": "sources",
            "connection": connection,
            "owner_name": str(self.membership.user),
            "is_first": connection.last_synced_at is None,
            "is_loading": not sources and services.is_looking(connection),
            "sources": [_pick(source) for source in sources],
            "selected_count": len(chosen),
            "tasks_source_id": next((s.id for s in sources if s.notion_id == guess), None),
            "problem": problem,
        }
        return render(self.request, "connect/choose.html", context, status=status)


def _pick(source: Source) -> dict[str, Any]:
    return {
        "id": source.id,
        "kind": source.kind,
        "title": source.title,
        "place": source.place,
        "pages": None,
        "is_chosen": source.is_chosen,
        "is_too_big": False,
    }


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
            "can_stop": _can_manage(self.membership, connection),
        }
        return render(request, "connect/sync.html", context)

    def post(self, request: tenancy.WorkspaceRequest, connection_id: uuid.UUID) -> HttpResponse:
        connection = self.owned(connection_id)
        if request.POST.get("action") == "stop":
            for run in SyncRun.objects.filter(connection_id=connection.id, status__in=services.OPEN):
                services.cancel(run, now=timezone.now())
        return redirect("connect-sync", connection.id)


class SyncNow(ConnectionPage):
    def post(self, request: tenancy.WorkspaceRequest) -> HttpResponse:
        connection_id = _uuid(request.POST.get("connection"))
        run = services.start(membership=self.membership, connection_id=connection_id)
        return redirect("connect-sync", run.connection_id)


class Sources(ConnectionPage):
    def get(self, request: tenancy.WorkspaceRequest) -> HttpResponse:
        connections = list(Connection.objects.readable_by(self.membership).order_by("connected_at"))
        rows = shown.sources(connections)
        coverage = services.coverage(membership=self.membership, now=timezone.now())
        pages = [row["pages"] for row in coverage["connections"]]
        context = {
            "section": "sources",
            "connections": connections,
            "sources": rows,
            "is_syncing": any(row["state"] in {"busy", "waiting"} for row in rows),
            "can_manage": any(_can_manage(self.membership, connection) for connection in connections),
            "coverage": {
                "known": sum(each["known"] for each in pages),
                "indexed": sum(each["indexed"] for each in pages),
                "missing": sum(each["skipped"] + each["failed"] + each["unreachable"] for each in pages),
                "complete": coverage["complete"],
                "last_synced_at": max(filter(None, (c.last_synced_at for c in connections)), default=None),
            },
            "problems": [_lost_access(each) for each in connections if each.status == Connection.Status.REAUTHORIZE],
            "gaps": _gaps(Page.objects.filter(connection_id__in=[connection.id for connection in connections])),
        }
        return render(request, "agent/sources.html", context)


def _lost_access(connection: Connection) -> dict[str, str]:
    return {
        "tone": "warn",
        "title": connection.notion_workspace_name,
        "text": _("Notion no longer lets us in, so answers use the copy from the last sync."),
        "url": "/app/connect",
        "action": _("Restore access"),
    }


def _gaps(pages: Any) -> list[dict[str, Any]]:
    bad = pages.filter(state__in=[Page.State.FAILED, Page.State.SKIPPED, Page.State.UNREACHABLE])
    return [
        {"title": page.title, "url": page.url, "reason": page.reason, "next_try_at": page.next_try_at}
        for page in bad.order_by("state", "title", "id")[:50]
    ]


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
            columns = {name: request.POST.get(name, "") for name, _label, _kinds in CHOICES}
            tasks.remap(
                connection_id=connection.id, data_source_id=source.notion_id, columns=columns, schema=source.schema
            )
            services.start_connection(connection, requested_by=self.membership.user_id, is_full=True)
            messages.success(request, _("The columns are saved; tasks are read anew."))
            return redirect("source", source.id)
        if action == "remove":
            if "confirm" not in request.POST:
                return redirect("source", source.id)
            if request.POST.get("confirm", "").strip() != source.title.strip():
                return self.show(source, remove_error=_("Type the name exactly as it stands above."), status=422)
            services.leave_out_source(source, workspace_id=self.membership.workspace_id)
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
        states = dict.fromkeys(Page.State.values, 0)
        for state in Page.objects.filter(source=source).values_list("state", flat=True):
            states[state] += 1
        mapped = TaskSource.objects.filter(connection_id=connection.id, data_source_id=source.notion_id).first()
        context = {
            "section": "sources",
            "source": row or {"title": source.title, "state": "paused", "label": _("Not chosen"), "id": source.id},
            "counts": states | {"known": sum(states.values())},
            "can_manage": _can_manage(self.membership, connection),
            "mapping": tasks.mapping_rows(mapped, source.schema) if mapped else None,
            "preview": list(Task.objects.filter(task_source=mapped).order_by("due_on", "title")[:PREVIEW])
            if mapped
            else [],
            "syncs": [
                _past(run) for run in SyncRun.objects.filter(connection_id=connection.id).order_by("-created_at")[:20]
            ],
            "gaps": _gaps(Page.objects.filter(source=source)),
            "remove_error": remove_error,
        }
        return render(self.request, "agent/source.html", context, status=status)


def _past(run: SyncRun) -> dict[str, Any]:
    seconds = (run.finished_at - run.started_at).total_seconds() if run.finished_at and run.started_at else None
    return {
        "created_at": run.created_at,
        "duration": shown.length(seconds) if seconds is not None else "",
        "indexed": run.indexed,
        "unchanged": run.unchanged,
        "skipped": run.skipped,
        "failed": run.failed,
        "status": run.status,
        "status_words": run.get_status_display(),
    }


def _can_manage(membership: Membership, connection: Connection) -> bool:
    return membership.may_write and (connection.owner_id == membership.user_id or membership.may_manage)


def _uuid(value: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(value) if value else None
    except ValueError:
        raise Http404 from None
