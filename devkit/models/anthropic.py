"""Messages as Anthropic writes them down: https://docs.anthropic.com/en/api/messages."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

from devkit.models.script import Call, Json, Turn

PATH = "/messages"
_numbers = itertools.count(1)
ERRORS = {
    400: ("invalid_request_error", "The request is malformed."),
    401: ("authentication_error", "invalid x-api-key"),
    404: ("not_found_error", "model not found"),
    429: ("rate_limit_error", "Too many requests."),
    529: ("overloaded_error", "Overloaded"),
}


def error(status: int) -> Json:
    kind, message = ERRORS.get(status, ("api_error", "Internal server error"))
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": f"req_{next(_numbers)}"}


def whole(turn: Turn, body: Json) -> Json:
    content: list[Json] = [{"type": "text", "text": turn.text, "citations": None}] if turn.text else []
    content += [_call(each, whole=True) for each in turn.calls]
    return {**_message(turn, body), "content": content, "stop_reason": _stop(turn), "usage": _usage(turn)}


def stream(turn: Turn, body: Json) -> Iterator[tuple[str, bool]]:
    """Events, and whether each is a piece of text."""
    begun = {**_message(turn, body), "content": [], "stop_reason": None, "usage": {**_usage(turn), "output_tokens": 1}}
    yield _event("message_start", {"message": begun}), False
    yield _event("ping", {}), False
    index = 0
    if turn.text:
        yield from _block(index, {"type": "text", "text": ""}, "text_delta", "text", turn.pieces)
        index += 1
    for call in turn.calls:
        known = _call(call, whole=False)
        raw = call.raw or json.dumps(call.arguments)
        pieces = ["", *(raw[at : at + 6] for at in range(0, len(raw), 6))]
        for event, _ in _block(index, known, "input_json_delta", "partial_json", pieces):
            yield event, False
        index += 1
    delta = {"stop_reason": _stop(turn), "stop_sequence": None}
    usage = {"output_tokens": turn.output_tokens if turn.has_usage else 0}
    yield _event("message_delta", {"delta": delta, "usage": usage}), False
    yield _event("message_stop", {}), False


def overloaded() -> str:
    return _event("error", error(529))


def _block(index: int, start: Json, kind: str, name: str, pieces: list[str]) -> Iterator[tuple[str, bool]]:
    yield _event("content_block_start", {"index": index, "content_block": start}), False
    for piece in pieces:
        yield _event("content_block_delta", {"index": index, "delta": {"type": kind, name: piece}}), True
    yield _event("content_block_stop", {"index": index}), False


def _event(name: str, data: Json) -> str:
    return f"event: {name}\ndata: {json.dumps({**data, 'type': name})}\n\n"


def _message(turn: Turn, body: Json) -> Json:
    return {
        "id": f"msg_{next(_numbers)}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "stop_sequence": None,
    }


def _call(call: Call, *, whole: bool) -> Json:
    return {
        "type": "tool_use",
        "id": f"toolu_{next(_numbers)}",
        "name": call.name,
        "input": call.arguments if whole else {},
    }


def _stop(turn: Turn) -> str:
    if turn.stop == "refusal":
        return "refusal"
    return "max_tokens" if turn.stop == "length" else "tool_use" if turn.calls else "end_turn"


def _usage(turn: Turn) -> Json:
    """Anthropic counts what it read from its cache apart."""
    read = (turn.input_tokens or 0) if turn.has_usage else 0
    return {
        "input_tokens": read - turn.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": turn.cached_tokens,
        "output_tokens": (turn.output_tokens or 0) if turn.has_usage else 0,
    }
