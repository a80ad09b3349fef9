import csv
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone

from accounts.edge import MemberPage
from accounts.models import Membership
from accounts.zones import zone_of
from config.errors import InvalidField
from usage import analytics, shown
from usage.quota import quota

LOG_MOST = 50_000


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

    def get(self, request: HttpRequest) -> HttpResponse:
        if request.GET.get("of", "") not in {"", "log"}:
            raise InvalidField("There is the log, or without `of` what the page shows.", pointer="/of")
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="usage-{timezone.now():%Y-%m-%d}.csv"'
        writer = csv.writer(response)
        if request.GET.get("of") == "log":
            left = quota(membership=self.membership, now=timezone.now())
            span = shown.choose(request.GET, left, zone_of(self.membership.user)).span
            entries = span.of(analytics.visible_to(self.membership)).order_by("-at", "pk")[:LOG_MOST]
            writer.writerow(shown.LOG_COLUMNS)
            writer.writerows(shown.log_line(entry) for entry in entries.iterator(chunk_size=2_000))
        else:
            writer.writerows(shown.lines(_shown(self.membership, request.GET)))
        return response
