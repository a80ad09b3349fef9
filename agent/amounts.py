"""Numbers with what they count, as in "€50", "30 days", "10 %" and "the third". Pure."""

import re
from collections.abc import Set

from agent.days import MONTHS, ORDINALS

# A number without thousands' signs, and the unit in one way of writing.
Amount = tuple[str, str]

_NUMBER = r"\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d+)?"
_SPANS = ("second", "minute", "hour", "day", "week", "month", "year")
_UNITS = {
    "€": "€", "eur": "€", "euro": "€", "euros": "€", "$": "$", "usd": "$", "dollar": "$", "dollars": "$", "£": "£",
    "gbp": "£", "pound": "£", "pounds": "£", "%": "%", "percent": "%", "per cent": "%",
    **{form: span for span in _SPANS for form in (span, f"{span}s")},
}  # fmt: skip
_AFTER = "|".join(sorted((re.escape(each) for each in _UNITS if each not in "€$£"), key=len, reverse=True))
_AMOUNT = re.compile(
    rf"(?P<sign>[€$£]) ?(?P<of>{_NUMBER})"
    rf"|(?<![\w.,])(?P<number>{_NUMBER})[ -]?(?:(?:working|calendar|business|full|paid) )?"
    rf"(?P<unit>{_AFTER}|[€$£])(?!\w)",
    re.IGNORECASE,
)
# "A thirteenth salary"; the first and second are often of nothing, and those of a month are a day.
_PLACE = re.compile(
    rf"\b(?P<word>{'|'.join(sorted(ORDINALS[2:], key=len, reverse=True))})\b(?! (?:of )?(?:{'|'.join(MONTHS)}))"
    rf"|\b(?P<digits>\d+)(?:rd|th)\b(?! (?:of )?(?:{'|'.join(MONTHS)}))",
    re.IGNORECASE,
)
_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "fourteen": 14, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
    "sixty": 60, "ninety": 90,
}  # fmt: skip
_SPELLED = re.compile(
    rf"\b(?P<number>{'|'.join(_WORDS)})\b(?=[ -](?:(?:working|calendar|business|full|paid) )?(?:{_AFTER})\b)",
    re.IGNORECASE,
)
# What holds for more than so much; "no more than" is a limit of what holds.
_BEYOND = re.compile(
    r"(?<!\bno )(?<!\bnot )\b(?:(?P<more>more than|longer than|earlier than|over|above)"
    r"|(?:less than|fewer than|shorter than|later than|under|below)) $",
    re.IGNORECASE,
)
_THOUSANDS = re.compile(r"[.,](?=\d{3}(?!\d))")


def in_digits(text: str) -> str:
    """With "eight hours" as "8 hours"."""
    return _SPELLED.sub(lambda found: str(_WORDS[found["number"].lower()]), text)


def read(text: str) -> frozenset[Amount]:
    return frozenset((*map(_amount, _AMOUNT.finditer(text)), *map(_place, _PLACE.finditer(text))))


def meets(asked: Set[Amount], text: str) -> bool | None:
    """Whether what it says is for these amounts, where it is for more or less than others; None where it is not."""
    text = in_digits(text)
    if not asked.isdisjoint(read(text)):
        return None
    bounds = [(found, _BEYOND.search(text[: found.start()])) for found in _AMOUNT.finditer(text)]
    held = [
        float(number) > float(_amount(found)[0]) if bound["more"] else float(number) < float(_amount(found)[0])
        for found, bound in bounds
        for number, unit in asked
        if bound and unit != "th" and _amount(found)[1] == unit
    ]
    return any(held) if held else None


def without(text: str) -> str:
    """The text with the words for its units alone."""
    return _AMOUNT.sub(lambda found: f" {found['unit'] or ''} ", _PLACE.sub(" ", text))


def units(amounts: Set[Amount]) -> set[str]:
    return {unit for _, unit in amounts}


def _amount(found: re.Match[str]) -> Amount:
    number = _THOUSANDS.sub("", found["of"] or found["number"]).replace(",", ".")
    return number, _UNITS[(found["sign"] or found["unit"]).lower()]


def _place(found: re.Match[str]) -> Amount:
    return found["digits"] or str(ORDINALS.index(found["word"].lower()) + 1), "th"
