"""Block types: what each one carries, which may hold children, and how a request's block is stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from devkit.notion import assets, richtext
from devkit.notion.errors import invalid, too_many, wrong

Json = dict[str, Any]


@dataclass(frozen=True)
class BlockType:
    """`defaults` in the order answers show them; None stands for a fresh empty rich text list."""

    defaults: Json
    children: bool = False
    writable: bool = True
    rich: tuple[str, ...] = field(default=("rich_text",))


TEXT: Json = {"rich_text": None, "color": "default"}
HEADING: Json = {"rich_text": None, "is_toggleable": False, "color": "default"}

TYPES: dict[str, BlockType] = {
    "paragraph": BlockType({"rich_text": None, "icon": "null", "color": "default"}, children=True),
    "heading_1": BlockType(HEADING, children=True),
    "heading_2": BlockType(HEADING, children=True),
    "heading_3": BlockType(HEADING, children=True),
    "heading_4": BlockType(HEADING, children=True),
    "bulleted_list_item": BlockType(TEXT, children=True),
    "numbered_list_item": BlockType(TEXT, children=True),
    "to_do": BlockType({"rich_text": None, "checked": False, "color": "default"}, children=True),
    "toggle": BlockType(TEXT, children=True),
    "quote": BlockType(TEXT, children=True),
    "callout": BlockType({"rich_text": None, "icon": "null", "color": "default"}, children=True),
    "code": BlockType({"caption": None, "rich_text": None, "language": "plain text"}, rich=("caption", "rich_text")),
    "equation": BlockType({"expression": ""}, rich=()),
    "divider": BlockType({}, rich=()),
    "breadcrumb": BlockType({}, rich=()),
    "table_of_contents": BlockType({"color": "default"}, rich=()),
    "table": BlockType({"table_width": 1, "has_column_header": False, "has_row_header": False}, children=True, rich=()),
    "table_row": BlockType({"cells": []}, rich=()),
    "column_list": BlockType({}, children=True, rich=()),
    "column": BlockType({}, children=True, rich=()),
    "tab": BlockType({}, children=True, rich=()),
    "synced_block": BlockType({"synced_from": "null"}, children=True, rich=()),
    "template": BlockType({"rich_text": None}, children=True),
    "link_to_page": BlockType({}, rich=()),
    "bookmark": BlockType({"caption": None, "url": ""}, rich=("caption",)),
    "embed": BlockType({"caption": None, "url": ""}, rich=("caption",)),
    "link_preview": BlockType({"url": ""}, writable=False, rich=()),
    "image": BlockType({"caption": None}, rich=("caption",)),
    "video": BlockType({"caption": None}, rich=("caption",)),
    "audio": BlockType({"caption": None}, rich=("caption",)),
    "pdf": BlockType({"caption": None}, rich=("caption",)),
    "file": BlockType({"caption": None}, rich=("caption",)),
    "meeting_notes": BlockType({}, children=True, writable=False, rich=()),
    "unsupported": BlockType({"block_type": "unsupported"}, writable=False, rich=()),
}
FILES = ("image", "video", "audio", "pdf", "file")
READ_ONLY = ("plain_text", "href", "has_children", "is_archived", "created_time", "last_edited_time")


def content(type: str, given: Json) -> Json:
    """The stored payload of a block: given keys over the type's defaults, in the order answers have."""
    known = TYPES.get(type)
    if known is None:
        return given
    filled: Json = {}
    for key, default in known.defaults.items():
        fresh = [] if default is None else None if default == "null" else default
        filled[key] = given.get(key, fresh)
    return filled | {key: value for key, value in given.items() if key not in filled}


@dataclass
class NewBlock:
    type: str
    content: Json
    children: list[NewBlock]

    def size(self) -> int:
        return 1 + sum(child.size() for child in self.children)


def from_request(items: object, where: str = "body.children", depth: int = 0) -> list[NewBlock]:
    if not isinstance(items, list):
        raise wrong(where, "an array" if items is not None else "defined", items)
    if len(items) > 100:
        raise too_many(f"{where}.length", 100, len(items))
    if items and depth > 2:
        raise wrong(where, "not present", items)
    return [_new_block(item, f"{where}[{index}]", depth) for index, item in enumerate(items)]


def _new_block(item: object, where: str, depth: int) -> NewBlock:
    if not isinstance(item, dict):
        raise wrong(where, "an object", item)
    named = item.get("type") or next((key for key in item if key in TYPES), None)
    known = TYPES.get(str(named))
    if named is None or known is None or not isinstance(item.get(named), dict):
        raise wrong(f"{where}.{named or 'paragraph'}", "defined", None)
    if not known.writable:
        raise invalid(f"Block type {named} is not supported via the API for your bot type.")
    payload = dict(item[named])
    children = payload.pop("children", None) or item.get("children") or []
    blocks = from_request(children, f"{where}.{named}.children", depth + 1)
    if blocks and not known.children:
        raise wrong(f"{where}.{named}.children", "not present", children)
    _check_shape(str(named), blocks, where)
    return NewBlock(str(named), update(str(named), {}, payload, f"{where}.{named}"), blocks)


def _check_shape(type: str, children: list[NewBlock], where: str) -> None:
    if type == "table" and not children:
        raise wrong(f"{where}.table.children", "defined", None)
    if type == "column_list" and (len(children) < 2 or not all(column.children for column in children)):
        raise wrong(f"{where}.column_list.children", "at least two columns with content", None)


def update(type: str, old: Json, given: Json, where: str) -> Json:
    """The payload after a write: rich text is normalized and replaced whole, the rest laid over."""
    known = TYPES[type]
    for key in given:
        if key in READ_ONLY:
            raise wrong(f"{where}.{key}", "not present", given[key])
    new = dict(given)
    for key in known.rich:
        if key in given:
            new[key] = richtext.from_api(given[key], f"{where}.{key}")
    if type == "table_row" and "cells" in given:
        new["cells"] = [richtext.from_api(cell, f"{where}.cells[{i}]") for i, cell in enumerate(given["cells"])]
    if "icon" in given and "icon" in known.defaults:
        new["icon"] = assets.from_api(given["icon"], "icon", f"{where}.icon")
    if type in FILES:
        if type == "file" and "name" in given.get("file", {}):
            new.setdefault("name", given["file"]["name"])
        if any(kind in given for kind in ("external", "file")):
            old = {key: value for key, value in old.items() if key not in ("external", "file")}
        new["type"] = given.get("type") or next((k for k in ("external", "file") if k in given), old.get("type"))
    return content(type, old | new)


def walk(blocks: list[NewBlock]) -> Iterator[NewBlock]:
    for block in blocks:
        yield block
        yield from walk(block.children)
