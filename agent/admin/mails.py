import uuid

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from accounts import staffing
from accounts.models import Mail
from agent.admin.deeds import Deed, page
from agent.admin.lists import Found
from agent.admin.searching import as_id
from config.staff import site

SEND_AGAIN = Deed(
    "Send again",
    "For a mail that was given up, or waits for its next try. What was sent is not kept, so it cannot be sent twice.",
    "It goes with the next round.",
    staffing.send_again,
)


@admin.display(description="kind")
def _kind(mail: Mail) -> str:
    """Its subject may hold a name of what somebody keeps."""
    return mail.key.partition(":")[0]


@admin.display(description="", empty_value="")
def _again(mail: Mail) -> str:
    address = reverse("staff:mail-again", args=[mail.pk])
    return format_html('<a href="{}">{}</a>', address, SEND_AGAIN.label) if mail.sent_at is None else ""


@admin.register(Mail, site=site)
class MailAdmin(Found):
    """To whom and whether it went; never what it says, which may open an account."""

    search_help_text = "Address, or id of the workspace"
    list_filter = (("sent_at", admin.EmptyFieldListFilter), ("gave_up_at", admin.EmptyFieldListFilter))
    ordering = ("-created_at",)
    list_display = ("to", _kind, _again, "created_at", "sent_at", "gave_up_at", "attempts", "error", "workspace_id")

    def found_by(self, term: str) -> Q:
        key = as_id(term)
        return Q(to__icontains=term) | Q(workspace_id=key) if key else Q(to__icontains=term)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mail]:
        return super().get_queryset(request).defer("subject", "text", "html")

    def get_urls(self) -> list[URLPattern]:
        again = self.admin_site.admin_view(self.send_again)
        return [path("<uuid:mail_id>/again/", again, name="mail-again"), *super().get_urls()]

    def send_again(self, request: HttpRequest, mail_id: uuid.UUID) -> HttpResponse:
        mail = Mail.objects.only("key", "to").filter(pk=mail_id).first()
        if mail is None:
            raise Http404
        about = f"{_kind(mail)} to {mail.to}"
        return page(request, SEND_AGAIN, about=about, back=reverse("staff:accounts_mail_changelist"), mail_id=mail_id)
