"""Reading the audit log: who may, which part of it, and how an event is shown."""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from accounts import audit
from accounts.models import ActorKind, AuditAction, AuditEvent, Membership
from accounts.permissions import can_see_audit, check_can_see_audit
from accounts.pieces import newest_first
from accounts.zones import zone_of
from billing.models import Subscription
from billing.permissions import can_use, check_can_use
from billing.plans import Feature
from config import sheets, spans
from config.errors import InvalidField

COLUMNS = (
    "id",
    "at",
    "action",
    "actor_kind",
    "actor_id",
    "actor",
    "real_actor_kind",
    "real_actor_id",
    "real_actor",
    "about",
    "before",
    "after",
    "address",
)


@dataclass(frozen=True)
class Choice:
    """Empty: all."""

    member: uuid.UUID | None = None
    action: AuditAction | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


def choose(given: Mapping[str, str], *, membership: Membership) -> Choice:
    """From `member`, `action`, `from` and `to`. Raises InvalidField."""
    starts_at, ends_at = spans.asked(given, zone_of(membership.user))
    return Choice(_member(given.get("member")), _action(given.get("action")), starts_at, ends_at)


def _member(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError as error:
        raise InvalidField("A member is named by the id in GET /admin/users.", pointer="/member") from error


def _action(text: str | None) -> AuditAction | None:
    try:
        return AuditAction(text) if text else None
    except ValueError as error:
        known = ", ".join(AuditAction)
        raise InvalidField(f"There is no such action. Known: {known}.", pointer="/action") from error


def has_audit(membership: Membership) -> bool:
    return can_see_audit(membership) and can_use(_subscription(membership), Feature.AUDIT_LOG)


def _subscription(membership: Membership) -> Subscription:
    return Subscription.objects.get(workspace_id=membership.workspace_id)


def events(*, membership: Membership, choice: Choice) -> QuerySet[AuditEvent]:
    """Inside the workspace. Raises Forbidden or PlanRequired."""
    check_can_see_audit(membership)
    check_can_use(_subscription(membership), Feature.AUDIT_LOG)
    found = AuditEvent.objects.filter(workspace_id=membership.workspace_id)
    if choice.member:
        # Staff have accounts too: what they did is not found by their ids.
        found = found.filter(actor_id=choice.member, actor_kind=ActorKind.MEMBER)
    if choice.action:
        found = found.filter(action=choice.action)
    if choice.starts_at:
        found = found.filter(at__gte=choice.starts_at)
    if choice.ends_at:
        found = found.filter(at__lt=choice.ends_at)
    return found


def download(*, membership: Membership, choice: Choice) -> Iterator[str]:
    """As CSV, while it is read; that it was downloaded is an event too. Raises as `events`, at once."""
    found = events(membership=membership, choice=choice).filter(at__lte=timezone.now())
    audit.record_download(AuditAction.AUDIT_DOWNLOADED, by=membership)
    return _lines(found, membership)


def _lines(found: QuerySet[AuditEvent], membership: Membership) -> Iterator[str]:
    yield sheets.lines([COLUMNS])
    for piece in newest_first(found, workspace=membership.workspace):
        yield sheets.lines(_line(event) for event in piece)


def _line(event: AuditEvent) -> tuple[str, ...]:
    shown = as_json(event)
    actor, really = shown.pop("actor"), shown.pop("real_actor") or {"kind": "", "id": None, "email": "", "name": ""}
    for name, who in (("actor", actor), ("real_actor", really)):
        shown |= {f"{name}_kind": who["kind"], f"{name}_id": who["id"], name: who["email"] or who["name"]}
    shown["at"] = event.at.isoformat(timespec="seconds")
    for name in ("before", "after"):
        shown[name] = json.dumps(shown[name], ensure_ascii=False) if shown[name] else ""
    return tuple(sheets.plain(str(shown[name] or "")) for name in COLUMNS)


def as_json(event: AuditEvent) -> dict[str, Any]:
    return {
        "id": event.pk,
        "at": event.at,
        "action": event.action,
        "actor": _person(event.actor_kind, event.actor_id, event.actor_email, event.actor_name),
        "real_actor": _person(event.real_actor_kind, event.real_actor_id, event.real_actor_email, event.real_actor_name)
        if event.real_actor_kind
        else None,
        "about": event.about,
        "before": event.before,
        "after": event.after,
        "address": event.address,
    }


def _person(kind: str, key: uuid.UUID | None, email: str, name: str) -> dict[str, Any]:
    """One of our staff is known to customers by name, and by nothing else."""
    is_member = kind == ActorKind.MEMBER
    return {"kind": kind, "id": key if is_member else None, "email": email if is_member else "", "name": name}
