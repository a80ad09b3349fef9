"""What staff see of erasures: ids and numbers, and nothing to change."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db import DataError
from django.http import HttpRequest
from django.utils.html import format_html

from accounts.models import ErasureCertificate
from agent import certifying
from config.staff import site


@admin.register(ErasureCertificate, site=site)
class CertificateAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # it takes a parameter in the stubs alone
    list_display = ("id", "kind", "subject_id", "begun_at", "checked_at", "given_at", "still_there", "certificate")
    show_facets = admin.ShowFacets.NEVER
    list_filter = ("kind", ("given_at", admin.EmptyFieldListFilter))
    ordering = ("-begun_at",)
    list_per_page = 50
    list_display_links = None
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

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """What the database takes for no value of a filter is wrong as the framework's own wrong ones are."""
        try:
            return super().get_changelist_instance(request)
        except DataError as odd:
            raise IncorrectLookupParameters from odd

    def has_module_permission(self, request: HttpRequest) -> bool:
        return site.has_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # The list says everything; a page of its own would show what is still to be looked for.
        return obj is None and site.has_permission(request)
