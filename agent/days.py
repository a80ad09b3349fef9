"""Days and months that a question names, each as one word, and the dates that are meant by it. Pure."""

import re
from collections.abc import Callable, Iterable
from datetime import date, timedelta

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_MONTH = "|".join((*MONTHS, "sept", *(month[:3] for month in MONTHS)))
ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
    "twentieth", "twenty-first", "twenty-second", "twenty-third", "twenty-fourth", "twenty-fifth", "twenty-sixth",
    "twenty-seventh", "twenty-eighth", "twenty-ninth", "thirtieth", "thirty-first",
)  # fmt: skip
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# On the same day wherever they are kept.
_FEASTS = tuple(
    (re.compile(rf"\b{name}\b", re.IGNORECASE), day)
    for name, day in (
        ("Christmas Eve", "24 December"),
        ("Christmas Day", "25 December"),
        ("Boxing Day", "26 December"),
        ("New Year['’]?s Eve", "31 December"),
        ("New Year['’]?s Day", "1 January"),
    )
)
_DAY = rf"([0-3]?\d|{'|'.join(sorted(ORDINALS, key=len, reverse=True))})(?:st|nd|rd|th)?(?!\d)"
_DATE = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")
_WRITTEN: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (_DATE, lambda found: _word(found[1], found[2], found[3])),
    # Written with dots the day stands first; with slashes nobody knows.
    (
        re.compile(r"\b([0-3]?\d)\.([01]?\d)\.(\d{4})\b"),
        lambda found: _word(found[3], found[2], found[1]),
    ),
    (
        re.compile(rf"\b{_DAY}(?: of)? ({_MONTH})\b(?:,? (\d{{4}})\b)?", re.IGNORECASE),
        lambda found: _word(found[3], _number(found[2]), found[1]),
    ),
    (
        re.compile(rf"\b({_MONTH}) {_DAY}\b(?:,? (\d{{4}})\b)?", re.IGNORECASE),
        lambda found: _word(found[3], _number(found[1]), found[2]),
    ),
    (
        re.compile(rf"\b({_MONTH}),? (\d{{4}})\b", re.IGNORECASE),
        lambda found: _word(found[2], _number(found[1]), None),
    ),
    (
        re.compile(rf"(?<=\b(?:in|of) )({_MONTH})\b|(?<=\bfor )({_MONTH})\b", re.IGNORECASE),
        lambda found: _word(None, _number(found[1] or found[2]), None),
    ),
    (re.compile(r"(?<=\b(?:in|of) )(2\d{3})\b", re.IGNORECASE), lambda found: _word(found[1], None, None)),
)  # fmt: skip
_OF_A_MONTH = _WRITTEN[:4]
_NEAR = re.compile(r"\b(?:(today|tomorrow|yesterday)|(this|next|last) (week|month))\b", re.IGNORECASE)
_WEEKDAY = re.compile(rf"\b(on|this|last) ({'|'.join(_WEEKDAYS)})\b", re.IGNORECASE)
_IS_PAST = re.compile(r"\b(?:was|were|did)\b", re.IGNORECASE)
_MEANT = re.compile(r"day([\dx]{8})(?:to(\d{8}))?")
_AWAY = {"yesterday": -1, "last": -1, "today": 0, "this": 0, "tomorrow": 1, "next": 1}


def with_feasts(question: str, texts: Iterable[str] = ()) -> str:
    """With "25 December" for Christmas Day, unless a text calls it so: pages tell feasts by their day, in words of many
    countries."""
    texts = list(texts)
    for name, day in _FEASTS:
        if not any(name.search(text) for text in texts):
            question = name.sub(day, question)
    return question


def named(question: str, *, today: date) -> str:
    """The question with each day, week, month and year that it names as one word. A week begins on Monday. "On Friday"
    is the next one, today counted, or the last one where the question is about what was."""
    for written, word in _WRITTEN:
        question = written.sub(word, question)
    question = _WEEKDAY.sub(_weekday(today, is_past=bool(_IS_PAST.search(question))), question)
    return _NEAR.sub(_near(today), question)


def told(text: str) -> set[str]:
    """The days of a month that it names, whatever the year."""
    return {word(found)[-4:] for written, word in _OF_A_MONTH for found in written.finditer(text)}


def without(text: str) -> str:
    for written, _ in _OF_A_MONTH:
        text = written.sub(" ", text)
    return text


def is_meant(word: str, text: str) -> bool:
    """Whether the text has a date that is meant by a word of `named`."""
    meant = _MEANT.fullmatch(word)
    if meant is None:
        return False
    dates = [f"{found[1]}{found[2]}{found[3]}" for found in _DATE.finditer(text)]
    if meant[2]:
        return any(meant[1] <= each <= meant[2] for each in dates)
    return any(re.fullmatch(meant[1].replace("x", "."), each) for each in dates)


def _word(year: str | None, month: str | int | None, day: str | None) -> str:
    month = f"{int(month):02}" if month else "xx"
    if day and not day.isdigit():
        day = str(ORDINALS.index(day.lower()) + 1)
    return f"day{year or 'xxxx'}{month}{f'{int(day):02}' if day else 'xx'}"


def _weekday(today: date, *, is_past: bool) -> Callable[[re.Match[str]], str]:
    def word(found: re.Match[str]) -> str:
        ahead = (_WEEKDAYS.index(found[2].lower()) - today.weekday()) % 7
        if found[1].lower() == "last" or (is_past and found[1].lower() == "on"):
            ahead = ahead - 7 if ahead or found[1].lower() == "last" else 0
        return f"on day{today + timedelta(days=ahead):%Y%m%d}"

    return word


def _number(month: str) -> int:
    return next(number for number, name in enumerate(MONTHS, 1) if name[:3] == month[:3].lower())


def _near(today: date) -> Callable[[re.Match[str]], str]:
    def word(found: re.Match[str]) -> str:
        away = _AWAY[(found[1] or found[2]).lower()]
        if found[1]:
            on = today + timedelta(days=away)
            return f"day{on:%Y%m%d}"
        if found[3].lower() == "month":
            year, month = divmod(today.year * 12 + today.month - 1 + away, 12)
            return f"day{year}{month + 1:02}xx"
        monday = today + timedelta(days=7 * away - today.weekday())
        return f"day{monday:%Y%m%d}to{monday + timedelta(days=6):%Y%m%d}"

    return word
