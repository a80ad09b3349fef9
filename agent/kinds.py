"""What kind of thing a question asks for, and whether a sentence has one. Pure."""

import re
from collections.abc import Set

from agent import wording
from agent.days import MONTHS

_I = re.IGNORECASE
_MONTH = "|".join(MONTHS)
_NAMED_MONTH = "|".join((*MONTHS, *(month[:3] for month in MONTHS)))
_SPELLED = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen"
    "|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
)
_NUMBER = rf"(?:\d|\b(?:{_SPELLED}|half|several)\b)"
_SPAN = r"\b(?:second|minute|hour|day|week|fortnight|month|quarter|year)s?\b"
# A number and what it counts, which is not "31 % more than last year".
_SPANNED = rf"{_NUMBER}(?:(?!\b(?:than|of|last|this|next|per|every|each|an?)\b|%)[^.;:]){{0,30}}?{_SPAN}"
_DATE = re.compile(
    r"\d{4}-\d\d|\d{1,2}[:.]\d\d|\b(mon|tues|wednes|thurs|fri|satur|sun|mitt)[a-z]*day|\b\d{1,2}(st|nd|rd|th)\b"
    rf"|{_NUMBER}[^.;:]{{0,20}}?{_SPAN}"
    rf"|\b({_MONTH}|spring|summer|autumn|winter"
    r"|noon|midnight|today|tomorrow|daily|weekly|monthly)\b"
    r"|\b(first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last) (\w+ )?"
    r"(day|week|month|quarter|half|of)\b"
    # "Before nine" is no day.
    r"|\b(after|before|until|once|when|if|within|every|unless)\b"
    r"(?! (?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)(?:\W*$|[.,;]| in the | o['’]clock))",
    _I,
)
_CLOCK = re.compile(
    r"\d{1,2}[:.]\d\d\b|\b\d{1,2} ?(?:am|pm|a\.m\.|p\.m\.|h|uhr)(?!\w)|o['’]clock|\b(?:noon|midnight)\b", _I
)
_DAY = re.compile(
    rf"\d{{4}}-\d\d|\d{{1,2}}[:.]\d\d|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:{_MONTH}|yesterday|today)\b"
    r"|\b(?:19|20)\d\d\b|\bago\b",
    _I,
)
_AMOUNT = re.compile(
    rf"{_NUMBER}|\b(third|quarter|twice|once|no|none|all"
    r"|daily|weekly|monthly|never|unlimited|everybody|nothing|free)\b",
    _I,
)
# "One engineer" is no amount of something.
_MUCH = re.compile(
    rf"\d|{_SPANNED}|\b(?:half|third|quarter|twice|no|none|all|never|unlimited|everybody|nothing|free|thousands?|million"
    r"|per ?cent|euros?|dollars?|pounds?)\b",
    _I,
)
# Numbers that are of no amount: of days, of the clock, in codes.
_NO_AMOUNT = re.compile(
    rf"\d{{4}}-\d\d(?:-\d\d)?|\d{{1,2}}[:.]\d\d|\b\d{{1,2}}(?:st|nd|rd|th)\b|\b\d{{1,2}}\.? (?:{_NAMED_MONTH})\b"
    # "The last before Harbor 6" is none of six.
    rf"|(?-i:(?<=[a-z,;:(] )[A-Z][a-z]+ \d+(?:\.\d+)*)\b"
    rf"|\b(?:{_NAMED_MONTH}) \d{{1,4}}\b|\b(?:19|20)\d\d\b|\b[^\W\d_]+[-_]?\d+\b",
    _I,
)
_HOURS = r"\d[:.]\d\d\s*(?:–|-|to|and)\s*\d"
_DURATION = re.compile(
    # "Once a year" is how often.
    rf"{_SPANNED}|\b(?<!once )(?<!twice )(?<!times )(?:half )?an?"
    r" (?:second|minute|hour|day|week|fortnight|month|quarter|year)\b"
    rf"|\buntil\b|{_HOURS}|\b(?:indefinitely|for ?ever|permanently|at once|immediately)\b",
    _I,
)
_FREQUENCY = re.compile(
    r"\b(?:every|each|per|daily|weekly|monthly|quarterly|yearly|annually|hourly|once|twice|times|always|never|rarely)\b"
    rf"|\b(?:after|in) {_SPANNED}"
    r"|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days\b|\ban? (?:minute|hour|day|week|fortnight|month|quarter|year)\b",
    _I,
)
_MONEY = re.compile(
    # What something goes up by is no price of it.
    r"[€$£] ?\d|(?<!\bplus )(?<!\bby )(?<!\bup )(?<![\d.,])\d[\d.,]* ?"
    r"(?:[€%]|(?:eur|euros?|usd|dollars?|pounds?|percent|per cent)\b)"
    r"|\bfree(?: of charge|\W*$|[.,;:)])|\b(?:included|nothing|no (?:fee|charge|costs?|price))\b",
    _I,
)
_REASON = re.compile(
    rf"\bsince\b(?!,? (?:the (?:start|beginning|end|first|last) |then\b|last |\d|{_NAMED_MONTH}"
    r"|spring|summer|autumn|winter|yesterday|mon|tues|wednes|thurs|fri|satur|sun))"
    r"|\b(?:because|so|therefore|hence|reasons?|caused?|due to|thanks to|otherwise|needs?|lest|in order"
    r"|cannot|too|waits?|waiting|as (?:it|they|we|he|she|the|a|an|our))\b"
    r"|(?<!\bhelp )\b(?:would|could|did|does|do|is|are|was|were) (?:have )?not\b",
    _I,
)
_HOLDER = (
    "safe|drawer|cupboard|room|kitchen|floor|street|office|folder|page|board|channel|desk|tool|system|shelf|list|register"
    "|database|calendar|building|harbou?r|pier|station|cloud|region|country|tab|menu|settings"
)
_PLACE = re.compile(
    r"(?i:\b(?:in|at|on|under|behind|beside|near|opposite|from|into|to|within|inside|through|by|via))\s+"
    rf"(?i:the |our |a |an )?(?:[A-Z“\"#/]|(?i:[\w-]+ )?(?i:{_HOLDER}))"
    r"|(?i:\b(?:place|where|location|address|country|city|room|office|folder|link|path|first look)s?: *[^\s,;])"
    r"|https?://|\S@\S|→|\w/\w"
)
# Looked for at each number: in "one after five, one gave up" what follows one has the next in it.
_NUMBERED = re.compile(
    rf"(?=(?:\d|\b(?:no|{_SPELLED}|hundred|thousand)\b)[^\W_]*"
    r"((?:[^\w.;:]+(?!(?:to|in|from|before|after|until|for|by|with|at|on|and|or|than|per)\b)[^\W\d_][\w’'-]*){1,3}))",
    _I,
)
_ASKS_ALL = re.compile(
    r"^\W*(?:and\W+)?how many (?P<what>[^\W\d_]+) (?:do we have|are there|have we(?: got)?)"
    r"(?: (?:in total|altogether|now))?\W*$",
    _I,
)
_HAVE = re.compile(
    rf"\b(?:we (?:now |still )?have|there are) (?:(?:now|about|around|almost|nearly|over|roughly|more than|some) )*"
    rf"(?:\d[\d.,]*|(?:{_SPELLED})(?:[ -](?:{_SPELLED}|hundred|thousand))*) (?P<what>[^\W\d_]+)(?=\W*$|[.,;:])",
    _I,
)
# "How many days …", "how many parental leave days do …"
_COUNTED_UNIT = re.compile(
    r"\bhow many (?:(?!(?:is|are|was|were|do|does|did|has|have|had|can|may|must|should|will|would|of|in|per|a)\b)"
    r"[^\W\d_]+ )*?"
    r"(second|minute|hour|day|week|month|year)s\b",
    _I,
)
_VALUED = re.compile(r"([^,:]+): (?:(?:up to|at (?:most|least)|about|over|more than) )?[\d.,]*\d(?=,|$)")
_PERSON = re.compile(
    r"\b[A-Z][\w’'-]+ [A-Z]\w+|(?<=[\w;:–][ ,])[A-Z]\w{2,}|^[A-Z]\w+ [a-z]+s\b"
    r"|\b(?i:owner|founders?|lead|manager|head|officer|counsel|team|chief|director|everybody|everyone|nobody)\b"
)
# A secret or a number of somebody stands beside the word for it.
_PHONE = re.compile(
    r"(?<![\w-])\+\(?\d[\d ()/.-]{5,}\d(?![\w-])"
    r"|(?<![\w-])(?!\d{4}-\d\d-\d\d|\d\d?\.\d\d?\.\d{4})\(?(?:\d[ ()/.-]{0,2}){7,}\d(?![\w-])"
    r"|\b(?:phone|telephone|tel|mobile|extension)\b(?: number)?\W{1,3}\(?\d[\d ()/.-]+\d(?![\w-])",
    _I,
)
_SECRET = re.compile(r"\b(passwords?|passcode|pin|keys?|secret|token)\b\W*(is\b|are\b|:|=|[–-]\s)", _I)
_DOOR_CODE = re.compile(r"\bcode\b\W*(?:is\b|are\b|:|=|[–-]\s)", _I)
_ADDRESS = re.compile(
    r"\S@\S|https?://|\w\.\w+/|\b\d{4,5}(?:-\d{3})? [^\W\d_]|(?:stra(?:ß|ss)e|gasse|weg|platz|allee|ufer|kai) \d"
    r"|\b(?:street|road|avenue|lane|square|quay|rua|pra[çc]a|avenida|rue|calle|via)\b",
    _I,
)
_MAIL = re.compile(r"\S@\S")
_ASKS_MONEY = re.compile(
    r"\b(?:what|how much)\b.*\b(?:costs?|fees?|prices?|charged?)\b|\bhow much\b.*\bpay\b|\bcosts? of\b"
    r"|^\W*(?:[^\W\d_]+ ){1,4}(?:costs?|price|fee)\W*$"
    r"|\bwhat (?:did|do|does|will|would)\b.*\b(?:pay|earn)\b(?! for\b)",
    _I,
)
# "How long must a password be?"
_ASKS_SIZE = re.compile(r"\bhow long\b[^?,]*\bbe\W*$", _I)
_SIZE = re.compile(
    rf"{_NUMBER}[^.;:]{{0,15}}?\b(?:characters?|letters?|digits?|words?|lines?|pages?|minutes?|seconds?|(?:centi|milli)?met"
    rf"(?:er|re)s?|[cm]?m|inch(?:es)?|feet)\b",
    _I,
)
# (what the question says, what its answer then has)
_KINDS = (
    (re.compile(r"\b(tele)?phone numbers?\b|\btelephone\b|\bphone (of|for)\b|['’]s (tele)?phone\b", _I), _PHONE),
    (re.compile(r"\be-?mail( address)? (of|for)\b|['’]s e-?mail\b|\be-?mail address", _I), _MAIL),
    (re.compile(r"\bpass(words?|code)\b(?! (manager|polic|rule|reset|length))(?=\W*($|\w+ ?\w*\W*$))", _I), _SECRET),
    (re.compile(r"^\W*what(?: is|['’]s)\b.*\bpass(?:words?|code) (?:of|for|to|in|at)\b", _I), _SECRET),
    (re.compile(r"^\W*what(?: is|['’]s)\b.*\b(?:door|gate|alarm|entry|access|wi-?fi) code\b", _I), _DOOR_CODE),
    (re.compile(r"\b(tell|give|show|send|what (is|are))\b.*\b(api|secret|access|private)[ -]?keys?\b", _I), _SECRET),
    (re.compile(r"\baddress (of|in|for)\b|['’]s address\b", _I), _ADDRESS),
    (re.compile(r"^\W*when (?:did|was|were)\b", _I), _DAY),
    (
        re.compile(r"^\W*when (?!did|was|were)\b|\buntil when\b|\b(which|what) (day|date)\b|\b(due|deadline)\b", _I),
        _DATE,
    ),
    (re.compile(r"\bdate(?: (?:of|for) [^?]+)?\W*$", _I), _DATE),
    (re.compile(r"\b(?:what|which) (?:hour|time)\b(?! of\b)", _I), _CLOCK),
    (_ASKS_SIZE, _SIZE),
    (re.compile(rf"(?!{_ASKS_SIZE.pattern})\bhow (long|quickly|fast)\b", _I), _DURATION),
    (re.compile(r"\bhow often\b", _I), _FREQUENCY),
    (_ASKS_MONEY, _MONEY),
    (re.compile(r"\bhow (many|old|big|large|far|early)\b", _I), _AMOUNT),
    (re.compile(r"\bhow much\b(?!.*\b(costs?|fees?|prices?|charged?|pay)\b)", _I), _MUCH),
    (re.compile(r"^\W*(?:and\W+)?where\b", _I), _PLACE),
    (re.compile(r"^\W*(?:and\W+)?where (?:is|are)\b.*\boffices?\W*$", _I), _ADDRESS),
    (re.compile(r"\bwho(m|se)?\b", _I), _PERSON),
    (re.compile(r"^\W*why\b|\bthe reason (for|why)\b|^\W*what (?:has )?(?:caused?|led to)\b", _I), _REASON),
)
_WORDS = frozenset(wording.words_of("cost costs price number mail address due deadline date"))
# "How long did it last?"
_ASKS_LENGTH = re.compile(
    r"\bhow long (?:did|does|do|will)\b.*\b(?:last|take)\b"
    r"|\bhow long (?:can|may|must|should)\b.*\b(?:last|take)\W*$|\bhow long was (?:the|our|that) [\w -]+(?<!ed)\W*$",
    _I,
)
_TAKES = re.compile(r"\bhow long\b.*\btake\b", _I)
# "300 visits a minute" last no minute.
_RATE = re.compile(rf"({_NUMBER}[^.,;:]{{0,30}}?) (?:an?|per|each|every) {_SPAN}", _I)
# "The first 16 weeks" of something are not all of it, nor is what somebody must have waited.
_ASKS_WHOLE = re.compile(r"\bhow long (?:is|are|was|were)\b", _I)
_PART = re.compile(
    rf"\b(?:first|last|next|another) {_SPANNED}"
    r"|\b(?:provided|if|unless|as long as|once) (?:that |you|we|it|they)[^.;]*",
    _I,
)
_GIVEN = ("april", "may", "june", "august")
# No people, though they have a capital.
_WHENS = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
    rf"|{'|'.join(month for month in MONTHS if month not in _GIVEN)})\b",
    _I,
)
_LASTS = frozenset(wording.words_of("last take"))
# "Forty minutes until the first message" is how long that took.
_UP_TO = re.compile(rf"{_SPANNED} (?:until|till|before|after|later|earlier|ago)\b", _I)
_ASKS_TIME = re.compile(r"\W*(?:at )?(?:what|which) (?:hour|time)\b(?! of\b)", _I)
_TIME_WORDS = frozenset(wording.words_of("hour time"))
_PHONE_WORDS = frozenset(wording.words_of("phone telephone"))


def has_what_is_asked(question: str, shown: str) -> bool:
    """A question that asks two things may be answered by a sentence about one of them."""
    wanted = [answers for asks, answers in _KINDS if asks.search(question)]
    return not wanted or any(answers.search(_without_asked(question, shown, answers)) for answers in wanted)


def _without_asked(question: str, shown: str, answers: re.Pattern[str]) -> str:
    """Where to look for it: the day is no amount of days, and the place that is asked about is not where it is."""
    if answers in (_AMOUNT, _MUCH):
        return _NO_AMOUNT.sub(" ", shown)
    if answers is _CLOCK:
        words, parts = wording.words_of(question), shown.split("; ")
        return "; ".join([each for each in parts if wording.words_of(each) & words] or parts)
    if answers is _DURATION:
        shown = _RATE.sub(r"\1", shown)
        shown = re.sub(_HOURS, " ", shown) if _TAKES.search(question) else shown
        shown = _PART.sub(" ", shown) if _ASKS_WHOLE.search(question) else shown
        return _UP_TO.sub(" ", shown) if _ASKS_LENGTH.search(question) else shown
    if answers is _PERSON:
        return _WHENS.sub(" ", shown)
    if answers is not _PLACE:
        return shown
    asked = wording.words_of(question)
    return re.sub(r"[^\W_]+", lambda word: "" if wording.words_of(word[0]) & asked else word[0], shown)


def counted_unit(question: str) -> str:
    """Days, say, where a question asks how many days and not weeks."""
    found = _COUNTED_UNIT.search(question)
    return found[1].lower() if found else ""


def has_unit(question: str, shown: str) -> bool:
    """Whether it tells as many days, say, where a question asks how many days and not weeks."""
    unit = counted_unit(question)
    return not unit or re.search(rf"{_NUMBER}[^.;:]{{0,30}}?\b{unit}s?\b|\b{unit}s?\b[^,:]*:", shown, _I) is not None


def counts(shown: str, place: str, counted: Set[str]) -> bool:
    """Whether a number stands before what a "how many" question counts, or is its value; where only its place names
    that, any number does."""
    if not wording.words_of(shown) & counted:
        return not counted or bool(wording.words_of(place) & counted)
    found = (*_NUMBERED.finditer(_NO_AMOUNT.sub(" ", shown)), *_VALUED.finditer(shown))
    return any(wording.words_of(each[1]) & counted for each in found)


def counted_whole(question: str) -> str:
    """What a question asks the number of, where it asks nothing else."""
    asked = _ASKS_ALL.match(question)
    return asked["what"] if asked else ""


def states_number(question: str, shown: str) -> bool:
    """Whether it says how many there are of what a question asks the whole number of."""
    counted, said = counted_whole(question), _HAVE.search(shown)
    return bool(counted) and said is not None and wording.words_of(said["what"]) == wording.words_of(counted)


def words_for_kind(question: str) -> frozenset[str]:
    """Those that say what kind of thing is asked for, which is looked for by its shape."""
    is_phone = any(asks.search(question) and of == _PHONE for asks, of in _KINDS)
    looked_for = (
        (_TIME_WORDS, _ASKS_TIME.match(question)),
        (_PHONE_WORDS, is_phone),
        (_LASTS, _ASKS_LENGTH.search(question)),
    )
    return _WORDS.union(*(words for words, is_asked in looked_for if is_asked))


def has_clock(shown: str) -> bool:
    return _CLOCK.search(shown) is not None


def asks_for_kind(question: str) -> bool:
    return any(asks.search(question) for asks, _ in _KINDS)
