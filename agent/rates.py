"""What an amount is told per, as a month, and in, as dollars. Pure."""

import re

_I = re.IGNORECASE
# (what a question asks per or in, what an answer then says)
_RATES = (
    *(
        (
            re.compile(rf"\b(?:per|an?|each|every) {span}\b|\b{adverb}\b", _I),
            re.compile(rf"\b(?:per|an?|each|every|for each|/) ?{span}\b|\b{adverb}\b", _I),
        )
        for span, adverb in (
            ("hour", "hourly"),
            ("day", "daily"),
            ("week", "weekly"),
            ("month", "monthly"),
            ("year", "(?:year|annual)ly"),
        )
    ),
    (re.compile(r"\bin (?:us )?dollars\b", _I), re.compile(r"\$|\bdollars?\b|\busd\b", _I)),
    (re.compile(r"\bin (?:british )?pounds\b", _I), re.compile(r"£|\bpounds?\b|\bgbp\b", _I)),
    (re.compile(r"\bin euros?\b", _I), re.compile(r"€|\beuros?\b|\beur\b", _I)),
)
ASKS_AMOUNT = re.compile(r"\bhow (?:much|many)\b|\bcosts?\b|\b(?:price|fee|salary|pay)\b", _I)


def is_of_rate(question: str, shown: str) -> bool:
    """Whether an amount is told per what, and in what, it is asked for."""
    return not ASKS_AMOUNT.search(question) or all(says.search(shown) for asks, says in _RATES if asks.search(question))


def have_one_rate(one: str, other: str) -> bool:
    """Whether two amounts are told per the same, as far as they say per what."""
    rates = [{at for at, (_, says) in enumerate(_RATES) if says.search(shown)} for shown in (one, other)]
    return not all(rates) or bool(rates[0] & rates[1])
