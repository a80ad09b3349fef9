"""What kind of thing a question asks for, and whether a sentence has one; what is no answer to anything. Pure."""

import re
from collections.abc import Set

from agent import wording
from agent.days import MONTHS

_I = re.IGNORECASE
_MONTH = "|".join(MONTHS)
_DATE = re.compile(
    r"\d{4}-\d\d|\d{1,2}[:.]\d\d|\b(mon|tues|wednes|thurs|fri|satur|sun|mitt)[a-z]*day|\b\d{1,2}(st|nd|rd|th)?\b"
    rf"|\b({_MONTH}|spring|summer|autumn|winter"
    r"|noon|midnight|today|tomorrow|daily|weekly|monthly)\b"
    r"|\b(first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last)\b"
    r"|\b(after|before|until|once|when|if|within|every|unless)\b",
    _I,
)
_AMOUNT = re.compile(
    r"\d|\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|half|third|quarter|twice|once|no|none|all"
    r"|daily|weekly|monthly|never|unlimited|everybody|nothing|free)\b",
    _I,
)
_NUMBERED = re.compile(
    r"(?:\d|\b(?:no|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|hundred|thousand)\b)[^\W_]*"
    r"((?:[^\w.;:]+[^\W\d_][\w’'-]*){1,3})",
    _I,
)
_VALUED = re.compile(r"([^,:]+): [\d.,]*\d(?=,|$)")
_PERSON = re.compile(
    r"\b[A-Z][\w’'-]+ [A-Z]\w+|(?<=\w[ ,])[A-Z]\w{2,}|^[A-Z]\w+ [a-z]+s\b"
    r"|\b(?i:owner|founders?|lead|manager|head|officer|counsel|team|chief|director|everybody|everyone|nobody)\b"
)
# A secret or a number of somebody stands beside the word for it.
_PHONE = re.compile(r"\+?\(?\d[\d ()/.-]{5,}\d")
_SECRET = re.compile(r"\b(passwords?|passcode|pin|keys?|secret|token)\b\W*(is\b|are\b|:|=|[–-]\s)", _I)
_ADDRESS = re.compile(r"\S@\S|https?://|\w\.\w+/|\d", _I)
_MAIL = re.compile(r"\S@\S")

# (what the question says, what its answer then has)
_KINDS = (
    (re.compile(r"\b(tele)?phone numbers?\b|\btelephone\b|\bphone (of|for)\b|['’]s (tele)?phone\b", _I), _PHONE),
    (re.compile(r"\be-?mail( address)? (of|for)\b|['’]s e-?mail\b|\be-?mail address", _I), _MAIL),
    (re.compile(r"\bpass(words?|code)\b(?! (manager|polic|rule|reset|length))(?=\W*($|\w+ ?\w*\W*$))", _I), _SECRET),
    (re.compile(r"\b(tell|give|show|send|what (is|are))\b.*\b(api|secret|access|private)[ -]?keys?\b", _I), _SECRET),
    (re.compile(r"\baddress (of|in|for)\b|['’]s address\b", _I), _ADDRESS),
    (re.compile(r"^\W*when\b|\buntil when\b|\b(which|what) (day|date)\b|\b(due|deadline)\b", _I), _DATE),
    (re.compile(r"\bhow (many|much|long|often|old|big|large|quickly|fast|far|early)\b|\bcosts?\b", _I), _AMOUNT),
    (re.compile(r"\bwho(m|se)?\b", _I), _PERSON),
)
_IS = re.compile(r"^\W*(?:and\W+)?(?:is|are|was|were)\b(?! there\b)", _I)
_ASKS_WHETHER = re.compile(
    r"^\W*(?:and\W+)?(?:(?:is|are|was|were)\b(?! there\b)|(?:do|does|did|has|have|can|may|must|should|will)\b)", _I
)
# (the state that "is it …?" ends with, what says whether it is so)
_STATES = (
    (
        re.compile(r"\b(?:done|finished|completed?|ready)\W*$", _I),
        re.compile(r"\b(?:done|finished|completed?|ready)\b", _I),
    ),
    (re.compile(r"\bblocked\W*$", _I), re.compile(r"\b(?:un)?blocked\b(?! by:)", _I)),
    (re.compile(r"\b(?:in progress|started)\W*$", _I), re.compile(r"\b(?:in progress|started)\b", _I)),
    (re.compile(r"\bin review\W*$", _I), re.compile(r"\bin review\b", _I)),
)
STATES = frozenset(wording.words_of("done finished complete completed ready blocked progress started review"))
_MOST = re.compile(r"(?<!\bat )\bmost\b", _I)
_IS_MOST = re.compile(r"\b(?:most|highest|biggest|largest|greatest|top|main|first)\b", _I)
_WHICH = re.compile(r"^\W*(?:which|what) ([^\W\d_]+)", _I)
_TIME = re.compile(
    rf"\b(?:\d{{1,2}} )?(?:{_MONTH})\b(?: \d{{4}})?"
    r"|\b\d{4}(?:-\d\d)*\b",
    _I,
)
_NAME = re.compile(r"(?<=[^.!?…] )\W{0,2}[^\W\d_a-z]\w+|\d|\w_\w|[“\"`]")
_TIMES = frozenset(wording.words_of("day date week month quarter year hour time weekday"))
_POINTER = re.compile(
    r"^(see|read|compare|more (in|under|on|at)|details? (in|under|on|at|are))\b"
    r"|\b(is|are) (described|explained|documented|covered|listed|written down) (under|in|on|at)\b",
    _I,
)
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_ORDERS = re.compile(
    r"\b(ignore|disregard|forget|override)\b.{0,30}\b(instructions?|rules|prompts?|guidelines)\b|\byou are now\b"
    r"|\bsystem prompt\b|\breply (only )?with\b|\b(dear|attention|note to) (ai|assistant|language model|model)\b"
    r"|\b(?-i:SYSTEM|ASSISTANT)\s*:|<\|\w+\|>|\[/?INST\]"
    r"|(?:^|[.!?]\s)\W*(system|assistant|ai|(chat)?bot|llm|model|docent)\s*[:>]\s*"
    r"((please|you|now|do not|don['’]t|never|always|must)\W+)*"
    r"(tell|say|answer|reply|respond|print|reveal|output|repeat|act|pretend|inform|claim|treat|write|use|give|show|stop)\b"
    r"|\b(tell|inform|assure|convince) the (reader|user|asker|person who asks)\b",
    _I,
)
_ABOUT_ORDERS = frozenset(wording.words_of("instructions prompt injection attack attacks assistant machines message"))
MOST_LINK = 0.6
WORDS = frozenset(wording.words_of("cost costs price number phone telephone mail address due deadline date"))


def has_what_is_asked(question: str, shown: str) -> bool:
    """A question that asks two things may be answered by a sentence about one of them."""
    wanted = [answers for asks, answers in _KINDS if asks.search(question)]
    return not wanted or any(answers.search(shown) for answers in wanted)


def asks_state(question: str) -> bool:
    return bool(_IS.match(question)) and any(asks.search(question) for asks, _ in _STATES)


def says_what_is_asked(question: str, shown: str, words: Set[str]) -> bool:
    """Whether it says what a question turns on that is no word of it: a state, the most of something, what is named as
    one of many, or what "does it …?" ends with. `words` are those of the sentence and its place."""
    if _IS.match(question) and any(asks.search(question) and not says.search(shown) for asks, says in _STATES):
        return False
    if _MOST.search(question) and not _IS_MOST.search(shown):
        return False
    if (
        _ASKS_WHETHER.match(question)
        and not wording.read(question).is_about_several
        and (asked := wording.last_word(question))
        and asked not in words
    ):
        return False
    return _names_some(question, shown)


def _names_some(question: str, shown: str) -> bool:
    """Whether it names what "which customers …?" asks for, as what holds for customers or says nothing of them does
    not."""
    found = _WHICH.match(question)
    noun = wording.words_of(found[1]) if found else set[str]()
    is_plural = re.match(r"\W*which [^\W_]+(?<!s)s\b", question, _I) is not None
    of_it = [each.end() for each in re.finditer(r"[^\W_]+", shown) if wording.words_of(each[0]) & noun]
    if not noun or noun & _TIMES or not (is_plural or of_it) or shown.endswith(":"):
        return True
    return _NAME.search(_TIME.sub(" ", shown)) is not None or any(shown[end:].startswith(":") for end in of_it)


def counts(shown: str, counted: Set[str]) -> bool:
    """Whether a number stands before what a "how many" question counts, or is its value, where it is named at all."""
    if not wording.words_of(shown) & counted:
        return True
    found = (*_NUMBERED.finditer(shown), *_VALUED.finditer(shown))
    return any(wording.words_of(each[1]) & counted for each in found)


def asks_for_kind(question: str) -> bool:
    return any(asks.search(question) for asks, _ in _KINDS)


def says_nothing(quote: str, shown: str, title: str) -> bool:
    """A bare link, the page's own title, or a sentence that only says where something stands."""
    words = " ".join(shown.split())
    if not words or words == " ".join(title.split()) or _POINTER.search(words):
        return True
    linked = sum(len(each) for each in _LINK.findall(quote))
    return linked >= MOST_LINK * len(words)


def orders_an_assistant(question: str, shown: str) -> bool:
    """Told only to who asks about it: quoted elsewhere it would look like an answer of ours."""
    return bool(_ORDERS.search(shown)) and not wording.words_of(question) & _ABOUT_ORDERS
