"""What was sent, for whoever tries the product on one machine. These addresses exist only where SHOWS_MAILS is on."""

import uuid

from csp.decorators import csp_replace, csp_update
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin

from accounts.models import Mail

SHOWN = 100


@method_decorator([never_cache, csp_update({"frame-src": ["'self'"]})], name="dispatch")
class Mails(View):
    """The newest, with text and HTML. Open to all: who can open it holds the machine, and may not be signed in yet."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest) -> HttpResponse:
        mails = Mail.objects.order_by("-created_at")[:SHOWN]
        return render(request, "accounts/mails.html", {"mails": mails})


# As in a mail program: its own styles and nothing else, neither script nor anything fetched.
ALONE = {
    "style-src": ["'unsafe-inline'"],
    "script-src": ["'none'"],
    "img-src": ["'none'"],
    "frame-ancestors": ["'self'"],
    "sandbox": True,
}


@method_decorator([never_cache, xframe_options_sameorigin, csp_replace(ALONE)], name="dispatch")
class MailHTML(View):
    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, mail_id: uuid.UUID) -> HttpResponse:
        return HttpResponse(get_object_or_404(Mail, pk=mail_id).html)
