"""The models that can answer. Without a key there is one: it quotes and cites, on this machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.conf import settings
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models import Model

from accounts import model_choices
from accounts.models import ModelChoice, User
from agent import commands, keyless
from agent.runs import offered
from agent.runs.allowance import estimated
from config.providers import Provider
from integrations import embedder


@dataclass(frozen=True)
class Choice:
    """`make` is handed how to find out which pages are gone. `reads_history`: whether earlier turns of the conversation
    are sent along. `reading_costs`: the tokens that sending these messages will cost; an estimate where only the vendor
    can count them. `provider`: of a model that is elsewhere."""

    name: str
    make: Callable[[keyless.FindGone | None], Model]
    reads_history: bool
    reading_costs: Callable[[Sequence[ModelMessage]], int] = estimated
    provider: Provider | None = None


def choose(wanted: str) -> Choice:
    """The model of that name; the keyless one when this installation has no such model."""
    provider = settings.MODELS.get(wanted)
    return of(provider) if provider else KEYLESS


def of(provider: Provider) -> Choice:
    def make(_: keyless.FindGone | None) -> Model:
        from agent.runs import vendors

        return vendors.make(provider)

    return Choice(provider.name, make, reads_history=True, provider=provider)


def of_workspace(chosen: ModelChoice | None, *, by: User) -> list[Choice]:
    """The one that answers, then those that take over when it fails. What the workspace chose is for all its members;
    whoever sends pages to a vendor of their own choice sends them to no other. Our own model does not fail."""
    ours = offered.names()
    if chosen is not None and chosen.is_own:
        return [of(model_choices.own(chosen)), *([KEYLESS] if offered.KEYLESS in settings.MODEL_FALLBACK else [])]
    wanted = [chosen.name if chosen else "", by.model, settings.MODEL]
    first = choose(next((name for name in wanted if name in ours), ""))
    if first.provider is None:
        return [first]
    return [first, *(choose(name) for name in dict.fromkeys(settings.MODEL_FALLBACK) if name != first.name)]


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
