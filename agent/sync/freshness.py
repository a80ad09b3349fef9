"""How a workspace's connections are kept fresh: Notion tells of changes, or a member asks for a sync."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import tenancy
from accounts.models import Connection, Workspace
from agent.live import hook
from agent.sync import intervals
from billing.effective import Access, effective
from billing.models import Subscription
from billing.plans import Feature


def has_live_sync(workspace_id: uuid.UUID, *, now: datetime) -> bool:
    """By its plan."""
    subscription = Subscription.objects.filter(workspace_id=workspace_id, workspace__state="active").first()
    current = effective(subscription, now) if subscription else None
    return current is not None and current.access == Access.FULL and Feature.LIVE_SYNC in current.plan.features


def is_live(workspace_id: uuid.UUID, *, now: datetime) -> bool:
    """The plan includes it, and this installation has a subscription at Notion."""
    if not has_live_sync(workspace_id, now=now):
        return False
    with tenancy.shared():
        return hook.is_set_up()


def kept_fresh(workspace: Workspace, connections: Iterable[Connection], *, now: datetime) -> Mapping[uuid.UUID, str]:
    """By connection: the plan covers all of them, but Notion does not tell of each."""
    live = is_live(workspace.pk, now=now)
    otherwise = "by_hand" if intervals.interval_of(workspace, now=now) is None else "scheduled"
    ways = {}
    for each in connections:
        if each.status != Connection.Status.ACTIVE:
            # Neither an event nor a sync reads anything before its owner connects again.
            ways[each.pk] = "stale"
        elif each.is_paused:
            ways[each.pk] = "by_hand"
        else:
            ways[each.pk] = "live" if live and _is_told(each) else otherwise
    return ways


def _is_told(connection: Connection) -> bool:
    """Notion tells the integration that is subscribed: ours. A pasted token is of another one, until events come."""
    return connection.kind == Connection.Kind.OAUTH or connection.last_event_at is not None


def every(interval: timedelta) -> str:
    minutes = interval // intervals.MINUTE
    if minutes % 60:
        return ngettext("every minute", "every %(n)d minutes", minutes) % {"n": minutes}
    if minutes == 1440:
        return _("once a day")
    return ngettext("every hour", "every %(n)d hours", minutes // 60) % {"n": minutes // 60}


def shown(connection: Connection, covered: Mapping[str, Any], *, interval: timedelta | None) -> dict[str, Any]:
    """One connection's row of the coverage, for a page. `interval`: of the workspace's schedule."""
    lag = covered["lag_ms"]
    return {
        "id": connection.pk,
        "name": connection.notion_workspace_name,
        "label": {
            "live": _("Near live"),
            "scheduled": _("On schedule"),
            "by_hand": _("By hand"),
            "stale": _("No longer kept up"),
        }[covered["kept_fresh"]],
        "every": every(interval) if interval and covered["kept_fresh"] in {"live", "scheduled"} else "",
        "is_live": covered["kept_fresh"] == "live",
        "heard_at": covered["last_event_at"],
        "median": _length(lag["p50"]) if lag else "",
        "most": _length(lag["p95"]) if lag else "",
    }


def _length(milliseconds: int) -> str:
    seconds = max(1, round(milliseconds / 1000))
    return _("%(n)d s") % {"n": seconds} if seconds < 120 else _("%(n)d min") % {"n": round(seconds / 60)}
