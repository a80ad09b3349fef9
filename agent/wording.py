"""The words a question turns on, and whether a text has them. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.days import MONTHS

_WORD = re.compile(r"[^\W_]+")
_CODE = re.compile(r"#?[^\W_]+(?:[._/@:#-]+[^\W_]+)*")
_POSSESSIVE = re.compile(r"['’]s\b")
_JOINED = re.compile(r"\b(and|or|vs|versus|compare|between|both)\b|,", re.IGNORECASE)
_COUNTED = re.compile(r"\bhow many (\w+)", re.IGNORECASE)
_GOES_ON = re.compile(r"\W*(and|what about|how about|also|then)\b", re.IGNORECASE)
_ASKS = re.compile(
    r"\W*(?:(?:and|also|then)\W+)?(?:how|what|when|where|who|whom|whose|which|why|is|are|do|does|did|can|may|must|should)\b",
    re.IGNORECASE,
)
_POINTS_BACK = re.compile(r"\b(it|its|they|them|their|he|she|him|his|her)\b", re.IGNORECASE)
# "And how long is …?" is whole, "what about …?" and "and in …?" ask the same of something else.
_ASKS_ANEW = re.compile(
    r"\W*(?:and|also|then)\W+(?:how|what|when|where|who|whom|whose|which|why|is|are|do|does|did|can|may|must|should)\b"
    r"(?! about)",
    re.IGNORECASE,
)
# "Which of them are …?" picks among what the question before was about.
_OF_THEM = re.compile(
    r"\b(?:of (?:them|these|those)|(?:which|what) ones)\b"
    r"|^\W*(?:(?:and|also|then)\W+)?(?:which (?:are|were)\b(?! (?:the|our|your|my|an?)\b)|assigned to\b)",
    re.IGNORECASE,
)
_LISTS = re.compile(r"\W*(?:which|what|how many|list|show|name|are there)\b", re.IGNORECASE)
_OF_SOMEBODY = re.compile(r"\b(?:he|she|him|his|hers?|theirs?)\b", re.IGNORECASE)
# A row is in one state of each kind.
_STATES = tuple(
    re.compile(rf"\b(?:not )?(?:{states})\b", re.IGNORECASE)
    for states in (
        "done|blocked|open|finished|waiting|in review|in progress|started",
        "urgent|(?:high|medium|low)(?: priority)?",
        "overdue",
        "unassigned",
    )
)
_STATE = "|".join(each.pattern for each in _STATES)
_ANOTHER_STATE = re.compile(rf"\W*(?:(?:and|what about|how about)\W+)?({_STATE})\W*", re.IGNORECASE)
_ANOTHER_NAME = re.compile(r"\W*(?i:only|just|in|for|of|from|at|by|with) [^\W\d_a-z]\S*(?: [^\W\d_a-z]\S*)?\W*")
_DENIES = re.compile(r"\b(?:not|no|never|without)\b|n['’]t\b", re.IGNORECASE)
# What "it" is in the question after one of these.
_SUBJECT = re.compile(
    r"\W*(?:who (?:owns|leads|is responsible for|is in charge of|is assigned to)|(?:when|why) is|is"
    r"|what is the (?:status|state|owner|due date|deadline|priority) of) ((?:the|our) [^?.!,;]+?)"
    rf"(?: due| late| {_STATE})?\W*",
    re.IGNORECASE,
)
_IT = re.compile(r"\b(it|its)\b", re.IGNORECASE)
_MANY = re.compile(r"\b(?:and|or|they|them|their|he|she|him|his|her)\b", re.IGNORECASE)
_DAYS = frozenset(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", *MONTHS))
MOST_LEANING = 4
LEAST_WHOLE = 2
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
_SAME = ((re.compile(r"\b(?:vacations?|time off|annual leave)\b"), "holiday"),)
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


@dataclass(frozen=True)
class Asked:
    """`names` must all be in what is quoted; the question is not about anything else."""

    words: frozenset[str]
    names: frozenset[str]
    codes: frozenset[str]
    parts_of_codes: frozenset[str]
    is_about_several: bool
    # The noun after "how many".
    counted: frozenset[str]

    @property
    def musts(self) -> frozenset[str]:
        return self.names | self.codes


def read(question: str) -> Asked:
    text = _POSSESSIVE.sub("", question)
    codes = {found.lower().strip("#") for found in _CODE.findall(text) if _is_code(found)}
    parts_of_codes = {part for code in codes for part in words_of(code)}
    return Asked(
        words=frozenset(words_of(text)),
        names=frozenset(_names(text) - parts_of_codes),
        codes=frozenset(codes),
        parts_of_codes=frozenset(parts_of_codes),
        is_about_several=bool(_JOINED.search(text)),
        counted=frozenset(word for found in _COUNTED.finditer(text) for word in words_of(found[1])),
    )


def in_context(question: str, earlier: Sequence[str]) -> str:
    """The question with what it leaves unsaid, from the questions before it (the oldest first). Empty when nothing
    says what it is about."""
    if not leans(question):
        return question
    before = in_context(earlier[-1], earlier[:-1]) if earlier else ""
    if not before:
        return ""
    if state := _ANOTHER_STATE.fullmatch(question):
        return _in_state(before, state[1], question)
    if (subject := _SUBJECT.fullmatch(before)) and _asks_one_thing_of_it(question):
        return _IT.sub(lambda it: f"{subject[1]}’s" if it[1].lower() == "its" else subject[1], question)
    return f"{before} {question}" if _OF_THEM.search(question) else _of_another(before, question)


def _asks_one_thing_of_it(question: str) -> bool:
    is_one = len(_IT.findall(question)) == 1 and not _MANY.search(_GOES_ON.sub("", question))
    return is_one and asks_of_it(question)


def _in_state(before: str, state: str, question: str) -> str:
    """The question before about what is in another state; empty when that would leave out something else it says."""
    there = [(at, found) for at, kind in enumerate(_STATES) for found in kind.finditer(before)]
    if _DENIES.search(re.sub(_STATE, "", before, flags=re.IGNORECASE)):
        return ""
    if not there:
        return f"{before} {question}" if _LISTS.match(before) else ""
    same = [found for at, found in there if _STATES[at].fullmatch(state)]
    # What is not done may be blocked or not.
    both_deny = state.lower().startswith("not ") and bool(same) and same[0][0].lower().startswith("not ")
    if len(same) != 1 or both_deny or "?" in before[same[0].end() :].rstrip("? "):
        return ""
    return f"{before[: same[0].start()]}{state}{before[same[0].end() :]}"


def _of_another(before: str, question: str) -> str:
    """ "And in Germany?" asks the same of another one. Empty when it may be meant instead of several."""
    given = _named(question)
    if not given:
        return f"{before} {question}"
    kinds = {is_day for _, _, is_day in given}
    named = [each for each in _named(before) if each[2] in kinds]
    if len(named) > 1:
        named = [each for each in named if each[1] and each[1] == given[0][1]]
        if len(named) != 1:
            return ""
    left_out = {at for places, _, _ in named for at in places}
    return " ".join([word for at, word in enumerate(before.split()) if at not in left_out] + [question])


def _named(text: str) -> list[tuple[list[int], str, bool]]:
    """The names in it, each with the places of its words, the word before it and whether it is of a day."""
    names, words = read(text).names, text.split()
    found = list[tuple[list[int], str, bool]]()
    for at, word in enumerate(words):
        own = words_of(_POSSESSIVE.sub("", word))
        if not own & names:
            continue
        is_day = not own.isdisjoint(map(stem, _DAYS))
        if found and found[-1][0][-1] == at - 1 and found[-1][2] == is_day:
            found[-1][0].append(at)
        else:
            found.append(([at], words[at - 1].lower() if at else "", is_day))
    return found


def leans(question: str) -> bool:
    """Whether it makes no sense without the question before it."""
    asked = read(question)
    named = asked.names - set(map(stem, _DAYS))
    if _OF_THEM.search(question) or (_LISTS.match(question) and _OF_SOMEBODY.search(question) and not named):
        return True
    if _ANOTHER_STATE.fullmatch(question) or _ANOTHER_NAME.fullmatch(question):
        return True
    if asked.codes:
        return bool(_GOES_ON.match(question))
    if _ASKS_ANEW.match(question) and len(asked.words) >= LEAST_WHOLE and not _POINTS_BACK.search(question):
        return False
    if _GOES_ON.match(question):
        return len(asked.words) <= MOST_LEANING
    return bool(_POINTS_BACK.search(question)) and not asked.names and len(asked.words) <= MOST_LEANING


def asks_of_it(question: str) -> bool:
    """Whether it asks something of its own about what the question before was about: of that one only its subject
    counts."""
    return bool(_ASKS.match(question) and _POINTS_BACK.search(question))


def says_what_is_new(text: str, typed: str, whole: str) -> bool:
    """Whether it has what was typed after another question and that one did not say: all of it where the question is
    nothing else, half of it where it asks for something itself."""
    new = words_of(_POSSESSIVE.sub("", typed)) - words_of(whole.removesuffix(typed))
    is_whole = not _GOES_ON.match(typed) or _ASKS_ANEW.match(typed)
    least = len(new) / 2 if is_whole else len(new)
    return typed == whole or len(new & words_of(text)) >= least


def words_of(text: str) -> set[str]:
    return {
        stem(word)
        for word in _WORD.findall(_in_one_way(text.lower()))
        if word not in _STOP and (len(word) > 1 or word.isdigit())
    }


def last_word(text: str) -> str:
    """The stem of the last word that says something."""
    return next((stem for word in reversed(_WORD.findall(text)) for stem in words_of(word)), "")


def said_otherwise(question: str) -> str:
    """Words that mean the same as some of the question's."""
    return " ".join(read_as for said, read_as in _SAME if said.search(question.lower()))


def _in_one_way(text: str) -> str:
    for said, read_as in _SAME:
        text = said.sub(read_as, text)
    return text


def leaves_out(word: str) -> bool:
    return word in _STOP


def has_code(text: str, code: str) -> bool:
    return re.search(rf"(?<![^\W_]){re.escape(code)}(?![^\W_])", text.lower()) is not None


def missing(asked: Asked, text: str, words: Iterable[str]) -> set[str]:
    return {name for name in asked.names if name not in words} | {c for c in asked.codes if not has_code(text, c)}


def stem(word: str) -> str:
    """Crude on purpose: only meant to let `invoice`, `invoices` and `invoicing` meet."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return word[:-1] if word.endswith(("e", "y", "i")) and len(word) > 3 else word


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
    return {stem(each.group().lower()) for each in found[1:] if each.group() in capital and each.start() not in starts}


def _is_code(word: str) -> bool:
    letters = [letter for letter in word if letter.isalpha()]
    return (
        any(letter.isdigit() for letter in word)
        or re.search(r"[^\W_][_@][^\W_]|[^\W\d_]{2}\.[^\W_]{2}", word) is not None
        or (len(letters) > 1 and any(letter.isupper() for letter in letters[1:]))
    )
