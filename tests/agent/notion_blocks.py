"""Blocks and rich text by hand, and the recorded answers of the real Notion beside the project."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).resolve().parents[2] / ".." / "shared" / "notion" / "recorded"
NOT_THERE = "the recordings in ../shared are not part of the project"

Json = dict[str, Any]


def text(words: str, href: str | None = None, **annotations: bool) -> Json:
    return {
        "type": "text",
        "text": {"content": words, "link": {"url": href} if href else None},
        "annotations": {"bold": False, "italic": False, "code": False, "color": "default", **annotations},
        "plain_text": words,
        "href": href,
    }


def block(kind: str, words: str | list[Json] | None = None, *below: Json, id: str = "b", **payload: Any) -> Json:
    if words is not None:
        payload["rich_text"] = [text(words)] if isinstance(words, str) else words
    made: Json = {"object": "block", "id": id, "type": kind, kind: payload, "has_children": bool(below)}
    return made | ({"children": list(below)} if below else {})


def row(*cells: str, id: str = "r") -> Json:
    return block("table_row", id=id, cells=[[text(cell)] for cell in cells])


def recorded_bodies() -> Iterator[Json]:
    for path in sorted(RECORDED.glob("*.json")):
        recording = json.loads(path.read_text())
        for interaction in recording.get("sequence", [recording]):
            body = interaction["response"]["body"]
            if isinstance(body, dict):
                yield body


def recorded_objects(kind: str) -> Iterator[Json]:
    """All of one kind (block, page, data_source), wherever they stand in an answer."""
    waiting: list[Any] = list(recorded_bodies())
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            if found.get("object") == kind and "type" in found if kind == "block" else found.get("object") == kind:
                yield found
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)


def recorded_lists(name: str) -> dict[str, list[Json]]:
    """The children that were listed in a recording, by the id they stand under; the first is the page's."""
    sequence = json.loads((RECORDED / name).read_text())["sequence"]
    listings = [each for each in sequence if "/children" in each["request"]["url"]]
    return {each["request"]["url"].split("/")[5]: each["response"]["body"]["results"] for each in listings}


def recorded_tree(name: str) -> list[Json]:
    """The blocks of a recorded page, put together from the listings of its parts."""
    lists = recorded_lists(name)
    for blocks in lists.values():
        for child in blocks:
            if child["id"] in lists:
                child["children"] = lists[child["id"]]
    first: list[Json] = next(iter(lists.values()))
    return first
