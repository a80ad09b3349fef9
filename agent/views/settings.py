import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import connections as authorizations
from accounts import impersonation, model_choices, tenancy
from accounts import views as accounts
from accounts.models import Connection, Workspace
from accounts.permissions import can_change_settings, can_delete_workspace, check_can_delete_workspace
from accounts.roles import Action
from agent import configuring, deletion
from agent.api.exports import shown as exported
from agent.exports import services as exports
from agent.models import Disconnection, Page, Proposal
from agent.runs import offered
from agent.sync import ending, intervals
from agent.sync.freshness import every
from billing.deletion import close
from billing.permissions import can_change
from billing.team import auditing
from config.errors import InvalidField
from config.providers import ANTHROPIC, OPENAI, VENDORS

# What is sent from here also in a suspended workspace.
WAY_OUT = frozenset({"export", "deletion", "sessions", "staff"})
# Offered besides what the plan allows at most and what is set.
INTERVALS = tuple(timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 240, 480, 720, 1440))


class WorkspaceForm(accounts.WorkspaceForm):
    sync_interval_minutes = forms.TypedChoiceField(
        label=gettext_lazy("Automatic sync"), coerce=int, empty_value=None, required=False
    )

    write_policy = forms.ChoiceField(
        label=gettext_lazy("Changes that the agent proposes"),
        required=False,
        choices=(
            ("ask", gettext_lazy("Ask before each")),
            ("allow", gettext_lazy("Make some kinds without asking")),
            ("never", gettext_lazy("Propose none")),
        ),
    )
    write_kinds = forms.MultipleChoiceField(
        label=gettext_lazy("Kinds made without asking"),
        required=False,
        choices=Proposal.Kind.choices,
        widget=forms.SelectMultiple(attrs={"size": len(Proposal.Kind)}),
        help_text=gettext_lazy("It still asks once it has read pages in the conversation: their text never decides."),
    )

    def __init__(self, data: Any, *, workspace: Workspace, now: datetime) -> None:
        chosen = workspace.sync_interval_minutes
        initial = {
            "name": workspace.name,
            "sync_interval_minutes": chosen or "",
            "write_policy": workspace.write_policy,
            "write_kinds": workspace.write_kinds,
        }
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

    def choices(self) -> dict[str, Any]:
        """Without a policy in it, a form says nothing of the kinds either."""
        given = dict(self.cleaned_data)
        kept = () if given.get("write_policy") else ("write_policy", "write_kinds")
        return {name: value for name, value in given.items() if name not in kept}


OWN = "own"
KIND_NAMES = {OPENAI: gettext_lazy("OpenAI, or a server that speaks like it"), ANTHROPIC: "Anthropic"}


class ModelForm(forms.Form):
    model = forms.ChoiceField(label=gettext_lazy("Who answers"), required=False)
    kind = forms.ChoiceField(
        label=gettext_lazy("Vendor of your own model"), required=False, choices=list(KIND_NAMES.items())
    )
    url = forms.ChoiceField(label=gettext_lazy("Address"), required=False)
    name = forms.CharField(label=gettext_lazy("Name of your own model"), max_length=80, required=False)
    key = forms.CharField(
        label=gettext_lazy("Key"),
        max_length=model_choices.LONGEST_KEY,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Kept sealed and never shown again."),
    )

    def __init__(self, data: Any = None, *, workspace: Workspace) -> None:
        kept = model_choices.shown(workspace.pk)
        own = kept["own_model"] or {}
        initial = {"model": OWN if own else kept["model"], "name": own.get("model"), **own}
        super().__init__(data, initial=initial, auto_id="model_%s")
        default = settings.MODEL or offered.KEYLESS
        self._choices("model").choices = [
            ("", _("Each member’s choice, or else %s") % default),
            *((name, name) for name in offered.names()),
            (OWN, _("Your own model, with your own key")),
        ]
        self._choices("url").choices = [
            ("", _("The vendor’s own")),
            *((url, url) for url in settings.MODEL_ADDRESSES),
        ]
        if own.get("url") in VENDORS.values():
            self.initial["url"] = ""
        if own.get("has_key"):
            self.fields["key"].widget.attrs["placeholder"] = _("Leave it empty to keep the one you gave")

    def _choices(self, name: str) -> forms.ChoiceField:
        return cast(forms.ChoiceField, self.fields[name])

    def choice(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given["model"] != OWN:
            return {"model": given["model"]}
        return {"own_model": {"model": given["name"], **{part: given[part] for part in ("kind", "url", "key")}}}


# Where the page has what a service refuses.
MODEL_FIELDS = {"model": "name", "kind": "kind", "url": "url", "key": "key"}


class DeletionForm(forms.Form):
    confirm = forms.CharField(max_length=200)

    def __init__(self, data: Any = None, *, name: str) -> None:
        super().__init__(data, auto_id="deletion_%s")
        self.fields["confirm"].label = _("Type %s to confirm") % name
        self.fields["confirm"].widget.attrs["autocomplete"] = "off"


class Settings(accounts.Settings):
    """The settings page with its connections to Notion: sharing one, or ending it and removing what was read."""

    asks_for_payments = True

    def workspace_form_of(self, data: Any = None) -> WorkspaceForm:
        return WorkspaceForm(data, workspace=self.membership.workspace, now=timezone.now())

    def save_workspace(self, form: forms.Form) -> None:
        assert isinstance(form, WorkspaceForm)
        configuring.configure(by=self.membership, now=timezone.now(), **form.choices())

    def post(self, request: HttpRequest) -> HttpResponse:
        section = request.POST.get("section", "")
        tenancy.check_served(self.membership, opened_to=WAY_OUT, method=section)
        if section in ACTIONS:
            return ACTIONS[section](self, request)
        return super().post(request)

    def save_model(self, request: HttpRequest) -> HttpResponse:
        form = ModelForm(request.POST, workspace=self.membership.workspace)
        if not form.is_valid():
            return self._page(request, model_form=form)
        try:
            configuring.configure(by=self.membership, now=timezone.now(), **form.choice())
        except InvalidField as error:
            form.add_error(MODEL_FIELDS.get(error.field.rpartition("/")[2]), error.detail)
            return self._page(request, model_form=form)
        messages.success(request, _("Saved."))
        return redirect(reverse("settings") + "#model")

    def end_connection(self, request: HttpRequest) -> HttpResponse:
        connection = self._endable(request.POST.get("connection", ""))
        with tenancy.within(self.membership.workspace):
            ending.disconnect(membership=self.membership, connection_id=connection.id)
        messages.success(
            request, _("Notion is disconnected. What was read is being erased; below it says when nothing is left.")
        )
        return redirect("settings")

    def share_connection(self, request: HttpRequest) -> HttpResponse:
        connection = self._endable(request.POST.get("connection", ""))
        configuring.share(connection, by=self.membership, is_shared=request.POST.get("shared") == "yes")
        messages.success(request, _("Saved."))
        return redirect("settings")

    def export(self, request: HttpRequest) -> HttpResponse:
        with tenancy.within(self.membership.workspace):
            exports.ask(membership=self.membership, now=timezone.now())
        return redirect(reverse("settings") + "#data")

    def let_staff_act(self, request: HttpRequest) -> HttpResponse:
        impersonation.allow(by=self.membership, is_allowed=request.POST.get("allowed") == "yes", now=timezone.now())
        messages.success(request, _("Saved."))
        return redirect(reverse("settings") + "#staff")

    def delete_workspace(self, request: HttpRequest) -> HttpResponse:
        check_can_delete_workspace(self.membership)
        form = DeletionForm(request.POST, name=self.membership.workspace.name)
        if not form.is_valid():
            return self._page(request, deletion_form=form)
        try:
            close(by=self.membership, now=timezone.now(), **form.cleaned_data)
        except InvalidField as error:
            form.add_error("confirm", error.detail)
            return self._page(request, deletion_form=form)
        return redirect("closing")

    def more(self) -> dict[str, Any]:
        readable = Connection.objects.readable_by(self.membership).order_by("connected_at")
        ended = self._ended()
        asked = self.request.GET.get("disconnect")
        return {
            "connections": [self._row(each) for each in readable],
            "ended": ended,
            "is_erasing": any(each.erased_at is None for each in ended),
            "confirm_disconnect": self._confirmed(self._endable(asked)) if asked else None,
            # Otherwise the plan is closed, and nothing is offered that it would refuse.
            "can_change": self.can_change,
            "model_form": self._model_form(),
            "export": self._export(),
            "can_allow_staff": can_change_settings(self.membership),
            "staff_until": self._staff_until(),
            "has_audit": auditing.has_audit(self.membership),
            "erases": deletion.ERASES,
            "keeps": deletion.KEEPS,
            "deletion_form": self._deletion_form(),
        }

    @cached_property
    def can_change(self) -> bool:
        return can_change(self.membership) and self.membership.workspace.is_active

    def _staff_until(self) -> datetime | None:
        workspace = self.membership.workspace
        return workspace.staff_may_act_until if impersonation.may_act(workspace, timezone.now()) else None

    def _model_form(self) -> ModelForm | None:
        may = self.can_change and can_change_settings(self.membership)
        return ModelForm(workspace=self.membership.workspace) if may else None

    def _export(self) -> dict[str, Any] | None:
        with tenancy.within(self.membership.workspace):
            export = exports.newest(membership=self.membership, now=timezone.now())
        return exported(export) if export else None

    def _deletion_form(self) -> DeletionForm | None:
        may = can_delete_workspace(self.membership)
        return DeletionForm(name=self.membership.workspace.name) if may else None

    def _row(self, connection: Connection) -> dict[str, Any]:
        is_mine = connection.owner_id == self.membership.user_id
        may_share = is_mine and authorizations.can_connect(self.membership)
        return {
            "id": connection.id,
            "notion_workspace_name": connection.notion_workspace_name,
            "connected_at": connection.connected_at,
            "is_shared": connection.is_shared,
            "status": connection.status,
            "can_share": may_share and (connection.is_shared or self.can_change),
            "can_disconnect": is_mine or self.membership.may(Action.MANAGE_CONNECTIONS),
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


ACTIONS: dict[str, Callable[[Settings, HttpRequest], HttpResponse]] = {
    "model": Settings.save_model,
    "connection": Settings.end_connection,
    "sharing": Settings.share_connection,
    "export": Settings.export,
    "staff": Settings.let_staff_act,
    "deletion": Settings.delete_workspace,
}
