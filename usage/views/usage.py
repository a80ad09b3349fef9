import csv
from datetime import date, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from accounts.edge import MemberPage
from accounts.models import Membership
from usage import analytics
from usage.models import Entry
from usage.quota import Metric, Quota, quota

EXPORT_MOST = 50_000
OUTCOMES = {
    Entry.Outcome.SUCCEEDED: "Answered",
    Entry.Outcome.NOT_FOUND: "Nothing found",
    Entry.Outcome.STOPPED: "Stopped",
    Entry.Outcome.FAILED: "Failed",
}


class UsagePage(MemberPage):
    schema_of_view: ClassVar[str] = "workspace"

    def get(self, request: HttpRequest) -> HttpResponse:
        left = quota(membership=self.membership, now=timezone.now())
        days = 30 if request.GET.get("period") == "30" else None
        span = _span(left, days)
        return render(request, "usage/usage.html", _context(self.membership, left, span, days))


def _span(left: Quota, days: int | None) -> analytics.Span:
    start = left.plan.period.starts_at if days is None else left.asked_at - timedelta(days=days)
    # A period that is over (an ended trial) is shown whole.
    return analytics.Span(start, max(left.asked_at, start + timedelta(seconds=1)))


def _context(membership: Membership, left: Quota, span: analytics.Span, days: int | None) -> dict[str, Any]:
    zone = ZoneInfo(membership.user.timezone)
    found = analytics.figures(membership=membership, span=span, zone=zone)
    latency = analytics.latency(membership=membership, span=span)
    counts = found.totals.outcomes
    here = reverse("usage")
    return {
        "section": "usage",
        "period_words": _words(span, zone),
        "resets_on": None if left.plan.plan.trial else left.resets_at.astimezone(zone).date(),
        "ends_on": left.resets_at.astimezone(zone).date() if left.plan.plan.trial else None,
        "periods": [
            {"name": "This period", "url": here, "is_current": days is None},
            {"name": "30 days", "url": f"{here}?period=30", "is_current": days == 30},
        ],
        "csv_url": f"{reverse('usage-export')}{'?period=30' if days else ''}",
        "notice": _notice(left),
        "limits": [_limit("Questions", left.requests, left), _limit("Tokens", left.tokens, left)],
        "total": sum(counts.values()),
        "series": _every_day({row["day"]: row["requests"] for row in found.by_day}, span, zone),
        "change_words": "",
        "change_tone": "",
        "change_against": "",
        "speeds": [] if latency["p50"] is None else [{"label": "Whole answer", **latency}],
        "speed_scale": latency["p99"] or 1,
        "by_member": _members(membership, span) if membership.may_manage else [],
        "outcomes": [{"name": OUTCOMES[Entry.Outcome(name)], "count": count} for name, count in counts.items()],
        "members_url": "",
    }


def _words(span: analytics.Span, zone: ZoneInfo) -> str:
    start, end = (date_format(moment.astimezone(zone), "j F") for moment in (span.starts_at, span.ends_at))
    return start if start == end else f"{start} to {end}"


def _notice(left: Quota) -> dict[str, str] | None:
    empty = [name for name, metric in (("questions", left.requests), ("tokens", left.tokens)) if not metric.remaining]
    if not empty:
        return None
    until = "in the trial" if left.plan.plan.trial else f"until {date_format(left.resets_at, 'j F')}"
    text = f"No {empty[0]} are left {until}."
    return {"tone": "warn", "text": text, "url": reverse("plan"), "action": "Compare plans"}


def _limit(name: str, metric: Metric, left: Quota) -> dict[str, Any]:
    at = metric.runs_out_at
    return {
        "name": name,
        "per": "for you, in the trial" if left.plan.plan.trial else "for you, each month",
        "used": metric.used,
        "limit": metric.limit,
        "held": metric.held,
        "forecast": f"at this pace until {date_format(at, 'j F')}" if at and metric.remaining else "",
    }


def _every_day(counts: dict[date, int], span: analytics.Span, zone: ZoneInfo) -> list[tuple[date, int]]:
    first, last = span.starts_at.astimezone(zone).date(), span.ends_at.astimezone(zone).date()
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)][-31:]
    return [(day, counts.get(day, 0)) for day in days]


def _members(membership: Membership, span: analytics.Span) -> list[dict[str, Any]]:
    active = dict(
        Membership.objects.filter(workspace_id=membership.workspace_id).values_list("user_id", "last_active_at")
    )
    rows = analytics.by_member(membership=membership, span=span)
    for row in rows:
        share = row["grounded_share"]
        row |= {
            "id": row["user_id"],
            "last_active_at": active.get(row["user_id"]),
            "grounded_share": None if share is None else round(share * 100),
        }
    return rows if len(rows) > 1 else []


class UsageExport(MemberPage):
    """The log of the shown span, line by line."""

    schema_of_view: ClassVar[str] = "workspace"

    def get(self, request: HttpRequest) -> HttpResponse:
        left = quota(membership=self.membership, now=timezone.now())
        span = _span(left, 30 if request.GET.get("period") == "30" else None)
        entries = span.of(analytics.visible_to(self.membership)).order_by("-at", "pk")[:EXPORT_MOST]
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="usage-{timezone.now():%Y-%m-%d}.csv"'
        writer = csv.writer(response)
        writer.writerow(COLUMNS)
        writer.writerows(_line(entry) for entry in entries.iterator(chunk_size=2_000))
        return response


COLUMNS = ("at", "user_id", "kind", "run_id", "requests", "input_tokens", "output_tokens", "model", "outcome", "ms")


def _line(entry: Entry) -> tuple[object, ...]:
    return (
        entry.at.isoformat(timespec="seconds"),
        entry.member_id,
        entry.kind,
        entry.run_id or "",
        entry.requests,
        entry.input_tokens,
        entry.output_tokens,
        _plain(entry.model),
        entry.outcome,
        entry.milliseconds,
    )


def _plain(text: str) -> str:
    """A cell that begins like a formula would be run by a spreadsheet."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t"} else text
