from collections.abc import Iterator
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts import audit
from accounts.edge import MemberPage
from accounts.models import AuditAction, Membership
from accounts.pieces import newest_first
from accounts.zones import zone_of
from config.errors import InvalidField
from config.sheets import CSV, CSV_IN_UTF_8, lines
from usage import analytics, shown
from usage.quota import quota


class UsagePage(MemberPage):
    """The part that changes asks again by itself and says what it shows: 204 when that is still right."""

    schema_of_view: ClassVar[str] = "workspace"

    def get(self, request: HttpRequest) -> HttpResponse:
        context = _shown(self.membership, request.GET)
        if request.GET.get("seen") == context["seen"]:
            return HttpResponse(status=204)
        return render(request, "usage/usage.html", context)


def _shown(membership: Membership, given: QueryDict) -> dict[str, Any]:
    left = quota(membership=membership, now=timezone.now())
    choice = shown.choose(given, left, zone_of(membership.user))
    return shown.page(membership, left, choice)


class UsageExport(MemberPage):
    """Exactly the figures that the page shows for the same address; with `of=log` the log's lines behind them."""

    schema_of_view: ClassVar[str] = "workspace"
    file_type: ClassVar[str] = CSV
    open_when_suspended = frozenset({"GET", "HEAD"})

    def get(self, request: HttpRequest) -> HttpResponseBase:
        if request.GET.get("of", "") not in {"", "log"}:
            raise InvalidField("There is the log, or without `of` what the page shows.", pointer="/of")
        response: HttpResponseBase
        if request.GET.get("of") == "log":
            left = quota(membership=self.membership, now=timezone.now())
            span = shown.choose(request.GET, left, zone_of(self.membership.user)).span
            response = StreamingHttpResponse(_log(self.membership, span), content_type=CSV_IN_UTF_8)
        else:
            response = HttpResponse(lines(shown.lines(_shown(self.membership, request.GET))), content_type=CSV_IN_UTF_8)
        audit.record_download(AuditAction.USAGE_DOWNLOADED, by=self.membership)
        response["Content-Disposition"] = f'attachment; filename="usage-{timezone.now():%Y-%m-%d}.csv"'
        return response


def _log(membership: Membership, span: analytics.Span) -> Iterator[str]:
    yield lines([shown.LOG_COLUMNS])
    entries = span.of(analytics.visible_to(membership))
    for piece in newest_first(entries, workspace=membership.workspace):
        yield lines(shown.log_line(entry) for entry in piece)
