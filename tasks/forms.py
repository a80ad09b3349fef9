"""Editing on the page. Only what the member changed since the page was made is handed on."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts.names import cleaned
from config.errors import AppError
from tasks.filters import LOCAL
from tasks.models import Task
from tasks.offers import Offers


def check_seen(title: str) -> None:
    """A title of characters that nobody sees, or that only turn the writing around them, says nothing."""
    if not cleaned(title):
        raise ValidationError(_("Say what is to be done."), code="blank")


class _Refusable(forms.Form):
    def refuse(self, error: AppError) -> None:
        """The service's refusal, at its field."""
        for each in error.extra.get("errors") or [{"pointer": "", "detail": error.detail}]:
            name = each["pointer"].strip("/")
            self.add_error(name if name in self.fields else None, each["detail"])


class NewTaskForm(_Refusable):
    title = forms.CharField(
        max_length=2000, validators=[check_seen], error_messages={"required": _("Say what is to be done.")}
    )
    due_on = forms.DateField(required=False)
    source = forms.CharField(required=False)

    def values(self) -> dict[str, Any]:
        given = dict(self.cleaned_data)
        given["source"] = given["source"] or LOCAL
        return given if given["due_on"] else {name: value for name, value in given.items() if name != "due_on"}


class EditForm(_Refusable):
    """With hidden copies of what the page showed: what somebody else has changed since is not set back."""

    title = forms.CharField(
        label=_("Title"),
        max_length=2000,
        validators=[check_seen],
        show_hidden_initial=True,
        error_messages={"required": _("Say what is to be done.")},
    )
    status = forms.ChoiceField(label=_("Status"), required=False, show_hidden_initial=True)
    due_on = forms.DateField(
        label=_("Due"),
        required=False,
        show_hidden_initial=True,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    assignees = forms.MultipleChoiceField(
        label=_("Assignees"), required=False, show_hidden_initial=True, widget=forms.SelectMultiple(attrs={"size": 3})
    )
    priority = forms.ChoiceField(label=_("Priority"), required=False, show_hidden_initial=True)
    labels = forms.MultipleChoiceField(
        label=_("Labels"), required=False, show_hidden_initial=True, widget=forms.SelectMultiple(attrs={"size": 3})
    )

    def __init__(self, task: Task, offers: Offers, data: QueryDict | None = None) -> None:
        shown = {
            # A line of input holds no line breaks; an untouched title is not an edit.
            "title": " ".join(task.title.split()),
            "status": task.status,
            "due_on": task.due_on,
            "assignees": list(dict.fromkeys(task.assignees)),
            "priority": task.priority,
            "labels": list(dict.fromkeys(task.labels)),
        }
        super().__init__(data, initial=shown, auto_id=f"edit-{task.pk}-%s")
        for name in list(self.fields):
            if name not in offers.fields:
                del self.fields[name]
        for name, choices in offers.choices.items():
            field = self.fields.get(name)
            if isinstance(field, forms.ChoiceField):
                is_empty = name in offers.may_be_empty or not shown[name]
                nothing = [("", "–")] if is_empty and not isinstance(field, forms.MultipleChoiceField) else []
                field.choices = nothing + [(each, each) for each in choices]

    def as_shown(self) -> list[str]:
        return [self[name].as_hidden(only_initial=True) for name in self.fields]

    def changes(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.changed_data if name in self.cleaned_data}
