import uuid
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format

from accounts.edge import MemberPage
from accounts.models import ActorKind, AuditAction, AuditEvent, Membership, User
from billing.api.audit import csv_of
from billing.team import auditing
from config import paging
from config.sheets import CSV

FILTERS = ("member", "action", "from", "to")
NAMES = {
    ActorKind.STAFF: f"{settings.PRODUCT_NAME} staff",
    ActorKind.PROVIDER: "Payment provider",
    ActorKind.SYSTEM: settings.PRODUCT_NAME,
}


class AuditPage(MemberPage):
    """What happened in the workspace, the newest first."""

    schema_of_view: ClassVar[str] = "workspace"
    open_when_suspended = frozenset({"GET", "HEAD"})

    def get(self, request: HttpRequest) -> HttpResponse:
        choice = auditing.choose(request.GET, membership=self.membership)
        events = auditing.events(membership=self.membership, choice=choice)
        found = paging.piece(events, request.GET, by="at", newest_first=True)
        query = {name: request.GET[name] for name in FILTERS if request.GET.get(name)}
        context = {
            "section": "settings",
            "events": [_row(event) for event in found.rows],
            "people": _people(self.membership, choice.member, found.rows),
            "actions": AuditAction.choices,
            "given": {name: query.get(name, "") for name in ("action", "from", "to")},
            "member": choice.member,
            "is_filtered": bool(query),
            "is_later": bool(request.GET.get("cursor")),
            "newest_url": f"?{urlencode(query)}",
            "next_url": f"?{urlencode({**query, 'cursor': found.next})}" if found.next else "",
            "csv_url": f"{reverse('audit-export')}?{urlencode(query)}",
        }
        return render(request, "accounts/audit.html", context)


class AuditExport(MemberPage):
    """All that the page shows for the same address, on all its pages."""

    schema_of_view: ClassVar[str] = "workspace"
    open_when_suspended = frozenset({"GET", "HEAD"})
    file_type: ClassVar[str] = CSV

    def get(self, request: HttpRequest) -> StreamingHttpResponse:
        choice = auditing.choose(request.GET, membership=self.membership)
        return csv_of(auditing.download(membership=self.membership, choice=choice))


def _row(event: AuditEvent) -> dict[str, Any]:
    shown = auditing.as_json(event)
    before, after = event.before or {}, event.after or {}
    return {
        **shown,
        "who": _name(shown["actor"]),
        "really": _name(shown["real_actor"]) if shown["real_actor"] else "",
        # What another version wrote stands as it is kept.
        "words": dict(AuditAction.choices).get(event.action, event.action),
        "changes": [
            {"name": name.replace("_", " "), "before": _said(name, before), "after": _said(name, after)}
            for name in dict.fromkeys([*before, *after])
        ],
        "had": bool(before),
    }


def _name(who: dict[str, Any]) -> str:
    kind = NAMES.get(who["kind"], "")
    return str(who["email"] or (f"{who['name']}, {kind}" if who["name"] else kind))


def _said(name: str, facts: dict[str, Any]) -> str:
    value = facts.get(name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_at") and value and (moment := parse_datetime(value)):
        return date_format(timezone.localtime(moment), "j M Y, H:i")
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    return "–" if value is None or value == "" else str(value)


def _people(membership: Membership, chosen: uuid.UUID | None, shown: list[AuditEvent]) -> list[tuple[uuid.UUID, str]]:
    """Whom to choose from: the members, and who was one, if they are chosen."""
    users = User.objects.filter(memberships__workspace_id=membership.workspace_id).order_by("email")
    people = dict(users.values_list("pk", "email"))
    if chosen and chosen not in people:
        people[chosen] = shown[0].actor_email if shown else "A former member"
    return list(people.items())
