"""What staff see of connections: ids, plans, states and numbers, no token or content; and where they answer wishes."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME, ActionForm
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db import DataError
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import Connection, ConnectionHealth, User, Workspace
from billing import giving
from billing.effective import effective
from billing.models import PlanRequest, Subscription
from config.errors import AppError
from config.staff import site


class Trouble(admin.SimpleListFilter):
    title = "trouble"
    parameter_name = "trouble"
    KINDS: ClassVar[dict[str, tuple[str, dict[str, Any]]]] = {
        "access": ("no access", {"status": Connection.Status.REAUTHORIZE}),
        "failed": ("last sync failed", {"health__outcome": "failed"}),
        "gaps": ("with gaps", {"health__outcome": "partial"}),
        "limited": ("refused with 429", {"health__limited__gt": 0}),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(key, words) for key, (words, _) in self.KINDS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Connection]) -> QuerySet[Connection]:
        _, condition = self.KINDS.get(self.value() or "", ("", {}))
        return queryset.filter(**condition)


def _of_health(name: str, words: str) -> Any:
    @admin.display(description=words, ordering=f"health__{name}", empty_value="–")
    def value(connection: Connection) -> Any:
        health: ConnectionHealth | None = getattr(connection, "health", None)
        return getattr(health, name) if health else None

    return value


def _seconds(name: str, words: str) -> Any:
    @admin.display(description=words, ordering=f"health__{name}", empty_value="–")
    def value(connection: Connection) -> Any:
        health: ConnectionHealth | None = getattr(connection, "health", None)
        milliseconds = getattr(health, name) if health else None
        return None if milliseconds is None else timedelta(seconds=round(milliseconds / 1000))

    return value


def plan_in_words(workspace: Workspace) -> str:
    subscription: Subscription | None = getattr(workspace, "subscription", None)
    current = effective(subscription, timezone.now()) if subscription else None
    return f"{current.tier}, {current.state.replace('_', ' ')}" if current else ""


@admin.display(description="plan", empty_value="–")
def _plan(connection: Connection) -> str:
    """What is served now: a connection of whom nothing is owed need not get on."""
    return plan_in_words(connection.workspace)


class List(admin.ModelAdmin):  # type: ignore[type-arg]  # it takes a parameter in the stubs alone
    """The list says everything that there is to see; a page of its own would bear the customer's name."""

    list_display_links = None
    show_facets = admin.ShowFacets.NEVER

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # The site itself lets nobody in but staff.
        return obj is None and self.admin_site.has_permission(request)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """What the database takes for no value of a filter is wrong as the framework's own wrong ones are."""
        try:
            return super().get_changelist_instance(request)
        except DataError as odd:
            raise IncorrectLookupParameters from odd

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Connection, site=site)
class ConnectionAdmin(List):
    list_select_related = ("health", "workspace__subscription")
    list_filter = (Trouble, "status", "kind", "is_paused")
    search_fields = ("=id", "=workspace__id", "owner__email", "=notion_workspace_id", "notion_workspace_name")
    ordering = ("-connected_at",)
    list_display = (
        "id",
        "workspace_id",
        _plan,
        "status",
        "kind",
        "is_paused",
        _of_health("outcome", "last result"),
        _of_health("error", "last error"),
        _of_health("ended_at", "last ended"),
        "last_synced_at",
        _of_health("known", "pages known"),
        _of_health("indexed", "searchable"),
        _seconds("lag_p50_ms", "lag, median"),
        _seconds("lag_p95_ms", "lag, 95 %"),
        _of_health("requests", "requests, 24 h"),
        _of_health("limited", "429s, 24 h"),
    )


def staff_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "the site lets nobody else in"
    return request.user


class Answer(ActionForm):
    why = forms.CharField(required=False, max_length=1_000, label="why, if refused")


@admin.register(PlanRequest, site=site)
class PlanRequestAdmin(List):
    list_filter = (("decided_at", admin.EmptyFieldListFilter), "outcome", "tier")
    search_fields = ("=workspace__id",)
    ordering = (F("decided_at").desc(nulls_first=True), "requested_at")
    list_display = (
        "id",
        "workspace_id",
        "tier",
        "seats",
        "requested_at",
        "outcome",
        "decided_at",
        "decided_by",
        "reason",
    )
    action_form = Answer
    actions = ("approve", "refuse")

    @admin.action(description="Approve")
    def approve(self, request: HttpRequest, chosen: QuerySet[PlanRequest]) -> None:
        self._answer(request, chosen, partial(giving.approve, by=staff_of(request)))

    @admin.action(description="Refuse")
    def refuse(self, request: HttpRequest, chosen: QuerySet[PlanRequest]) -> None:
        why = request.POST.get("why", "")
        self._answer(request, chosen, partial(giving.refuse, by=staff_of(request), why=why))

    def response_action(  # type: ignore[override]  # the stubs are of a later version
        self, request: HttpRequest, queryset: QuerySet[PlanRequest]
    ) -> HttpResponse | None:
        try:
            is_there = queryset.filter(pk__in=request.POST.getlist(ACTION_CHECKBOX_NAME)).exists()
        except ValueError:
            is_there = False
        if is_there:
            return super().response_action(request, queryset)
        self.message_user(request, "There is no such request.", messages.ERROR)
        return None

    def _answer(self, request: HttpRequest, chosen: QuerySet[PlanRequest], act: Callable[..., Any]) -> None:
        for wish in chosen:
            try:
                act(request_id=wish.pk, now=timezone.now())
            except AppError as refused:
                self.message_user(request, f"{wish.pk}: {refused.detail}", messages.ERROR)
            else:
                self.message_user(request, f"{wish.pk}: answered.")
