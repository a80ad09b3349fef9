"""Rich text: from a seed's shorthand or a request's items to the form answers carry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devkit.notion.errors import invalid, object_at, string_at, too_many, wrong
from devkit.notion.ids import parse_id

Json = dict[str, Any]
Find = Callable[[str, str], str]

STYLES = ("bold", "italic", "strikethrough", "underline", "code")


def styled(given: Json | None = None) -> Json:
    given = given or {}
    return {style: bool(given.get(style, False)) for style in STYLES} | {"color": given.get("color", "default")}


def text_item(content: str, *, link: str | None = None, style: Json | None = None) -> Json:
    return {
        "type": "text",
        "text": {"content": content, "link": {"url": link} if link else None},
        "annotations": styled(style),
        "plain_text": content,
        "href": link,
    }


def mention_item(mention: Json, plain_text: str, *, href: str | None = None, style: Json | None = None) -> Json:
    return {
        "type": "mention",
        "mention": mention,
        "annotations": styled(style),
        "plain_text": plain_text,
        "href": href,
    }


def equation_item(expression: str, style: Json | None = None) -> Json:
    return {
        "type": "equation",
        "equation": {"expression": expression},
        "annotations": styled(style),
        "plain_text": expression,
        "href": None,
    }


def plain(items: list[Json]) -> str:
    return "".join(item["plain_text"] for item in items)


def merge(items: list[Json]) -> list[Json]:
    """Neighbours of equal style and link become one, as the server does on storing."""
    merged: list[Json] = []
    for item in items:
        last = merged[-1] if merged else None
        if last and last["type"] == item["type"] == "text" and _same_style(last, item):
            merged[-1] = text_item(
                last["text"]["content"] + item["text"]["content"], link=item["href"], style=item["annotations"]
            )
        else:
            merged.append(item)
    return [item for item in merged if item["type"] != "text" or item["plain_text"]]


def _same_style(one: Json, other: Json) -> bool:
    return bool(one["annotations"] == other["annotations"] and one["href"] == other["href"])


# -- the shorthand of seeds


def from_seed(value: object, find: Find) -> list[Json]:
    """`find(kind, key)` gives the id of a page, database or user of the same seed."""
    if value is None:
        return []
    parts = value if isinstance(value, list) else [value]
    return merge([_seed_item(part, find) for part in parts])


def _seed_item(part: object, find: Find) -> Json:
    if not isinstance(part, dict):
        return text_item(str(part))
    if "raw" in part:
        raw: Json = part["raw"]
        return raw
    if "equation" in part:
        return equation_item(str(part["equation"]), part)
    if "mention_date" in part:
        date = part["mention_date"]
        value = dict(date) if isinstance(date, dict) else {"start": date}
        start, end = str(value["start"]), value.get("end")
        shown = f"{start} → {end}" if end else start
        mention = {"start": start, "end": str(end) if end else None, "time_zone": value.get("time_zone")}
        return mention_item({"type": "date", "date": mention}, shown, style=part)
    for kind in ("page", "database", "user"):
        if f"mention_{kind}" in part:
            target = find(kind, str(part[f"mention_{kind}"]))
            inner = {"object": "user", "id": target} if kind == "user" else {"id": target}
            return mention_item({"type": kind, kind: inner}, "", style=part)
    return text_item(str(part.get("text", "")), link=part.get("link"), style=part)


# -- the items of requests


def from_api(items: object, where: str) -> list[Json]:
    if not isinstance(items, list):
        raise wrong(where, "an array", items)
    if len(items) > 100:
        raise too_many(f"{where}.length", 100, len(items))
    return merge([_api_item(item, f"{where}[{index}]") for index, item in enumerate(items)])


def _api_item(item: object, where: str) -> Json:
    if not isinstance(item, dict):
        raise wrong(where, "an object", item)
    kind = item.get("type") or next((key for key in ("text", "mention", "equation") if key in item), None)
    style = object_at(f"{where}.annotations", item.get("annotations"))
    payload = item.get(str(kind))
    if kind not in ("text", "mention", "equation") or not isinstance(payload, dict):
        raise wrong(f"{where}.text", "defined", None)
    if kind == "text":
        content = payload.get("content")
        if not isinstance(content, str):
            raise wrong(f"{where}.text.content", "a string", content)
        _check_length(f"{where}.text.content", content, 2000)
        given = object_at(f"{where}.text.link", payload.get("link"))
        link = string_at(f"{where}.text.link.url", given.get("url")) if given else None
        _check_length(f"{where}.text.link.url", link or "", 2000)
        return text_item(content, link=link, style=style)
    if kind == "equation":
        expression = str(payload.get("expression", ""))
        _check_length(f"{where}.equation.expression", expression, 1000)
        return equation_item(expression, style)
    return _api_mention(payload, style, f"{where}.mention")


def _api_mention(mention: Json, style: Json, where: str) -> Json:
    kind = mention.get("type") or next(iter(mention), "")
    payload = mention.get(kind)
    if kind not in ("user", "page", "database", "date", "custom_emoji") or not isinstance(payload, dict):
        raise invalid(f"Mention type {kind} is not supported.")
    if kind == "custom_emoji":
        return mention_item({"type": kind, kind: payload}, f":{payload.get('name', '')}:", style=style)
    if kind == "date":
        payload = {"start": payload.get("start"), "end": payload.get("end"), "time_zone": payload.get("time_zone")}
        return mention_item({"type": "date", "date": payload}, str(payload["start"]), style=style)
    id = parse_id(payload.get("id"))
    if id is None:
        raise wrong(f"{where}.{kind}.id", "a valid uuid", payload.get("id"))
    inner = {"object": "user", "id": id} if kind == "user" else {"id": id}
    return mention_item({"type": kind, kind: inner}, "", style=style)


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _check_length(where: str, text: str, limit: int) -> None:
    if utf16(text) > limit:
        raise too_many(f"{where}.length", limit, utf16(text))
