"""Models of vendors through pydantic-ai. Loaded when one is chosen: their libraries take two seconds.

Nothing is sent anywhere but to the provider's address: redirects are not followed, and the libraries' own retries and
telemetry are off.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

import httpx2
from anthropic import AsyncAnthropic
from django.conf import settings
from openai import AsyncOpenAI
from pydantic_ai import RunContext
from pydantic_ai.exceptions import ModelAPIError, ModelConnectionError, ModelHTTPError
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings

from config.providers import OPENAI, VENDORS, Provider

log = logging.getLogger(__name__)
T = TypeVar("T")
CONNECT_SECONDS = 5
TRIES = 3
# Whoever asked waits meanwhile, so a vendor that wants more patience has failed.
LONGEST_PAUSE_SECONDS = 5.0
PAUSE_SECONDS = 0.5
# Some servers take any key and none takes an empty one.
NO_KEY = "none"


def make(provider: Provider) -> "Vendor":
    client = httpx2.AsyncClient(
        timeout=httpx2.Timeout(settings.MODEL_SILENCE_SECONDS, connect=CONNECT_SECONDS), follow_redirects=False
    )
    build = _openai if provider.kind == OPENAI else _anthropic
    return Vendor(build(provider, client), client)


def _openai(provider: Provider, http: httpx2.AsyncClient) -> Model:
    client = AsyncOpenAI(base_url=provider.url, api_key=provider.key or NO_KEY, max_retries=0, http_client=http)
    # Other servers that speak like OpenAI know the older word.
    profile = OpenAIModelProfile(openai_chat_supports_max_completion_tokens=provider.url == VENDORS[OPENAI])
    return OpenAIChatModel(provider.model, provider=OpenAIProvider(openai_client=client), profile=profile)


def _anthropic(provider: Provider, http: httpx2.AsyncClient) -> Model:
    client = AsyncAnthropic(base_url=provider.url, api_key=provider.key or NO_KEY, max_retries=0, http_client=http)
    return AnthropicModel(provider.model, provider=AnthropicProvider(anthropic_client=client))


class Vendor(WrapperModel):
    """Asks again only where nothing was charged: the request did not arrive, or was refused before the first word."""

    def __init__(self, wrapped: Model, client: httpx2.AsyncClient) -> None:
        super().__init__(wrapped)
        self.client = client

    async def close(self) -> None:
        await self.client.aclose()

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        ask = super().request
        return await _patiently(lambda: ask(messages, model_settings, model_request_parameters))

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        async with AsyncExitStack() as stack:

            async def begin() -> StreamedResponse:
                stream = self.wrapped.request_stream(messages, model_settings, model_request_parameters, run_context)
                return await stack.enter_async_context(stream)

            yield await _patiently(begin)


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    for number in range(1, TRIES):
        try:
            return await ask()
        except ModelAPIError as error:
            pause = error.retry_after if error.retry_after is not None else PAUSE_SECONDS * number
            if not _is_free(error) or pause > LONGEST_PAUSE_SECONDS:
                raise
            log.warning("a model is asked again in %.1f s: %s", pause, type(error).__name__)
            await asyncio.sleep(pause)
    return await ask()


def _is_free(error: ModelAPIError) -> bool:
    if error.in_stream:
        return False
    if isinstance(error, ModelHTTPError):
        return error.status_code == 429 or error.status_code >= 500
    return isinstance(error, ModelConnectionError) and error.phase in {"pool", "connect"}
