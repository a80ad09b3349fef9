"""The stand-in for models, asked by the vendors' own clients and held to their own types."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import TypeAdapter

from devkit.models.server import ModelServer

ASKED: Any = [{"role": "user", "content": "How many days?"}]
TOOLS: Any = [{"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}]
TURNS = {
    "text": {"text": "Everybody has 28 days.", "input_tokens": 11, "output_tokens": 7, "cached_tokens": 4},
    "calls": {
        "calls": [{"name": "search", "arguments": {"query": "days"}}, {"name": "search", "arguments": {}}],
        "input_tokens": 1,
    },
    "length": {"text": "Everybody has", "stop": "length", "input_tokens": 1},
    "refusal": {"stop": "refusal", "input_tokens": 1},
    "empty": {"input_tokens": 1},
}


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def vendor(server: ModelServer) -> ModelServer:
    server.reset()
    return server


def of_openai(vendor: ModelServer) -> openai.OpenAI:
    return openai.OpenAI(base_url=vendor.openai_url, api_key="k", max_retries=0)


def of_anthropic(vendor: ModelServer) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=vendor.anthropic_url, api_key="k", max_retries=0)


def raw(url: str, body: dict[str, Any]) -> str:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.read().decode())


def events(url: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in raw(url, body).splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


@pytest.mark.parametrize("kind", TURNS)
def test_its_answers_are_what_openais_types_allow(vendor: ModelServer, kind: str) -> None:
    vendor.say(TURNS[kind], TURNS[kind])
    url, body = f"{vendor.openai_url}/chat/completions", {"model": "m", "messages": ASKED}

    whole = TypeAdapter(ChatCompletion).validate_json(raw(url, body), strict=True)
    streamed = events(url, body | {"stream": True, "stream_options": {"include_usage": True}})

    chunks = [TypeAdapter(ChatCompletionChunk).validate_json(json.dumps(each), strict=True) for each in streamed]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert (whole.choices[0].message.content or "") == text == TURNS[kind].get("text", "")
    finish = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1]
    assert whole.choices[0].finish_reason == finish
    assert whole.usage == chunks[-1].usage


@pytest.mark.parametrize("kind", TURNS)
def test_its_answers_are_what_anthropics_types_allow(vendor: ModelServer, kind: str) -> None:
    vendor.say(TURNS[kind], TURNS[kind])
    url, body = f"{vendor.anthropic_url}/v1/messages", {"model": "m", "messages": ASKED, "max_tokens": 9}
    event: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)

    whole = TypeAdapter(Message).validate_json(raw(url, body), strict=True)
    streamed = [each for each in events(url, body | {"stream": True}) if each["type"] != "ping"]

    told = [event.validate_json(json.dumps(each), strict=True) for each in streamed]
    text = "".join(
        each.delta.text for each in told if each.type == "content_block_delta" and each.delta.type[:4] == "text"
    )
    assert text == TURNS[kind].get("text", "")
    assert (told[0].type, told[-1].type) == ("message_start", "message_stop")
    assert told[-2].delta.stop_reason == whole.stop_reason
    assert told[-2].usage.output_tokens == whole.usage.output_tokens


def test_openais_client_reads_text_calls_and_usage(vendor: ModelServer) -> None:
    vendor.say(TURNS["text"], TURNS["calls"])
    with of_openai(vendor) as client:
        said = client.chat.completions.create(model="m", messages=ASKED)
        with client.chat.completions.stream(
            model="m", messages=ASKED, stream_options={"include_usage": True}
        ) as stream:
            streamed = stream.get_final_completion()

    assert (said.usage.prompt_tokens, said.usage.completion_tokens) == (11, 7)
    assert [call.function.arguments for call in streamed.choices[0].message.tool_calls] == ['{"query": "days"}', "{}"]


def test_anthropics_client_reads_text_calls_and_usage(vendor: ModelServer) -> None:
    vendor.say(TURNS["text"], TURNS["calls"])
    with of_anthropic(vendor) as client:
        said = client.messages.create(model="m", messages=ASKED, max_tokens=9)
        with client.messages.stream(model="m", messages=ASKED, max_tokens=9) as stream:
            streamed = stream.get_final_message()

    assert (said.usage.input_tokens, said.usage.cache_read_input_tokens, said.usage.output_tokens) == (7, 4, 7)
    assert [block.input for block in streamed.content if block.type == "tool_use"] == [{"query": "days"}, {}]


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 529])
def test_refusals_are_those_of_the_vendors(vendor: ModelServer, status: int) -> None:
    vendor.say(*[{"status": status, "retry_after": 3}] * 2)

    with pytest.raises(openai.APIStatusError) as of_one, of_openai(vendor) as client:
        client.chat.completions.create(model="m", messages=ASKED)
    with pytest.raises(anthropic.APIStatusError) as of_other, of_anthropic(vendor) as other:
        other.messages.create(model="m", messages=ASKED, max_tokens=9)

    assert of_one.value.status_code == of_other.value.status_code == status
    assert of_one.value.response.headers["retry-after"] == "3"
    assert of_one.value.body["message"]
    assert of_other.value.body["error"]["type"].endswith("_error")


@pytest.mark.parametrize("fault", [{"cut_after": 1}, {"is_dropped": True}])
def test_a_stream_can_be_cut(vendor: ModelServer, fault: dict[str, Any]) -> None:
    vendor.say({"text": "Everybody has 28 days.", **fault})

    with pytest.raises((openai.APIConnectionError, httpx2.TransportError)), of_openai(vendor) as client:
        list(client.chat.completions.create(model="m", messages=ASKED, stream=True))


def test_a_stream_can_end_in_overload(vendor: ModelServer) -> None:
    vendor.say({"text": "Everybody has 28 days.", "overload_after": 1})

    with pytest.raises(anthropic.APIStatusError) as refused, of_anthropic(vendor) as client:
        list(client.messages.create(model="m", messages=ASKED, max_tokens=9, stream=True))

    assert refused.value.body["error"]["type"] == "overloaded_error"


@pytest.mark.parametrize("fault", [{"hang_seconds": 30}, {"text": "Everybody has", "stall_after": 1}])
def test_it_can_be_silent(vendor: ModelServer, fault: dict[str, Any]) -> None:
    vendor.say(fault)

    with (
        of_openai(vendor).with_options(timeout=0.2) as client,
        pytest.raises((openai.APIError, httpx2.TimeoutException)),
    ):
        list(client.chat.completions.create(model="m", messages=ASKED, stream=True))


def test_malformed_arguments_are_sent_as_they_are(vendor: ModelServer) -> None:
    vendor.say({"calls": [{"name": "search", "raw": '{"query": '}]})
    with of_openai(vendor) as client:
        said = client.chat.completions.create(model="m", messages=ASKED)

    assert said.choices[0].message.tool_calls[0].function.arguments == '{"query": '


def test_a_citation_is_found_by_its_words(vendor: ModelServer) -> None:
    vendor.say({"text": "28 days «days of holiday»."})
    given: Any = [*ASKED, {"role": "user", "content": "<passage 1 x>\nno\n<passage 2 x>\n28 days of holiday"}]
    with of_openai(vendor) as client:
        said = client.chat.completions.create(model="m", messages=given)

    assert said.choices[0].message.content == "28 days [2]."


def test_without_a_script_it_searches_and_knows_nothing(vendor: ModelServer) -> None:
    with of_openai(vendor) as client:
        said = client.chat.completions.create(model="m", messages=ASKED, tools=TOOLS)

    assert said.choices[0].message.tool_calls[0].function.arguments == '{"query": "How many days?"}'


def test_control_requests_script_it_and_bad_ones_say_why(vendor: ModelServer) -> None:
    raw(f"{vendor.url}/__stand-in/say", {"turns": [{"text": "Hello"}], "model": "m"})
    with of_openai(vendor) as client:
        assert client.chat.completions.create(model="m", messages=ASKED).choices[0].message.content == "Hello"

    with pytest.raises(urllib.error.HTTPError) as refused:
        raw(f"{vendor.url}/__stand-in/say", {"turns": [{"txt": "Hello"}]})
    assert "no such part of a turn: txt" in refused.value.read().decode()
    assert [each["key"] for each in vendor.seen] == ["k"]
