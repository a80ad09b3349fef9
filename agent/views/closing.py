from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import tenancy
from accounts.edge import MemberPage
from accounts.models import Workspace
from accounts.permissions import can_delete_workspace, check_can_delete_workspace
from accounts.roles import EVERYBODY
from agent import deletion
from agent.api.exports import shown as exported
from agent.exports import services as exports
from billing.deletion import restore
from billing.moments import exactly, here
from config.errors import InvalidField


class Closing(MemberPage):
    """All that is left of a workspace that was deleted: its owners take that back or an export along, and the others
    hear why they get no further."""

    open_when_expired = True
    while_closing = EVERYBODY

    def get(self, request: HttpRequest) -> HttpResponse:
        workspace = self.membership.workspace
        if workspace.erases_at is None:
            return redirect("overview")
        may = can_delete_workspace(self.membership)
        context = {
            "closing": workspace,
            "at": exactly(workspace.erases_at, here()),
            "person": self.membership.user,
            "others": self._others(),
            "export": self._export() if may else None,
            "may_take_back": may,
            "erases": deletion.ERASES,
            "keeps": deletion.KEEPS,
            # The frame of a workspace leads to pages that are closed.
            "shell": None,
        }
        return render(request, "agent/closing.html", context, status=200 if may else 403)

    def post(self, request: HttpRequest) -> HttpResponse:
        check_can_delete_workspace(self.membership)
        match request.POST.get("action"):
            case "restore":
                restore(by=self.membership, now=timezone.now())
                messages.success(request, _("The deletion was taken back. Everything is as it was."))
                return redirect("overview")
            case "export":
                with tenancy.within(self.membership.workspace):
                    exports.ask(membership=self.membership, now=timezone.now())
                return redirect("closing")
        raise InvalidField("There is no such action.", pointer="/action")

    def _others(self) -> list[Workspace]:
        mine = Workspace.objects.filter(memberships__user=self.membership.user_id).exclude(
            pk=self.membership.workspace_id
        )
        return list(mine.filter(state=Workspace.State.ACTIVE).order_by("name"))

    def _export(self) -> dict[str, Any] | None:
        with tenancy.within(self.membership.workspace):
            export = exports.newest(membership=self.membership, now=timezone.now())
        return exported(export) if export else None
