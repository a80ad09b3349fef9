"""What staff see of customers' connections: ids, plans, states and numbers. No token, name or content."""

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Connection, ConnectionHealth
from billing.effective import effective
from billing.models import Subscription
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


@admin.display(description="plan", empty_value="–")
def _plan(connection: Connection) -> str:
    """What is served now: a connection of whom nothing is owed need not get on."""
    subscription: Subscription | None = getattr(connection.workspace, "subscription", None)
    current = effective(subscription, timezone.now()) if subscription else None
    return f"{current.tier}, {current.state.replace('_', ' ')}" if current else ""


@admin.register(Connection, site=site)
class ConnectionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # it takes a parameter in the stubs alone
    list_select_related = ("health", "workspace__subscription")
    # The list says everything that there is to see; a page of its own would bear the customer's name.
    list_display_links = None
    list_filter = (Trouble, "status", "kind", "is_paused")
    search_fields = ("=id", "=workspace__id")
    ordering = ("-connected_at",)
    show_facets = admin.ShowFacets.NEVER
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

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # The site itself lets nobody in but staff.
        return obj is None and self.admin_site.has_permission(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
