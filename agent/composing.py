"""An answer made of what it quotes: the sentences as they are told, each with its source. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent import disagreeing
from agent.candidates import Candidate, PageKey
from agent.excerpts import Excerpt

# As near as a page is named that does not say it.
LEAST_NEAR = 0.32

NOT_FOUND = "I did not find an answer to this in the pages I can read."


@dataclass(frozen=True)
class Citation:
    """`quote` stands literally in the chunk's text. An empty block id means the page itself."""

    number: int
    chunk_id: str
    page_id: str
    block_id: str
    quote: str


@dataclass(frozen=True)
class Answer:
    """`text` is Markdown; [n] marks the sentence that citation n proves."""

    text: str
    citations: tuple[Citation, ...]
    grounded: bool
    # A page that is named and not quoted.
    named: PageKey | None = None


def composed(chosen: Sequence[Excerpt], *, heading: str = "") -> Answer:
    citations = tuple(
        Citation(number, each.candidate.chunk_id, each.candidate.page_id, each.block_id, each.quote)
        for number, each in enumerate(chosen, 1)
    )
    lines = [line(each, number) for number, each in enumerate(chosen, 1)]
    if len(lines) == 1 and not heading:
        return Answer(lines[0], citations, grounded=True)
    if any(each.kind == "code" for each in chosen):
        return Answer("\n\n".join(lines), citations, grounded=True)
    listed = "\n".join(f"- {each}" for each in lines)
    return Answer(f"{heading}\n\n{listed}" if heading else listed, citations, grounded=True)


def composed_apart(newest_first: Sequence[Excerpt]) -> Answer:
    """Each with the page that says it and the day when that was edited."""
    told = []
    for each in newest_first:
        on = disagreeing.day(each.candidate.edited_at)
        title = plain(each.candidate.title)
        row = each.kind in ("row", "property")
        names = f"edited {on}" if row else f"“{title}”, edited {on}"
        told.append(replace(each, shown=f"{each.shown} ({names})" if on else f"{each.shown} (“{title}”)"))
    return composed(told, heading=disagreeing.notice(newest_first[0].candidate))


def line(excerpt: Excerpt, number: int) -> str:
    if excerpt.kind == "code":
        return f"{excerpt.shown}\n\n[{number}]"
    if excerpt.kind in ("row", "property"):
        return f"{plain(excerpt.candidate.title)} – {excerpt.shown} [{number}]"
    return f"{excerpt.shown} [{number}]"


def not_found(candidates: Sequence[Candidate]) -> Answer:
    if not candidates or candidates[0].dense < LEAST_NEAR:
        return Answer(NOT_FOUND, (), grounded=False)
    nearest = candidates[0]
    text = f"{NOT_FOUND} The nearest page is “{plain(nearest.title)}”, but it does not say this."
    return Answer(text, (), grounded=False, named=nearest.page_key)


def plain(title: str) -> str:
    """A title as words, whatever marks its writer put into it."""
    return re.sub(r"[\[\]`*_<>|\\]", " ", " ".join(title.split())).strip() or "Untitled"
