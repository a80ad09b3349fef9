"""What the Usage page shows of a span, and the same figures as lines for a spreadsheet."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.formats import date_format, number_format

from accounts.models import Membership
from accounts.roles import Action
from accounts.zones import zone_of
from config.errors import InvalidField
from config.sheets import plain
from config.templatetags.ui import percent
from usage import analytics
from usage.analytics import Span
from usage.models import Entry, Hold
from usage.quota import Metric, Quota

# More days than this are shown as months.
MOST_DAYS = 31
LONGEST = timedelta(days=366)
OUTCOMES = {
    Entry.Outcome.SUCCEEDED: "Answered",
    Entry.Outcome.NOT_FOUND: "Nothing found",
    Entry.Outcome.STOPPED: "Stopped",
    Entry.Outcome.FAILED: "Failed",
}


@dataclass(frozen=True)
class Choice:
    """What somebody asked to see, as it stands in the address."""

    span: Span
    query: dict[str, str]

    @property
    def period(self) -> str:
        return self.query.get("period", "" if not self.query else "days")


def choose(given: QueryDict, left: Quota, zone: ZoneInfo) -> Choice:
    """The present period, unless the address names another span or days of the member's own zone.

    Raises InvalidField rather than show other days than those that were asked for.
    """
    now, present = left.asked_at, left.plan.period
    if given.get("period", "") not in {"", "previous", "year"}:
        raise InvalidField("There is no such period.", pointer="/period")
    if given.get("period") == "previous":
        return Choice(Span(left.before.starts_at, left.before.ends_at), {"period": "previous"})
    if given.get("period") == "year":
        return Choice(
            Span(datetime.combine(_year_ago(now.astimezone(zone).date()), time.min, zone), now), {"period": "year"}
        )
    if given.get("from") or given.get("to"):
        first, last = _day(given, "from"), _day(given, "to")
        if first > last or last - first >= LONGEST:
            raise InvalidField("The first day comes before the last, within a year.", pointer="/from")
        span = Span(datetime.combine(first, time.min, zone), datetime.combine(last + timedelta(1), time.min, zone))
        return Choice(span, {"from": first.isoformat(), "to": last.isoformat()})
    # A period that is over (an ended trial) is shown whole.
    return Choice(Span(present.starts_at, max(now, present.starts_at + timedelta(seconds=1))), {})


def _year_ago(today: date) -> date:
    """The first of the month with which the last twelve begin."""
    months = today.year * 12 + today.month - 12
    return date(months // 12, months % 12 + 1, 1)


def _day(given: QueryDict, name: str) -> date:
    try:
        found = parse_date(given.get(name, ""))
    except ValueError:
        found = None
    # The calendar's first and last days have no midnight in every zone.
    if found is None or not 1971 <= found.year <= 9000:
        raise InvalidField("A first and a last day, such as 2026-11-23.", pointer=f"/{name}")
    return found


def page(membership: Membership, left: Quota, choice: Choice) -> dict[str, Any]:
    """The same number of statements whatever was used."""
    zone = zone_of(membership.user)
    found = analytics.figures(membership=membership, span=choice.span, zone=zone)
    before = analytics.requests_in(membership=membership, span=_before(choice.span))
    latency = analytics.latency(membership=membership, span=choice.span)
    counts = found.totals.outcomes
    renews_at, leaves_at = left.plan.renews_at, left.plan.leaves_at
    trial_ends_at = left.plan.ends_at if left.plan.plan.trial else None
    shown = {
        "section": "usage",
        "period_words": _words(choice.span, zone),
        "resets_on": renews_at and renews_at.astimezone(zone).date(),
        "ends_on": trial_ends_at and trial_ends_at.astimezone(zone).date(),
        "leaves_on": None if renews_at or leaves_at is None else leaves_at.astimezone(zone).date(),
        "limits": [_limit("Questions", left.requests, left, zone), _limit("Tokens", left.tokens, left, zone)],
        **_everybodys(membership, left, zone),
        "total": found.totals.requests,
        "tokens": found.totals.tokens,
        "ended": sum(counts.values()),
        **_series(found.by_day, choice.span, zone),
        **_change(found.totals.requests, before, choice.span, zone),
        "speeds": [] if latency["p50"] is None else [{"label": "Whole answer", **latency}],
        "speed_scale": latency["p99"] or 1,
        "by_member": _members(membership, choice.span) if membership.may(Action.SEE_USAGE) else [],
        "by_source": _sources(found.totals, membership, choice.span),
        "by_model": [row | {"name": row["model"] or "–", "share": _share(row)} for row in found.by_model],
        "outcomes": _with_percents(
            [{"name": OUTCOMES[Entry.Outcome(name)], "count": count} for name, count in counts.items()], of="count"
        ),
        "members_url": "",
    }
    shown["limits"] += shown["everybodys"]
    return shown | _addresses(choice, zone) | _live(left, choice, shown)


def _before(span: Span) -> Span:
    return Span(span.starts_at - (span.ends_at - span.starts_at), span.starts_at)


def _words(span: Span, zone: ZoneInfo) -> str:
    first, last = (
        moment.astimezone(zone).date() for moment in (span.starts_at, span.ends_at - timedelta(microseconds=1))
    )
    form = "j F" if first.year == last.year else "j F Y"
    start, end = date_format(first, form), date_format(last, form)
    return start if start == end else f"{start} to {end}"


def _limit(name: str, metric: Metric, left: Quota, zone: ZoneInfo) -> dict[str, Any]:
    remaining, together = number_format(metric.remaining, force_grouping=True), metric.together
    forecast = _forecast(metric, left, zone)
    if not left.is_open:
        forecast = f"{remaining} left"
    elif together and together.remaining < metric.limit - metric.used - metric.held:
        until = f", {forecast}" if together.remaining and together.runs_out_at else ""
        forecast = f"{remaining} left for all members together{until}"
    return {
        "name": name,
        "per": "for you, in the trial" if left.plan.plan.trial else "for you, each month",
        "used": metric.used,
        "limit": metric.limit,
        "held": metric.held,
        "forecast": forecast,
    }


def _forecast(metric: Metric, left: Quota, zone: ZoneInfo, *, since: datetime | None = None) -> str:
    if not metric.remaining:
        return ""
    if metric.runs_out_at:
        return f"at this pace until {date_format(metric.runs_out_at.astimezone(zone), 'j F')}"
    pace = left.at_this_pace(metric, since=since) if metric.used else None
    return "" if pace is None else f"on pace for {number_format(pace, force_grouping=True)}"


def _everybodys(membership: Membership, left: Quota, zone: ZoneInfo) -> dict[str, Any]:
    """For everybody in a team: what all use together, whoever asks. What each of the others uses is not told."""
    of_team = {"Questions of the team": left.requests.together, "Tokens of the team": left.tokens.together}
    sees = Membership.objects.filter(workspace_id=membership.workspace_id).count() > 1
    per, began = "for all members together, each month", left.plan.period.starts_at
    return {
        "everybodys": [
            {
                "name": name,
                "per": per,
                "used": each.used,
                "limit": each.limit,
                "held": each.held,
                "forecast": _forecast(each, left, zone, since=began),
            }
            for name, each in of_team.items()
            if each is not None and sees
        ]
    }


def _series(by_day: list[dict[str, Any]], span: Span, zone: ZoneInfo) -> dict[str, Any]:
    counts = {row["day"]: row["requests"] for row in by_day}
    first = span.starts_at.astimezone(zone).date()
    last = (span.ends_at - timedelta(microseconds=1)).astimezone(zone).date()
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    # A period of a whole month begins and ends within a day.
    if len(days) <= MOST_DAYS + 1:
        return {"series": [(day, counts.get(day, 0)) for day in days], "unit": "day"}
    months: dict[date, int] = {}
    for day in days:
        month = day.replace(day=1)
        months[month] = months.get(month, 0) + counts.get(day, 0)
    return {"series": list(months.items()), "unit": "month"}


def _change(total: int, before: int, span: Span, zone: ZoneInfo) -> dict[str, str]:
    if not before or not total:
        return {"change_words": "", "change_tone": "", "change_against": ""}
    change = round((total - before) * 100 / before)
    sign, tone = ("▲", "up") if change > 0 else ("▼", "down") if change else ("±", "")
    return {
        "change_words": f"{sign} {abs(change)}%",
        "change_tone": tone,
        "change_against": f"vs {_words(_before(span), zone)}",
    }


def _members(membership: Membership, span: Span) -> list[dict[str, Any]]:
    active = dict(
        Membership.objects.filter(workspace_id=membership.workspace_id).values_list("user_id", "last_active_at")
    )
    rows = analytics.by_member(membership=membership, span=span)
    for row in rows:
        row |= {"id": row["user_id"], "last_active_at": active.get(row["user_id"]), "grounded_share": _share(row)}
    return _with_percents(rows, of="requests") if len(rows) > 1 else []


def _sources(totals: analytics.Counts, membership: Membership, span: Span) -> list[dict[str, Any]]:
    """None where no API key was used."""
    rows = analytics.by_source(totals, membership=membership, span=span)
    for row in rows:
        row |= {"is_others": row["user_id"] not in {None, membership.user_id}, "grounded_share": _share(row)}
    return _with_percents(rows, of="requests") if len(rows) > 1 else []


def _with_percents(rows: list[dict[str, Any]], *, of: str) -> list[dict[str, Any]]:
    """Whole ones that add up to 100: what rounding down leaves goes to those that lost most by it. But nothing that is
    not all is called so."""
    total = sum(row[of] for row in rows)
    if not total:
        return [row | {"percent": 0} for row in rows]
    shares = [divmod(row[of] * 100, total) for row in rows]
    losers = sorted((n for n, (whole, lost) in enumerate(shares) if lost and whole < 99), key=lambda n: -shares[n][1])
    more = set(losers[: 100 - sum(whole for whole, _ in shares)])
    return [row | {"percent": shares[n][0] + (n in more)} for n, row in enumerate(rows)]


def _share(row: dict[str, Any]) -> int | None:
    return analytics.whole_percent(row["grounded_share"])


def _addresses(choice: Choice, zone: ZoneInfo) -> dict[str, Any]:
    here, query = reverse("usage"), urlencode(choice.query)
    names = (("This period", ""), ("Last period", "previous"), ("12 months", "year"))
    last = (choice.span.ends_at - timedelta(microseconds=1)).astimezone(zone).date()
    return {
        "periods": [
            {"name": name, "url": f"{here}?period={key}" if key else here, "is_current": choice.period == key}
            for name, key in names
        ],
        "from_on": choice.span.starts_at.astimezone(zone).date(),
        "to_on": last,
        "csv_url": f"{reverse('usage-export')}{f'?{query}' if query else ''}",
    }


def _live(left: Quota, choice: Choice, shown: dict[str, Any]) -> dict[str, Any]:
    """Where the page asks whether anything has changed: often while somebody's question is open, else now and then,
    since questions also begin in other windows and by the API. A page nobody looks at does not ask."""
    is_open = bool(left.requests.held) or Hold.objects.filter(state=Hold.State.OPEN).exists()
    seen = hashlib.sha256(repr([is_open, *(shown[name] for name in SEEN)]).encode()).hexdigest()[:16]
    query = urlencode({**choice.query, "seen": seen})
    seconds = OPEN_SECONDS if is_open else IDLE_SECONDS
    return {"asks_every": seconds, "seen": seen, "live_url": f"{reverse('usage')}?{query}"}


OPEN_SECONDS, IDLE_SECONDS = 2, 5
SEEN = (
    *("limits", "total", "tokens", "outcomes", "series", "speeds"),
    *("by_model", "by_member", "by_source", "period_words"),
)


def lines(shown: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    """Every figure of the page as a line: where it stands, whose it is, what it counts."""
    yield "part", "row", "figure", "value"
    for limit in shown["limits"]:
        for figure in ("used", "limit", "held", "forecast"):
            yield "Limits", limit["name"], figure, limit[figure]
        yield "Limits", limit["name"], "used, percent", percent(limit["used"], limit["limit"])
    if not shown["ended"]:
        return
    yield "Total", shown["period_words"], "questions", shown["total"]
    yield "Total", shown["period_words"], "tokens", shown["tokens"]
    yield "Total", shown["period_words"], "questions that ended", shown["ended"]
    yield "Total", shown["period_words"], "change", f"{shown['change_words']} {shown['change_against']}".strip()
    for on, questions in shown["series"]:
        day = on.isoformat() if shown["unit"] == "day" else f"{on:%Y-%m}"
        yield f"Questions per {shown['unit']}", day, "questions", questions
    for speed in shown["speeds"]:
        for figure in analytics.PERCENTILES:
            yield "Answer speed", speed["label"], f"{figure} milliseconds", speed[figure]
    for part, rows in (
        ("By member", shown["by_member"]),
        ("By source", shown["by_source"]),
        ("By model", shown["by_model"]),
    ):
        for row in rows:
            share = row["share"] if "share" in row else row["grounded_share"]
            yield part, plain(row["name"]), "questions", row["requests"]
            yield part, plain(row["name"]), "tokens", row["tokens"]
            yield part, plain(row["name"]), "answered with sources, percent", "" if share is None else share
            if "percent" in row:
                yield part, plain(row["name"]), "share of questions, percent", row["percent"]
            if part == "By member":
                active = row["last_active_at"]
                yield part, plain(row["name"]), "last active", active.isoformat(timespec="seconds") if active else ""
    for outcome in shown["outcomes"]:
        yield "How questions ended", outcome["name"], "count", outcome["count"]
        yield "How questions ended", outcome["name"], "percent", outcome["percent"]


LOG_COLUMNS = (
    *("at", "user_id", "kind", "run_id", "requests", "input_tokens", "output_tokens", "model", "outcome", "ms"),
    "api_key_id",
)


def log_line(entry: Entry) -> tuple[object, ...]:
    return (
        entry.at.isoformat(timespec="seconds"),
        entry.member_id,
        entry.kind,
        entry.run_id or "",
        entry.requests,
        entry.input_tokens,
        entry.output_tokens,
        plain(entry.model),
        entry.outcome,
        entry.milliseconds,
        entry.api_key_id or "",
    )
