"""Workspaces and what is known of them outside of their schemas: no column enters one."""

import uuid
from collections import Counter
from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.models import Connection, Membership, Role, Workspace
from agent.admin import searching
from agent.admin.deeds import DEEDS, page
from agent.admin.lists import Found, counted
from billing.admin import plan_in_words
from billing.effective import effective
from billing.models import Subscription, WorkspaceFigures
from config.staff import site


@admin.display(description="owners")
def _owners(workspace: Workspace) -> SafeString:
    members = f"{reverse('staff:accounts_membership_changelist')}?q={workspace.pk}"
    owners = [(members, each.user.email) for each in workspace.memberships.all() if each.role == Role.OWNER]
    return format_html_join(", ", '<a href="{}">{}</a>', owners)


@admin.display(description="members")
def _members(workspace: Workspace) -> str:
    return str(len(workspace.memberships.all()))


@admin.display(description="plan", ordering="subscription__tier", empty_value="–")
def _plan(workspace: Workspace) -> str:
    return plan_in_words(workspace)


@admin.display(description="trial until", ordering="subscription__trial_ends_at", empty_value="–")
def _trial_ends_at(workspace: Workspace) -> Any:
    subscription: Subscription | None = getattr(workspace, "subscription", None)
    is_trial = subscription is not None and subscription.status == Subscription.Status.TRIALING
    return subscription.trial_ends_at if subscription and is_trial else None


@admin.display(description="Stripe customer", empty_value="–")
def _stripe(workspace: Workspace) -> str:
    account = getattr(workspace, "stripe_account", None)
    return account.customer_id if account else ""


@admin.display(description="used in this period", empty_value="–")
def _usage(workspace: Workspace) -> str:
    """Of what the plan allows one member, as often as there are seats. Nothing: none was charged for in this period."""
    figures: WorkspaceFigures | None = getattr(workspace, "figures", None)
    subscription: Subscription | None = getattr(workspace, "subscription", None)
    current = effective(subscription, timezone.now()) if subscription else None
    if figures is None or subscription is None or current is None or figures.noted_at < current.period.starts_at:
        return ""
    requests, tokens = (limit * subscription.seats for limit in (current.plan.requests, current.plan.tokens))
    return f"{figures.requests:,} of {requests:,} requests, {figures.tokens:,} of {tokens:,} tokens"


def _read(workspace: Workspace) -> list[Connection]:
    return [each for each in workspace.connections.all() if each.status != Connection.Status.DISCONNECTED]


@admin.display(description="connections", empty_value="–")
def _health(workspace: Workspace) -> SafeString | str:
    """How many of each kind: without access, paused, and how the last sync of the others went."""
    states = Counter(_state(each) for each in _read(workspace))
    if not states:
        return ""
    words = ", ".join(f"{number} {state}" for state, number in states.most_common())
    address = f"{reverse('staff:accounts_connection_changelist')}?q={workspace.pk}"
    return format_html('<a href="{}">{}</a>', address, words)


def _state(connection: Connection) -> str:
    if connection.status == Connection.Status.REAUTHORIZE:
        return "without access"
    if connection.is_paused:
        return "paused"
    health = getattr(connection, "health", None)
    return health.outcome if health else "never read"


@admin.display(description="index", empty_value="–")
def _index(workspace: Workspace) -> str:
    """As of the end of each connection's last sync."""
    known = [health for each in _read(workspace) if (health := getattr(each, "health", None))]
    pages = sum(each.known for each in known)
    return f"{sum(each.indexed for each in known):,} of {counted(pages, 'page')} searchable" if known else ""


@admin.display(description="workspace", ordering="name")
def _name(workspace: Workspace) -> SafeString:
    """To what can be done there."""
    return format_html('<a href="{}">{}</a>', reverse("staff:workspace-deeds", args=[workspace.pk]), workspace)


@admin.register(Workspace, site=site)
class WorkspaceAdmin(Found):
    search_help_text = searching.HELP
    list_select_related = ("subscription", "stripe_account", "figures")
    list_filter = ("state", "subscription__tier", "subscription__status")
    ordering = ("-created_at",)
    list_display = (
        _name,
        "state",
        _owners,
        _plan,
        _usage,
        _health,
        _index,
        _members,
        _trial_ends_at,
        _stripe,
        "created_at",
        "id",
    )

    def found_by(self, term: str) -> Q:
        return searching.workspaces(term)

    def get_urls(self) -> list[URLPattern]:
        act = self.admin_site.admin_view(self.act)
        own = [
            path("<uuid:workspace_id>/", self.admin_site.admin_view(self.offer), name="workspace-deeds"),
            path("<uuid:workspace_id>/<slug:deed>/", act, name="workspace-deed"),
        ]
        return [*own, *super().get_urls()]

    def offer(self, request: HttpRequest, workspace_id: uuid.UUID) -> HttpResponse:
        """What can be done there, each with what it brings about."""
        workspace = Workspace.objects.filter(pk=workspace_id).first()
        if workspace is None:
            raise Http404
        offered = [(reverse("staff:workspace-deed", args=[workspace_id, name]), deed) for name, deed in DEEDS.items()]
        context = {"title": workspace.name, "workspace": workspace, "offered": offered}
        return render(request, "admin/deeds.html", {**self.admin_site.each_context(request), **context})

    def act(self, request: HttpRequest, workspace_id: uuid.UUID, deed: str) -> HttpResponse:
        workspace = Workspace.objects.filter(pk=workspace_id).first()
        if workspace is None or deed not in DEEDS:
            raise Http404
        back = reverse("staff:workspace-deeds", args=[workspace_id])
        return page(request, DEEDS[deed], about=workspace.name, back=back, workspace_id=workspace_id)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workspace]:
        """In as many statements as there are kinds of rows, however many workspaces are shown."""
        connections = Connection.objects.select_related("health").defer("sealed_access_token", "sealed_refresh_token")
        members = Membership.objects.select_related("user").order_by("joined_at")
        found: QuerySet[Workspace] = super().get_queryset(request)
        return found.prefetch_related(Prefetch("memberships", members), Prefetch("connections", connections))
