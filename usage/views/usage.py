import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts import tenancy
from accounts.edge import MemberPage
from accounts.models import Membership
from accounts.zones import zone_of
from config.errors import InvalidField
from usage import analytics, shown
from usage.models import Entry
from usage.quota import quota

# Lines of the log that are read at once, and sent before more are read.
PIECE = 2_000
CSV = "text/csv; charset=utf-8"


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
    file_type: ClassVar[str] = "text/csv"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        if request.GET.get("of", "") not in {"", "log"}:
            raise InvalidField("There is the log, or without `of` what the page shows.", pointer="/of")
        response: HttpResponseBase
        if request.GET.get("of") == "log":
            left = quota(membership=self.membership, now=timezone.now())
            span = shown.choose(request.GET, left, zone_of(self.membership.user)).span
            response = StreamingHttpResponse(_log(self.membership, span), content_type=CSV)
        else:
            response = HttpResponse(_csv(shown.lines(_shown(self.membership, request.GET))), content_type=CSV)
        response["Content-Disposition"] = f'attachment; filename="usage-{timezone.now():%Y-%m-%d}.csv"'
        return response


def _log(membership: Membership, span: analytics.Span) -> Iterator[str]:
    """All its lines, however many, the newest first. The request has left the workspace while they are sent."""
    yield _csv([shown.LOG_COLUMNS])
    entries = span.of(analytics.visible_to(membership)).order_by("-at", "pk")
    last: Entry | None = None
    while True:
        rest = entries
        if last is not None:
            rest = entries.filter(Q(at__lt=last.at) | Q(pk__gt=last.pk), at__lte=last.at)
        with tenancy.within(membership.workspace):
            piece = list(rest[:PIECE])
        yield _csv(shown.log_line(entry) for entry in piece)
        if len(piece) < PIECE:
            return
        last = piece[-1]


def _csv(rows: Iterable[Sequence[object]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()
