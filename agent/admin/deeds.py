"""What can be done to a workspace from the staff's site: a page for each, which says what happens and asks why."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from accounts import staffing
from accounts.models import User
from agent import caring
from billing import extending, giving
from billing.admin import staff_of
from billing.plans import PLANS, Tier
from config.errors import AppError
from config.staff import site


class Why(forms.Form):
    why = forms.CharField(
        label="Reason",
        max_length=staffing.LONGEST_REASON,
        help_text="The customer reads it, beside your name.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


class Trial(Why):
    until = forms.DateField(label="Last day of the trial (UTC)", widget=forms.DateInput(attrs={"type": "date"}))
    field_order = ("until", "why")

    def clean_until(self) -> datetime:
        last_day = self.cleaned_data["until"]
        try:
            return datetime.combine(last_day + timedelta(days=1), time(), UTC)
        except OverflowError as error:
            raise forms.ValidationError("That day is too far away.") from error


class Plan(Why):
    tier = forms.ChoiceField(choices=[(plan.tier, plan.name) for plan in PLANS.values() if plan.trial is None])
    seats = forms.IntegerField(
        min_value=1, max_value=10_000, required=False, help_text="Of Teams; without a number one for each member."
    )
    field_order = ("tier", "seats", "why")


class Closing(Why):
    confirm = forms.CharField(label="Name of the workspace", max_length=200)
    field_order = ("confirm", "why")


@dataclass(frozen=True)
class Deed:
    """`act` is called with what the form gives, the staff member `by` and `now`."""

    label: str
    warning: str
    done: str
    act: Callable[..., object]
    form: type[Why] = Why


def _give(*, workspace_id: Any, tier: str, seats: int | None, by: User, why: str, now: datetime) -> None:
    workspace = staffing.existing(workspace_id)
    giving.give(workspace=workspace, tier=Tier(tier), seats=seats, by=by, why=staffing.said(why), now=now)


DEEDS = {
    "trial": Deed(
        "Extend the trial",
        "The trial lasts through the chosen day, also when it is over. Its limits stay, and the owners are told.",
        "The trial is extended.",
        extending.extend,
        Trial,
    ),
    "plan": Deed(
        "Change the plan",
        "The workspace has the plan from now on and nobody pays for it. Where a subscription is being paid for, this is"
        " refused.",
        "The plan is changed.",
        _give,
        Plan,
    ),
    "suspend": Deed(
        "Suspend",
        "Questions, syncs and changes in Notion stop at once, also those under way. Questions end unanswered and"
        " uncharged; syncs and changes wait. Signing in, export, download and deletion stay open. The owners are told.",
        "The workspace is suspended.",
        staffing.suspend,
    ),
    "unsuspend": Deed(
        "Open again",
        "What waited goes on, and the owners are told.",
        "The workspace is open again.",
        staffing.unsuspend,
    ),
    "sync": Deed(
        "Sync again",
        "Each connection that has no open sync is read.",
        "The syncs are queued.",
        caring.sync_again,
    ),
    "index": Deed(
        "Rebuild the index",
        "What is searched by meaning is forgotten and written anew from the database. For some minutes answers are"
        " found by words alone.",
        "The rebuilding is queued.",
        caring.rebuild_index,
    ),
    "close": Deed(
        "Close the account",
        "As if an owner had deleted the workspace: it is closed at once and erased after 14 days, until when an owner"
        " may take that back. Nothing more is charged. The owners are told.",
        "The workspace is closed.",
        caring.close,
        Closing,
    ),
}


def page(
    request: HttpRequest,
    deed: Deed,
    *,
    about: str,
    back: str,
    then: Callable[[Any], HttpResponse] | None = None,
    **target: Any,
) -> HttpResponse:
    """`back`: where to go when it is done, unless `then` answers; `target`: what the deed is done to."""
    form = deed.form(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                made = deed.act(**target, **form.cleaned_data, by=staff_of(request), now=timezone.now())
            except AppError as refused:
                field = getattr(refused, "field", None)
                form.add_error(field if field in form.fields else None, refused.detail)
                status = refused.status
            else:
                if then is not None:
                    return then(made)
                messages.success(request, f"{about}: {deed.done}")
                return redirect(back)
    context = {**site.each_context(request), "title": deed.label, "deed": deed, "about": about, "form": form}
    return render(request, "admin/deed.html", {**context, "back": back}, status=status)
