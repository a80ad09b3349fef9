"""What somebody does or has done, and whether a line says that it was done and not only meant. Pure."""

import re
from collections.abc import Set

from agent import wording

_I = re.IGNORECASE
# "Who leads …?" is answered by who leads it.
_DOES = re.compile(
    r"^\W*(?:and\W+)?who (?:(?:is|are|was|were) (?P<doing>[^\W\d_]+ing)\b"
    r"|(?!(?:is|was|does|has|looks|gets|needs|knows)\b)(?P<does>[^\W\d_]+(?:s|ed))\b)",
    _I,
)
# "Has Tom finished it?" is answered by what says that somebody did, or how far it is.
_HAS_DONE = re.compile(
    r"^\W*(?:and\W+)?(?:has|have|had) (?:[\w’'-]+ ){1,4}?(?P<done>\w+(?:ed|en)|done|sent|made|paid|built|sold|told|put"
    r"|set|run|got|met|left|bought|found|read|begun|won|lost|kept|held|said|gone|come|become)\b",
    _I,
)
# "What was decided?" is not answered by what is to be decided.
_WAS_DONE = re.compile(
    r"^\W*(?:and\W+)?(?:what|who|which .+?|how many .+?) (?:was|were|has been|have been) (?P<done>\w+ed)\b", _I
)
_DID = re.compile(r"^\W*(?:and\W+)?did\b", _I)
_STATE = re.compile(
    r"\b(?:done|finished|completed?|ready|open|blocked|started|in progress|in review|waiting|not yet|already)\b", _I
)
_MEANS_TO = re.compile(
    r"\b(?:whether|if|unless)\b[^,.;:]* $"
    r"|\b(?:expect|await|want|need|ask|wait|hope)(?:s|ed|ing)?(?: for)?(?: an?| the)? $|"
    r"\b(?:(?:wants?|plans?|hopes?|wish(?:es)?|intends?|needs?|has|have|ought|going|asked|tries) to|to be|will|would"
    r"|should|might|may|could|can|must)(?: (?:be|not|also))? $",
    _I,
)


def are_said(question: str, shown: str, words: Set[str]) -> bool:
    """Whether it says what a question asks the doing of. `words` are those of the sentence and its place."""
    if found := _DOES.match(question):
        deed = found["doing"] or found["does"]
        if not wording.words_of(deed) <= words or (deed.endswith("ed") and _is_only_meant(deed, shown)):
            return False
    if (found := _WAS_DONE.match(question)) and _is_only_meant(found["done"], shown):
        return False
    if (found := _HAS_DONE.match(question)) and not (_is_done(found["done"], shown) or _STATE.search(shown)):
        return False
    return not (_DID.match(question) and any(_is_only_meant(word, shown) for word in question.split()))


def _is_done(deed: str, shown: str) -> bool:
    return bool(wording.words_of(deed) & wording.words_of(shown)) and not _is_only_meant(deed, shown)


def _is_only_meant(deed: str, shown: str) -> bool:
    """Whether it says each time that somebody wants or has to do it."""
    stems = wording.words_of(deed)
    said = [each.start() for each in re.finditer(r"[^\W_]+", shown) if wording.words_of(each[0]) & stems]
    return bool(said) and all(_MEANS_TO.search(shown[:at]) for at in said)
