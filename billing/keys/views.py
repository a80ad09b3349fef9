import uuid
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from accounts.edge import MemberPage
from accounts.models import Membership
from accounts.permissions import can_make_keys
from accounts.scopes import Scope
from billing.keys import services
from billing.models import Subscription
from billing.permissions import can_change, can_use, cheapest_with
from billing.plans import Feature
from config.errors import InvalidField

LIVES = {
    "30 days": timedelta(days=30),
    "90 days": timedelta(days=90),
    "A year": timedelta(days=365),
    "Until I delete it": None,
}


class KeyForm(forms.Form):
    name = forms.CharField(
        label="Name", max_length=services.LONGEST_NAME, help_text="What will use it, such as “Nightly report”."
    )
    scopes = forms.MultipleChoiceField(
        label="It may", choices=Scope.choices, error_messages={"required": "Choose what it may do."}
    )
    life = forms.ChoiceField(label="Good for", choices=[(name, name) for name in LIVES], initial="90 days")
    # The same when the form is sent again.
    request = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def clean_name(self) -> str:
        try:
            return services.checked_name(self.cleaned_data["name"])
        except InvalidField as error:
            raise forms.ValidationError(error.detail) from error

    def expires_at(self, now: datetime) -> datetime | None:
        life = LIVES[self.cleaned_data["life"]]
        return now + life if life else None


class ApiKeysPage(MemberPage):
    """One's own keys in this workspace. Making one asks for what is open itself; a key can always be ended."""

    open_when_expired = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        action = request.POST.get("action", "")
        if action not in {"create", "delete"}:
            raise InvalidField("Nothing here is called that. Known: create, delete.", pointer="/action")
        return self._create(request) if action == "create" else self._delete(request)

    def _create(self, request: HttpRequest) -> HttpResponse:
        form, now = KeyForm(request.POST), timezone.now()
        if not form.is_valid():
            return self._page(request, form=form, status=400)
        given = form.cleaned_data
        try:
            made = services.create(
                by=self.membership,
                name=given["name"],
                scopes=given["scopes"],
                expires_at=form.expires_at(now),
                now=now,
                request_key=(given["request"] or uuid.uuid4()).hex,
                anew=False,
            )
        except (services.MadeAlready, services.TooManyKeys, services.TooManyMade) as refused:
            messages.error(request, refused.detail)
            return redirect("api-keys")
        return self._page(request, made=made)

    def _delete(self, request: HttpRequest) -> HttpResponse:
        try:
            key_id = uuid.UUID(request.POST.get("key", ""))
        except ValueError as error:
            raise Http404 from error
        services.revoke(by=self.membership, key_id=key_id, now=timezone.now())
        messages.success(request, "The key no longer works.")
        return redirect("api-keys")

    def _page(
        self,
        request: HttpRequest,
        *,
        form: KeyForm | None = None,
        made: services.Made | None = None,
        status: int = 200,
    ) -> HttpResponse:
        context = _context(self.membership, now=timezone.now()) | {"made": made}
        if context["can_make"] and (form or "new" in request.GET):
            context["form"] = form or KeyForm(initial={"request": uuid.uuid4(), "scopes": [Scope.READ]})
        asked = request.GET.get("delete", "")
        context["confirm"] = next((row for row in context["rows"] if str(row["id"]) == asked), None)
        return render(request, "accounts/keys.html", context, status=status)


def _context(membership: Membership, *, now: datetime) -> dict[str, Any]:
    has_keys = can_use(Subscription.objects.get(workspace_id=membership.workspace_id), Feature.API_KEYS)
    may = can_make_keys(membership)
    rows = [services.as_json(key, now=now) for key in services.mine(membership).order_by("-created_at", "pk")]
    return {
        "section": "keys",
        "rows": rows,
        "needs_plan": None if has_keys else cheapest_with(Feature.API_KEYS),
        "may_make": may,
        "can_make": may and has_keys and can_change(membership),
        "form": None,
        "public_url": settings.PUBLIC_URL,
    }
