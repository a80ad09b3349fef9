"""The model used without a key: it searches, then quotes and cites. It sends nothing anywhere and invents nothing.

Pure: no Django. What it needs of the outside is handed over: how to embed, how to count, which prompts are commands.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_ai import RunContext
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    ModelResponseStreamEvent,
    RetryPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

from agent.answering import answer
from agent.candidates import Candidate, PageKey, SearchResult
from agent.composing import NOT_FOUND, Answer, Citation
from agent.follow_ups import in_context
from agent.ranking import Embed
from agent.runs.offered import KEYLESS

SEARCH = "search"
FAILED = "The search did not work, so I cannot answer this now. Please try again."
TOO_LONG = "What answers this is longer than the rest of your token quota."
UNCLEAR = f"{NOT_FOUND} Please say what it is about."
NOTHING_ASKED = "Ask me something about your pages."

CountTokens = Callable[[str], int]
# Told which pages an answer would quote; answers those of them that are gone.
FindGone = Callable[[Collection[PageKey]], Awaitable[Collection[PageKey]]]


class ToolCall(NamedTuple):
    tool: str
    arguments: dict[str, Any]


# Reads a prompt that is a plain command ("create a task …"); None when it is a question.
ReadCommand = Callable[[str], ToolCall | None]


def answer_of(response: ModelResponse) -> Answer | None:
    """The citations behind a text of this model; None for a response of another model or another turn."""
    details = response.provider_details or {}
    if response.provider_name != KEYLESS or "citations" not in details:
        return None
    citations = tuple(Citation(**each) for each in details["citations"])
    return Answer(response.text or "", citations, bool(details["grounded"]))


class KeylessModel(Model[None]):
    def __init__(
        self,
        *,
        embed: Embed,
        count_tokens: CountTokens,
        read_command: ReadCommand | None = None,
        find_gone: FindGone | None = None,
    ) -> None:
        super().__init__()
        self._find_gone = find_gone
        self._embed = embed
        self._count = count_tokens
        self._read_command = read_command

    @property
    def provider(self) -> None:
        return None

    @property
    def model_name(self) -> str:
        return KEYLESS

    @property
    def system(self) -> str:
        return KEYLESS

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        settings, parameters = self.prepare_request(model_settings, model_request_parameters)
        return await self._respond(messages, settings, parameters)

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        settings, parameters = self.prepare_request(model_settings, model_request_parameters)
        response = await self._respond(messages, settings, parameters)
        yield _Stream(model_request_parameters=parameters, response=response)

    async def _respond(
        self, messages: Sequence[ModelMessage], settings: ModelSettings | None, parameters: ModelRequestParameters
    ) -> ModelResponse:
        said = await self._next(messages, {tool.name for tool in parameters.function_tools})
        return await asyncio.to_thread(self._response, said, messages, settings)

    def _response(
        self, said: ToolCallPart | Answer, messages: Sequence[ModelMessage], settings: ModelSettings | None
    ) -> ModelResponse:
        usage = RequestUsage(input_tokens=self._count(newly_asked(messages)))
        if isinstance(said, ToolCallPart):
            return ModelResponse(
                parts=[said], model_name=KEYLESS, provider_name=KEYLESS, finish_reason="tool_call", usage=usage
            )
        most = (settings or ModelSettings()).get("max_tokens")
        kept = said if most is None else shortened(said, most, self._count)
        usage.output_tokens = self._count(kept.text)
        return ModelResponse(
            parts=[TextPart(kept.text)],
            model_name=KEYLESS,
            provider_name=KEYLESS,
            provider_details={"citations": [asdict(each) for each in kept.citations], "grounded": kept.grounded},
            finish_reason="stop" if kept == said else "length",
            usage=usage,
        )

    async def _next(self, messages: Sequence[ModelMessage], tools: set[str]) -> ToolCallPart | Answer:
        question = _question(messages)
        last = messages[-1].parts if messages else []
        returns = [part for part in last if isinstance(part, ToolReturnPart)]
        if returns:
            return await self._told(question, _earlier(messages), returns[-1])
        if any(isinstance(part, RetryPromptPart) for part in last):
            return _plain(FAILED)
        if not re.search(r"[^\W\d_]", question):
            return _plain(NOTHING_ASKED)
        call = self._read_command(question) if self._read_command else None
        if call is None or call.tool not in tools:
            whole = in_context(question, _earlier(messages))
            if not whole:
                return _plain(UNCLEAR)
            call = ToolCall(SEARCH, {"query": whole})
        if call.tool not in tools:
            return _plain(NOT_FOUND)
        return ToolCallPart(call.tool, call.arguments)

    async def _told(self, question: str, earlier: Sequence[str], returned: ToolReturnPart) -> Answer:
        if returned.tool_name != SEARCH:
            return _plain(returned.model_response_str())
        result = _search_result(returned.content)
        if result is None:
            return _plain(FAILED)
        whole, candidates = in_context(question, earlier) or question, result.candidates
        while True:
            # Embedding takes the processor for a while, and other runs share this loop.
            said = await asyncio.to_thread(
                answer,
                whole,
                candidates,
                self._embed,
                asked=question,
                more_rows=result.more_rows,
                has_unread_rows=result.has_unread_rows,
                today=result.today,
            )
            gone = await self._gone_of(said, candidates)
            if not gone:
                return said
            candidates = [each for each in candidates if each.page_key not in gone]

    async def _gone_of(self, said: Answer, candidates: Sequence[Candidate]) -> set[PageKey]:
        cited = {each.chunk_id for each in said.citations}
        quoted = {each.page_key for each in candidates if each.chunk_id in cited or each.page_key == said.named}
        return quoted & set(await self._find_gone(quoted)) if self._find_gone and quoted else set()


@dataclass
class _Stream(StreamedResponse):
    """Gives the finished response word by word."""

    response: ModelResponse = field(default_factory=lambda: ModelResponse(parts=[]))
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.provider_details = self.response.provider_details
        self.finish_reason = self.response.finish_reason

    async def _get_event_iterator(self) -> AsyncIterator[ModelResponseStreamEvent]:
        self._usage = self.response.usage
        for position, part in enumerate(self.response.parts):
            if isinstance(part, ToolCallPart):
                yield self._parts_manager.handle_tool_call_part(
                    vendor_part_id=position,
                    tool_name=part.tool_name,
                    args=part.args_as_dict(),
                    tool_call_id=part.tool_call_id,
                )
            elif isinstance(part, TextPart):
                for word in re.findall(r"\s*\S+\s*", part.content):
                    for event in self._parts_manager.handle_text_delta(vendor_part_id=position, content=word):
                        yield event

    async def close_stream(self) -> None:
        """There is no connection to close."""

    @property
    def model_name(self) -> str:
        return KEYLESS

    @property
    def provider_name(self) -> str:
        return KEYLESS

    @property
    def provider_url(self) -> None:
        return None

    @property
    def timestamp(self) -> datetime:
        return self.started_at


def shortened(said: Answer, most: int, count_tokens: CountTokens) -> Answer:
    """As many whole quotes as `most` tokens allow, since half a sentence may say the opposite."""
    if count_tokens(said.text) <= most:
        return said
    for number in range(len(said.citations) - 1, 0, -1):
        ends = [found.end() for found in re.finditer(rf"\[{number}\]$", said.text, re.MULTILINE)]
        text = f"{said.text[: ends[-1]]}\n\n…" if ends else ""
        text = text.replace(f"The first {len(said.citations)} of ", f"The first {number} of ", 1)
        if text and count_tokens(text) <= most:
            return Answer(text, said.citations[:number], said.grounded)
    words = re.findall(r"\S+", TOO_LONG if said.citations else said.text)
    while words and count_tokens(" ".join(words)) > most:
        words.pop()
    return _plain(" ".join(words))


def _plain(text: str) -> Answer:
    return Answer(text, (), grounded=False)


def newly_asked(messages: Sequence[ModelMessage]) -> str:
    """The question when this call is the first to read it. It is charged then, and reading costs nothing more."""
    last = messages[-1].parts if messages else []
    return _question(messages) if any(isinstance(part, UserPromptPart) for part in last) else ""


def _question(messages: Sequence[ModelMessage]) -> str:
    for message in reversed(messages):
        for part in reversed(message.parts):
            if isinstance(part, UserPromptPart):
                return _words(part.content)
    return ""


def _earlier(messages: Sequence[ModelMessage]) -> list[str]:
    """The questions before this one, the oldest first."""
    parts = [part for message in messages for part in message.parts if isinstance(part, UserPromptPart)]
    return [_words(part.content) for part in parts[:-1]]


def _words(content: object) -> str:
    if isinstance(content, str):
        return content.strip()
    # Pictures and files are nothing to this model.
    parts = content if isinstance(content, Sequence) else []
    return " ".join(part for part in parts if isinstance(part, str)).strip()


def _search_result(content: object) -> SearchResult | None:
    """As the tool returned it, or as it comes back from a stored conversation."""
    if isinstance(content, SearchResult):
        return content
    try:
        if isinstance(content, str):
            return SearchResult.model_validate_json(content)
        return SearchResult.model_validate(content)
    except ValidationError:
        return None
