"""What the audit log tells of a plan: read off its facts as they are saved, whoever has changed them."""

import uuid
from collections.abc import Mapping
from typing import Any

from accounts import audit
from accounts.models import AuditAction

STANDS = ("tier", "status", "seats", "fixed_seats", "trial_ends_at")
PLANNED = ("pending_tier", "pending_at")
FACTS = (*STANDS, *PLANNED)


def note(workspace_id: uuid.UUID, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """In the transaction that saves them."""
    has_changed = _note(AuditAction.PLAN_CHANGED, workspace_id, STANDS, before, after)
    if after["pending_at"] is None:
        # What was planned has come, or was dropped with the plan that it was for.
        planned = None if has_changed else AuditAction.PLAN_RESUMED
    else:
        planned = AuditAction.PLAN_CHANGE_PLANNED if after["pending_tier"] else AuditAction.PLAN_CANCELLED
    if planned is not None:
        _note(planned, workspace_id, PLANNED, before, after)


def _note(
    action: AuditAction,
    workspace_id: uuid.UUID,
    names: tuple[str, ...],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> bool:
    """Whether there was anything to tell."""
    changed = [name for name in names if before[name] != after[name]]
    if changed:
        was, is_now = ({name: _plain(facts[name]) for name in changed} for facts in (before, after))
        audit.record(action, workspace_id=workspace_id, before=was, after=is_now)
    return bool(changed)


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
