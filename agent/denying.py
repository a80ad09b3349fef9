"""What a question denies, and whether a sentence denies it as well. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from agent import wording

_WORD = re.compile(r"[^\W_]+")
_TOKEN = re.compile(r"[^\W_]+|[.;:!?,()–—]")
_SHORT_NOT = re.compile(r"(?<=\w)n['’]t\b|\bcannot\b", re.IGNORECASE)
_WRITTEN_SHORT = re.compile(
    r"\b(are|is|was|were|do|does|did|have|has|had|would|could|should|must|ca|wo)nt\b", re.IGNORECASE
)
# Denies nothing: "whether or not", "not only", "No. 12", "a no-show".
_IDLE = re.compile(
    r"\bno[-‑](?=\w)|\bor not\b|\bnot only\b|\bno\.\s*(?=\d)|\b(?:yes|no) or (?:no|yes)\b", re.IGNORECASE
)
_PHRASES = re.compile(r"\b(?:other than|apart from|rather than|instead of)\b", re.IGNORECASE)
_ENGLISH = frozenset(
    _WORD.findall("not no never none nobody nothing neither nor nowhere without except excluding excluded besides")
)
_OTHER = frozenset(
    _WORD.findall(
        """
    nicht kein keine keinen keinem keiner keines nie niemals niemand ohne pas jamais sans não nao nunca sem nem ninguém
    sin nadie ningún niet geen nooit zonder ikke inte aldrig ingen لا لم لن ليس ليست بدون"""
    )
)
_NOT = _ENGLISH | _OTHER
# What denies in an answer, and is a word like any other in a question.
_DENIES = _NOT | frozenset(
    _WORD.findall(
        """
    hardly unable impossible forbidden prohibited refuse refuses refused refusing reject rejects rejected avoid avoids
    avoided lack lacks lacked lacking missing fail fails failed failing"""
    )
)
# (stems of what is not done, words that say so alone)
_SAME = (
    (
        frozenset(map(wording.stem, _WORD.findall("print work answer respond reply start run react ring"))),
        frozenset(_WORD.findall("silent broken dead stuck")),
    ),
)
_PREFIX = re.compile(r"(?:un(?!der|ter|less|til|i[fqtv]|ion)|non|in|im|ir|il|dis)(?=[^\W\d_]{4})")
# Words with a prefix that surely denies; of others the pages must have the word without it.
_SURE = re.compile(
    r"un|non|in(?:eligib|activ|complet|correct|sufficien|accessib|admissib|valid)|im(?:possib|permissib)|illegal|irr?egular"
    r"|dis(?:allow|abled|approv|qualif|continu)"
)
_LIGHT = frozenset(
    _WORD.findall("take takes took taken taking get gets got have has had having give gives gave make makes made")
)
# What may stand between a "not" and the word that it denies, and is no such word itself.
_BETWEEN = frozenset(
    _WORD.findall(
        """
    a ca wo an the any anyone anybody anything ever yet be been being is are was were do does did have has had can could
    may might must shall should will would i we you they it he she our my your their his her its one of to on in at for
    by with from about also really still longer more than already all who whom which that there very so as such es wir
    ich sie er man der die das den dem ein eine einen einem einer"""
    )
)
# "Why can't the page be published?" names first who or what does not.
_OPENS_A_SUBJECT = frozenset(_WORD.findall("the a an our my your their this that these those"))
_ENDS = frozenset(".;:!?,()–—") | frozenset(_WORD.findall("and but when if because while whoever"))
# "Not on call", "never have to be asked", "no paid holiday".
MOST_BETWEEN = 3


@dataclass(frozen=True)
class Denied:
    """The stem of the word that is denied, or of all that may be; `word` itself when a prefix denies it. Without either
    a sentence cannot be held to it."""

    stems: frozenset[str]
    word: str = ""


def denied(question: str) -> list[Denied]:
    tokens = _tokens(question)
    found = [Denied(_objects(tokens, at)) for at, token in enumerate(tokens) if token in _NOT]
    for token in tokens:
        if base := _without_prefix(token):
            found.append(Denied(frozenset({wording.stem(base)}), token))
    return found


def denies(said: Iterable[str], all_denied: Sequence[Denied], known: frozenset[str]) -> bool:
    """Whether one of the texts denies each of them; `known` are the stems of all that was found."""
    texts = [_tokens(text) for text in said]
    return all(
        (each.word and not _SURE.match(each.word) and each.stems.isdisjoint(known))
        or any(_denies(tokens, each) for tokens in texts)
        for each in all_denied
    )


def says_not(text: str, stem: str) -> bool:
    """Whether it has the word, and denies it each time."""
    tokens = _tokens(text)
    said = [at for at, token in enumerate(tokens) if wording.stem(token) == stem]
    return bool(said) and all(_is_denied(tokens, at) for at in said)


def _denies(tokens: Sequence[str], one: Denied) -> bool:
    if any(one.stems & stems and not words.isdisjoint(tokens) for stems, words in _SAME):
        return True
    for at, token in enumerate(tokens):
        if one.word and wording.stem(token) == wording.stem(one.word):
            return True
        if (base := _without_prefix(token)) and wording.stem(base) in one.stems:
            return True
        if wording.stem(token) in one.stems and _is_denied(tokens, at):
            return True
    return False


def _is_denied(tokens: Sequence[str], at: int) -> bool:
    before = _up_to_an_end(reversed(tokens[:at]))
    if any(token in _DENIES for token in before[:MOST_BETWEEN]):
        return True
    # Other languages say it after the verb.
    return any(token in _OTHER for token in _up_to_an_end(iter(tokens[at + 1 :]))[:MOST_BETWEEN])


def _up_to_an_end(tokens: Iterator[str]) -> list[str]:
    kept = list[str]()
    for token in tokens:
        if token in _ENDS:
            break
        kept.append(token)
    return kept


def _objects(tokens: Sequence[str], at: int) -> frozenset[str]:
    """The first word after it that says something, or the last one before it."""
    following = _up_to_an_end(iter(tokens[at + 1 :]))
    after = [token for token in following if _says(token)]
    if tokens[at] == "not" and following and following[0] in _OPENS_A_SUBJECT:
        return frozenset(map(wording.stem, after))
    if len(after) > 1 and after[0] in _LIGHT:
        after = after[1:]
    before = [token for token in _up_to_an_end(reversed(tokens[:at])) if _says(token)]
    return frozenset(map(wording.stem, (after or before)[:1]))


def _says(token: str) -> bool:
    return token not in _BETWEEN and token not in _NOT


def _without_prefix(token: str) -> str:
    found = _PREFIX.match(token)
    return token[found.end() :] if found else ""


def _tokens(text: str) -> list[str]:
    text = _WRITTEN_SHORT.sub(r"\1 not", _IDLE.sub(" ", text))
    text = _PHRASES.sub("except", _SHORT_NOT.sub(" not", text))
    return _TOKEN.findall(re.sub(r"\bnon[-‑](?=\w)", "non", text.lower()))
