"""Questions that go on with those before them: what they leave unsaid. Pure."""

import re
from collections.abc import Sequence

from agent.days import MONTHS
from agent.wording import POSSESSIVE, read, stem, words_of

_GOES_ON = re.compile(r"\W*(and|what about|how about|also|then)\b", re.IGNORECASE)
_ASKS = re.compile(
    r"\W*(?:(?:and|also|then)\W+)?(?:how|what|when|where|who|whom|whose|which|why|is|are|do|does|did|can|may|must|should)\b",
    re.IGNORECASE,
)
_POINTS_BACK = re.compile(r"\b(it|its|they|them|their|he|she|him|his|her)\b", re.IGNORECASE)
# "It" of the question itself: of something that it names before, or of what it takes "to …".
_WITHIN = re.compile(
    r"\b(?:an?|the|my|our|your|every|each)\s+[^\W\d_]+\b.*(?<!\bof)(?<!\bfor)(?<!\babout)(?<!\bto)(?<!\bwith)\s"
    r"(?:it|its|they|them|their|he|she|him|his|her)\b"
    # "What should a purser do with his phone?"
    r"|\b(?:an?|the|my|our|your|every|each)\s+[^\W\d_]+\b.*\s(?:his|her)\s+\w"
    r"|\bit (?:takes?|costs?|possible|allowed|ok|okay|necessary|required|permitted|legal|worth|safe)\b.*\bto\s+\w",
    re.IGNORECASE,
)
# "And how long is …?" is whole, "what about …?" and "and in …?" ask the same of something else.
_ASKS_ANEW = re.compile(
    r"\W*(?:and|also|then)\W+(?:how|what|when|where|who|whom|whose|which|why|is|are|do|does|did|can|may|must|should)\b"
    r"(?! about)",
    re.IGNORECASE,
)
# "And how early must I apply?" does not say for what.
_OF_WHO_ASKS = re.compile(
    r"\W*(?:and|also|then)\W+(?:how(?: [^\W\d_]+)?|when|where|why) (?:do|did|can|may|must|should|will)"
    r" (?:i|we|you|they) [^\W\d_]+(?: (?-i:[A-Z])[\w’'-]+)?\W*",
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
    r"|what is the (?:status|state|owner|due date|deadline|priority) of)"
    r" ((?:(?:the|our)|(?-i:[A-Z])[^\W\d_]+) [^?.!,;]+?)"
    rf"(?: due| late| {_STATE})?\W*",
    re.IGNORECASE,
)
_ANOTHER = re.compile(
    r"\W*(?:and|what about|how about) (?!(?:in|on|at|for|from|by|with|when|who|how|what|why|where|then|if|to)\b)"
    r"([^?.!,;]+?)\W*",
    re.IGNORECASE,
)
_ONLY_ANOTHER = re.compile(
    r"\W*(?:and|what about|how about) (?:(?P<how>in|on|at|for|from|by|with) )?"
    r"(?!(?:when|who|how|what|why|where|which|then|if|to|is|are|do|does|did|can|may|must)\b)[^?.!,;]+?\W*",
    re.IGNORECASE,
)
_IT = re.compile(r"\b(it|its)\b", re.IGNORECASE)
_MANY = re.compile(r"\b(?:and|or|they|them|their|he|she|him|his|her)\b", re.IGNORECASE)
_DAYS = frozenset(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", *MONTHS))
MOST_LEANING = 4
LEAST_WHOLE = 2


def in_context(question: str, earlier: Sequence[str]) -> str:
    """The question with what it leaves unsaid, from the questions before it (the oldest first). Empty when nothing
    says what it is about."""
    if not leans(question):
        return question
    while earlier and _replaces(question, earlier[-1]):
        earlier = earlier[:-1]
    before = in_context(earlier[-1], earlier[:-1]) if earlier else ""
    if not before:
        return ""
    if state := _ANOTHER_STATE.fullmatch(question):
        return _in_state(before, state[1], question)
    if subject := _SUBJECT.fullmatch(before):
        named, (start, end) = subject[1], subject.span(1)
        if _asks_one_thing_of_it(question):
            return _IT.sub(lambda it: f"{named}’s" if it[1].lower() == "its" else named, question)
        if another := _ANOTHER.fullmatch(question):
            return f"{before[:start]}{another[1]}{before[end:]}"
    return f"{before} {question}" if _OF_THEM.search(question) else _of_another(before, question)


def _replaces(question: str, before: str) -> bool:
    """ "And Pier?" after "and Fleet?" asks of Pier what was asked of Fleet, and not of both."""
    both = [_ONLY_ANOTHER.fullmatch(each) for each in (question, before)]
    return all(both) and len({each["how"].lower() if each and each["how"] else "" for each in both}) == 1


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
        own = words_of(POSSESSIVE.sub("", word))
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
    if _OF_THEM.search(question):
        return True
    if _LISTS.match(question) and _OF_SOMEBODY.search(question) and not named and not _WITHIN.search(question):
        return True
    if _ANOTHER_STATE.fullmatch(question) or _ANOTHER_NAME.fullmatch(question):
        return True
    if asked.codes:
        return bool(_GOES_ON.match(question))
    is_whole = len(asked.words) >= LEAST_WHOLE and not _OF_WHO_ASKS.fullmatch(question)
    if _ASKS_ANEW.match(question) and is_whole and not _points_back(question):
        return False
    if _GOES_ON.match(question):
        return len(asked.words) <= MOST_LEANING
    return _points_back(question) and not asked.names and len(asked.words) <= MOST_LEANING


def _points_back(question: str) -> bool:
    return _POINTS_BACK.search(question) is not None and _WITHIN.search(question) is None


def asks_of_it(question: str) -> bool:
    """Whether it asks something of its own about what the question before was about: of that one only its subject
    counts."""
    return bool(_ASKS.match(question) and _POINTS_BACK.search(question))


def says_what_is_new(text: str, typed: str, whole: str) -> bool:
    """Whether it has what was typed after another question and that one did not say: all of it where the question is
    nothing else, half of it where it asks for something itself."""
    new = words_of(POSSESSIVE.sub("", typed)) - words_of(whole.removesuffix(typed))
    is_whole = not _GOES_ON.match(typed) or _ASKS_ANEW.match(typed)
    least = len(new) / 2 if is_whole else len(new)
    return typed == whole or len(new & words_of(text)) >= least
