"""The words a question turns on, and whether a text has them. Pure."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from agent import amounts

_WORD = re.compile(r"[^\W_]+")
_CODE = re.compile(r"#?[^\W_]+(?:[._/@:#-]+[^\W_]+)*")
POSSESSIVE = re.compile(r"['’]s\b")
_JOINED = re.compile(r"\b(and|or|vs|versus|compare|between|both)\b|,", re.IGNORECASE)
# Of "how many vacation days" the days.
_COUNTED = re.compile(
    r"\bhow many (?:(?:(?!(?:is|are|was|were|do|does|did|has|have|had|can|may|must|should|will|would|of|in|per|a)\b)"
    r"[^\W\d_]+ ){1,2}?(?=(?:second|minute|hour|day|week|month|year)s\b))?(\w+)",
    re.IGNORECASE,
)
_STOP = frozenset(
    _WORD.findall(
        """
    a about after all also am an and any anybody anyone anything are as at be been before being between both but by
    can could did do does doing done each every find for from get give had happen happened happening happens has
    have having he her here him his how i if in into is it its just kind know let like list long look many may me
    might mine more most much must my need no not of off on one or other our out over own page pages please say says
    shall she should show so some tell than that the their them then there these they thing things this those to
    under until up us use used want was we were what when where which while who whom whose why will with within
    without would you your"""
    )
)
# Several words for the same thing: (as it is said, as it is read).
_SAME = (
    (re.compile(r"\b(?:vacations?|time off|annual leave)\b"), "holiday"),
    (re.compile(r"\bdaily\b"), "day"),
    (re.compile(r"\bgo(?:es|ing)? live\b"), "launch"),
    (re.compile(r"\b(?:takes?|took) place\b"), ""),
    *((re.compile(rf"\b{span}ly\b"), span) for span in ("hour", "week", "month", "quarter", "year")),
    (re.compile(r"\bannual(?:ly)?\b"), "year"),
    (re.compile(r"\banswers? for\b(?! \w+ (?:requests?|questions?))|\bin charge of\b"), "responsible"),
)
# Of what is read as another word, the one to look for: "go" stands everywhere.
_ALSO_SAID = {"holiday": "vacation", "launch": "live", "responsible": "answers"}
# Verbs whose past has no ending to cut off; not those that mean little.
_PAST = {
    past: verb
    for verb, forms in {
        "build": "built", "buy": "bought", "choose": "chose chosen", "draw": "drew drawn", "drive": "drove driven",
        "hold": "held", "keep": "kept", "lend": "lent", "lose": "lost", "pay": "paid", "sell": "sold", "send": "sent",
        "spend": "spent", "teach": "taught", "wear": "wore worn", "write": "wrote written",
    }.items()
    for past in forms.split()
}  # fmt: skip
_ENDINGS = (
    "ations",
    "ation",
    "ingly",
    "ments",
    "ment",
    "ings",
    "ing",
    "edly",
    "ied",
    "ies",
    "ers",
    "er",
    "ed",
    "es",
    "ly",
    "s",
)
# Those that may stand before another one.
_INNER = tuple(each for each in _ENDINGS if not each.endswith("s"))


@dataclass(frozen=True)
class Asked:
    """`names` must all be in what is quoted; the question is not about anything else."""

    question: str
    words: frozenset[str]
    names: frozenset[str]
    codes: frozenset[str]
    parts_of_codes: frozenset[str]
    is_about_several: bool
    # The noun after "how many".
    counted: frozenset[str]
    amounts: frozenset[amounts.Amount]

    @property
    def musts(self) -> frozenset[str]:
        return self.names | self.codes


def read(question: str) -> Asked:
    text = POSSESSIVE.sub("", amounts.without(question))
    codes = {found.lower().strip("#") for found in _CODE.findall(text) if _is_code(found)}
    parts_of_codes = {part for code in codes for part in words_of(code)}
    return Asked(
        question=question,
        words=frozenset(words_of(text)),
        names=frozenset(_names(text) - parts_of_codes),
        codes=frozenset(codes),
        parts_of_codes=frozenset(parts_of_codes),
        is_about_several=bool(_JOINED.search(text)),
        counted=frozenset(word for found in _COUNTED.finditer(text) for word in words_of(found[1])),
        amounts=amounts.read(question),
    )


def words_of(text: str) -> set[str]:
    return {
        stem(word)
        for word in _WORD.findall(_in_one_way(plain(text)))
        if word not in _STOP and (len(word) > 1 or word.isdigit())
    }


def plain(text: str) -> str:
    """In small letters and without accents, which people leave out."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.lower())
    return unicodedata.normalize("NFC", "".join(each for each in parts if unicodedata.category(each) != "Mn"))


def last_word(text: str) -> str:
    """The stem of the last word that says something."""
    return next((stem for word in reversed(_WORD.findall(text)) for stem in words_of(word)), "")


def said_otherwise(question: str) -> str:
    """Words that mean the same as some of the question's, or are a part of what does."""
    words = words_of(question)
    others = [read_as for said, read_as in _SAME if said.search(question.lower())]
    return " ".join(others + [other for read_as, other in _ALSO_SAID.items() if stem(read_as) in words])


def _in_one_way(text: str) -> str:
    for said, read_as in _SAME:
        text = said.sub(read_as, text)
    return text


def is_english(text: str) -> bool:
    return not _STOP.isdisjoint(_WORD.findall(text.lower()))


def leaves_out(word: str) -> bool:
    return word in _STOP


def has_code(text: str, code: str) -> bool:
    return re.search(rf"(?<![^\W_]){re.escape(code)}(?![^\W_])", text.lower()) is not None


def missing(asked: Asked, text: str, words: Iterable[str]) -> set[str]:
    return {name for name in asked.names if name not in words} | {c for c in asked.codes if not has_code(text, c)}


def stem(word: str) -> str:
    """Crude on purpose: only meant to let `invoice`, `invoices` and `invoicing` meet, `paid` and `pays`, `answered` and
    `answers`, `cancelled` and `cancel`."""
    word = _PAST.get(word, word)
    word = _without(word, _ENDINGS)
    while (shorter := _without(word, _INNER)) != word:
        word = shorter
    if len(word) > 3 and word[-1] == word[-2]:
        return word[:-1]
    return word[:-1] if word.endswith(("e", "y", "i")) and len(word) > 3 else word


def _without(word: str, endings: Iterable[str]) -> str:
    found = next((each for each in endings if word.endswith(each) and len(word) - len(each) >= 3), "")
    return word.removesuffix(found)


def singular(word: str) -> str:
    """The same form of the same word: unlike its stem, `blocked` and `blocking` stay apart."""
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


def _names(text: str) -> set[str]:
    """Words with a capital, but not where every word has one: at the start, in a headline, in German."""
    found = list(_WORD.finditer(text))
    later = [each.group() for each in found[1:] if each.group().lower() not in _STOP and len(each.group()) > 1]
    capital = [word for word in later if word[0].isupper()]
    if len(later) >= 3 and len(capital) == len(later):
        return set()
    starts = {each.end() for each in re.finditer(r"[.!?:]\s+", text)}
    return {stem(plain(each.group())) for each in found[1:] if each.group() in capital and each.start() not in starts}


def _is_code(word: str) -> bool:
    letters = [letter for letter in word if letter.isalpha()]
    return (
        any(letter.isdigit() for letter in word)
        or re.search(r"[^\W_][_@][^\W_]|[^\W\d_]{2}\.[^\W_]{2}", word) is not None
        or (len(letters) > 1 and any(letter.isupper() for letter in letters[1:]))
    )
