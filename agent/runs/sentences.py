"""What a model writes, taken to pieces that can be checked while it writes: sentences, with the passages each names.
Pure."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from agent.excerpts import sentences

_PREFIX = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s+")
_MARKS = re.compile(r"\s*\[(\d{1,4}(?:\s*,\s*\d{1,4})*)\]")
# Marks that follow a full stop belong to the sentence before it.
_MARKS_AFTER = re.compile(r"\s*(?:\[[\d,\s]+\]\s*)+")
_IMAGE = re.compile(r"!\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])")
_LINK = re.compile(r"\[([^\[\]]*)\](?:\(\s*<?([^()\s<>]*)>?[^()]*\)|\[[^\[\]]*\])")
_DEFINITION = re.compile(r"\s*\[[^\[\]]+\]:\s*\S+")
_ADDRESS = re.compile(r"<?\b(?:[a-z][a-z0-9+.-]{1,20}://|www\.|mailto:|javascript:|data:)[^\s<>\[\]]*>?", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z!][^<>:]*>|</?[a-zA-Z]+\s[^<>]*>")
# What no reader sees, in which orders and addresses can hide.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)


@dataclass(frozen=True)
class Sentence:
    """`before` joins it to what stands before it, when that was kept; `prefix` is the mark of its list item."""

    text: str
    marks: tuple[int, ...]
    prefix: str
    opens_line: bool
    opens_paragraph: bool


class Splitter:
    """Fed with pieces as they come; gives each sentence once its end is sure."""

    def __init__(self) -> None:
        self._line = ""
        self._prefix: str | None = None
        self._opens_line = True
        self._opens_paragraph = False

    def feed(self, piece: str) -> Iterator[Sentence]:
        *lines, rest = (self._line + piece).split("\n")
        for line in lines:
            self._line = line
            yield from self.finish()
        self._line = rest
        yield from self._sure()

    def finish(self) -> Iterator[Sentence]:
        """What is left of the line."""
        self._take_prefix()
        parts = list(_parts(self._line))
        for part in parts:
            yield self._sentence(part)
        self._opens_paragraph = self._opens_paragraph or (self._opens_line and not parts)
        self._line, self._prefix, self._opens_line = "", None, True

    def _sure(self) -> Iterator[Sentence]:
        """All but the last one, which may go on."""
        if self._prefix is None:
            found = _PREFIX.match(self._line)
            if not found and len(self._line) < 6:
                return
            self._take_prefix()
        parts = list(_parts(self._line))
        # What opens with a bracket may be marks of the one before.
        if len(parts) > 1 and not parts[-1].startswith("["):
            self._line = parts.pop()
            for part in parts:
                yield self._sentence(part)

    def _take_prefix(self) -> None:
        if self._prefix is None:
            found = _PREFIX.match(self._line)
            self._prefix = found.group() if found else ""
            self._line = self._line[len(self._prefix) :]

    def _sentence(self, part: str) -> Sentence:
        marks = [int(each) for found in _MARKS.findall(part) for each in found.split(",")]
        said = Sentence(
            text=" ".join(_MARKS.sub("", part).split()),
            marks=tuple(dict.fromkeys(marks)),
            prefix=f"{self._prefix.strip()} " if self._prefix else "",
            opens_line=self._opens_line,
            opens_paragraph=self._opens_paragraph,
        )
        self._opens_line = self._opens_paragraph = False
        return said


def _parts(line: str) -> Iterator[str]:
    """The sentences of a line, marks behind a full stop with what they prove."""
    held = ""
    for start, end in sentences(line):
        part = line[start:end]
        found = _MARKS_AFTER.match(part)
        if found and held:
            held, part = f"{held} {found.group().strip()}", part[found.end() :]
        if part.strip():
            if held:
                yield held
            held = part
    if held:
        yield held


def without_links(text: str, allowed: Collection[str] = ()) -> str:
    """Links and images become their words; addresses go, but those of pages that are cited."""
    words = UNSEEN.sub("", text)
    words = _DEFINITION.sub(" ", words)
    words = _IMAGE.sub(r"\1", words)
    words = _LINK.sub(lambda found: found.group() if found[2] and found[2] in allowed else found[1], words)
    words = _TAG.sub("", words)
    words = _ADDRESS.sub(lambda found: found.group() if found.group().strip("<>().,") in allowed else "…", words)
    return " ".join(words.split())
