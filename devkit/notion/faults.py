"""Trouble on demand: rules that match requests and say what goes wrong with them."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from devkit.notion import limits
from devkit.notion.errors import ApiError, rate_limited
from devkit.notion.http import HTML, Response, json_response
from devkit.notion.limits import OWN
from devkit.notion.model import Json

UNAVAILABLE = "Notion is unavailable, please try again later."
STATUS = {
    "401": ("unauthorized", "API token is invalid."),
    "403": ("restricted_resource", "API token does not have access to this resource."),
    "409": ("conflict_error", "Conflict occurred while saving. Please try again."),
    "500": ("internal_server_error", "Unexpected error occurred."),
    "503": ("service_unavailable", UNAVAILABLE),
    "504": ("gateway_timeout", "Gateway Timeout"),
    "529": ("service_overload", "Notion is overloaded, please try again later."),
}
MATCHES = frozenset({"method", "path_regex", "token", "nth", "times", "probability", "seed"})
BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
STRANGE = {"new_field": {"added": "without a new version"}}


@dataclass
class Rule:
    id: int
    match: Json
    do: Json
    seen: int = 0
    hits: int = 0
    dice: random.Random = field(default_factory=random.Random)

    def applies(self, method: str, path: str, token: str, page_size: int) -> bool:
        match = self.match
        if match.get("method", method).upper() != method:
            return False
        if "path_regex" in match and re.search(match["path_regex"], path) is None:
            return False
        if match.get("token", token) != token:
            return False
        above = max((int(do.get("above_page_size", 0)) for do in self.do.values()), default=0)
        if page_size <= above:
            return False
        self.seen += 1
        if "nth" in match:
            nth = match["nth"] if isinstance(match["nth"], list) else [match["nth"]]
            if self.seen not in nth:
                return False
        if "times" in match and self.hits >= match["times"]:
            return False
        if "probability" in match and self.dice.random() >= match["probability"]:
            return False
        self.hits += 1
        return True


class Faults:
    def __init__(self, kinds: frozenset[str]) -> None:
        self.kinds = kinds
        self.rules: list[Rule] = []
        self._last = 0

    def add(self, given: Json) -> Rule:
        match = dict(given.get("match", {}))
        do = normalized(given["do"])
        if strange := sorted(do.keys() - self.kinds):
            raise ValueError(f"no fault {', '.join(strange)}; there are {', '.join(sorted(self.kinds))}")
        if strange := sorted(match.keys() - MATCHES):
            raise ValueError(f"no request is matched by {', '.join(strange)}, but by {', '.join(sorted(MATCHES))}")
        if "burst" in do:
            match.setdefault("times", do["burst"].get("n", 5))
            do["429"] = do.pop("burst")
        self._last += 1
        rule = Rule(self._last, match, do, dice=random.Random(match.get("seed", self._last)))
        self.rules.append(rule)
        return rule

    def remove(self, *, id: int | None = None, token: str | None = None) -> None:
        """One rule, all rules of a token, or all."""
        everything = id is None and token is None
        self.rules = [
            rule
            for rule in self.rules
            if not (everything or rule.id == id or (token is not None and rule.match.get("token") == token))
        ]

    def has(self, kind: str, details: Json) -> bool:
        """Whether the rule with these very details was not taken away since."""
        return any(rule.do.get(kind) is details for rule in self.rules)

    def pick(self, method: str, path: str, token: str, page_size: int) -> Json:
        """What is to be done with this request: all matching rules together."""
        effects: Json = {}
        for rule in self.rules:
            if rule.applies(method, path, token, page_size):
                effects |= rule.do
        return effects


def normalized(do: Any) -> Json:
    """ "500", {"500": {}}, {"slow": {"ms": 50}, "500": None} and {"kind": "500", ...} all are rules."""
    if isinstance(do, str | int):
        return {str(do): {}}
    if "kind" in do:
        return {str(do["kind"]): {key: value for key, value in do.items() if key != "kind"}}
    return {str(kind): dict(details or {}) for kind, details in do.items()}


def refusal(effects: Json) -> Response | ApiError | None:
    """The fault that answers instead of the API."""
    if "429" in effects:
        details = effects["429"]
        if details.get("html"):
            return Response(429, b"<html><body>Too many requests</body></html>", {"content-type": HTML})
        return _rate_limited(details.get("retry_after"), details.get("reason", OWN))
    if "502" in effects:
        if effects["502"].get("html", True):
            return Response(502, BAD_GATEWAY.encode(), {"content-type": HTML})
        return ApiError(502, "bad_gateway", "Bad Gateway")
    if "error" in effects:
        given = effects["error"]
        return ApiError(int(given["status"]), given["code"], given["message"], given.get("additional_data"))
    for status, (code, message) in STATUS.items():
        if status in effects:
            return ApiError(int(status), effects[status].get("code", code), effects[status].get("message", message))
    if "reset" in effects:
        return Response(200, b"", cut=0)
    if "204" in effects:
        return Response(204, b"")
    return None


def invalid_grant(effects: Json, request_id: str) -> Response:
    message = "Invalid refresh token: this token has been revoked."
    if effects["refresh_invalid_grant"].get("rfc_form"):
        short = {"error": "invalid_grant", "error_description": message, "request_id": request_id}
        return json_response(400, short)
    return json_response(400, ApiError(400, "invalid_grant", message).body(request_id))


def _rate_limited(given: Any, reason: str) -> ApiError:
    if isinstance(given, dict):
        return limits.refusal(float(given.get("seconds", 1)), given.get("form", "int"), reason)
    return rate_limited(given, reason)


def _listing(change: Callable[[Json], None]) -> Callable[[Json, Json], None]:
    def apply(body: Json, details: Json) -> None:
        if body.get("object") == "list":
            change(body)

    return apply


def _stale(body: Json) -> None:
    if body.get("has_more"):
        dead = "00000000-0000-4000-8000-00000000dead"
        given = str(body["next_cursor"])
        body["next_cursor"] = f"{given.rpartition(':')[0]}:{dead}" if given.startswith("s:") else dead


def _empty_page(body: Json) -> None:
    if body["results"]:
        body["next_cursor"] = body["results"][0]["id"] if not body.get("next_cursor") else body["next_cursor"]
        body["results"] = []
        body["has_more"] = True


def _results_null(body: Json) -> None:
    body["results"] = None


def _limit(body: Json, details: Json) -> None:
    if "n" not in details and body.get("object") == "list" and body.get("has_more"):
        body |= {"has_more": False, "next_cursor": None}
        body["request_status"] = {"type": "incomplete", "incomplete_reason": "query_result_limit_reached"}


def _omit(body: Json, details: Json) -> None:
    if body.get("object") == "list":
        ids = details.get("ids")
        body["results"] = [one for one in body["results"] if ids is not None and one["id"] not in ids]


def _strip(body: Json, details: Json) -> None:
    ids = details.get("ids")
    body["results"] = [
        {"object": one["object"], "id": one["id"]} if ids is None or one["id"] in ids else one
        for one in body.get("results", [])
    ]


def _unknown_fields(body: Json, details: Json) -> None:
    body |= STRANGE
    for one in body.get("results") or []:
        one |= STRANGE
        for value in one.get("properties", {}).values():
            value |= STRANGE
        if one.get("type") in one and isinstance(one[one["type"]], dict):
            one[one["type"]] |= STRANGE


def _unknown_block(body: Json, details: Json) -> None:
    if body.get("type") == "block" and body.get("results"):
        last = body["results"][-1]
        type = details.get("type", "hologram")
        last.pop(last["type"], None)
        last |= {"type": type, type: details.get("content", {"depth": 3})}


AFTER: dict[str, Callable[[Json, Json], None]] = {
    "stale_cursor": _listing(_stale),
    "empty_page_has_more": _listing(_empty_page),
    "results_null": _listing(_results_null),
    "limit_results": _limit,
    "search_omit": _omit,
    "strip_partial": _strip,
    "unknown_fields": _unknown_fields,
    "unknown_block_type": _unknown_block,
}


KINDS = frozenset(
    {
        *STATUS,
        *AFTER,
        *("429", "502", "204", "burst", "error", "reset", "slow", "hang", "truncate", "cut_json", "empty_body"),
        *("repeat_cursor", "commit_then", "drift", "revoke_token", "unshare", "search_lag", "refresh_invalid_grant"),
    }
)


def change_body(effects: Json, body: Json, asked_cursor: str | None) -> None:
    for kind, apply in AFTER.items():
        if kind in effects:
            apply(body, effects[kind])
    if "repeat_cursor" in effects and body.get("object") == "list":
        cursor = asked_cursor or body.get("next_cursor")
        if cursor:
            body |= {"next_cursor": cursor, "has_more": True}


def change_response(effects: Json, response: Response) -> Response:
    if "truncate" in effects:
        response.cut = int(effects["truncate"].get("bytes", len(response.body) // 2))
    if "cut_json" in effects:
        response.body = response.body[: int(effects["cut_json"].get("bytes", len(response.body) // 2))]
    if "empty_body" in effects:
        response.body = b""
    if "commit_then" in effects:
        how = str(effects["commit_then"].get("status", "503"))
        if how == "hang" or response.status >= 300:
            return response
        if how == "reset":
            return Response(200, b"", cut=0)
        return json_response(int(how), _committed(how, response))
    return response


def _committed(status: str, response: Response) -> Json:
    """Only a 503 says what was written."""
    code, message = STATUS[status]
    data: Json | None = None
    if status == "503":
        made = json.loads(response.body)
        data = {"retry_guidance": "Do not repeat the write."}
        if made.get("object") == "list":
            data["committed_child_ids"] = [one["id"] for one in made["results"]]
        else:
            data["committed_resource_id"] = made["id"]
    return ApiError(int(status), code, message, data).body("00000000-0000-4000-8000-000000000000")
