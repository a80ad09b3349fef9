"""What is no answer to anything: links, questions, orders to assistants. Pure."""

import re

from agent import wording

_I = re.IGNORECASE
_POINTER = re.compile(
    r"^(see|read|compare|more (in|under|on|at)|details? (in|under|on|at|are))\b"
    r"|\b(is|are|was|were) (described|explained|documented|covered|listed|discussed|written down) (under|in|on|at)\b",
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


def says_nothing(quote: str, shown: str, title: str) -> bool:
    """A bare link, the page's own title, a question, or a sentence that only says where something stands."""
    words = " ".join(shown.split())
    if words.endswith("?"):
        return True
    if not words or words == " ".join(title.split()) or _POINTER.search(words):
        return True
    linked = sum(len(each) for each in _LINK.findall(quote))
    return linked >= MOST_LINK * len(words)


def orders_an_assistant(question: str, shown: str) -> bool:
    """Told only to who asks about it: quoted elsewhere it would look like an answer of ours."""
    return bool(_ORDERS.search(shown)) and not wording.words_of(question) & _ABOUT_ORDERS
