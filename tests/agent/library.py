"""Pages that are searched by meaning alone, without a database."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from agent import picking
from agent.answering import answer
from agent.candidates import Candidate
from agent.chunking import chunk
from agent.composing import Answer
from agent.follow_ups import in_context
from agent.passages import Passage
from integrations.embedder import Embedder

Page = tuple[Sequence[Passage], Sequence[tuple[str, str]]]


def page(*texts: str) -> Page:
    return [Passage(f"b{number}", "paragraph", text, ()) for number, text in enumerate(texts)], ()


def table(*rows: str) -> Page:
    head, *others = rows
    rule = "|" + " --- |" * (head.count("|") - 1)
    first = [Passage("t0", "table", f"{head}\n{rule}", ())]
    return first + [Passage(f"t{number}", "table", row, ()) for number, row in enumerate(others, 1)], ()


class Library:
    """Finds as the real search does with its first arm; `place` is the source of pages that have properties."""

    def __init__(self, embedder: Embedder, pages: Mapping[str, Page], *, place: str = "") -> None:
        self.embedder = embedder
        self.candidates = [
            Candidate(
                chunk_id=f"{title}/{n}",
                page_id=title,
                title=title,
                text=c.text,
                context=c.context,
                spans=c.spans,
                place=place if properties else "",
            )
            for title, (passages, properties) in pages.items()
            for n, c in enumerate(chunk(passages, title, properties, count_tokens=embedder.count_tokens))
        ]
        self.vectors = embedder.embed([f"{each.context}\n{each.text}" for each in self.candidates])

    def add(self, other: "Library") -> None:
        self.candidates += other.candidates
        self.vectors = np.concatenate((self.vectors, other.vectors))

    def ask(self, question: str, *, earlier: Sequence[str] = (), today: date | None = None) -> Answer:
        whole = in_context(question, earlier) or question
        near = self.vectors @ self.embedder.embed_one(whole)
        found = [self.candidates[at].model_copy(update={"dense": float(near[at])}) for at in (-near).argsort()]
        today = today or date(2026, 11, 22)
        picked = picking.marked(picking.matching(whole, found, today=today))
        ids = {each.chunk_id for each in picked}
        first = picked[: picking.MOST_ROWS] + [each for each in found[:6] if each.chunk_id not in ids]
        more = len(picked[picking.MOST_ROWS :])
        return answer(whole, first, self.embedder.embed, asked=question, more_rows=more, today=today)
