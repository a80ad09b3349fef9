"""The sentences, items, rows and properties of a chunk that can be quoted one by one. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import takewhile

from agent import unquotable
from agent.candidates import Candidate

LONGEST_CODE = 600

_SENTENCE_END = re.compile(r"(?<=[.!?…。！？])[\"'”’)\]*_]*\s+(?=\S)")
_ABBREVIATED = re.compile(r"(?:^|[\s(])(?:e\.g|i\.e|etc|vs|Dr|Mr|Mrs|Ms|St|No|approx|ca|\w)\.$", re.IGNORECASE)
_HEADING = re.compile(r"\s*#{1,6}\s")
_RULE = re.compile(r"\s*\|?(?:\s*:?-{3,}:?\s*\|)+\s*:?-*:?\s*$|\s*(?:-{3,}|\${2})\s*$")
_MARK = re.compile(r"(?P<quote>(?:\s*>)*)\s*(?P<bullet>(?:[-*+]|\d+[.)])\s+)?(?P<box>\[[ xX]\]\s+)?")
_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_POINTS_BACK = re.compile(r"(they|it|this|that|these|those|he|she|\w+ing (?:one|it|them))\b", re.IGNORECASE)
# "Later than that: no refund."
_OTHERWISE = re.compile(r"(?:later|earlier|sooner|longer|shorter|more|less|fewer) than (?:that|this)\b", re.IGNORECASE)
_CITATION_MARK = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True)
class Excerpt:
    """`quote` stands in the chunk's text as it is; `shown` is the same made readable. `lead` introduces it."""

    candidate: Candidate
    block_id: str
    start: int
    quote: str
    shown: str
    kind: str
    lead: str = ""

    @property
    def is_otherwise(self) -> bool:
        """Whether it says what holds where the one before it does not."""
        return _OTHERWISE.match(self.shown) is not None

    @property
    def said(self) -> str:
        """What it says, with the case that it is the other one of."""
        return f"{self.lead}. {self.shown}" if self.is_otherwise else self.shown

    @property
    def paragraph(self) -> str:
        """A sentence is about what its paragraph names; a row or property stands for itself."""
        if self.kind != "sentence":
            return self.shown
        spans = self.candidate.spans
        return next(
            (self.candidate.text[start:end] for _, start, end in spans if start <= self.start < end), self.shown
        )


def excerpts(candidate: Candidate) -> Iterator[Excerpt]:
    if not candidate.spans and candidate.text.strip():
        yield Excerpt(candidate, "", 0, candidate.text, _readable(candidate.text), "title")
    lead = above = ""
    for block_id, start, end in candidate.spans:
        text = candidate.text[start:end]
        if _HEADING.match(text):
            lead = _readable(text.lstrip(" #"))
            continue
        if _FENCE.match(text):
            body = text if len(text) <= LONGEST_CODE else ""
            if body:
                yield Excerpt(candidate, block_id, start, body, body, "code", lead)
            continue
        before = ""
        for kind, at, quote, shown in _lines(candidate, block_id, start, text):
            # "They", "it" and "this" speak of the sentence before.
            about = before if kind == "sentence" and _POINTS_BACK.match(shown) else lead
            if _OTHERWISE.match(shown):
                about = f"{lead} {above}".strip()
            yield Excerpt(candidate, block_id, at, quote, shown, kind, about)
            before = above = shown
            if shown.endswith(":") and kind == "sentence":
                lead = shown


def headings(candidate: Candidate) -> Iterator[str]:
    for _, start, end in candidate.spans:
        if _HEADING.match(candidate.text[start:end]):
            yield _readable(candidate.text[start:end].lstrip(" #"))


def quotable(question: str, candidate: Candidate) -> Iterator[Excerpt]:
    """Without what gives an assistant orders and what follows it in its block, which may be the end of them."""
    with_orders = set[str]()
    for each in excerpts(candidate):
        if each.block_id in with_orders:
            continue
        if not unquotable.orders_an_assistant(question, each.shown):
            kept = [each]
        else:
            with_orders |= {each.block_id} - {""}
            parts = _sentences_of(each) if each.kind == "item" else ()
            kept = list(takewhile(lambda part: not unquotable.orders_an_assistant(question, part.shown), parts))
        yield from filter(_says_something, kept)


def _says_something(excerpt: Excerpt) -> bool:
    if excerpt.kind == "title":
        return False
    return excerpt.kind in ("row", "property") or not unquotable.says_nothing(
        excerpt.quote, excerpt.shown, excerpt.candidate.title
    )


def _sentences_of(item: Excerpt) -> Iterator[Excerpt]:
    """Each of an item's sentences by itself."""
    for start, end in sentences(item.quote):
        quote = item.quote[start:end]
        yield replace(item, start=item.start + start, quote=quote, shown=_readable(quote), kind="sentence")


def _lines(candidate: Candidate, block_id: str, start: int, text: str) -> Iterator[tuple[str, int, str, str]]:
    lines = text.split("\n")
    at = start
    for position, line in enumerate(lines):
        is_header = position + 1 < len(lines) and _is_row(line) and bool(_RULE.match(lines[position + 1]))
        if line.strip() and not is_header and not _RULE.match(line) and not _HEADING.match(line):
            if _is_row(line):
                yield "row", at + _indent(line), line.strip(), _row(candidate.text[:at], line)
            elif block_id == "":
                yield "property", at + _indent(line), line.strip(), _readable(line)
            else:
                yield from _prose(line, at)
        at += len(line) + 1


def _prose(line: str, at: int) -> Iterator[tuple[str, int, str, str]]:
    mark = _MARK.match(line)
    skipped = mark.end() if mark else 0
    box = mark["box"] if mark else None
    body = line[skipped:].rstrip()
    if not body:
        return
    if mark and (mark["bullet"] or box):
        state = "" if not box else " (done)" if "x" in box.lower() else " (open)"
        yield "item", at + skipped, body, _readable(body) + state
        return
    for start, end in sentences(body):
        yield "sentence", at + skipped + start, body[start:end], _readable(body[start:end])


def sentences(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for found in _SENTENCE_END.finditer(text):
        end = len(text[: found.end()].rstrip())
        if _ABBREVIATED.search(text[start : found.start()]):
            continue
        yield start, end
        start = found.end()
    if start < len(text):
        yield start, len(text)


def cells_of(row: Excerpt) -> list[tuple[str, str]]:
    """The cells of a table's row, each with its label. A cell without text is left out."""
    pairs = _labelled(row.candidate.text[: row.start], row.quote)
    return [(_readable(label), _readable(cell)) for label, cell in pairs]


def _row(above: str, line: str) -> str:
    """The cells with the labels of the header they stand under."""
    return _readable(", ".join(f"{label}: {cell}" if label else cell for label, cell in _labelled(above, line)))


def _labelled(above: str, line: str) -> list[tuple[str, str]]:
    labels: list[str] = []
    lines = above.rstrip("\n").split("\n")
    for position in range(len(lines) - 1, 0, -1):
        if not _is_row(lines[position]):
            break
        if _RULE.match(lines[position]):
            labels = _cells(lines[position - 1])
            break
    cells = _cells(line)
    labels += [""] * (len(cells) - len(labels))
    return [(label, cell) for label, cell in zip(labels, cells, strict=False) if cell]


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner)]


def _is_row(line: str) -> bool:
    # Tables may stand inside quotes and lists.
    return line.strip(" >").startswith("|") and line.rstrip().endswith("|")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _readable(text: str) -> str:
    """One line without addresses, and without anything that looks like a citation of ours."""
    words = _LINK.sub(lambda found: found[1], " ".join(text.split()))
    words = _CITATION_MARK.sub(r"(\1)", words)
    return words.replace("**", "").replace("![", "[").strip()
