"""Pages that say different things about the same: the one edited last comes first, and one that says of itself that it
was replaced is left out. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from agent import amounts, days, kinds, ranking, rates, whether, wording
from agent.candidates import Candidate
from agent.excerpts import Excerpt, cells_of
from agent.ranking import Scored
from agent.tables import columns

_I = re.IGNORECASE
_MONTH = "|".join(days.MONTHS)
_GONE = r"old|outdated|obsolete|superseded|archived?|deprecated|legacy|retired|expired|withdrawn|replaced"
_TITLED = re.compile(
    rf"[(\[]\W*(?:{_GONE})\b|^\W*(?:(?:{_GONE})\b|former )|\b(?:outdated|obsolete|superseded|archived|deprecated)\b", _I
)
_KIND = r"(?:page|document|list|policy|version|note|sheet|text|guide|plan|table|rule|rate|section)s?"
_SAYS_SO = re.compile(
    rf"\b(?:this|these) {_KIND} (?:is|are|was|were|has been|have been) (?:now )?(?:{_GONE}|no longer)\b"
    rf"|^\W*(?:{_GONE})(?: (?:by|since|on|in favou?r)\b|\W*$|[:.])"
    rf"|\b(?:superseded|replaced) by (?:the )?(?:(?:new|newer|current) |{_KIND}\b|[“\"\[]|(?-i:[A-Z]))"
    rf"|\bthere is an? newer {_KIND}\b|\bno longer (?:valid|in force|applies|current)\b",
    _I | re.MULTILINE,
)
# A sentence about what was.
_WAS = re.compile(
    r"\b(?:used to|formerly|previously|no longer|at that time|back then|the (?:old|former)|was once)\b", _I
)
# So much of what two sentences say beside their numbers makes them one statement.
LEAST_ALIKE = 0.6
MOST_SHOWN = 3
# Of so many words of a question one may be said by neither.
LEAST_FOR_UNSAID = 4
_TOGETHER = re.compile(r"\w (?:and|&|\+) \w|\w/\w", _I)
# What calls an amount one says nothing of what it is of.
_AMOUNTS = frozenset(wording.words_of("allowance limit rate price cost fee pay paid budget amount charge sum salary"))


_HOW = re.compile(r"\bhow (?:much|many|long|often|fast|quickly|soon|old|big|large|far|early|late|high)\b", _I)
_ASKING = "who|what|how|why|where|which|is|are|was|were|do|does|did|has|have|can|may|must|should|will|due"
_ASKS_DAY = re.compile(
    r"^\W*(?:and\W+)?when\b|\b(?:which|what) (?:day|date)\b|^\W*what (?:is|was)\b.*\b(?:day|date)\W*$"
    # "Launch date?"
    rf"|^\W*(?:the |our )?(?!(?:{_ASKING})\b)(?:[^\W\d_]+ ){{1,3}}date(?: (?:of|for) [^?]+)?\W*$",
    _I,
)
_NO_SUBJECT = frozenset(wording.words_of("due deadline date day"))
# "Launch day: Tuesday, 1 May", "it goes live on 1 May"
_ON_DAY = re.compile(
    r"(?P<what>\b(?:go(?:es|ing)? live|[^\W\d_]+))(?: (?:day|date))?"
    r"(?::| (?:is|was|will be|takes place|took place|starts|began|begins|ends)\b)*(?: (?:set|planned|fixed))?"
    rf"(?: (?:on|for))? (?:the )?(?:\w+day,? )?(?P<day>\d+(?:st|nd|rd|th)?(?: of)? (?:{_MONTH})\b|\d{{4}}-\d\d-\d\d"
    rf"|(?:{_MONTH}) \d{{1,2}}\b)(?! (?:is|was|will)\b)",
    _I,
)
_MEASURES = _AMOUNTS | wording.words_of("period duration length notice age size maximum minimum")


def settled(
    question: str,
    chosen: Sequence[Excerpt],
    found: Sequence[Excerpt],
    *,
    is_answer: Callable[[Excerpt], bool],
) -> tuple[list[Excerpt], bool]:
    """What to tell, and whether these are pages that disagree, the newest first. `found` are all lines that were
    read."""
    first = chosen[0]
    is_of_amount = _HOW.search(question) or amounts.read(question) or wording.words_of(question) & _MEASURES
    if not (is_of_amount or asks_day(question)):
        return list(chosen), False
    others = [each for each in (*chosen[1:], *found) if disagree(question, first, each) and is_answer(each)]
    if not others:
        return list(chosen), False
    pages = list({each.candidate.page_id: each for each in reversed((first, *others))}.values())
    replaced = {each.candidate.page_id for each in found if is_replaced(question, each)}
    kept = [each for each in pages if each.candidate.page_id not in replaced] or pages
    newest = sorted(kept, key=_edited, reverse=True)[:MOST_SHOWN]
    return newest, len(newest) > 1


def of_days(question: str, lines: Iterable[Scored]) -> list[Scored]:
    """Where a question asks when something is, those that say a day of it, if any does."""
    if not asks_day(question):
        return []
    return [each for each in lines if _days(question, each.excerpt.shown)]


def asks_day(question: str) -> bool:
    return _ASKS_DAY.search(question) is not None or whether.without_day(question) != question


def disagree(question: str, one: Excerpt, other: Excerpt) -> bool:
    """Whether another page says another amount of the same thing."""
    if one.candidate.page_id == other.candidate.page_id:
        return False
    if asks_day(question):
        told = [_days(question, each.shown) for each in (one, other)]
    else:
        told = [_values(question, each) for each in (one, other)]
    if not _differ(*told):
        return False
    if not rates.have_one_rate(one.shown, other.shown) or any(_is_of_more(question, each) for each in (one, other)):
        return False
    asked = wording.read(whether.without_day(question))
    words = asked.words - asked.names
    own, others = wording.words_of(one.shown), wording.words_of(other.shown)
    whole = others | ranking.about(other)
    if not asked.names <= whole:
        return False
    known = own | ranking.about(one)
    if len(words - known - whole - _AMOUNTS) > len(words) // LEAST_FOR_UNSAID:
        # What neither says may be what the question turns on.
        return False
    left = (words & known) - whole - _AMOUNTS
    title = wording.words_of(other.candidate.title)
    # A page that has its title from the question is about it.
    is_about_it = bool(title) and title <= words
    is_alike = _alike(_plain_words(one.shown), _plain_words(other.shown))
    return bool(words & others) and (not left or (len(left) == 1 and (is_about_it or is_alike)))


def _is_of_more(question: str, excerpt: Excerpt) -> bool:
    """Whether it is the row of something together with what is not asked about, as "legal and audit" of the audit."""
    cells = cells_of(excerpt) if excerpt.kind == "row" else []
    called = cells[0][1] if cells else ""
    return _TOGETHER.search(called) is not None and not wording.words_of(called) <= wording.words_of(question)


def is_replaced(question: str, excerpt: Excerpt) -> bool:
    """Whether it, or the page that it introduces, is said to hold no more; not where the question is about that."""
    if _WAS.search(question) or _TITLED.search(question):
        return False
    title = excerpt.candidate.title
    return bool(_TITLED.search(title) or _SAYS_SO.search(excerpt.shown))


def notice(newest: Candidate) -> str:
    on = day(newest.edited_at)
    if not on:
        return "The pages differ:"
    return f"The pages differ. The newest one was edited on {on}:"


def day(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%-d %B %Y}" if moment else ""


def _edited(excerpt: Excerpt) -> datetime:
    return excerpt.candidate.edited_at or datetime.min.replace(tzinfo=UTC)


def _days(question: str, shown: str) -> dict[str, set[str]]:
    """The days that it says something asked about to be on."""
    asked = wording.read(whether.without_day(question)).words
    found = set[str]()
    for each in _ON_DAY.finditer(shown):
        if wording.words_of(each["what"]) & asked - _NO_SUBJECT:
            found |= days.told(each["day"])
    return {"day": found} if found else {}


def _values(question: str, excerpt: Excerpt) -> dict[str, set[str]]:
    """The amounts that it tells of what is asked: of a row with several cells those that are asked for, of a question
    how many days those in days."""
    asked_in = kinds.counted_unit(question)
    found = dict[str, set[str]]()
    for number, unit in amounts.read(amounts.in_digits(_asked_of(question, excerpt))):
        if asked_in in ("", unit):
            found.setdefault(unit, set()).add(number)
    return found


def _asked_of(question: str, excerpt: Excerpt) -> str:
    if excerpt.kind != "row":
        return excerpt.shown
    cells = cells_of(excerpt)
    words = wording.words_of(question)
    asked = [cell for label, cell in cells if columns([label]) & words]
    return "; ".join(asked or (cell for _, cell in cells))


def _differ(one: dict[str, set[str]], other: dict[str, set[str]]) -> bool:
    return any(one[unit].isdisjoint(other[unit]) for unit in one.keys() & other.keys())


def _plain_words(shown: str) -> set[str]:
    return {word for word in wording.words_of(amounts.without(amounts.in_digits(shown))) if not word.isdigit()}


def _alike(one: Iterable[str], other: Iterable[str]) -> bool:
    one, other = set(one), set(other)
    return len(one & other) >= LEAST_ALIKE * max(len(one), len(other), 1)
