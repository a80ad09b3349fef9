"""A recorded sequence as it can be asked again: the workspace as it stood before, and its steps with new ids."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from devkit.notion.recorded import Collected
from devkit.notion.richtext import text_item
from tests.devkit.notion.recordings import RECORDED, Json, interactions

ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
RELATED = re.compile(r'"relation": \[[^\]]*\]')
MADE: Json = {
    "created_time": "2026-01-01T00:00:00.000Z",
    "last_edited_time": "2026-01-01T00:00:00.000Z",
    "in_trash": False,
}
CREATES = (
    ("POST", "pages"),
    ("POST", "databases"),
    ("POST", "data_sources"),
    ("POST", "comments"),
    ("PATCH", "children"),
)


def dashed(id: str) -> str:
    bare = id.replace("-", "")
    return "-".join((bare[:8], bare[8:12], bare[12:16], bare[16:20], bare[20:]))


def path_of(step: Json) -> str:
    return "/v1/" + str(step["request"]["url"]).partition("/v1/")[2]


def results(body: Any) -> list[Json]:
    if not isinstance(body, dict):
        return []
    listed = body.get("results")
    return [one for one in (listed if isinstance(listed, list) else [body]) if "id" in one]


@cache
def _everything() -> Collected:
    every = Collected()
    for file in sorted(RECORDED.glob("*.json")):
        every.read(json.loads(file.read_text()))
    every.complete()
    return every


def created(name: str) -> set[str]:
    """What the sequence itself makes: of an insertion's answer the first, what follows stood there before."""
    made: set[str] = set()
    for step in interactions(name):
        asked, end = step["request"], path_of(step).partition("?")[0].rpartition("/")[2]
        if (asked["method"], end) in CREATES:
            number = len(asked["body"].get("children") or [()]) if end == "children" else 1
            for one in results(step["response"]["body"])[:number]:
                made |= {one["id"], *sources(one)}
    return made


def sources(database: Json) -> list[str]:
    return [source["id"] for source in database.get("data_sources", [])]


def _as_first_read(name: str, gone: set[str]) -> dict[str, Json]:
    """Tables before the sequence changed their columns; any other recording shows them as they became."""
    first: dict[str, Json] = {}
    for step in interactions(name):
        for one in results(step["response"]["body"]) if step["request"]["method"] == "GET" else []:
            if one["object"] == "data_source" and one["id"] not in gone:
                first.setdefault(one["id"], one)
    return first


def write(name: str, folder: Path) -> None:
    """A recording of everything but what the sequence makes. What it names and no recording shows is empty."""
    everything, gone = _everything(), created(name)
    known = {key: one for key, one in everything.objects.items() if not _is_below(key, gone, everything.objects)}
    known |= _as_first_read(name, gone)
    # First, since what is inserted after one of these has others behind it.
    empty: dict[str, Json] = {}
    for step in interactions(name):
        for id, made in _named(step):
            if id not in known and id not in gone:
                empty.setdefault(id, made)
    users = {"object": "list", "results": [], "users": [vars(user) for user in everything.users.values()]}
    shown = [*empty.values(), *known.values(), users]
    calls = [{"response": {"status": 200, "body": {"object": "list", "results": [one]}}} for one in shown]
    (folder / "before.json").write_text(json.dumps({"sequence": calls}, default=str))


def _named(step: Json) -> Iterator[tuple[str, Json]]:
    """The objects that a step takes for there, each as it is when nothing is known of it."""
    asked, body = step["request"], step["request"].get("body") or {}
    path = path_of(step).partition("?")[0]
    target = ID.search(path)
    if target is not None and path.startswith(("/v1/blocks", "/v1/pages")):
        yield dashed(target[0]), _page(dashed(target[0]))
    if target is not None and path.startswith("/v1/data_sources"):
        yield dashed(target[0]), _source(dashed(target[0]))
    for one in results(step["response"]["body"]):
        for source in one.get("data_sources", []):
            yield source["id"], _source(source["id"], one["id"], source["name"])
    behind = (body.get("position") or {}).get("after_block", {}).get("id")
    if behind and target is not None:
        yield dashed(behind), _paragraph(dashed(behind), dashed(target[0]))
    parents = [body.get("parent") or {}, *(one.get("parent", {}) for one in results(step["response"]["body"]))]
    pages = [str(parent["page_id"]) for parent in parents if "page_id" in parent]
    if asked["method"] != "GET":
        pages += ID.findall("".join(RELATED.findall(json.dumps(body.get("properties") or {}))))
    for id in map(dashed, pages):
        yield id, _page(id)


def _is_below(key: str, gone: set[str], objects: dict[str, Json]) -> bool:
    while key in objects and key not in gone:
        parent = objects[key]["parent"]
        key = str(parent.get(parent["type"]))
    return key in gone


def _page(id: str) -> Json:
    title = {"id": "title", "type": "title", "title": []}
    parent = {"type": "workspace", "workspace": True}
    about = {"object": "page", "id": id, "parent": parent, "properties": {"title": title}}
    return MADE | about | {"url": "https://www.notion.so/x"}


def _source(id: str, database_id: str = "", name: str = "") -> Json:
    title = {"id": "title", "name": "Name", "type": "title", "title": {}, "description": None}
    parents = {"parent": {"type": "database_id", "database_id": database_id or id}}
    parents["database_parent"] = {"type": "workspace"}
    called = [text_item(name)] if name else []
    return MADE | parents | {"object": "data_source", "id": id, "title": called, "properties": {"Name": title}}


def _paragraph(id: str, page_id: str) -> Json:
    parent = {"type": "page_id", "page_id": page_id}
    about = {"object": "block", "id": id, "parent": parent, "type": "paragraph", "has_children": False}
    return MADE | about | {"paragraph": {"rich_text": [], "color": "default"}}


class Ids:
    """What the recording calls by one id has another one here, as soon as it is shown."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def translated(self, text: str) -> str:
        return ID.sub(lambda found: self.known.get(dashed(found[0]), found[0]), text)

    def learn(self, recorded: Any, shown: Any) -> None:
        for before, now in zip(results(recorded), results(shown), strict=False):
            old, new = (ID.search(one["id"]) for one in (before, now))
            if old and new:
                self.known[dashed(old[0])] = new[0]
            self.known |= dict(zip(sources(before), sources(now), strict=True))
