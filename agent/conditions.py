"""What a question wants rows to have and not to have. A word that may turn its meaning and is not understood makes it
mean nothing. Pure."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from agent import wording

PICKS = re.compile(r"^\W*(which|what|how many|list|show( me)?|are there|is there|do we have|name)\b", re.IGNORECASE)
LACKS = re.compile(r"\b(?:no|without(?: an?)?|missing)\s+(\w+)|\b(un(?:assigned|owned))\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
_SHORT_NOT = re.compile(r"(?<=\w)n['’]t\b", re.IGNORECASE)
_NOT = re.compile(r"\bnot\b", re.IGNORECASE)
# (another way to say the same, how it is read)
_SAID = (
    (
        re.compile(r"\bnot (?:assigned|owned)(?: (?:to|by) any(?:one|body))?(?=\W*$|,? (?:and|but)\b)", re.I),
        "unassigned",
    ),
    (re.compile(r"\b(?:do|does) not have (?:an? |any )?(\w+)", re.I), r"have no \1"),
    (re.compile(r"\b(?:of (?:them|these|those)|ones)\b", re.I), ""),
    (re.compile(r"\b(owned|blocked|led) by\b", re.I), r"\1"),
)
_CLAUSE = re.compile(
    r"[?.!;]|,?\s+\b(?:and|but)\s+(?=(?:are|is|have|has|do|does|not|which|that)\b)|\s(?:which|that|who)\s",
    re.IGNORECASE,
)
_ENDS_A_NOT = re.compile(r",|\b(?:and|are|is)\b", re.IGNORECASE)
# What wording leaves out and does not turn what rows are asked for.
_PLAIN = frozenset(
    _WORD.findall(
        """
    a all am an and any are at been do does done for has have how in is list many name of on our own that the there
    these those to we what which who whose with"""
    )
)
_WHOLE = re.compile(
    r"(?:how many|which|what)(?: are)?(?: there| in| do we have)+(?: the| our)?"
    r"|(?:list|show(?: me)?|name)(?: all)?(?: of)?(?: the| our)?(?: in| of)?(?: the| our)?"
)


@dataclass(frozen=True)
class Conditions:
    required: str
    excluded: tuple[str, ...]


def read(question: str, names: Collection[str]) -> Conditions | None:
    """`names` are values with a "not" in them, which denies nothing."""
    text = joined(_SHORT_NOT.sub(" not", PICKS.sub("", question, count=1)), names)
    for said, meant in _SAID:
        text = said.sub(meant, text)
    required, excluded = list[str](), list[str]()
    for clause in _CLAUSE.split(text):
        wanted, *denied = _NOT.split(clause)
        if len(denied) > 1 or any(LACKS.search(each) or _ENDS_A_NOT.search(each) for each in denied):
            return None
        required.append(wanted)
        excluded += denied
    if not all(map(_is_plain, (LACKS.sub(" ", " ".join(required)), *excluded))):
        return None
    return Conditions(" ".join(required), tuple(excluded))


def is_whole(question: str, known: Collection[str]) -> bool:
    """Whether it asks for all the rows of what it names by words that are `known`."""
    rest = (word for word in _WORD.findall(question.lower()) if wording.words_of(word).isdisjoint(known))
    return _WHOLE.fullmatch(" ".join(rest)) is not None


def joined(text: str, names: Collection[str]) -> str:
    """With "not started" as one word where it is the name of a state."""
    for name in names:
        text = re.sub(rf"\b{re.escape(name)}\b", name.replace(" ", ""), text, flags=re.IGNORECASE)
    return text


def _is_plain(text: str) -> bool:
    return all(word in _PLAIN or not wording.leaves_out(word) for word in _WORD.findall(text.lower()))
