import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts import connections as authorizations
from accounts import tenancy
from accounts import views as accounts
from accounts.models import Connection
from agent.models import Page
from agent.sync import ending


class Settings(accounts.Settings):
    """The settings page with its connections to Notion: sharing one, or ending it and removing what was read."""

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
            messages.success(request, _("Notion is disconnected, and what was read is removed."))
        return redirect("settings")

    def more(self) -> dict[str, Any]:
        readable = Connection.objects.readable_by(self.membership).order_by("connected_at")
        ending = self.request.GET.get("disconnect")
        return {
            "connections": [self._row(each) for each in readable],
            "confirm_disconnect": self._confirmed(self._endable(ending)) if ending else None,
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

    def _confirmed(self, connection: Connection) -> dict[str, Any]:
        with tenancy.within(self.membership.workspace):
            pages = Page.objects.filter(connection_id=connection.id).count()
        return {"id": connection.id, "notion_workspace_name": connection.notion_workspace_name, "pages": pages}

    def _endable(self, given: str) -> Connection:
        try:
            return authorizations.endable(self.membership, uuid.UUID(given))
        except (ValueError, authorizations.NoConnection) as error:
            raise Http404 from error
