"""A proposal's card, in its conversation and by itself: decided by forms, without a script."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.edge import MemberPage
from accounts.models import Membership
from agent.models import Proposal, Run
from agent.proposals import preparing, services, undoing
from config.errors import AppError
from tasks import approved, asking, offers
from tasks.forms import EditForm

State = Proposal.State
TONES = {
    State.PENDING: "warn",
    State.APPLIED: "ok",
    State.FAILED: "bad",
}
REFUSALS = (
    services.MovedOn,
    services.NotOpen,
    preparing.AlreadySo,
    approved.OnItsWay,
    approved.RowGone,
    asking.NotionAway,
)
ACTIONS = {"approve": services.approve, "reject": services.reject, "undo": undoing.undo}


class OneProposal(MemberPage):
    schema_of_view = "workspace"

    def get(self, request: HttpRequest, proposal_id: uuid.UUID) -> HttpResponse:
        """The card; with `?edit=1` what it says, to be said otherwise."""
        proposal = services.get(by=self.membership, proposal_id=proposal_id)
        is_editing = "edit" in request.GET and proposal.state == State.PENDING
        return self.show(proposal, form=self.form_of(proposal) if is_editing else None)

    def post(self, request: HttpRequest, proposal_id: uuid.UUID) -> HttpResponse:
        action = request.POST.get("action", "")
        proposal = services.get(by=self.membership, proposal_id=proposal_id)
        try:
            if action == "edit":
                return self.edit(proposal)
            if action in ACTIONS:
                ACTIONS[action](by=self.membership, proposal_id=proposal_id, now=timezone.now())
        except REFUSALS as refusal:
            messages.error(request, refusal.detail)
        return redirect(self.place(proposal))

    def edit(self, proposal: Proposal) -> HttpResponse:
        form = self.form_of(proposal, self.request.POST)
        try:
            if form.is_valid():
                if values := form.changes():
                    services.edit(by=self.membership, proposal_id=proposal.pk, now=timezone.now(), values=values)
                return redirect(self.place(proposal))
        except AppError as error:
            if error.code != "invalid":
                raise
            form.refuse(error)
        return self.show(proposal, form=form, status=422)

    def form_of(self, proposal: Proposal, data: Any = None) -> EditForm:
        task = preparing.as_proposed(proposal, by=self.membership)
        return EditForm(task, offers.of(task, by=self.membership), data)

    def place(self, proposal: Proposal) -> str:
        return f"{reverse('conversation', args=[proposal.run.conversation_id])}#{anchor(proposal)}"

    def show(self, proposal: Proposal, *, form: EditForm | None, status: int = 200) -> HttpResponse:
        context = {
            "section": "ask",
            "proposal": card(proposal, may=services.can_decide(self.membership), now=timezone.now()),
            "form": form,
            "back_url": self.place(proposal),
        }
        return render(self.request, "agent/proposal.html", context, status=status)


def anchor(proposal: Proposal) -> str:
    return f"p{proposal.pk.hex[:12]}"


def cards(runs: Iterable[Run], *, by: Membership) -> dict[uuid.UUID, list[dict[str, Any]]]:
    """By run."""
    now, proposed = timezone.now(), services.of_runs(runs, by=by)
    may = bool(proposed) and services.can_decide(by)
    return {run_id: [card(each, may=may, now=now) for each in found] for run_id, found in proposed.items()}


def card(proposal: Proposal, *, may: bool, now: datetime) -> dict[str, Any]:
    is_lapsed = proposal.is_lapsed(now)
    state = State.EXPIRED if is_lapsed else State(proposal.state)
    return {
        "id": proposal.pk,
        "anchor": anchor(proposal),
        "title": f"{Proposal.Kind(proposal.kind).label}: {proposal.title}",
        "state": state.value,
        "state_words": state.label,
        "tone": TONES.get(state, ""),
        "place": proposal.place or _("Here, in Docent"),
        "url": proposal.task.url if proposal.task else "",
        "changes": proposal.changes,
        "why": proposal.why,
        "source_page": proposal.source_page,
        "reason": proposal.reason,
        "action_url": reverse("proposal", args=[proposal.pk]),
        "is_at_work": state in Proposal.AT_WORK,
        "is_closed": state in {State.STALE, State.REJECTED, State.EXPIRED},
        "can_decide": may and state == State.PENDING,
        "can_reject": state == State.PENDING,
        "can_undo": may and proposal.can_be_undone(now),
        "undo_until": proposal.undo_until,
        "verified_words": _verified(proposal),
    }


def _verified(proposal: Proposal) -> str:
    """What was seen when it was read back."""
    if proposal.state not in Proposal.DONE or proposal.state == State.UNDOING:
        return ""
    is_local = proposal.task is None or proposal.task.is_local
    if proposal.state == State.UNDONE:
        return _("Undone") if is_local else _("Undone, checked in Notion")
    if not proposal.differs:
        return _("Done") if is_local else _("Done, checked in Notion")
    names = {each["field"]: each["name"] for each in proposal.changes}
    others = ", ".join(names.get(each, each) for each in proposal.differs)
    return _("Notion took it, and then it was changed there: %(fields)s") % {"fields": others}
