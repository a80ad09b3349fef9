"""The models that can answer. Without a key there is one: it quotes and cites, on this machine."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_ai.models import Model

from agent import keyless
from agent.candidates import SearchResult
from agent.runs.instructions import INSTRUCTIONS
from integrations import embedder


@dataclass(frozen=True)
class Choice:
    """`reads_history`: whether earlier turns of the conversation are sent along, and charged."""

    name: str
    make: Callable[[], Model]
    reads_history: bool


def choose(wanted: str) -> Choice:
    """The model of that name; the keyless one when this installation has no such model."""
    return _CHOICES.get(wanted, KEYLESS)


def _keyless() -> Model:
    return keyless.KeylessModel(embed=embedder.default().embed, count_tokens=charged_tokens)


def charged_tokens(text: str) -> int:
    """What the keyless model charges: the words of question and answer. Reading costs nothing on our own processor."""
    if text == INSTRUCTIONS or _is_search_result(text):
        return 0
    return embedder.default().count_tokens(text)


def _is_search_result(text: str) -> bool:
    try:
        SearchResult.model_validate_json(text)
    except ValidationError:
        return False
    return True


KEYLESS = Choice(keyless.NAME, _keyless, reads_history=True)
_CHOICES = {KEYLESS.name: KEYLESS}
