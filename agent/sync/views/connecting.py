"""The wizard: connecting Notion, choosing what is read, and watching it being read."""

import uuid
from collections.abc import Collection
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import connections as authorizations
from accounts import tenancy
from accounts.edge import MemberPage
from accounts.models import Connection
from agent.models import Source
from agent.sync import choosing, finding, services
from agent.sync.shown import told_apart
from agent.sync.views.counting import known_pages
from agent.sync.views.shared import ConnectionPage, can_share
from billing import hearing, reading
from config.errors import AppError, InvalidField
from tasks import sources as task_sources
from tasks.mapping import COLUMNS
from tasks.models import TaskSource


class TokenForm(forms.Form):
    token = forms.CharField(
        label=gettext_lazy("Integration token"),
        max_length=400,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    is_shared = forms.BooleanField(label=gettext_lazy("Share with everybody in this workspace"), required=False)


class _Connecting(MemberPage):
    def lost(self) -> QuerySet[Connection]:
        """The member's own connections that Notion accepts no longer."""
        readable = Connection.objects.readable_by(self.membership)
        return readable.filter(owner_id=self.membership.user_id, status=Connection.Status.REAUTHORIZE)

    def lost_ids(self) -> set[uuid.UUID]:
        return set(self.lost().values_list("pk", flat=True))

    def go_on(self, connection: Connection, lost: Collection[uuid.UUID]) -> HttpResponse:
        """To choosing what is read. What was chosen before access was lost is read at once."""
        if connection.pk in lost and services.take_up(membership=self.membership, connection=connection):
            return redirect("connect-sync", connection.id)
        finding.look_for_sources(connection)
        return redirect("connect-choose", connection.id)


class Connect(_Connecting):
    """Step 1 of connecting: Notion's consent page, or an internal integration's token."""

    def get(self, request: tenancy.WorkspaceRequest) -> HttpResponse:
        # Restoring access to a shared connection is not to make it private in passing; a new one begins private.
        form = TokenForm(initial={"is_shared": self.lost().filter(is_shared=True).exists()})
        return self.show(form, problem=request.session.pop("connect_problem", ""))

    def post(self, request: tenancy.WorkspaceRequest) -> HttpResponse:
        form, lost = TokenForm(request.POST), self.lost_ids()
        if form.is_valid():
            try:
                connection = reading.connect_with_token(
                    membership=self.membership,
                    token=form.cleaned_data["token"],
                    is_shared=form.cleaned_data["is_shared"] and can_share(self.membership),
                    now=timezone.now(),
                )
            except AppError as error:
                hearing.ask_soon(error, membership=self.membership, now=timezone.now())
                form.add_error("token", error.detail)
            else:
                return self.go_on(connection, lost)
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


class Callback(_Connecting):
    """Back from Notion's consent page."""

    def get(self, request: tenancy.WorkspaceRequest) -> HttpResponse:
        lost = self.lost_ids()
        try:
            connection = reading.complete_authorization(
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
            hearing.ask_soon(error, membership=self.membership, now=timezone.now())
            request.session["connect_problem"] = error.detail
            return redirect("connect")
        return self.go_on(connection, lost)


class Choose(ConnectionPage):
    """Step 2: which databases and page trees are read, and which database holds the tasks."""

    def get(self, request: tenancy.WorkspaceRequest, connection_id: uuid.UUID) -> HttpResponse:
        return self.show(self.owned(connection_id))

    def post(self, request: tenancy.WorkspaceRequest, connection_id: uuid.UUID) -> HttpResponse:
        connection = self.owned(connection_id)
        if request.POST.get("action") == "refresh":
            finding.look_for_sources(connection)
            return redirect("connect-choose", connection.id)
        known = {
            str(key): key for key in Source.objects.filter(connection_id=connection.id).values_list("id", flat=True)
        }
        chosen = {known[key] for key in request.POST.getlist("source") if key in known}
        tasks_source = request.POST.get("tasks_source")
        if request.POST.get("action") == "columns":
            return self.show(connection, given=(chosen, tasks_source))
        if not chosen:
            return self.show(connection, problem=_("Choose at least one."), status=422)
        try:
            choosing.choose(
                membership=self.membership,
                connection=connection,
                source_ids=chosen,
                shown_ids={known[key] for key in request.POST.getlist("shown") if key in known},
                tasks_source=tasks_source,
                columns=sent_columns(request.POST, tasks_source),
            )
        except (InvalidField, finding.StillLooking, finding.ListCutShort) as error:
            status = 422 if isinstance(error, InvalidField) else error.status
            return self.show(connection, problem=error.detail, given=(chosen, tasks_source), status=status)
        return redirect("connect-sync", connection.id)

    def show(
        self,
        connection: Connection,
        *,
        problem: str = "",
        given: tuple[set[uuid.UUID], str | None] | None = None,
        status: int = 200,
    ) -> HttpResponse:
        """`given` is what a form said that is not saved: what is chosen, and which of it holds tasks."""
        sources = list(Source.objects.filter(connection_id=connection.id).order_by("kind", "title", "id"))
        chosen = {source.id for source in sources if source.is_chosen} if given is None else given[0]
        holder = (
            _holder(connection, [source for source in sources if source.id in chosen]) if given is None else given[1]
        )
        asked = self.request.GET if self.request.method == "GET" else self.request.POST
        holder = asked.get("tasks_source", holder)
        mapped = next((each for each in sources if str(each.id) == holder and each.kind == Source.Kind.DATABASE), None)
        counted, which = known_pages(connection, sources), told_apart(sources)
        context = {
            "section": "sources",
            "connection": connection,
            "owner_name": str(self.membership.user),
            "is_first": connection.last_synced_at is None,
            # A form that was drawn before, and asks for columns or was refused, is drawn again.
            "is_loading": status == 200 and finding.is_looking(connection) and "tasks_source" not in asked,
            "is_cut_short": finding.gave_up_looking(connection),
            "sources": [
                _pick(each, counted.get(each.id), which=which.get(each.pk, ""), is_chosen=each.id in chosen)
                for each in sources
            ],
            "has_databases": any(source.kind == Source.Kind.DATABASE for source in sources),
            "found": [sum(source.kind == kind for source in sources) for kind in Source.Kind],
            "selected_count": len(chosen),
            "selected_pages": sum(counted.get(key, 0) for key in chosen),
            "tasks_source_id": mapped.id if mapped else None,
            "columns": choosing.offered(mapped, sent_columns(asked, holder)) if mapped else None,
            "problem": problem,
            "is_tasks_source_wrong": given is not None and status == 422,
        }
        return render(self.request, "connect/choose.html", context, status=status)


def _holder(connection: Connection, chosen: list[Source]) -> str | None:
    """The id of the chosen database that holds tasks: as the member said, or else the likeliest."""
    mapped = TaskSource.objects.filter(connection_id=connection.id).first()
    by_notion_id = {source.notion_id: source for source in chosen}
    if mapped is None or not (mapped.is_refusal or mapped.data_source_id in by_notion_id):
        key = task_sources.likeliest([(source.notion_id, source.schema) for source in chosen])
    else:
        key = mapped.data_source_id
    return str(by_notion_id[key].id) if key in by_notion_id else None


def sent_columns(form: QueryDict, tasks_source: str | None) -> dict[str, str] | None:
    """What was chosen for this database; nothing when the form was drawn for another one."""
    if not tasks_source or form.get("columns_of") != tasks_source:
        return None
    return {name: form.get(name, "") for name in COLUMNS}


def _pick(source: Source, pages: int | None, *, which: str, is_chosen: bool) -> dict[str, Any]:
    return {
        "id": source.id,
        "kind": source.kind,
        "title": source.title,
        "place": source.place or ("" if source.kind == Source.Kind.DATABASE else _("With the pages below it")),
        "which": which,
        "pages": pages,
        "is_chosen": is_chosen,
        "is_too_big": False,
    }
