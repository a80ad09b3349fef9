"""Bounds every call of a model by what the run's hold still has, and counts what was used, also when the run is cut."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

# English has about four characters to a token; three leaves a margin for other scripts and for the vendor's own frame.
CHARACTERS_PER_TOKEN = 3
LEAST_OUTPUT_TOKENS = 16


class AllowanceSpent(Exception):
    """What the hold still has is not enough for another call."""


def estimated(messages: Sequence[ModelMessage]) -> int:
    """What reading these will cost, as far as one can tell without the vendor."""
    characters = 0
    for message in messages:
        if isinstance(message, ModelRequest):
            characters += len(message.instructions or "")
        for part in message.parts:
            characters += len(str(getattr(part, "content", "") or getattr(part, "args", "")))
    return characters // CHARACTERS_PER_TOKEN


class Bounded(WrapperModel):
    """A call that would cost more than is left is refused, and one that is made may write no more than that."""

    def __init__(
        self, wrapped: Model, *, tokens: int, reading_costs: Callable[[Sequence[ModelMessage]], int] = estimated
    ) -> None:
        super().__init__(wrapped)
        self.tokens = tokens
        self.reading_costs = reading_costs
        self.input_tokens = 0
        self.output_tokens = 0

    @property
    def left(self) -> int:
        return self.tokens - self.input_tokens - self.output_tokens

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        settings = self._bounded(messages, model_settings)
        response = await super().request(messages, settings, model_request_parameters)
        self._add(response.usage)
        return response

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        settings = self._bounded(messages, model_settings)
        async with super().request_stream(messages, settings, model_request_parameters, run_context) as stream:
            try:
                yield stream
            finally:
                # Also what a stopped stream has used so far is charged.
                self._add(stream.usage)

    def _bounded(self, messages: list[ModelMessage], settings: ModelSettings | None) -> ModelSettings:
        room = self.left - self.reading_costs(messages)
        if room < LEAST_OUTPUT_TOKENS:
            raise AllowanceSpent
        wanted = (settings or ModelSettings()).get("max_tokens", room)
        bounded = ModelSettings(max_tokens=min(room, wanted))
        return {**settings, **bounded} if settings else bounded

    def _add(self, usage: RequestUsage) -> None:
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
