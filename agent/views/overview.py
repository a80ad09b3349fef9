"""The first page: the question box, then what there is and what needs attention. Constant in statements."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import DurationField, F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.edge import MemberPage
from accounts.models import Connection, Membership
from accounts.zones import zone_of
from agent.conversations import names
from agent.models import Run, SyncRun
from agent.shell import Shell
from agent.sync import coverage, shown, vanishing
from agent.sync import services as syncing
from agent.views.suggesting import suggestions
from config.errors import InvalidField
from tasks import listing
from tasks.filters import today
from tasks.models import Task
from usage import analytics

RANGES = (7, 30, 90)
RECENT = 6
TASKS = 6
DUE_WITHIN = timedelta(days=14)
MONTH = timedelta(days=30)
SOURCES = 5
WORST_FIRST = ("bad", "warn", "busy", "waiting", "paused", "ok")


class Overview(MemberPage):
    schema_of_view = "workspace"

    def get(self, request: HttpRequest) -> HttpResponse:
        now, days = timezone.now(), _days(request.GET.get("days", ""))
        connections = list(Connection.objects.readable_by(self.membership))
        context: dict[str, Any] = {"section": "overview", "today": timezone.localdate(), "callout": None}
        if not connections:
            return render(request, "agent/overview.html", context | {"stage": "new", "first_steps": first_steps()})
        context |= {"suggestions": suggestions(self.membership), "callout": callout(connections)}
        sync = _open_sync(connections)
        if sync is not None and not any(each.last_synced_at for each in connections):
            connection = next(each for each in connections if each.id == sync.connection_id)
            progress = shown.progress(sync, connection=connection, now=now)
            context |= {"stage": "syncing", "sync": progress, "connection": connection}
            return render(request, "agent/overview.html", context)
        runs = Run.objects.filter(owner_id=self.membership.user_id)
        context |= {
            "stage": "ready",
            "sync_line": sync_line(connections, now, is_syncing=sync is not None),
            "figures": figures(self.membership, Shell(self.membership), connections, now),
            "sources": worst_first(shown.sources(connections))[:SOURCES],
            "recent": self.recent(runs),
            "tasks": self.tasks(now),
            **per_day(self.membership, days, now),
        }
        return render(request, "agent/overview.html", context)

    def recent(self, runs: Any) -> list[dict[str, Any]]:
        me = self.membership.user_id
        found = runs.order_by("-created_at").only(
            "id", "prompt", "conversation_id", "owner_id", "created_at", "citations", "status"
        )[:RECENT]
        called = names([me])
        return [
            {
                "prompt": run.prompt,
                "conversation_id": run.conversation_id,
                "by": called.get(run.owner_id, ""),
                "by_id": run.owner_id,
                "is_mine": run.owner_id == me,
                "created_at": run.created_at,
                "sources": len({citation["page_id"] for citation in run.citations}),
                "status": run.status,
            }
            for run in found
        ]

    def tasks(self, now: datetime) -> list[dict[str, Any]]:
        readable = Task.objects.readable_by(self.membership).select_related("task_source", "outgoing")
        soon = today(self.membership, now + DUE_WITHIN)
        due = readable.filter(is_done=False, due_on__lte=soon).order_by("due_on", "id")
        return [listing.shown(task) for task in due[:TASKS]]


def _days(wanted: str) -> int:
    if wanted not in {"", *map(str, RANGES)}:
        raise InvalidField("There are 7, 30 and 90 days.", pointer="/days")
    return int(wanted or 30)


def worst_first(sources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(sources, key=lambda source: WORST_FIRST.index(source["state"]))


def first_steps() -> list[dict[str, Any]]:
    return [
        {
            "title": _("Connect Notion"),
            "text": _("Choose what may be read. Nothing is changed there."),
            "url": reverse("connect"),
            "action": _("Connect Notion"),
            "is_done": False,
            "is_next": True,
        },
        {"title": _("Choose databases"), "text": _("They are read, and again whenever you sync."), "is_done": False},
        {"title": _("Ask your first question"), "text": _("Each answer names its pages."), "is_done": False},
    ]


def _open_sync(connections: list[Connection]) -> SyncRun | None:
    ids = [each.id for each in connections]
    return SyncRun.objects.filter(connection_id__in=ids, status__in=syncing.OPEN).order_by("created_at").first()


def callout(connections: list[Connection]) -> dict[str, str] | None:
    broken = next((each for each in connections if each.status == Connection.Status.REAUTHORIZE), None)
    if broken is None:
        return _kept(connections)
    words = _("Notion does not let us in any more, so “%(name)s” is not kept up to date.")
    return {
        "tone": "bad",
        "text": words % {"name": broken.notion_workspace_name},
        "url": reverse("connect"),
        "action": _("Restore access"),
    }


def _kept(connections: list[Connection]) -> dict[str, str] | None:
    kept = vanishing.kept_by([each.id for each in connections]).values()
    if not kept:
        return None
    vanished, known = sum(each.pages for each in kept), sum(each.of for each in kept)
    words = ngettext(
        "%(n)d of %(known)d page seems gone from Notion. Its copy is kept until that is confirmed.",
        "%(n)d of %(known)d pages seem gone from Notion. Their copies are kept until that is confirmed.",
        known,
    )
    return {
        "tone": "warn",
        "text": words % {"n": vanished, "known": known},
        "url": reverse("sources"),
        "action": _("Look"),
    }


def sync_line(connections: list[Connection], now: datetime, *, is_syncing: bool) -> dict[str, str]:
    if any(each.is_paused for each in connections):
        return {"state": "waiting", "text": _("Sync paused")}
    if is_syncing:
        return {"state": "busy", "text": _("Syncing")}
    synced = [each.last_synced_at for each in connections if each.last_synced_at]
    if not synced:
        return {"state": "waiting", "text": _("Not synced yet")}
    minutes = int((now - min(synced)).total_seconds() // 60)
    if minutes < 1:
        return {"state": "ok", "text": _("Synced just now")}
    if minutes < 60:
        return {
            "state": "ok",
            "text": ngettext("Synced %(n)d min ago", "Synced %(n)d min ago", minutes) % {"n": minutes},
        }
    return {
        "state": "warn",
        "text": ngettext("Synced %(n)d h ago", "Synced %(n)d h ago", minutes // 60) % {"n": minutes // 60},
    }


def figures(membership: Membership, shell: Shell, connections: list[Connection], now: datetime) -> dict[str, Any]:
    mine = Run.objects.filter(owner_id=membership.user_id, status=Run.Status.SUCCEEDED, created_at__gte=now - MONTH)
    waited = F("first_word_at") - F("created_at")
    speed = mine.aggregate(
        p50=analytics.Percentile(waited, share=0.5, output_field=DurationField()),
        p95=analytics.Percentile(waited, share=0.95, output_field=DurationField()),
    )
    share = analytics.totals(membership=membership, span=analytics.Span(now - MONTH, now))["grounded_share"]
    requests = shell.quota.requests
    return {
        "requests": {"used": requests.used, "limit": requests.limit, "remaining": shell.quota.questions_left},
        "pages": coverage.in_short(coverage.searchable([each.id for each in connections])),
        "forecast": _forecast(shell),
        "grounded_share": analytics.whole_percent(share),
        "first_word": {name: _milliseconds(speed[name]) for name in ("p50", "p95")},
    }


def _forecast(shell: Shell) -> str:
    requests = shell.quota.requests
    out = requests.runs_out_at
    if out is None or not shell.quota.questions_left:
        return ""
    return _("At this pace used up on %(day)s") % {"day": date_format(timezone.localtime(out), "j F")}


def _milliseconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds() * 1000


def per_day(membership: Membership, days: int, now: datetime) -> dict[str, Any]:
    """From the usage log, as on the usage page: deleting a conversation does not undo its questions."""
    zone = zone_of(membership.user)
    today = now.astimezone(zone).date()
    begin = datetime.combine(today - timedelta(days=2 * days - 1), time.min, tzinfo=zone)
    asked = analytics.by_day(membership=membership, span=analytics.Span(begin, now), zone=zone)
    counts: dict[date, int] = {row["day"]: row["requests"] for row in asked}
    series = [(day, counts.get(day, 0)) for day in (today - timedelta(days=back) for back in range(days - 1, -1, -1))]
    total = sum(number for _day, number in series)
    before = sum(number for day, number in counts.items() if day < series[0][0])
    change = total - before
    return {
        "ranges": RANGES,
        "days": days,
        "series": series,
        "total": total,
        "change_words": f"{'▲' if change > 0 else '▼'} {abs(change)}" if before and change else "",
        "change_tone": "up" if change > 0 else "down",
    }
