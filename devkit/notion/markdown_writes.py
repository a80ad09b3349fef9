"""A page's content written as Markdown: what its text did not touch keeps its blocks."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from secrets import token_hex

from devkit.notion import events, reads
from devkit.notion.blocks import NewBlock
from devkit.notion.calls import Call
from devkit.notion.errors import archived, invalid, object_at, string_at, too_many, wrong
from devkit.notion.markdown import Markdown
from devkit.notion.markdown_parse import depth, parse, significant
from devkit.notion.model import Json, Node
from devkit.notion.writes import check_count, insert

COMMANDS = ("insert_content", "replace_content_range", "update_content", "replace_content")
SIGNED = re.compile(r"\?X-Amz-[^)\"]*")
MAX_UPDATES = 100
POLL_AFTER = 2


def update_markdown(call: Call) -> Json:
    page = call.get("page", call.params["page_id"], among=("page", "block", "database"))
    reads.check_dialect(call)
    if page.kind != "page":
        raise invalid("Only the content of a page can be changed as markdown.")
    if call.state.trashed(page):
        raise archived()
    shown = [(node, Markdown(call).block(node, "")) for node in call.blocks_in(page)]
    text = "\n".join(part for _, part in shown if part)
    command = next((known for known in COMMANDS if known == call.body.get("type")), "type")
    given = call.body.get(command) if command in COMMANDS else None
    if not isinstance(given, dict):
        raise wrong(f"body.{command}", "defined", None)
    _write(call, page, shown, changed(command, given, text), bool(given.get("allow_deleting_content")))
    done = reads.page_markdown(call)
    return _task(call, done) if call.body.get("allow_async") is True else done


# -- the text


def changed(command: str, given: Json, text: str) -> str:
    where = f"body.{command}"
    if command == "replace_content":
        return _text(given, "new_str", where)
    if command == "update_content":
        return _updated(given.get("content_updates"), text, f"{where}.content_updates")
    content = _text(given, "content", where)
    if command == "replace_content_range":
        start, end = _range(_text(given, "content_range", where), text)
        return text[:start] + content + text[end:]
    position = object_at(f"{where}.position", given.get("position"))
    if position and "after" in given:
        raise invalid("after and position cannot be used together.")
    if position.get("type") == "start":
        return f"{content}\n{text}"
    if "after" not in given:
        return f"{text}\n{content}"
    _, end = _range(_text(given, "after", where), text)
    line = text.find("\n", end)
    return f"{text}\n{content}" if line < 0 else f"{text[:line]}\n{content}{text[line:]}"


def _text(given: Json, key: str, where: str) -> str:
    return string_at(f"{where}.{key}", given.get(key))


def _range(selection: str, text: str) -> tuple[int, int]:
    """ "How it starts...how it ends", or all of it."""
    start, dots, end = selection.partition("...")
    first = _only(start, text)
    last = text.find(end, first + len(start)) if dots else first
    if last < 0:
        raise invalid(f"No match was found for: {selection}")
    return first, last + len(end if dots else start)


def _only(wanted: str, text: str) -> int:
    count = text.count(wanted) if wanted else 0
    if count == 0:
        raise invalid(f"No match was found for: {wanted}")
    if count > 1:
        raise invalid(f"Several matches were found for: {wanted}")
    return text.index(wanted)


def _updated(updates: object, text: str, where: str) -> str:
    if not isinstance(updates, list):
        raise wrong(where, "an array" if updates is not None else "defined", updates)
    if len(updates) > MAX_UPDATES:
        raise too_many(f"{where}.length", MAX_UPDATES, len(updates))
    for index, update in enumerate(updates):
        if not isinstance(update, dict):
            raise wrong(f"{where}[{index}]", "an object", update)
        old, new = (_text(update, key, f"{where}[{index}]") for key in ("old_str", "new_str"))
        if not (update.get("replace_all_matches") and old in text):
            _only(old, text)
        text = text.replace(old, new)
    return text


# -- the blocks


def _write(call: Call, page: Node, shown: list[tuple[Node, str]], text: str, may_delete: bool) -> None:
    lines = significant(text)
    kept = _kept([(node, significant(part)) for node, part in shown if part], lines)
    gone = [node for node, part in shown if part and node.id not in kept]
    if not may_delete and any(node.kind != "block" for node in gone):
        raise invalid("This would delete child pages or databases. Set allow_deleting_content to do so.")
    made: list[tuple[Node | None, list[NewBlock]]] = []
    end, behind = 0, None
    for node in (one for one, _ in shown if one.id in kept):
        start, stop = kept[node.id]
        made.append((behind, parse(lines[end:start])))
        end, behind = stop, node
    made.append((behind, parse(lines[end:])))
    check_count([block for _, blocks in made for block in blocks])
    bot = call.grant.bot_id
    for node in gone:
        node.in_trash = True
        events.life(call.state, node, bot, "deleted")
    for behind, blocks in made:
        at = page.children.index(behind.id) + 1 if behind is not None else 0
        for node in insert(call, page, blocks, at):
            events.content(call.state, node, bot)
    call.state.touch(page, bot)
    call.state.changed()


def _kept(old: list[tuple[Node, list[str]]], lines: list[str]) -> dict[str, tuple[int, int]]:
    """Which of the page's blocks stand in the new text as they were, and on which of its lines."""
    before = [SIGNED.sub("", line) for _, part in old for line in part]
    after = [SIGNED.sub("", line) for line in lines]
    now: dict[int, int] = {}
    for was, new, size in SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks():
        now |= {was + offset: new + offset for offset in range(size)}
    kept: dict[str, tuple[int, int]] = {}
    known = set(now.values())
    first = 0
    for node, part in old:
        places = [now.get(first + offset, -1) for offset in range(len(part))]
        first += len(part)
        start, stop = places[0], places[0] + len(part)
        grew = stop < len(lines) and depth(lines[stop]) > 0 and stop not in known
        if start >= 0 and places == list(range(start, stop)) and not grew:
            kept[node.id] = (start, stop)
    return kept


# -- asked to be done later


def _task(call: Call, result: Json) -> Json:
    """Done already: whoever asks is told so."""
    id = f"task_{token_hex(16)}"
    now = call.grant.workspace.clock.now()
    task: Json = {
        "object": "async_task",
        "id": id,
        "status": "queued",
        "status_url": f"{call.state.base_url}/v1/async_tasks/{id}",
        "created_time": now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z",
        "poll_after_seconds": POLL_AFTER,
        "operation": {"surface": "rest", "name": "PATCH /v1/pages/:page_id/markdown"},
    }
    call.grant.tasks[id] = task | {"status": "succeeded", "result": result}
    call.grant.tasks[id].pop("poll_after_seconds")
    call.status = 202
    return task


def async_task(call: Call) -> Json:
    task = call.grant.tasks.get(call.params["task_id"])
    if task is None:
        raise call.missing("async_task", call.params["task_id"])
    return dict(task)
