"""What a page lacks although it was read, and the words for it. A sync that leaves such a page is not complete."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agent.fetch import DEEPEST, GONE, MOST_BLOCKS, NOT_READABLE, NOT_SHARED, TOO_DEEP, TOO_LONG
from agent.remarks import NOT_GIVEN, UNKNOWN
from agent.sync.titles import quoted

# As a page keeps them: reason, block and, of blocks that were not given, Notion's name for their kind.
Warnings = Iterable[Sequence[str]]

# The same request may be answered another time, though the page does not change.
MENDABLE = frozenset({NOT_SHARED, GONE, NOT_READABLE})
# Remarks that are not here lose nothing: what contains itself is read once.
SORTS = {
    NOT_SHARED: "unread",
    GONE: "unread",
    NOT_READABLE: "unread",
    NOT_GIVEN: "withheld",
    UNKNOWN: "unknown",
    TOO_DEEP: "deep",
    TOO_LONG: "long",
}
MOST_PLACES = 3


def may_be_mended(warnings: Warnings) -> bool:
    return any(reason in MENDABLE for reason, *_rest in warnings)


def of_page(warnings: Warnings) -> list[str]:
    """Sentences for one page, which name the kinds of its blocks."""
    return _sentences([("", warnings)])


def of_pages(pages: Iterable[tuple[str, Warnings]]) -> list[str]:
    """Sentences for pages with their titles."""
    return _sentences((quoted(title), warnings) for title, warnings in pages)


@dataclass
class _Lost:
    number: int = 0
    places: dict[str, None] = field(default_factory=dict)


def _sentences(pages: Iterable[tuple[str, Warnings]]) -> list[str]:
    lost: dict[str, _Lost] = {}
    for title, warnings in pages:
        seen: set[str] = set()
        # The last remark about a block is about the block itself, an earlier one about what is inside.
        for reason, block_id, *kind in reversed(list(warnings)):
            if reason not in SORTS or (block_id and block_id in seen):
                continue
            seen.add(block_id)
            sort = lost.setdefault(SORTS[reason], _Lost())
            sort.number += 1
            sort.places[_place(title, kind[0] if kind else "")] = None
    return [_sentence(sort, lost[sort]) for sort in dict.fromkeys(SORTS.values()) if sort in lost]


def _place(title: str, kind: str) -> str:
    return _("%(kind)s on %(title)s") % {"kind": kind, "title": title} if kind and title else kind or title


def _sentence(sort: str, lost: _Lost) -> str:
    n = lost.number
    words = {
        "unread": ngettext("%(n)d block could not be read", "%(n)d blocks could not be read", n),
        "withheld": ngettext(
            "%(n)d block that Notion does not give to connections",
            "%(n)d blocks that Notion does not give to connections",
            n,
        ),
        "unknown": ngettext(
            "%(n)d block of a kind that is not known yet", "%(n)d blocks of a kind that is not known yet", n
        ),
        "deep": ngettext(
            "%(n)d block lies deeper than %(deepest)d levels", "%(n)d blocks lie deeper than %(deepest)d levels", n
        ),
        "long": ngettext("%(n)d page goes on after %(most)d blocks", "%(n)d pages go on after %(most)d blocks", n),
    }[sort] % {"n": n, "deepest": DEEPEST, "most": MOST_BLOCKS}
    places = [place for place in lost.places if place]
    if len(places) > MOST_PLACES:
        places = [*places[:MOST_PLACES], _("and more")]
    return f"{words} ({', '.join(places)})." if places else f"{words}."
