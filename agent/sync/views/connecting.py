"""The wizard: connecting Notion, choosing what is read, and watching it being read."""

import uuid
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import connections as authorizations
from accounts import tenancy
from accounts.edge import MemberPage
from accounts.models import Connection
from agent.models import Source, SyncRun
from agent.sync import services, shown
from agent.sync.views.counting import known_pages
from agent.sync.views.shared import ConnectionPage, can_manage, can_share
from config.errors import AppError
from tasks import services as tasks
from tasks.models import TaskSource


class TokenForm(forms.Form):
    token = forms.CharField(
        label=gettext_lazy("Integration token"),
        max_length=400,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    is_shared = forms.BooleanField(label=gettext_lazy("Share with everybody in this workspace"), required=False)


class Connect(MemberPage):
    """Step 1 of connecting: Notion's consent page, or an internal integration's token."""

    def get(self, request: tenancy.WorkspaceRequest) -> HttpResponse:
        mine = Connection.objects.readable_by(self.membership).filter(owner_id=self.membership.user_id)
        # Restoring access to a shared connection is not to make it private in passing; a new one begins private.
        lost = mine.filter(is_shared=True, status=Connection.Status.REAUTHORIZE)
        form = TokenForm(initial={"is_shared": lost.exists()})
        return self.show(form, problem=request.session.pop("connect_problem", ""))

    def post(self, request: tenancy.WorkspaceRequest) -> HttpResponse:
        form = TokenForm(request.POST)
        if form.is_valid():
            try:
                connection = authorizations.connect_with_token(
                    membership=self.membership,
                    token=form.cleaned_data["token"],
                    is_shared=form.cleaned_data["is_shared"] and can_share(self.membership),
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
            "can_share": can_share(self.membership),
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
            is_shared=request.GET.get("shared") == "1" and can_share(self.membership),
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
        is_other = self.map_tasks(request, connection, known)
        # Unchanged pages are passed over by a sync, but rows of a newly mapped database are to become tasks.
        services.start_connection(connection, requested_by=self.membership.user_id, is_full=is_other)
        return redirect("connect-sync", connection.id)

    def map_tasks(self, request: tenancy.WorkspaceRequest, connection: Connection, known: dict[str, Source]) -> bool:
        """Whether from now on other rows than before are tasks."""
        wanted = request.POST.get("tasks_source")
        if wanted is None:
            return False
        holder = known.get(wanted)
        if holder is None or holder.kind != Source.Kind.DATABASE:
            tasks.map_nothing(connection_id=connection.id)
            return False
        if TaskSource.objects.filter(connection_id=connection.id, data_source_id=holder.notion_id).exists():
            return False
        tasks.map_source(
            connection_id=connection.id, data_source_id=holder.notion_id, title=holder.title, schema=holder.schema
        )
        return True

    def show(self, connection: Connection, *, problem: str = "", status: int = 200) -> HttpResponse:
        sources = list(Source.objects.filter(connection_id=connection.id).order_by("kind", "title", "id"))
        mapped = TaskSource.objects.filter(connection_id=connection.id).first()
        guess = mapped.data_source_id if mapped else tasks.likeliest([(s.notion_id, s.schema) for s in sources])
        chosen = [source for source in sources if source.is_chosen]
        counted = known_pages(connection, sources)
        context = {
            "section": "sources",
            "connection": connection,
            "owner_name": str(self.membership.user),
            "is_first": connection.last_synced_at is None,
            "is_loading": not sources and services.is_looking(connection),
            "sources": [_pick(source, counted.get(source.id)) for source in sources],
            "has_databases": any(source.kind == Source.Kind.DATABASE for source in sources),
            "selected_count": len(chosen),
            "tasks_source_id": next((s.id for s in sources if s.notion_id == guess), None),
            "problem": problem,
        }
        return render(self.request, "connect/choose.html", context, status=status)


def _pick(source: Source, pages: int | None) -> dict[str, Any]:
    return {
        "id": source.id,
        "kind": source.kind,
        "title": source.title,
        "place": source.place or ("" if source.kind == Source.Kind.DATABASE else _("With the pages below it")),
        "pages": pages,
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
            "can_stop": can_manage(self.membership, connection),
        }
        return render(request, "connect/sync.html", context)

    def post(self, request: tenancy.WorkspaceRequest, connection_id: uuid.UUID) -> HttpResponse:
        connection = self.owned(connection_id)
        if request.POST.get("action") == "stop":
            for run in SyncRun.objects.filter(connection_id=connection.id, status__in=services.OPEN):
                services.cancel(run, now=timezone.now())
        return redirect("connect-sync", connection.id)
