from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from billing.admin import List


class Found(List):
    """A list that is searched for the whole of what is typed."""

    # The framework shows its search box where there is one.
    search_fields = ("=id",)
    show_full_result_count = False
    list_per_page = 50

    def found_by(self, term: str) -> Q:
        raise NotImplementedError

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(self.found_by(term)).distinct() if term else queryset), False


def counted(rows: int, noun: str) -> str:
    return f"{rows:,} {noun}" if rows == 1 else f"{rows:,} {noun}s"
