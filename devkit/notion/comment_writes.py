"""Comments, written, changed and deleted. None of it makes a page newer."""

from __future__ import annotations

from devkit.notion import events, richtext, uploads
from devkit.notion.calls import Call
from devkit.notion.errors import archived, object_at, restricted, string_at, too_many, wrong
from devkit.notion.ids import parse_id
from devkit.notion.model import Json, Node, make_new_id

ATTACHMENTS = 3


def create_comment(call: Call) -> Json:
    text, shown_as, files = _text(call), _display_name(call), _files(call)
    on, discussion = _discussed(call)
    if call.state.trashed(on):
        raise archived()
    bot = call.grant.bot_id
    node = call.state.create("comment", parent=on.id, workspace=call.grant.workspace, by=bot, data={})
    node.data = {"discussion_id": discussion or make_new_id(call.grant.workspace), "rich_text": text}
    node.data |= {"display_name": shown_as, "attachments": [uploads.attachment(file) for file in files]}
    for file in files:
        file.data["attached"] = True
    call.state.add(node)
    events.comment(call.state, node, bot)
    return call.renderer.comment(node)


def _text(call: Call) -> list[Json]:
    """Markdown is kept as it was written."""
    markdown = call.body.get("markdown")
    if markdown is None:
        return richtext.from_api(call.body.get("rich_text"), "body.rich_text")
    if "rich_text" in call.body:
        raise wrong("body.markdown", "not present", markdown)
    return richtext.from_api([{"text": {"content": string_at("body.markdown", markdown)}}], "body.markdown")


def _display_name(call: Call) -> Json | None:
    given = object_at("body.display_name", call.body.get("display_name"))
    kind = given.get("type", "integration")
    if kind == "integration":
        return None
    if kind == "user":
        return {"type": "user", "resolved_name": call.grant.user.name if call.grant.user else None}
    if kind != "custom":
        raise wrong("body.display_name.type", '`"integration"`, `"user"` or `"custom"`', kind)
    where = "body.display_name.custom"
    name = string_at(f"{where}.name", object_at(where, given.get("custom")).get("name"))
    return {"type": "custom", "resolved_name": name}


def _files(call: Call) -> list[Node]:
    given = call.body.get("attachments") or []
    if not isinstance(given, list):
        raise wrong("body.attachments", "an array", given)
    if len(given) > ATTACHMENTS:
        raise too_many("body.attachments.length", ATTACHMENTS, len(given))
    named = [one.get("file_upload_id") if isinstance(one, dict) else one for one in given]
    where = "body.attachments[{}].file_upload_id"
    return [uploads.usable(call, id, where.format(index)) for index, id in enumerate(named)]


def _discussed(call: Call) -> tuple[Node, str | None]:
    """The page or block commented on, and the discussion that is continued."""
    discussion = parse_id(call.body.get("discussion_id"))
    if discussion is not None:
        for node in call.state.inside(call.grant.workspace.id):
            if node.kind == "comment" and node.data["discussion_id"] == discussion:
                return call.block(node.parent or ""), discussion
        raise call.missing("discussion", discussion)
    parent = object_at("body.parent", call.body.get("parent"))
    given = parent.get("page_id") or parent.get("block_id")
    id = parse_id(given)
    if id is None:
        raise wrong("body.parent.page_id", "a valid uuid" if given else "defined", given)
    return call.block(id), None


def _own(call: Call) -> Node:
    """A connection changes what it wrote itself."""
    node = call.get("comment", call.params["comment_id"])
    if node.created_by != call.grant.bot_id:
        raise restricted()
    if call.state.trashed(node):
        raise archived()
    return node


def update_comment(call: Call) -> Json:
    node = _own(call)
    node.data["rich_text"] = _text(call)
    call.state.touch(node, call.grant.bot_id)
    events.comment(call.state, node, call.grant.bot_id, "updated")
    return call.renderer.comment(node)


def delete_comment(call: Call) -> Json:
    node = _own(call)
    shown = call.renderer.comment(node)
    events.comment(call.state, node, call.grant.bot_id, "deleted")
    call.state.remove(node)
    return shown
