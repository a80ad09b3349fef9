"""Cuts a page into chunks small enough to be embedded whole. Pure: no network, no database.

A chunk follows the page's own joints: it begins at a heading where it can, keeps rows, items and code whole, and
repeats a table's header wherever the table goes on. Every passage is in exactly one chunk, unless one cannot hold it.
"""

import hashlib
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from agent.passages import Passage

# The model reads 256 wordpieces, two of them its own marks; some room is left for text that is counted differently.
MAX_TOKENS = 240
# A shorter section shares a chunk with the next one: alone it would say too little to be found.
SMALL_TOKENS = 40
# Title and headings may take that share of a chunk, and a table's repeated header as much again.
CONTEXT_SHARE = 4

CountTokens = Callable[[str], int]
Fits = Callable[[str], bool]

_LIST_KINDS = ("list", "todo")
_JOINTS = (re.compile(r"\n+"), re.compile(r"(?<=[.!?…。！？])[\"')\]]*\s+"), re.compile(r"\s+"))
_FENCED = re.compile(r"(?P<open>\s*(?P<fence>`{3,}|~{3,})[^\n]*)\n(?P<code>.*)\n\s*(?P=fence)\s*", re.DOTALL)


@dataclass(frozen=True)
class Chunk:
    """`spans` are (block id, start, end) in `text`; an empty block id means the page itself (its properties)."""

    text: str
    context: str
    heading_path: tuple[str, ...]
    spans: tuple[tuple[str, int, int], ...]
    tokens: int
    fingerprint: str

    @property
    def embedded(self) -> str:
        return embedded(self.context, self.text)


def embedded(context: str, text: str) -> str:
    """What is embedded, counted and fingerprinted."""
    return f"{context}\n{text}" if context else text


def chunk(
    passages: Iterable[Passage],
    title: str,
    properties: Iterable[tuple[str, str]] = (),
    max_tokens: int = MAX_TOKENS,
    *,
    count_tokens: CountTokens,
) -> list[Chunk]:
    """A page without any text still gives one chunk, so that it is found by its title."""
    packer = _Packer(" ".join(title.split()), max_tokens, count_tokens)
    for piece in _pieces(passages, properties):
        packer.add(piece)
    return packer.finish()


@dataclass(frozen=True)
class _Piece:
    """`header` is that of the table a row belongs to."""

    block_id: str
    kind: str
    text: str
    path: tuple[str, ...]
    header: str = ""

    @property
    def leads(self) -> bool:
        """Says nothing without what follows it."""
        return self.kind == "heading" or (self.kind == "table" and "\n" in self.text and not self.header)


def _pieces(passages: Iterable[Passage], properties: Iterable[tuple[str, str]]) -> Iterator[_Piece]:
    lines = [f"{name}: {words}" for name, words in properties if words.strip()]
    if lines:
        yield _Piece("", "properties", "\n".join(lines), ())
    header = ""
    for passage in passages:
        text = passage.text.strip("\n").rstrip()
        if not text.strip():
            continue
        piece = _Piece(passage.block_id, passage.kind, text, passage.heading_path)
        if passage.kind != "table":
            header = ""
        elif "\n" in text:
            # Only a table's first row has two lines: its cells and the rule below them.
            header = text
        else:
            piece = replace(piece, header=header)
        yield piece


@dataclass
class _Packer:
    title: str
    max_tokens: int
    count_tokens: CountTokens
    chunks: list[Chunk] = field(default_factory=list)
    open: list[_Piece] = field(default_factory=list)
    contexts: dict[tuple[str, ...], str] = field(default_factory=dict)

    def add(self, piece: _Piece) -> None:
        if self.open and self._is_new_section(piece):
            self.flush()
        if self.fits([*self.open, piece]):
            self.open.append(piece)
            return
        leads = self._take_leads()
        self.flush()
        if self.fits([*leads, piece]):
            self.open = [*leads, piece]
            return
        self.open = leads
        self.flush()
        for part in self._parts(piece):
            self.flush()
            self.open = [part]

    def finish(self) -> list[Chunk]:
        self.flush()
        if not self.chunks and self.title:
            whole = _longest_prefix(self.title, self._is_short_enough)
            self.chunks.append(self._made(self.title[:whole], "", (), ()))
        return self.chunks

    def flush(self) -> None:
        if self.open:
            text, spans = _written(self.open)
            path = _common([piece.path for piece in self.open])
            self.chunks.append(self._made(text, self.context(path), path, spans))
            self.open = []

    def fits(self, pieces: Sequence[_Piece]) -> bool:
        text, _ = _written(pieces)
        context = self.context(_common([piece.path for piece in pieces]))
        return self._is_short_enough(embedded(context, text))

    def context(self, path: tuple[str, ...]) -> str:
        if path not in self.contexts:
            self.contexts[path] = self._context(path)
        return self.contexts[path]

    def _context(self, path: tuple[str, ...]) -> str:
        room = self.max_tokens // CONTEXT_SHARE
        for parts in ((self.title, *path), (self.title, *path[-1:])):
            whole = " > ".join(" ".join(part.split()) for part in parts if part.strip())
            if self.count_tokens(whole) <= room:
                return whole
        return whole[: _longest_prefix(whole, lambda text: self.count_tokens(text) <= room)].rstrip()

    def _is_new_section(self, piece: _Piece) -> bool:
        last = self.open[-1]
        if last.leads or (piece.kind != "heading" and piece.path == last.path):
            return False
        return self.count_tokens(_written(self.open)[0]) >= min(SMALL_TOKENS, self.max_tokens // CONTEXT_SHARE)

    def _take_leads(self) -> list[_Piece]:
        """Headings and table headers at the end of the open chunk go along with what follows them."""
        cut = len(self.open)
        while cut and self.open[cut - 1].leads:
            cut -= 1
        leads, self.open = self.open[cut:], self.open[:cut]
        return leads

    def _parts(self, piece: _Piece) -> Iterator[_Piece]:
        if piece.header and self.count_tokens(piece.header) > self.max_tokens // CONTEXT_SHARE:
            piece = replace(piece, header="")
        if self.fits([piece]):
            yield piece
            return
        start, text, end = "", piece.text, ""
        if piece.kind == "code" and (fenced := _FENCED.fullmatch(text)):
            start, text, end = f"{fenced['open']}\n", fenced["code"], f"\n{fenced['fence']}"
            if self.count_tokens(start + end) > self.max_tokens // CONTEXT_SHARE:
                start, text, end = "", piece.text, ""
        for part in _cut(text, lambda t: self.fits([replace(piece, text=start + t + end)]), self.max_tokens * 12):
            yield replace(piece, text=start + part + end)

    def _is_short_enough(self, text: str) -> bool:
        return self.count_tokens(text) <= self.max_tokens

    def _made(self, text: str, context: str, path: tuple[str, ...], spans: tuple[tuple[str, int, int], ...]) -> Chunk:
        whole = embedded(context, text)
        return Chunk(
            text=text,
            context=context,
            heading_path=path,
            spans=spans,
            tokens=self.count_tokens(whole),
            fingerprint=hashlib.sha256(whole.encode()).hexdigest(),
        )


def _written(pieces: Sequence[_Piece]) -> tuple[str, tuple[tuple[str, int, int], ...]]:
    text, spans = "", []
    above: _Piece | None = None
    for piece in pieces:
        if above is not None:
            text += "\n" if _is_close(above, piece) else "\n\n"
        if piece.header and (above is None or piece.header not in (above.header, above.text)):
            text += piece.header + "\n"
        spans.append((piece.block_id, len(text), len(text) + len(piece.text)))
        text += piece.text
        above = piece
    return text, tuple(spans)


def _is_close(above: _Piece, below: _Piece) -> bool:
    if above.kind in _LIST_KINDS and below.kind in _LIST_KINDS:
        return True
    return bool(below.header) and below.header in (above.header, above.text)


def _common(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    shared: list[str] = []
    for level in zip(*paths, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return tuple(shared)


def _cut(text: str, fits: Fits, window: int) -> Iterator[str]:
    """Parts that fit, as long as possible, cut at lines, else sentences, else words, else anywhere."""
    while text:
        # What lies beyond the window cannot fit, and need not be counted again for every part.
        near = text[:window]
        if near == text and fits(text):
            yield text
            return
        end = _best_end(near, fits)
        if part := text[:end].strip("\n").rstrip():
            yield part
        text = text[end:].lstrip("\n")
        if not text.strip():
            return


def _best_end(near: str, fits: Fits) -> int:
    longest = _longest_prefix(near, fits)
    for joint in _JOINTS:
        ends = [found.end() for found in joint.finditer(near) if near[: found.end()].strip()]
        while ends and (ends[-1] > longest or not fits(near[: ends[-1]].strip("\n").rstrip())):
            ends.pop()
        # A joint near the start would leave a scrap, so a finer one is better.
        if ends and ends[-1] * 2 >= longest:
            return ends[-1]
    return max(1, longest)


def _longest_prefix(text: str, fits: Fits) -> int:
    """Counters are not quite monotone, so the length found is one that was tried (or 0)."""
    if fits(text):
        return len(text)
    found = bisect_left(range(1, len(text)), True, key=lambda length: not fits(text[:length]))
    while found and not fits(text[:found]):
        found -= 1
    return found
