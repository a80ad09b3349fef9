"""Finding tasks by words: whole words first, then beginnings of words, then what is spelled alike."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchRank, TrigramWordSimilarity
from django.db.models import BooleanField, Case, F, FloatField, Q, TextField, Value, When
from django.db.models.functions import Cast

from accounts.models import Membership
from tasks.filters import Filters, narrowed, today, understood
from tasks.models import Task, TaskQuerySet

ALIKE = 0.5
WORDS_MOST = 12
# How the score is made of its parts; together they are 1.
WORDS_WEIGHT, BEGINNING_WEIGHT, ALIKE_WEIGHT = 0.5, 0.2, 0.3


@dataclass(frozen=True)
class Found:
    """`matched`: `words`, `beginning`, `people`, `similar`, and the names of the filters that were used."""

    task: Task
    score: float
    matched: list[str]


@dataclass(frozen=True)
class Findings:
    found: list[Found]
    words: str
    filters: Filters
    is_last: bool


def search(
    *, by: Membership, text: str, now: datetime, filters: Filters | None = None, offset: int = 0, limit: int = 50
) -> Findings:
    """Tasks that this member may read, best first. The text may hold filters: `status:done due:week contract`."""
    readable = Task.objects.readable_by(by)
    words, used = understood(
        text,
        filters or Filters(),
        today(by, now),
        is_person=lambda name: narrowed(readable, Filters(person=name), by).exists(),
    )
    tasks = narrowed(readable, used, by)
    ranked: Any = _ranked(tasks, words) if words else tasks.annotate(score=Value(1.0, output_field=FloatField()))
    in_order = ranked.order_by("-score", "is_done", F("due_on").asc(nulls_last=True), "pk")
    rows = list(in_order.select_related("task_source", "outgoing").defer("words")[offset : offset + limit + 1])
    named = list(used.named())
    found = [Found(row, round(float(row.score), 4), [*_ways(row), *named]) for row in rows[:limit]]
    return Findings(found=found, words=words, filters=used, is_last=len(rows) <= limit)


def _ranked(tasks: TaskQuerySet, text: str) -> TaskQuerySet:
    whole = SearchQuery(text, config="english", search_type="websearch")
    beginnings = _beginnings(text)
    has_whole, has_beginning = Q(words=whole), Q(words=beginnings) if beginnings else Q(pk=None)
    tasks = tasks.annotate(
        alike=TrigramWordSimilarity(text[:200], "title"),
        rank=SearchRank(F("words"), whole, normalization=Value(32)),
        people=Cast("assignees", TextField()),
        tags=Cast("labels", TextField()),
    )
    has_person = Q(people__icontains=text) | Q(tags__icontains=text)
    return tasks.filter(has_whole | has_beginning | has_person | Q(alike__gte=ALIKE)).annotate(
        has_whole=_yes(has_whole),
        has_beginning=_yes(has_beginning),
        has_person=_yes(has_person),
        score=_part(has_whole | has_person, WORDS_WEIGHT)
        + _part(has_whole | has_beginning, BEGINNING_WEIGHT)
        + F("alike") * Value(ALIKE_WEIGHT),
    )


def _beginnings(text: str) -> SearchQuery | None:
    words = re.findall(r"\w+", text)[:WORDS_MOST]
    query = " & ".join(f"{word}:*" for word in words)
    return SearchQuery(query, config="english", search_type="raw") if query else None


def _yes(condition: Q) -> Case:
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())


def _part(condition: Q, weight: float) -> Case:
    return Case(When(condition, then=Value(weight)), default=Value(0.0), output_field=FloatField())


def _ways(row: Task) -> list[str]:
    ways = {"words": "has_whole", "beginning": "has_beginning", "people": "has_person"}
    found = [way for way, name in ways.items() if getattr(row, name, False)]
    return [*found, "similar"] if getattr(row, "alike", 0) >= ALIKE else found
