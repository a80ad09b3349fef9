"""The models that can answer. Without a key there is one: it quotes and cites, on this machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic_ai.messages import ModelMessage
from pydantic_ai.models import Model

from agent import commands, keyless
from agent.runs import offered
from agent.runs.allowance import estimated
from integrations import embedder


@dataclass(frozen=True)
class Choice:
    """`make` is handed how to find out which pages are gone. `reads_history`: whether earlier turns of the conversation
    are sent along. `reading_costs`: the tokens that sending these messages will cost; an estimate where only the vendor
    can count them."""

    name: str
    make: Callable[[keyless.FindGone | None], Model]
    reads_history: bool
    reading_costs: Callable[[Sequence[ModelMessage]], int] = estimated


def choose(wanted: str) -> Choice:
    """The model of that name; the keyless one when this installation has no such model."""
    return _CHOICES.get(wanted, KEYLESS)


def _keyless(find_gone: keyless.FindGone | None) -> Model:
    return keyless.KeylessModel(
        embed=embedder.default().embed,
        count_tokens=charged_tokens,
        read_command=_read_command,
        find_gone=find_gone,
    )


def _read_command(prompt: str) -> keyless.ToolCall | None:
    found = commands.read(prompt)
    return keyless.ToolCall(*found) if found else None


def charged_tokens(text: str) -> int:
    """What the keyless model charges for a question or an answer: never more than its characters, though some scripts
    are taken to pieces smaller than those. A hold is reserved by characters, before anything is counted."""
    return min(len(text), embedder.default().count_tokens(text))


def _reading_costs(messages: Sequence[ModelMessage]) -> int:
    return charged_tokens(keyless.newly_asked(messages))


KEYLESS = Choice(offered.KEYLESS, _keyless, reads_history=True, reading_costs=_reading_costs)
_CHOICES = {KEYLESS.name: KEYLESS}
