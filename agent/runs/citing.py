"""From what a model says it quoted to citations that were checked: the quote stands there, in a block of that page."""

import logging
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from types import MappingProxyType
from typing import Any

from agent.candidates import Candidate, PageKey
from agent.composing import Citation
from agent.markdown.reading import as_read
from agent.runs.shown import moment

log = logging.getLogger(__name__)
AROUND_CHARACTERS = 90
ELLIPSIS = "…"
EMPTY: Mapping[PageKey, datetime] = MappingProxyType({})


def checked(
    citations: Iterable[Citation],
    found: Mapping[str, Candidate],
    *,
    changed: Mapping[PageKey, datetime] = EMPTY,
    unseen: AbstractSet[PageKey] = frozenset(),
) -> list[dict[str, Any]]:
    """`found`: the chunks this run was given, by id. A citation of anything else is dropped. `changed`: pages that
    were edited since they were read, and when. `unseen`: pages that Notion did not show, asked or not."""
    good = []
    for citation in citations:
        candidate = found.get(citation.chunk_id)
        if candidate is None or not _stands_there(citation, candidate):
            log.warning("a citation was dropped: it is not in what was found")
            continue
        key = candidate.page_key
        news = {"changed_since": moment(changed.get(key)), "checked": key not in unseen}
        good.append(_shown(citation, candidate) | news)
    return good


def _stands_there(citation: Citation, candidate: Candidate) -> bool:
    if citation.page_id != candidate.page_id or citation.quote not in candidate.text:
        return False
    return not citation.block_id or any(block == citation.block_id for block, _, _ in candidate.spans)


def _shown(citation: Citation, candidate: Candidate) -> dict[str, Any]:
    start, end = 0, len(candidate.text)
    for block, first, last in candidate.spans:
        if block == citation.block_id and citation.quote in candidate.text[first:last]:
            start, end = first, last
            break
    around = candidate.text[start:end]
    at = around.find(citation.quote)
    before, after = around[:at].strip(), around[at + len(citation.quote) :].strip()
    return {
        "n": citation.number,
        # Never told: it decides who may read this.
        "connection_id": candidate.connection_id,
        "page_id": candidate.page_id,
        "title": candidate.title,
        "url": _address(candidate.url, citation.block_id),
        # A page is a block too: what stands in its properties is cited by its own id.
        "block_id": citation.block_id or candidate.page_id,
        "quote": as_read(citation.quote),
        "edited_at": moment(candidate.edited_at),
        "indexed_at": moment(candidate.indexed_at),
        "place": candidate.place,
        "before": _end_of(as_read(before)),
        "after": _begin_of(as_read(after)),
    }


def _end_of(text: str) -> str:
    """The last words. A script without spaces is cut where it must be."""
    if len(text) <= AROUND_CHARACTERS:
        return text
    cut = text[-AROUND_CHARACTERS:]
    return ELLIPSIS + (cut.partition(" ")[2] or cut)


def _begin_of(text: str) -> str:
    if len(text) <= AROUND_CHARACTERS:
        return text
    cut = text[:AROUND_CHARACTERS]
    return (cut.rpartition(" ")[0] or cut) + ELLIPSIS


def _address(url: str, block_id: str) -> str:
    """Notion scrolls to the block that the fragment names."""
    return f"{url}#{block_id.replace('-', '')}" if url and block_id else url
