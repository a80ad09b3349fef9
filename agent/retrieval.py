"""From a question to the passages that may answer it: by meaning (Chroma) and by words (Postgres), mixed.

Only connections that the asker may read are searched, with five statements (six where rows of tables are picked) and
one request to Chroma per connection.
Postgres has every embedding, so what words found is compared with the question by meaning even without Chroma.
"""

import logging
import math
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import background
from accounts.models import Connection, Membership
from accounts.zones import zone_of
from agent import cells, days, kinds, picking, turns, wording
from agent.candidates import Candidate, PageKey, SearchResult
from agent.fusion import mix
from agent.models import Chunk, Page, Source, SyncRun
from integrations import embedder, vectors

log = logging.getLogger(__name__)
NEAREST = 50
WORDIEST = 50
MOST_WORDS = 32
MOST_OF_TABLES = 16
SHORTEST_MISSPELLING = 4
# Looking at these takes two seconds; what is counted in more is said to be the least.
MOST_READ_ROWS = 20_000
# What `ts_rank` gives a word that stands once in a chunk, so that such a word weighs its rarity.
ONCE = 0.0607927
SHOWN = (
    "id",
    "text",
    "context",
    "spans",
    "connection_id",
    "page__source__title",
    "page__notion_id",
    "page__title",
    "page__url",
    "page__edited_at",
    "page__indexed_at",
)
WORD = re.compile(r"[^\W_](?:[\w\-./@#:+]*[^\W_])?")


@dataclass(frozen=True)
class Scope:
    """What one member may read now, and how old it is."""

    workspace_id: uuid.UUID
    connection_ids: tuple[uuid.UUID, ...]
    synced_at: datetime | None
    # Where the day begins that a question calls today.
    zone: ZoneInfo
    source_count: int = 0
    # What Notion calls each workspace that was never read to its end.
    unsynced: Mapping[uuid.UUID, str] = field(default_factory=dict)

    @property
    def today(self) -> date:
        return timezone.localdate(timezone=self.zone)

    @property
    def is_empty(self) -> bool:
        return not self.connection_ids


@dataclass(frozen=True)
class Found:
    result: SearchResult
    # False when Chroma was away and words alone found the passages.
    is_by_meaning: bool
    # Chroma has lost a connection's vectors: its passages were found by words alone, and a worker brings them back.
    is_index_lost: bool = False


def scope(membership: Membership) -> Scope:
    """`synced_at` is that of the connection that was synced longest ago: nothing in the answer is older."""
    connections = Connection.objects.readable_by(membership)
    rows = list(connections.values_list("id", "last_synced_at", "notion_workspace_name"))
    synced = [at for _, at, _ in rows if at is not None]
    return Scope(
        workspace_id=membership.workspace_id,
        zone=zone_of(membership.user),
        connection_ids=tuple(key for key, *_ in rows),
        source_count=Source.objects.filter(connection_id__in=[key for key, *_ in rows], is_chosen=True).count(),
        synced_at=min(synced) if synced and len(synced) == len(rows) else None,
        unsynced={key: name for key, at, name in rows if at is None},
    )


def unread(readable: Scope) -> str:
    """How far the first reading of each connection has come; nothing when every page was read once."""
    open_syncs = SyncRun.objects.filter(connection_id__in=readable.connection_ids, status__in=SyncRun.OPEN)
    being_read = {*open_syncs.values_list("connection_id", flat=True), *readable.unsynced}
    pages = Page.objects.filter(connection_id__in=being_read).exclude(state__in=Page.GONE)
    counted = pages.values_list("connection_id").annotate(known=Count("id"), read=Count("indexed_at"))
    figures = {key: (known, read) for key, known, read in counted}
    known, read = (sum(numbers) for numbers in zip((0, 0), *figures.values(), strict=True))
    said = [
        _("“%(workspace)s” is not read yet.") % {"workspace": name or "Notion"}
        for key, name in readable.unsynced.items()
        if key not in figures
    ]
    if read >= known:
        return " ".join(said)
    words = ngettext("%(read)d of %(known)d page is read so far", "%(read)d of %(known)d pages are read so far", known)
    so_far = words % {"read": read, "known": known}
    if open_syncs.filter(status=SyncRun.Status.PAUSED).exists():
        so_far = _("%(said)s; the sync is paused") % {"said": so_far}
    return " ".join((f"{so_far}.", *said))


def search(readable: Scope, question: str, *, limit: int = settings.RETRIEVAL_LIMIT) -> Found:
    if readable.is_empty:
        return Found(SearchResult(query=question, candidates=[]), is_by_meaning=True)
    vector = embedder.default().embed_one(question)
    near, is_index_lost = nearest(readable, vector)
    on_days = days.with_feasts(question)
    worded = by_words(
        readable, f"{question} {wording.said_otherwise(question)} {on_days if on_days != question else ''}"
    )
    ids = {*(near or {}), *worded}
    # The cosine of every candidate, also of those that only their words brought here.
    cosines = {
        str(key): float(embedder.from_bytes(embedding) @ vector)
        for key, embedding in _indexed(readable, ids).values_list("id", "embedding")
    }
    words = {key: score for key, score in worded.items() if key in cosines}
    mixed = mix(cosines, words, dense_weight=settings.RETRIEVAL_DENSE_WEIGHT)[:limit]
    shown = {str(row["id"]): row for row in _indexed(readable, {best.id for best in mixed}).values(*SHOWN)}
    candidates = [
        _candidate(shown[best.id], dense=cosines[best.id], lexical=words.get(best.id, 0.0), score=best.score)
        for best in mixed
        if best.id in shown
    ]
    matching, has_unread_rows = picked(readable, on_days)
    lines = {each.chunk_id: each.line for each in matching}
    candidates = [each.model_copy(update={"line": lines.get(each.chunk_id)}) for each in candidates]
    have = {each.chunk_id for each in candidates}
    candidates += [each for each in matching[: picking.MOST_ROWS] if each.chunk_id not in have]
    have = {each.chunk_id for each in candidates}
    more = (*more_of_tables(readable, question, candidates), *numbers_stated(readable, question))
    candidates += [each for each in more if each.chunk_id not in have]
    result = SearchResult(
        query=question,
        candidates=candidates,
        picks_rows=bool(matching),
        more_rows=sum(each.chunk_id not in have for each in matching),
        has_unread_rows=bool(matching) and has_unread_rows,
        today=readable.today,
    )
    return Found(result, is_by_meaning=near is not None, is_index_lost=is_index_lost)


def more_of_tables(readable: Scope, question: str, found: Iterable[Candidate]) -> list[Candidate]:
    """For a question that picks rows of tables: the rest of those that were found, such as go by weeks on pages that
    were found, and such as have a cell beginning with the name it asks about, which other passages may say more often.
    """
    found = list(found)
    if not (cells.may_pick(question) or turns.may_pick(question)):
        return []
    wanted = Q(page__notion_id__in={each.page_id for each in found if "\n| " in each.text}, text__contains="\n| ")
    if turns.may_pick(question):
        wanted |= Q(page__notion_id__in={each.page_id for each in found}, text__icontains="| week")
    if name := cells.name_sought(question):
        wanted |= Q(text__contains=f"| {name}")
    rows = _readable(readable).filter(wanted).order_by("-page__edited_at", "page_id", "ordinal")
    return [_candidate(row, dense=0, lexical=0, score=0) for row in rows.values(*SHOWN)[:MOST_OF_TABLES]]


def whole(readable: Scope, pages: Sequence[PageKey]) -> list[Candidate]:
    """All that is known of these pages, in their order."""
    keys = {(connection_id, page_id): place for place, (connection_id, page_id) in enumerate(pages)}
    rows = _readable(readable).filter(
        connection_id__in={key for key, _ in keys}, page__notion_id__in={page for _, page in keys}
    )
    found = [_candidate(row, dense=0, lexical=0, score=0) for row in rows.order_by("page_id", "ordinal").values(*SHOWN)]
    return sorted((each for each in found if each.page_key in keys), key=lambda each: keys[each.page_key])


def numbers_stated(readable: Scope, question: str) -> list[Candidate]:
    """For a question how many there are of something: what states such a number, which few of its words may say."""
    counted = kinds.counted_whole(question)
    if not counted:
        return []
    stating = _readable(readable).filter(text__iregex=rf"\m(?:have|are)\M[^.;:]{{1,40}}\m{counted}\M")
    rows = stating.order_by("-page__edited_at", "page_id", "ordinal").values(*SHOWN)[:MOST_OF_TABLES]
    return [_candidate(row, dense=0, lexical=0, score=0) for row in rows]


def picked(readable: Scope, question: str) -> tuple[list[Candidate], bool]:
    """The rows of databases that a question like "which tasks are blocked?" picks by their properties, and whether
    there are rows that were not looked at."""
    if not picking.may_pick(question):
        return [], False
    first = _readable(readable).filter(page__source__kind=Source.Kind.DATABASE, ordinal=0)
    read = first.order_by("id").values(*SHOWN)[: MOST_READ_ROWS + 1]
    found = [_candidate(row, dense=0, lexical=0, score=0) for row in read]
    lines = picking.matching(question, found[:MOST_READ_ROWS], today=readable.today)
    return picking.marked(lines), len(found) > MOST_READ_ROWS


def nearest(readable: Scope, vector: embedder.Vector, *, limit: int = NEAREST) -> tuple[dict[str, float] | None, bool]:
    """Chunk ids with their similarity, None when Chroma cannot say; and whether it has lost what it should know."""
    try:
        index = vectors.workspace(readable.workspace_id)
        found = index.query(connection_ids=readable.connection_ids, embedding=vector, limit=limit)
    except (vectors.Unreachable, vectors.Refused) as error:
        log.warning("searching by words alone: %s", error)
        return None, False
    is_index_lost = bool(found.empty) and _ask_for_repair(readable, found.empty)
    near = {hit.chunk_id: hit.similarity for hit in found.hits}
    return (None if is_index_lost and not near else near), is_index_lost


def _ask_for_repair(readable: Scope, empty: list[uuid.UUID]) -> bool:
    """An index may be empty because nothing was read; one that is empty beside chunks was lost."""
    from agent.jobs import restore_index

    lost = list(Chunk.objects.filter(connection_id__in=empty).values_list("connection_id", flat=True).distinct())
    for connection_id in lost:
        log.warning("the index of connection %s is lost", connection_id)
        background.enqueue(
            restore_index,
            workspace_id=readable.workspace_id,
            key=str(connection_id),
            connection_id=str(connection_id),
        )
    return bool(lost)


RARITY = """
SELECT term.word, (SELECT count(*) FROM agent_chunk WHERE connection_id = ANY(%(readable)s)),
       (SELECT count(*) FROM agent_chunk WHERE connection_id = ANY(%(readable)s) AND words @@ term.query)
FROM (SELECT word, plainto_tsquery('english', word) AS query FROM unnest(%(words)s::text[]) AS word) AS term
WHERE numnode(term.query) > 0
"""

# A word that stands nowhere may be misspelt or part of another one: its nearest by trigrams count instead.
RANKED = """
SELECT hit.id, sum(hit.score) AS score
FROM (
  SELECT chunk.id, term.weight * ts_rank(chunk.words, plainto_tsquery('english', term.word)) / %(once)s AS score
  FROM unnest(%(known)s::text[], %(weights)s::float8[]) AS term(word, weight)
  JOIN agent_chunk AS chunk ON chunk.words @@ plainto_tsquery('english', term.word)
  WHERE chunk.connection_id = ANY(%(readable)s)
  UNION ALL
  SELECT chunk.id, %(unknown_weight)s * word_similarity(term.word, chunk.text)
  FROM unnest(%(unknown)s::text[]) AS term(word)
  JOIN agent_chunk AS chunk ON chunk.text %%> term.word
  WHERE chunk.connection_id = ANY(%(readable)s)
) AS hit
GROUP BY hit.id ORDER BY score DESC, hit.id LIMIT %(limit)s
"""


def by_words(readable: Scope, question: str, *, limit: int = WORDIEST) -> dict[str, float]:
    """Chunk ids with a score: rare words of the question count more than common ones."""
    words = list(dict.fromkeys(word.lower() for word in WORD.findall(question)))[:MOST_WORDS]
    if not words:
        return {}
    ids = list(readable.connection_ids)
    with connection.cursor() as cursor:
        cursor.execute(RARITY, {"readable": ids, "words": words})
        counted = cursor.fetchall()
        weights = {word: _rarity(total, holding) for word, total, holding in counted if holding}
        unknown = [word for word, _, holding in counted if not holding and len(word) >= SHORTEST_MISSPELLING]
        cursor.execute(
            RANKED,
            {
                "readable": ids,
                "once": ONCE,
                "known": list(weights),
                "weights": list(weights.values()),
                "unknown": unknown,
                "unknown_weight": _rarity(counted[0][1], 1) if counted else 0.0,
                "limit": limit,
            },
        )
        return {str(key): float(score) for key, score in cursor.fetchall()}


def _rarity(total: int, holding: int) -> float:
    return math.log(1 + (total - holding + 0.5) / (holding + 0.5))


def _indexed(readable: Scope, ids: set[str]) -> QuerySet[Chunk]:
    """Of these, what may be read now. Vectors of another embedder cannot be compared with the question's."""
    return _readable(readable).filter(id__in=ids, embedder=embedder.NAME)


def _readable(readable: Scope) -> QuerySet[Chunk]:
    """A page that could not be read again is still answered from, one that is gone or left out is not."""
    of_these = {"connection_id__in": readable.connection_ids}
    return Chunk.objects.filter(**of_these, page__in=Page.objects.filter(Page.SEARCHABLE, **of_these))


def _candidate(row: dict[str, Any], *, dense: float, lexical: float, score: float) -> Candidate:
    return Candidate(
        chunk_id=str(row["id"]),
        page_id=row["page__notion_id"],
        title=row["page__title"],
        text=row["text"],
        context=row["context"],
        spans=tuple((str(block), int(start), int(end)) for block, start, end in row["spans"]),
        dense=dense,
        lexical=lexical,
        score=score,
        url=row["page__url"],
        place=row["page__source__title"] or "",
        connection_id=str(row["connection_id"]),
        edited_at=row["page__edited_at"],
        indexed_at=row["page__indexed_at"],
    )
