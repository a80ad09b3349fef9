import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from accounts.edge import MemberPage
from accounts.models import Connection, Membership
from config.errors import InvalidField
from tasks import listing, offers, services
from tasks.asking import NotionAway
from tasks.forms import EditForm, NewTaskForm
from tasks.models import Outgoing, TaskSource
from tasks.outbox import PerhapsThere

HISTORY = 100
EDITED = {
    "retry": _lazy("Sent to Notion again."),
    "make": _lazy("Sent to Notion again."),
    "discard": _lazy("Discarded. It can be undone until the next change."),
    "undo": _lazy("The change waits for Notion again."),
    "mine": _lazy("Your value goes to Notion."),
    "keep": _lazy("Kept."),
    "restore": _lazy("Back from the trash."),
}


class Tasks(MemberPage):
    schema_of_view = "workspace"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(request, request.GET)

    def post(self, request: HttpRequest) -> HttpResponse:
        action = request.POST.get("action", "")
        filters = QueryDict(request.POST.get("filters", "")[:1000], mutable=True)
        filters.pop("edit", None)
        if action == "create":
            new = self._create(request)
            if new is not None:
                return self._show(request, filters, new=new)
        elif action in {"complete", "reopen"}:
            self._complete(request, is_done=action == "complete")
        elif action in EDITED:
            settle(request, self.membership, _task_id(request), action)
        elif action == "edit":
            task_id = _task_id(request)
            form = edited(request, self.membership, task_id)
            if form is not None:
                return self._show(request, filters, editing=(str(task_id), form))
        else:
            messages.error(request, _("This page cannot do that. Reload it."))
        return redirect(f"{reverse('tasks')}?{filters.urlencode()}" if filters else "tasks")

    def _create(self, request: HttpRequest) -> NewTaskForm | None:
        """Nothing when it is done; else the form with what is wrong."""
        form = NewTaskForm(request.POST)
        if not form.is_valid():
            return form
        try:
            task = services.create(by=self.membership, now=timezone.now(), **form.values())
        except (InvalidField, services.NoSource, services.NoDatabase, NotionAway) as error:
            form.refuse(error)
            return form
        messages.success(request, _("Added “%s”.") % task.title)
        return None

    def _complete(self, request: HttpRequest, *, is_done: bool) -> None:
        task_id = _task_id(request)
        try:
            task = services.change(by=self.membership, task_id=task_id, now=timezone.now(), is_done=is_done)
        except InvalidField as error:
            messages.error(request, error.detail)
            return
        words = _("Completed “%s”.") if is_done else _("“%s” is open again.")
        messages.success(request, words % task.title, extra_tags=str(task.pk) if is_done else "")

    def _show(
        self,
        request: HttpRequest,
        query: QueryDict,
        editing: tuple[str, EditForm] | None = None,
        new: NewTaskForm | None = None,
    ) -> HttpResponse:
        status = 200 if editing is None and new is None else 422
        if editing is None and (wanted := query.get("edit")) and services.can_create(self.membership):
            task = services.one(by=self.membership, task_id=_uuid(wanted))
            editing = (str(task.pk), EditForm(task, offers.of(task, by=self.membership)))
        context = self._context(query, editing) | {"new_form": new or NewTaskForm()}
        return render(request, "tasks/list.html", context, status=status)

    def _context(self, query: QueryDict, editing: tuple[str, EditForm] | None) -> dict[str, Any]:
        wanted = listing.Wanted.read(query)
        tasks = listing.listed(self.membership, wanted)
        rows = list(tasks[: wanted.show + 1])
        more = len(rows) > wanted.show
        sources = list(TaskSource.objects.exclude(data_source_id=TaskSource.REFUSED))
        return {
            "section": "tasks",
            "groups": listing.groups(rows[: wanted.show], self.membership, timezone.now()),
            "total": tasks.count() if more else len(rows),
            "has_source": bool(sources),
            "problems": self._problems(sources),
            "targets": self._targets() if sources and services.can_create(self.membership) else [],
            "editing": editing[0] if editing else "",
            "edit_form": editing[1] if editing else None,
            "edit_url": f"{_address(query, edit='')}&edit=",
            "done_url": _address(query, edit=""),
            "choose_url": self._choose_url(),
            "filters": {"q": wanted.q, "whose": wanted.whose},
            "filters_query": query.urlencode(),
            "whose": self._whose(query, wanted),
            "selects": listing.selects(self.membership, wanted),
            "is_filtered": wanted.is_filtered,
            "filters_active": wanted.filters_active,
            "can_complete": services.can_create(self.membership),
            "can_create": services.can_create(self.membership),
            "next_url": _address(query, show=str(min(wanted.show + listing.STEP, listing.MOST)))
            if more and wanted.show < listing.MOST
            else "",
        }

    def _targets(self) -> list[dict[str, Any]]:
        """The databases that a new task may go into; what two connections to one Notion share, once."""
        found = {source.data_source_id: source for source in reversed(services.writable_sources(self.membership))}
        targets = list(reversed(found.values()))
        names = Connection.objects.in_bulk([each.connection_id for each in targets]) if len(targets) > 1 else {}
        return [
            {"id": each.pk, "title": each.title, "workspace": names[each.connection_id].notion_workspace_name}
            if names
            else {"id": each.pk, "title": each.title, "workspace": ""}
            for each in targets
        ]

    def _problems(self, sources: list[TaskSource]) -> list[dict[str, str]]:
        """What no longer fits between a database and its columns, of the connections that the member sees."""
        troubled = [source for source in sources if source.problems]
        if not troubled:
            return []
        readable = set(Connection.objects.readable_by(self.membership).values_list("pk", flat=True))
        return [
            {"title": source.title, "text": words}
            for source in troubled
            if source.connection_id in readable
            for words in source.problems
        ]

    def _choose_url(self) -> str:
        """Where the member says which database holds tasks."""
        mine = Connection.objects.readable_by(self.membership).filter(owner_id=self.membership.user_id)
        first = mine.order_by("connected_at").values_list("id", flat=True).first()
        return reverse("connect-choose", args=[first]) if first else ""

    def _whose(self, query: QueryDict, wanted: listing.Wanted) -> list[dict[str, Any]]:
        return [
            {"name": name, "url": _address(query, whose=value), "is_current": wanted.whose == value}
            for value, name in (("mine", _("Mine")), ("", _("All")))
        ]


class OneTask(MemberPage):
    """A task with all that happened to it."""

    schema_of_view = "workspace"

    def get(self, request: HttpRequest, task_id: uuid.UUID) -> HttpResponse:
        return self._show(request, task_id)

    def post(self, request: HttpRequest, task_id: uuid.UUID) -> HttpResponse:
        action = request.POST.get("action", "")
        if action == "edit":
            form = edited(request, self.membership, task_id)
            if form is not None:
                return self._show(request, task_id, form)
        elif action in EDITED:
            settle(request, self.membership, task_id, action)
        elif action == "found":
            self._recognise(request, task_id)
        elif action == "delete":
            services.delete(by=self.membership, task_id=task_id, now=timezone.now())
            messages.success(request, _("Deleted."))
            return redirect("tasks")
        else:
            messages.error(request, _("This page cannot do that. Reload it."))
        return redirect("task", task_id)

    def _recognise(self, request: HttpRequest, task_id: uuid.UUID) -> None:
        try:
            services.recognise(by=self.membership, task_id=task_id, link=request.POST.get("page", ""))
        except (InvalidField, NotionAway) as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, _("It is that row in Notion now."))

    def _show(self, request: HttpRequest, task_id: uuid.UUID, form: EditForm | None = None) -> HttpResponse:
        task = services.one_or_trashed(by=self.membership, task_id=task_id)
        can_change = services.can_change(task, self.membership)
        if form is None and can_change and task.trashed_at is None:
            form = EditForm(task, offers.of(task, by=self.membership))
        changes = services.history_of(by=self.membership, task_id=task_id).order_by("-at", "-id")
        names = offers.team(self.membership)
        context = {
            "section": "tasks",
            "task": listing.shown(task),
            "is_trashed": task.trashed_at is not None,
            "is_discarded": hasattr(task, "outgoing") and task.outgoing.state == Outgoing.State.DISCARDED,
            "is_local": task.is_local,
            "is_doubtful": hasattr(task, "outgoing") and task.outgoing.state == Outgoing.State.DOUBTFUL,
            "form": form,
            "can_change": can_change,
            "can_delete": can_change and services.can_delete(task, self.membership),
            "conflicts": [listing.conflict(change) for change in changes.filter(is_open=True)],
            "history": [listing.line(change, names) for change in changes[:HISTORY]],
        }
        return render(request, "tasks/task.html", context, status=422 if form and form.errors else 200)


def edited(request: HttpRequest, by: Membership, task_id: uuid.UUID) -> EditForm | None:
    """Nothing when it is done; else the form with what is wrong."""
    task = services.one(by=by, task_id=task_id)
    services.check_can_change(task, by)
    form = EditForm(task, offers.of(task, by=by), request.POST)
    if not form.is_valid():
        return form
    try:
        if changes := form.changes():
            services.change(by=by, task_id=task_id, now=timezone.now(), **changes)
    except InvalidField as error:
        form.refuse(error)
        return form
    messages.success(request, _("Saved “%s”.") % form.cleaned_data["title"])
    return None


def settle(request: HttpRequest, by: Membership, task_id: uuid.UUID, action: str) -> None:
    try:
        services.settle(by=by, task_id=task_id, action=action, now=timezone.now())
    except (InvalidField, PerhapsThere) as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, EDITED[action])


def _task_id(request: HttpRequest) -> uuid.UUID:
    return _uuid(request.POST.get("task", ""))


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise services.NoTask("There is no such task.") from None


def _address(shown: QueryDict, **changes: str) -> str:
    """This page's address with these parameters changed."""
    query = shown.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value:
            query[name] = value
    return f"?{query.urlencode()}"
