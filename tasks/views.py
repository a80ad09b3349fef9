import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.edge import MemberPage
from accounts.models import Connection
from tasks import listing, services
from tasks.filters import zone
from tasks.models import TaskSource


class TaskForm(forms.Form):
    title = forms.CharField(max_length=2000, error_messages={"required": "Say what is to be done."})
    due_on = forms.DateField(required=False)


class Tasks(MemberPage):
    schema_of_view = "workspace"

    def get(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(zone(self.membership)):
            return render(request, "tasks/list.html", self._context(request))

    def post(self, request: HttpRequest) -> HttpResponse:
        action = request.POST.get("action", "")
        if action == "create":
            self._create(request)
        elif action in {"complete", "reopen"}:
            self._complete(request, is_done=action == "complete")
        else:
            messages.error(request, _("This page cannot do that. Reload it."))
        filters = request.POST.get("filters", "")[:1000]
        return redirect(f"{reverse('tasks')}?{QueryDict(filters).urlencode()}" if filters else "tasks")

    def _create(self, request: HttpRequest) -> None:
        form = TaskForm(request.POST)
        if not form.is_valid():
            messages.error(request, " ".join(str(words) for errors in form.errors.values() for words in errors))
            return
        task = services.create(by=self.membership, now=timezone.now(), **form.cleaned_data)
        messages.success(request, _("Added “%s”.") % task.title)

    def _complete(self, request: HttpRequest, *, is_done: bool) -> None:
        try:
            task_id = uuid.UUID(request.POST.get("task", ""))
        except ValueError:
            raise services.NoTask("There is no such task.") from None
        task = services.change(by=self.membership, task_id=task_id, now=timezone.now(), is_done=is_done)
        words = _("Completed “%s”.") if is_done else _("“%s” is open again.")
        messages.success(request, words % task.title)

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        wanted = listing.Wanted.read(request.GET)
        tasks = listing.listed(self.membership, wanted)
        rows = list(tasks[: wanted.show + 1])
        more = len(rows) > wanted.show
        return {
            "section": "tasks",
            "groups": listing.groups(rows[: wanted.show], self.membership, timezone.now()),
            "total": tasks.count() if more else len(rows),
            "has_source": TaskSource.objects.exclude(data_source_id=TaskSource.REFUSED).exists(),
            "choose_url": self._choose_url(),
            "filters": {"q": wanted.q, "whose": wanted.whose},
            "filters_query": request.GET.urlencode(),
            "whose": self._whose(request, wanted),
            "selects": listing.selects(self.membership, wanted),
            "is_filtered": wanted.is_filtered,
            "can_complete": self.membership.may_write,
            "can_create": self.membership.may_write,
            "next_url": _address(request, show=str(wanted.show + listing.STEP))
            if more and wanted.show < listing.MOST
            else "",
        }

    def _choose_url(self) -> str:
        """Where the member says which database holds tasks."""
        mine = Connection.objects.readable_by(self.membership).filter(owner_id=self.membership.user_id)
        first = mine.order_by("connected_at").values_list("id", flat=True).first()
        return reverse("connect-choose", args=[first]) if first else ""

    def _whose(self, request: HttpRequest, wanted: listing.Wanted) -> list[dict[str, Any]]:
        return [
            {"name": name, "url": _address(request, whose=value), "is_current": wanted.whose == value}
            for value, name in (("mine", _("Mine")), ("", _("All")))
        ]


def _address(request: HttpRequest, **changes: str) -> str:
    """This page's address with these parameters changed."""
    query = request.GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value:
            query[name] = value
    return f"?{query.urlencode()}"
