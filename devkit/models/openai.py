"""Chat completions as OpenAI writes them down: https://platform.openai.com/docs/api-reference/chat."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

from devkit.models.script import Call, Json, Turn

PATH = "/chat/completions"
DONE = "data: [DONE]\n\n"
_numbers = itertools.count(1)
REFUSED = "I cannot help with that."
ERRORS = {
    400: ("invalid_request_error", None, "The request is malformed."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    404: ("invalid_request_error", "model_not_found", "The model does not exist."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached."),
}


def error(status: int) -> Json:
    kind, code, message = ERRORS.get(status, ("server_error", None, "The server had an error."))
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def whole(turn: Turn, body: Json) -> Json:
    message: Json = {"role": "assistant", "content": turn.text or None, "refusal": None}
    if turn.stop == "refusal":
        message |= {"content": None, "refusal": REFUSED}
    if turn.calls:
        message["tool_calls"] = [_call(each) for each in turn.calls]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(turn)}
    answer = {**_base(body), "object": "chat.completion", "choices": [choice]}
    return {**answer, "usage": _usage(turn)} if turn.has_usage else answer


def stream(turn: Turn, body: Json) -> Iterator[tuple[str, bool]]:
    """Events, and whether each is a piece of text."""
    base = {**_base(body), "object": "chat.completion.chunk"}

    def chunk(delta: Json, finish: str | None = None) -> str:
        choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
        return _event({**base, "choices": choices, "usage": None})

    yield chunk({"role": "assistant", "content": "", "refusal": None}), False
    if turn.stop == "refusal":
        yield chunk({"refusal": REFUSED}), False
    for piece in turn.pieces:
        yield chunk({"content": piece}), True
    for position, call in enumerate(turn.calls):
        known = _call(call)
        arguments = known["function"]["arguments"]
        begun = {**known, "index": position, "function": {"name": call.name, "arguments": ""}}
        yield chunk({"tool_calls": [begun]}), False
        for at in range(0, len(arguments), 6):
            more = {"index": position, "function": {"arguments": arguments[at : at + 6]}}
            yield chunk({"tool_calls": [more]}), False
    yield chunk({}, _finish(turn)), False
    if turn.has_usage and (body.get("stream_options") or {}).get("include_usage"):
        yield _event({**base, "choices": [], "usage": _usage(turn)}), False
    yield DONE, False


def overloaded() -> str:
    return _event(error(500))


def _event(data: Json) -> str:
    return f"data: {json.dumps(data)}\n\n"


def _base(body: Json) -> Json:
    return {"id": f"chatcmpl-{next(_numbers)}", "created": 1_780_000_000, "model": body["model"]}


def _call(call: Call) -> Json:
    arguments = call.raw or json.dumps(call.arguments)
    return {
        "id": f"call_{next(_numbers)}",
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def _finish(turn: Turn) -> str:
    if turn.stop == "refusal":
        return "content_filter"
    return "length" if turn.stop == "length" else "tool_calls" if turn.calls else "stop"


def _usage(turn: Turn) -> Json:
    said, read = turn.output_tokens or 0, turn.input_tokens or 0
    return {
        "prompt_tokens": read,
        "completion_tokens": said,
        "total_tokens": read + said,
        "prompt_tokens_details": {"cached_tokens": turn.cached_tokens, "audio_tokens": 0},
    }
