import uuid
from datetime import datetime, timedelta
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import connections as authorizations
from accounts import tenancy
from accounts import views as accounts
from accounts.models import Connection, Workspace
from agent.models import Disconnection, Page
from agent.sync import ending, intervals
from agent.sync.freshness import every

# Offered besides what the plan allows at most and what is set.
INTERVALS = tuple(timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 240, 480, 720, 1440))


class WorkspaceForm(accounts.WorkspaceForm):
    sync_interval_minutes = forms.TypedChoiceField(
        label=gettext_lazy("Automatic sync"), coerce=int, empty_value=None, required=False
    )

    def __init__(self, data: Any, *, workspace: Workspace, now: datetime) -> None:
        chosen = workspace.sync_interval_minutes
        initial = {"name": workspace.name, "sync_interval_minutes": chosen or ""}
        super().__init__(data, initial=initial, auto_id="workspace_%s")
        least = intervals.shortest(workspace, now=now)
        if least is None:
            del self.fields["sync_interval_minutes"]
            return
        offered = {each for each in INTERVALS if each >= least} | ({timedelta(minutes=chosen)} if chosen else set())
        field = cast(forms.TypedChoiceField, self.fields["sync_interval_minutes"])
        field.choices = [
            ("", _("As often as the plan allows: %s") % every(least)),
            *((each // intervals.MINUTE, every(each)) for each in sorted(offered)),
        ]
        if chosen and timedelta(minutes=chosen) < least:
            field.help_text = _("Your plan now allows %s at most, so that is what happens.") % every(least)


class Settings(accounts.Settings):
    """The settings page with its connections to Notion: sharing one, or ending it and removing what was read."""

    def workspace_form_of(self, data: Any = None) -> WorkspaceForm:
        return WorkspaceForm(data, workspace=self.membership.workspace, now=timezone.now())

    def save_workspace(self, form: forms.Form) -> None:
        with transaction.atomic():
            super().save_workspace(form)
            if "sync_interval_minutes" in form.fields:
                minutes = form.cleaned_data["sync_interval_minutes"]
                intervals.choose(by=self.membership, minutes=minutes, now=timezone.now())

    def post(self, request: HttpRequest) -> HttpResponse:
        section = request.POST.get("section")
        if section not in {"connection", "sharing"}:
            return super().post(request)
        connection = self._endable(request.POST.get("connection", ""))
        if section == "sharing":
            authorizations.share(connection, by=self.membership, is_shared=request.POST.get("shared") == "yes")
            messages.success(request, _("Saved."))
        else:
            with tenancy.within(self.membership.workspace):
                ending.disconnect(membership=self.membership, connection_id=connection.id)
            messages.success(
                request, _("Notion is disconnected. What was read is being erased; below it says when nothing is left.")
            )
        return redirect("settings")

    def more(self) -> dict[str, Any]:
        readable = Connection.objects.readable_by(self.membership).order_by("connected_at")
        ended = self._ended()
        asked = self.request.GET.get("disconnect")
        return {
            "connections": [self._row(each) for each in readable],
            "ended": ended,
            "is_erasing": any(each.erased_at is None for each in ended),
            "confirm_disconnect": self._confirmed(self._endable(asked)) if asked else None,
        }

    def _row(self, connection: Connection) -> dict[str, Any]:
        is_mine = connection.owner_id == self.membership.user_id
        return {
            "id": connection.id,
            "notion_workspace_name": connection.notion_workspace_name,
            "connected_at": connection.connected_at,
            "is_shared": connection.is_shared,
            "status": connection.status,
            "can_share": is_mine and self.membership.may_write,
            "can_disconnect": is_mine or self.membership.may_manage,
        }

    def _ended(self) -> list[Disconnection]:
        with tenancy.within(self.membership.workspace):
            return ending.ended(self.membership)

    def _confirmed(self, connection: Connection) -> dict[str, Any]:
        with tenancy.within(self.membership.workspace):
            pages = Page.objects.filter(connection_id=connection.id).count()
        return {"id": connection.id, "notion_workspace_name": connection.notion_workspace_name, "pages": pages}

    def _endable(self, given: str) -> Connection:
        try:
            return authorizations.endable(self.membership, uuid.UUID(given))
        except (ValueError, authorizations.NoConnection) as error:
            raise Http404 from error
