"""What a question wants rows to have and not to have. A word or sign that may turn its meaning and is not understood
makes it mean nothing. Pure."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from agent import wording

PICKS = re.compile(
    r"^\W*(?:(?:in|at|on|of|for|to) (?=which|what|how many))?"
    r"((?:what(?: is|['’]s) )?the (?:total )?number of|which|what|how many|count|list|show( me)?"
    r"|(?:tell|give) me(?! about)|are there|is there|(?:are|is) any(?: of)?|do we have|name)\b",
    re.IGNORECASE,
)
LACKS = re.compile(
    r"\b(?:no|without|missing)(?: (?:an?|any|the))?\s+(?P<what>[^?.!;,]+)|\b(un(?:assigned|owned))\b", re.IGNORECASE
)
# "Are there no …?" asks whether it is so, and not for what lacks something.
_NONE = re.compile(r"^\W*(?:are|is) there (?:no|not|n['’]t)\b|^\W*do we have no\b", re.IGNORECASE)
# In "which tasks has Tom blocked" the state is somebody's deed.
_DEED = re.compile(r"\bhas (?!status|state)(?:\w+ ){1,2}blocked\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
_LETTER = re.compile(r"(?<![\w'’‐‑-])[^\W\d_](?![\w'’‐‑-])")
_POSSESSIVE = re.compile(r"(?<=\w)['’]s\b|(?<=s)['’](?!\w)")
# Signs that turn nothing where they stand.
_PUNCTUATION = re.compile(
    r"[\s()\"“”„'’…]|[,;:.?!](?=[\s,;:.?!…)\"”'’]|$)|(?<=[^\W_])[‐‑-](?=[^\W\d_])|(?<=\d)[.,](?=\d)|@(?=[^\W\d_])"
)
_SHORT_NOT = re.compile(r"(?<=\w)n['’]t\b|(?:(?<=\bis)|(?<=\bare)|(?<=\bdo)|(?<=\bdoes))nt\b", re.IGNORECASE)
_NOT = re.compile(r"\bnot\b", re.IGNORECASE)
# (another way to say the same, how it is read)
_SAID = (
    (re.compile(r"\b([^\W_]+) *(?:!=|<>|≠) *(?=[^\W_])"), r"not \1 "),
    (re.compile(r"(?<=[^\W_]) *==? *(?=[^\W_])"), " "),
    (re.compile(r" & "), " and "),
    (re.compile(r"\bnot yet\b|\bnot (?=\w+ yet\b)", re.I), "not"),
    (re.compile(r"(?<=\w) (?:yet|still|already|currently|now|please)\b", re.I), ""),
    (re.compile(r"\b(status|state|priority|owner|assignee) (?:is|are) not\b", re.I), r"not \1"),
    (re.compile(r"\b(?:was|were|will be|fall|falls) due\b", re.I), "due"),
    (re.compile(r"\b(?:does|do) (?:nobody|no one) (?:own|have|do)\b", re.I), "unassigned"),
    (re.compile(r"\bwere there\b", re.I), "are there"),
    (re.compile(r"\b(meetings?|syncs?|reviews?) were\b", re.I), r"\1 are"),
    (re.compile(r"\bfrom (?=[A-Z])"), "in "),
    (re.compile(r"\b(?:took|take|takes) place\b", re.I), ""),
    (re.compile(r"\bdid (\w+(?: \w+)?) attend\b", re.I), r"attendees \1"),
    (re.compile(r"\b(?:was |were )?attended by\b", re.I), "attendees"),
    (re.compile(r"\b(?:assigned to|owned by) (?:nobody|no one|no-one)\b", re.I), "unassigned"),
    (
        re.compile(r"\bnot (?:assigned|owned)(?: (?:to|by) any(?:one|body))?(?=\W*$|,? (?:and|but)\b)", re.I),
        "unassigned",
    ),
    (re.compile(r"\b(?:do|does) not have (?:an? |any )?(\w+)", re.I), r"have no \1"),
    (re.compile(r"\b(?:of (?:them|these|those)|ones)\b", re.I), ""),
    (re.compile(r"\b(owned|led) by\b", re.I), r"\1"),
    # Who blocks is another property than that something is blocked.
    (re.compile(r"\b(\w+ed) by\b", re.I), r"\1by"),
)
_CLAUSE = re.compile(
    r"[?.!;]|,?\s+\b(?:and|but)\s+(?=(?:owned|assigned|due|are|is|have|has|do|does|not|which|that)\b)|\s(?:which|that|who)\s",
    re.IGNORECASE,
)
_ENDS_A_NOT = re.compile(r",|\b(?:and|are|is)\b", re.IGNORECASE)
# What wording leaves out and does not turn what rows are asked for.
_PLAIN = frozenset(
    _WORD.findall(
        """
    a all am an and any are at been do does done for has have how in is list many name of on our own that the there
    page pages these those to we what which who whose with"""
    )
)
_WHOLE = re.compile(
    r"(?:how many|which|what)(?: are)?(?: there| in| do we have)+(?: the| our)?"
    r"|(?:(?:what(?: is|s) )?the (?:total )?number of|count|list|show(?: me)?|(?:tell|give) me|name)"
    r"(?: all)?(?: of)?(?: the| our)?(?: in| of)?(?: the| our)?"
)


@dataclass(frozen=True)
class Conditions:
    required: str
    excluded: tuple[str, ...]


def read(question: str, names: Collection[str], texts: Collection[str] = ()) -> Conditions | None:
    """`names` are values with a "not" in them, which denies nothing; `texts` may have any sign in them."""
    if _NONE.match(question) or _DEED.search(question):
        return None
    text = joined(_SHORT_NOT.sub(" not", PICKS.sub("", question, count=1)), names)
    for said, meant in _SAID:
        text = said.sub(meant, text)
    if not _has_plain_signs(text, texts):
        return None
    text = _POSSESSIVE.sub("", text)
    required, excluded = list[str](), list[str]()
    for clause in _CLAUSE.split(text):
        wanted, *denied = _NOT.split(clause)
        if len(denied) > 1 or any(LACKS.search(each) or _ENDS_A_NOT.search(each) for each in denied):
            return None
        required.append(wanted)
        excluded += denied
    clauses = (LACKS.sub(r" \g<what> ", "; ".join(required)), *excluded)
    if not all(_is_plain(_without(each, texts)) for each in clauses):
        return None
    return Conditions("; ".join(required), tuple(excluded))


def is_whole(question: str, known: Collection[str]) -> bool:
    """Whether it asks for all the rows of what it names by words that are `known`."""
    rest = (word for word in _WORD.findall(question.lower()) if wording.singular(word) not in known)
    return _WHOLE.fullmatch(" ".join(rest)) is not None


def joined(text: str, names: Collection[str]) -> str:
    """With "not started" as one word where it is the name of a state."""
    for name in names:
        text = re.sub(rf"\b{re.escape(name)}\b", name.replace(" ", ""), text, flags=re.IGNORECASE)
    return text


def has_signs(text: str) -> bool:
    return re.search(r"[^\w\s]|_", text) is not None


def _has_plain_signs(text: str, texts: Collection[str]) -> bool:
    return not has_signs(_PUNCTUATION.sub(" ", _without(text, texts)))


def _without(text: str, texts: Collection[str]) -> str:
    for known in sorted(texts, key=len, reverse=True):
        text = re.sub(rf"(?<![^\W_]){re.escape(known)}(?![^\W_])", " ", text, flags=re.IGNORECASE)
    return text


def _is_plain(text: str) -> bool:
    words = _WORD.findall(text.lower())
    return not _LETTER.search(text.lower().replace(" a ", " ")) and all(
        word in _PLAIN or not wording.leaves_out(word) for word in words
    )
