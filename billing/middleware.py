from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone

from accounts.middleware import refusal
from billing import hearing, permissions
from config.errors import AppError


class PlanGateMiddleware:
    """What `PlanIsOpen` is for programs, for pages: 402 unless the page has `open_when_expired = True`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        page = getattr(view, "view_class", None)
        membership = getattr(request, "membership", None)
        if membership is None or getattr(page, "open_when_expired", False):
            return None
        try:
            permissions.check_open(membership, method=request.method or "")
        except AppError as error:
            hearing.ask_soon(error, membership=membership, now=timezone.now())
            return refusal(request, error)
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> None:
        membership = getattr(request, "membership", None)
        if isinstance(error, AppError) and membership is not None:
            hearing.ask_soon(error, membership=membership, now=timezone.now())
