"""From a page's passages to what is searched: chunks with embeddings in Postgres, and their vectors in Chroma.

Vectors are written before the rows that name them and deleted after, by whoever holds the connection, so a crash leaves
at most vectors that nothing names; `repair` removes those, and brings back what an index has lost.
"""

import time
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import transaction

from accounts import background
from agent import chunking
from agent.models import Chunk, Page
from agent.passages import Passage
from agent.sync import holding
from integrations import embedder, vectors

# Names and values of a page's properties.
Lines = Sequence[tuple[str, str]]
BATCH = 200
# A few seconds of a slow processor; very long pages are embedded for minutes.
EMBEDDED_AT_ONCE = 32
RENEWED_EVERY_SECONDS = 5.0


@dataclass(frozen=True)
class Pieces:
    """A page's chunks as they should be, their new vectors written already."""

    page: Page
    workspace_id: uuid.UUID
    chunks: list[Chunk]
    stale: set[uuid.UUID]
    fresh: list[Chunk]

    def replace(self) -> None:
        """Make the rows equal the chunks. In the transaction that saves the page, under the connection's lock.

        What a repair took for surplus meanwhile, or a removal with the page, is written again. None goes from here to
        the commit: who deletes vectors holds the connection too.
        """
        Chunk.objects.filter(page=self.page).delete()
        Chunk.objects.bulk_create(self.chunks)
        if self.chunks:
            there = vectors.workspace(self.workspace_id).collection(self.page.connection_id)
            held = there.held([str(chunk.pk) for chunk in self.chunks])
            missing = [chunk for chunk in self.chunks if str(chunk.pk) not in held]
            _upsert(self.workspace_id, self.page.connection_id, missing)

    def forget_stale(self) -> None:
        """After the commit."""
        forget_vectors(self.stale, workspace_id=self.workspace_id, connection_id=self.page.connection_id)


def prepare(page: Page, passages: Sequence[Passage], *, workspace_id: uuid.UUID, lines: Lines) -> Pieces:
    """Cut and embed what is new; outside of any transaction, since it takes long and writes vectors."""
    model = embedder.default()
    pieces = chunking.chunk(passages, page.title, lines, count_tokens=_patient(model.count_tokens))
    known = {chunk.id: chunk for chunk in Chunk.objects.filter(page=page)}
    chunks, fresh, seen = [], [], Counter[str]()
    for ordinal, piece in enumerate(pieces):
        seen[piece.fingerprint] += 1
        # The same text keeps its id and its vector wherever it moves in the page.
        key = uuid.uuid5(page.id, f"{embedder.NAME}:{piece.fingerprint}:{seen[piece.fingerprint]}")
        chunk = Chunk(
            id=key,
            page=page,
            connection_id=page.connection_id,
            ordinal=ordinal,
            context=piece.context,
            text=piece.text,
            spans=[list(span) for span in piece.spans],
            tokens=piece.tokens,
            fingerprint=piece.fingerprint,
            embedder=embedder.NAME,
        )
        if key in known:
            chunk.embedding = known[key].embedding
        else:
            fresh.append(chunk)
        chunks.append(chunk)
    for start in range(0, len(fresh), EMBEDDED_AT_ONCE):
        background.renew_lease()
        some = fresh[start : start + EMBEDDED_AT_ONCE]
        texts = [chunking.embedded(chunk.context, chunk.text) for chunk in some]
        for chunk, vector in zip(some, model.embed(texts), strict=True):
            chunk.embedding = embedder.to_bytes(vector)
    background.renew_lease()
    _upsert(workspace_id, page.connection_id, fresh)
    stale = known.keys() - {chunk.id for chunk in chunks}
    return Pieces(page=page, workspace_id=workspace_id, chunks=chunks, stale=set(stale), fresh=fresh)


def _patient(count_tokens: chunking.CountTokens) -> chunking.CountTokens:
    """Cutting a very long page takes a while too."""
    renewed = time.monotonic()

    def count(text: str) -> int:
        nonlocal renewed
        if time.monotonic() - renewed > RENEWED_EVERY_SECONDS:
            background.renew_lease()
            renewed = time.monotonic()
        return count_tokens(text)

    return count


def remove(pages: Iterable[Page]) -> list[uuid.UUID]:
    """Take pages out of search. Answers the ids whose vectors are to be forgotten after the commit."""
    chunks = Chunk.objects.filter(page_id__in=[page.id for page in pages])
    stale = list(chunks.values_list("id", flat=True))
    chunks.delete()
    return stale


def forget_vectors(stale: Iterable[uuid.UUID], *, workspace_id: uuid.UUID, connection_id: uuid.UUID) -> int:
    """Those of them that nothing names, under the lock of who could name them again. How many that are."""
    keys, number = list(stale), 0
    for start in range(0, len(keys), BATCH):
        background.renew_lease()
        with transaction.atomic():
            holding.hold_alone(connection_id)
            some = keys[start : start + BATCH]
            named = set(Chunk.objects.filter(pk__in=some).values_list("pk", flat=True))
            unnamed = [str(key) for key in some if key not in named]
            vectors.workspace(workspace_id).collection(connection_id).delete(unnamed)
            number += len(unnamed)
    return number


@dataclass(frozen=True)
class Repaired:
    missing: int
    surplus: int


def repair(*, workspace_id: uuid.UUID, connection_id: uuid.UUID) -> Repaired:
    """Make Chroma hold exactly the vectors of this connection's chunks. Postgres has them, so nothing is embedded."""
    missing, surplus = _difference(workspace_id, connection_id)
    _bring_back(workspace_id, connection_id, missing)
    number = forget_vectors(surplus, workspace_id=workspace_id, connection_id=connection_id)
    return Repaired(missing=len(missing), surplus=number)


def restore(*, workspace_id: uuid.UUID, connection_id: uuid.UUID) -> int:
    """Bring back what Chroma has lost, and delete nothing: a sync at work may be about to name what seems surplus."""
    missing, _surplus = _difference(workspace_id, connection_id)
    _bring_back(workspace_id, connection_id, missing)
    return len(missing)


def rebuild(*, workspace_id: uuid.UUID, connection_id: uuid.UUID) -> int:
    """Forget what Chroma has of this connection and write it anew. Until then words alone are searched."""
    with transaction.atomic():
        holding.hold_alone(connection_id)
        vectors.workspace(workspace_id).collection(connection_id).drop()
    return restore(workspace_id=workspace_id, connection_id=connection_id)


def _difference(workspace_id: uuid.UUID, connection_id: uuid.UUID) -> tuple[list[uuid.UUID], set[uuid.UUID]]:
    there = {uuid.UUID(key) for key in vectors.workspace(workspace_id).collection(connection_id).ids()}
    wanted = set(Chunk.objects.filter(connection_id=connection_id).values_list("id", flat=True))
    return list(wanted - there), there - wanted


def _bring_back(workspace_id: uuid.UUID, connection_id: uuid.UUID, missing: list[uuid.UUID]) -> None:
    for start in range(0, len(missing), BATCH):
        background.renew_lease()
        _upsert(workspace_id, connection_id, Chunk.objects.filter(pk__in=missing[start : start + BATCH]))


def _upsert(workspace_id: uuid.UUID, connection_id: uuid.UUID, chunks: Iterable[Chunk]) -> None:
    batch = list(chunks)
    if batch:
        vectors.workspace(workspace_id).collection(connection_id).upsert(
            ids=[str(chunk.id) for chunk in batch],
            embeddings=np.array([embedder.from_bytes(chunk.embedding) for chunk in batch]),
        )
