from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from config import logs, views

FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}


class RequestId:
    """The outermost: a request has one name, in the log, in the answer and for whoever quotes it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # It does not end here: Django writes its line about a refusal after the outermost middleware.
        logs.begin(request_id=logs.request_id(request.headers.get("X-Request-ID", "")))
        response = self.get_response(request)
        response["X-Request-ID"] = logs.this_request()
        return response


class RefuseNul:
    """No address and no form needs the NUL character, and Postgres takes no text that has one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        texts = (request.path, *request.COOKIES.values())
        if "%00" in request.META.get("QUERY_STRING", "") or any("\0" in text for text in texts):
            return views.bad_request(request)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        # Programs send JSON, which its parser checks; a form from them is refused unread.
        if request.method != "POST" or request.content_type not in FORMS or views.wants_problem(request):
            return None
        fields = request.POST.lists()
        if any("\0" in text for name, values in fields for text in (name, *values)):
            return views.bad_request(request)
        return None
