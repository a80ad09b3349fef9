"""What staff see of erasures: ids and numbers, and nothing to change."""

from django.contrib import admin
from django.utils.html import format_html

from accounts.models import ErasureCertificate
from agent import certifying
from billing.admin import List
from config.staff import site


@admin.register(ErasureCertificate, site=site)
class CertificateAdmin(List):
    list_display = ("id", "kind", "subject_id", "begun_at", "checked_at", "given_at", "still_there", "certificate")
    list_filter = ("kind", ("given_at", admin.EmptyFieldListFilter))
    ordering = ("-begun_at",)
    list_per_page = 50
    actions = None
    search_fields = ("=id", "=subject_id")

    @admin.display(description="still there")
    def still_there(self, certificate: ErasureCertificate) -> str:
        return ", ".join(f"{store} ({number})" for store, number in certificate.left.items()) or "–"

    @admin.display(description="certificate")
    def certificate(self, certificate: ErasureCertificate) -> str:
        if certificate.given_at is None:
            return "–"
        return format_html('<a href="{}">Open</a>', certifying.url_of(certificate))
