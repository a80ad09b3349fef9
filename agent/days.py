"""Days and months that a question names, each as one word, and the dates that are meant by it. Pure."""

import re
from collections.abc import Callable
from datetime import date, timedelta

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_MONTH = "|".join((*MONTHS, "sept", *(month[:3] for month in MONTHS)))
_DAY = r"([0-3]?\d)(?:st|nd|rd|th)?(?!\d)"
_DATE = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")
_WRITTEN = (
    (_DATE, lambda found: _word(found[1], found[2], found[3])),
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
_NEAR = re.compile(r"\b(?:(today|tomorrow|yesterday)|(this|next|last) (week|month))\b", re.IGNORECASE)
_MEANT = re.compile(r"day([\dx]{8})(?:to(\d{8}))?")
_AWAY = {"yesterday": -1, "last": -1, "today": 0, "this": 0, "tomorrow": 1, "next": 1}


def named(question: str, *, today: date) -> str:
    """The question with each day, week, month and year that it names as one word. A week begins on Monday."""
    for written, word in _WRITTEN:
        question = written.sub(word, question)
    return _NEAR.sub(_near(today), question)


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
    return f"day{year or 'xxxx'}{month}{f'{int(day):02}' if day else 'xx'}"


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
