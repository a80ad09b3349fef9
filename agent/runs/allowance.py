"""Bounds every call of a model by what the run's hold still has, and counts what was used, also when the run is cut."""

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

from config.providers import Provider

log = logging.getLogger(__name__)
# English has about four characters to a token, other scripts one or two of several bytes: three bytes leave a margin.
BYTES_PER_TOKEN = 3
# What is counted without the vendor's word is rather too little.
SEEN_BYTES_PER_TOKEN = 5
# What a vendor reads besides messages: the tools' descriptions and its own frame.
FRAME_TOKENS = 400
LEAST_OUTPUT_TOKENS = 16
# No call has so many.
ABSURD_TOKENS = 10_000_000


class AllowanceSpent(Exception):
    """What the hold still has is not enough for another call."""


def estimated(messages: Sequence[ModelMessage]) -> int:
    """What reading these will cost, as far as one can tell without the vendor."""
    return _bytes(messages) // BYTES_PER_TOKEN


def _bytes(messages: Sequence[ModelMessage]) -> int:
    size = 0
    for message in messages:
        if isinstance(message, ModelRequest):
            size += len((message.instructions or "").encode())
        for part in message.parts:
            size += len(str(getattr(part, "content", "") or getattr(part, "args", "") or "").encode())
    return size


class Bounded(WrapperModel):
    """A call that would cost more than is left is refused, and one that is made may write no more than that."""

    def __init__(
        self,
        wrapped: Model,
        *,
        tokens: int,
        reading_costs: Callable[[Sequence[ModelMessage]], int] = estimated,
        vendor: Provider | None = None,
    ) -> None:
        super().__init__(wrapped)
        self.tokens = tokens
        self.reading_costs = reading_costs
        self.vendor = vendor
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
        self._add(self._believed(response.usage, messages, response, is_whole=True))
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
            is_whole = False
            try:
                yield stream
                is_whole = True
            finally:
                # Also what a stopped stream has used so far is charged.
                self._add(self._believed(stream.usage, messages, stream.get(), is_whole=is_whole))

    def _bounded(self, messages: list[ModelMessage], settings: ModelSettings | None) -> ModelSettings:
        reading = self.reading_costs(messages)
        room = self.left - reading
        if self.vendor:
            room = min(room, self.vendor.context_tokens - reading) - FRAME_TOKENS
        if room < LEAST_OUTPUT_TOKENS:
            raise AllowanceSpent
        most = min(room, self.vendor.output_tokens) if self.vendor else room
        wanted = (settings or ModelSettings()).get("max_tokens", most)
        bounded = ModelSettings(max_tokens=min(most, wanted))
        return {**settings, **bounded} if settings else bounded

    def _believed(
        self, told: RequestUsage, messages: Sequence[ModelMessage], said: ModelResponse, *, is_whole: bool
    ) -> RequestUsage:
        """The vendor's own figures. Where there are none, or such as cannot be, what was seen to go and come."""
        if self.vendor is None:
            return told
        read, written = _bytes(messages) // SEEN_BYTES_PER_TOKEN, _bytes([said]) // SEEN_BYTES_PER_TOKEN
        usage = RequestUsage(
            input_tokens=told.input_tokens if 0 < told.input_tokens < ABSURD_TOKENS else read,
            output_tokens=told.output_tokens if 0 < told.output_tokens < ABSURD_TOKENS else written,
        )
        if not is_whole:
            usage.output_tokens = max(usage.output_tokens, written)
        elif usage != RequestUsage(input_tokens=told.input_tokens, output_tokens=told.output_tokens):
            log.error("%s told no usage that can be: %s", self.vendor.name, told)
        return usage

    def _add(self, usage: RequestUsage) -> None:
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
