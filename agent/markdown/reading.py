"""Markdown as a reader sees it in Notion: words without their marks."""

import re

_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_RULE = re.compile(r"^\s*\|?(?:\s*:?-{3,}:?\s*\|)+\s*:?-*:?\s*$", re.MULTILINE)
_LEADING = re.compile(r"^\s*(?:#{1,6}\s+|(?:>\s*)+|[-*+]\s+(?:\[[ xX]\]\s+)?|[-*+]$)", re.MULTILINE)
_CELLS = re.compile(r"\s*(?<!\\)\|\s*")
_EMPHASIS = re.compile(r"(\*\*|~~|`)(\S(?:.*?\S)?)\1")
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|~>$<^])")


def as_read(text: str) -> str:
    """One line: links are their words, cells of a row stand apart by a dot."""
    lines = []
    for line in _RULE.sub("", _LINK.sub(r"\1", text)).splitlines():
        if line.strip().startswith("|"):
            line = " · ".join(cell for cell in _CELLS.split(line.strip().strip("|")) if cell)
        lines.append(_LEADING.sub("", line))
    words = " ".join(" ".join(lines).split())
    return _ESCAPED.sub(r"\1", _EMPHASIS.sub(r"\2", words))
