"""Files sent through the API: made, sent in one or many parts, imported, and put into blocks and properties."""

from __future__ import annotations

from datetime import timedelta
from mimetypes import guess_type
from typing import Any
from urllib.parse import urlsplit

from devkit.notion import events, paging
from devkit.notion.calls import Call
from devkit.notion.clock import millis
from devkit.notion.errors import invalid, string_at, too_many, wrong
from devkit.notion.ids import parse_id
from devkit.notion.model import Json, Node
from devkit.notion.paging import Listed
from devkit.notion.render import UPLOAD_LIFE, listing

MIB = 1024 * 1024
SINGLE, LEAST_PART = 20 * MIB, 5 * MIB
MAX_PARTS = 10_000
MAX_NAME = 900
MODES = ("single_part", "multi_part", "external_url")
STATUSES = ("pending", "uploaded", "expired", "failed")
IMPORT_TAKES = timedelta(seconds=1)


def create_upload(call: Call) -> Json:
    body = call.body
    call.require(call.capability)
    mode = body.get("mode", "single_part")
    if mode not in MODES:
        raise wrong("body.mode", '`"single_part"`, `"multi_part"` or `"external_url"`', mode)
    name = body.get("filename")
    if name is not None and (not isinstance(name, str) or not name):
        raise wrong("body.filename", "a string", name)
    if len(str(name).encode()) > MAX_NAME:
        raise too_many("body.filename.length", MAX_NAME, len(str(name).encode()))
    type = body.get("content_type")
    if type is not None:
        string_at("body.content_type", type)
    _check_mode(call, mode)
    node = call.state.create(
        "file_upload",
        parent=None,
        workspace=call.grant.workspace,
        by=call.grant.bot_id,
        data={
            "mode": mode,
            "status": "pending",
            "filename": name,
            "content_type": type or guess_type(name or "")[0],
            "content": None,
            "parts": {},
            "total": body.get("number_of_parts"),
            "url": body.get("external_url"),
            "attached": False,
            "imported": None,
        },
    )
    call.state.add(node)
    events.tell(call.state, "file_upload.created", node, call.grant.bot_id)
    return call.renderer.file_upload(node)


def _check_mode(call: Call, mode: str) -> None:
    body = call.body
    needed = {"multi_part": ("filename", "number_of_parts"), "external_url": ("filename", "external_url")}
    for key in needed.get(mode, ()):
        if body.get(key) is None:
            raise wrong(f"body.{key}", "defined", None)
    for key, only in (("number_of_parts", "multi_part"), ("external_url", "external_url")):
        if body.get(key) is not None and mode != only:
            raise wrong(f"body.{key}", "not present", body[key])
    total = body.get("number_of_parts")
    if total is not None and (isinstance(total, bool) or not isinstance(total, int) or total < 1):
        raise wrong("body.number_of_parts", "≥ `1`", total)
    if total is not None and total > MAX_PARTS:
        raise too_many("body.number_of_parts", MAX_PARTS, total)
    url = body.get("external_url")
    if url is not None and not _is_https(str(url)):
        raise wrong("body.external_url", "a valid HTTPS URL", url)
    if mode == "multi_part" and call.grant.workspace.plan == "free":
        raise invalid("Multi-part file uploads are not available in free workspaces.")


def _is_https(url: str) -> bool:
    try:
        return urlsplit(url).scheme == "https" and bool(urlsplit(url).hostname)
    except ValueError:
        return False


def _upload(call: Call) -> Node:
    node = call.get("file_upload", call.params["file_upload_id"])
    settle(call, node)
    return node


def settle(call: Call, node: Node) -> None:
    """What time has done to it: an import has come, or an hour has passed without a use."""
    data, now = node.data, node.workspace.clock.now()
    if data["mode"] == "external_url" and data["status"] == "pending" and now >= node.created + IMPORT_TAKES:
        _import(call, node)
    unused = data["status"] in ("pending", "uploaded") and not data["attached"]
    if unused and now >= node.created + UPLOAD_LIFE:
        data["status"] = "expired"
        events.tell(call.state, "file_upload.expired", node, node.created_by)


def _import(call: Call, node: Node) -> None:
    """Nothing is fetched: a host that cannot exist has failed, any other gave some bytes."""
    imported: Json = {"imported_time": millis(node.created + IMPORT_TAKES).replace("+00:00", "Z")}
    if (urlsplit(node.data["url"]).hostname or "").endswith(".invalid"):
        error: Json = {"type": "download_error", "code": "download_failed", "message": "It could not be downloaded."}
        imported |= {"type": "error", "error": error | {"parameter": None, "status_code": None}}
        node.data |= {"status": "failed", "imported": imported}
        events.tell(call.state, "file_upload.upload_failed", node, node.created_by, file_import_result=imported)
        return
    node.data["imported"] = imported | {"type": "success", "success": {}}
    _uploaded(call, node, f"content of {node.data['filename']}\n".encode())


def _uploaded(call: Call, node: Node, content: bytes) -> None:
    node.data |= {"status": "uploaded", "content": content, "parts": {}}
    events.tell(call.state, "file_upload.completed", node, node.created_by)


def send_upload(call: Call) -> Json:
    node = _upload(call)
    part = call.parts.get("file")
    if part is None:
        raise wrong("body.file", "defined", None)
    if node.data["status"] != "pending" or node.data["mode"] == "external_url":
        raise invalid(f"File upload with ID {node.id} has status {node.data['status']} and takes no content.")
    most = min(SINGLE, node.workspace.upload_limit)
    if len(part.content) > most:
        raise invalid(f"File size {len(part.content)} exceeds the limit of {most} bytes.")
    call.state.touch(node, call.grant.bot_id)
    if node.data["mode"] == "multi_part":
        number = _part_number(call, node, len(part.content))
        node.data["parts"][number] = part.content
        return call.renderer.file_upload(node)
    name = node.data["filename"] or part.filename
    type = node.data["content_type"] or part.content_type
    node.data |= {"filename": name, "content_type": type}
    _uploaded(call, node, part.content)
    return call.renderer.file_upload(node)


def _part_number(call: Call, node: Node, size: int) -> int:
    given = call.parts.get("part_number")
    text = given.content.decode(errors="replace") if given is not None else None
    total = node.data["total"]
    if text is None or not text.isdecimal() or not 1 <= int(text) <= total:
        raise wrong("body.part_number", f"between `1` and `{total}`" if text is not None else "defined", text)
    if int(text) < total and size < LEAST_PART:
        raise invalid(f"Each part but the last must have at least {LEAST_PART} bytes.")
    return int(text)


def complete_upload(call: Call) -> Json:
    node = _upload(call)
    data = node.data
    if data["mode"] != "multi_part" or data["status"] != "pending":
        raise invalid(f"File upload with ID {node.id} is not a multi-part upload that is pending.")
    if len(data["parts"]) < data["total"]:
        raise invalid(f"Only {len(data['parts'])} of {data['total']} parts have been sent.")
    call.state.touch(node, call.grant.bot_id)
    _uploaded(call, node, b"".join(data["parts"][number] for number in sorted(data["parts"])))
    return call.renderer.file_upload(node)


def upload(call: Call) -> Json:
    return call.renderer.file_upload(_upload(call))


def uploads(call: Call) -> Json:
    """The connection's own, newest first."""
    status = call.param("status")
    if status is not None and status not in STATUSES:
        raise wrong("query.status", '`"pending"`, `"uploaded"`, `"expired"` or `"failed"`', status)
    own = [node for node in call.state.inside(call.grant.workspace.id) if node.kind == "file_upload"]
    own = [node for node in reversed(own) if call.state.visible(call.grant, node)]
    for node in own:
        settle(call, node)
    found = Listed(node for node in own if status in (None, node.data["status"]))
    page, cursor = paging.cut(found, call.size(in_query=True), call.cursor(in_query=True))
    return listing([call.renderer.file_upload(node) for node in page], "file_upload", cursor)


# -- put to use


def usable(call: Call, given: object, where: str) -> Node:
    id = parse_id(given)
    if id is None:
        raise wrong(where, "a valid uuid" if given is not None else "defined", given)
    node = call.state.nodes.get(id)
    if node is None or node.kind != "file_upload" or not call.state.visible(call.grant, node):
        raise call.missing("file_upload", id)
    settle(call, node)
    if node.data["status"] != "uploaded":
        raise invalid(f"File upload with ID {id} has status {node.data['status']}. It must be uploaded to be used.")
    return node


def stored(node: Node) -> Json:
    """The form in which a file of Notion's is kept: signed anew at every reading."""
    return {"name": node.data["filename"] or "untitled", "upload": node.id}


def attachment(node: Node) -> Json:
    type = str(node.data["content_type"])
    kind = type.partition("/")[0]
    category = kind if kind in ("audio", "image", "video") else "pdf" if type == "application/pdf" else "productivity"
    return {"category": category, "file": stored(node)}


def found_in(call: Call, given: Any, where: str, found: list[Node]) -> Any:
    """A request in which every upload named by its id is the file itself."""
    if isinstance(given, list):
        return [found_in(call, one, f"{where}[{index}]", found) for index, one in enumerate(given)]
    if not isinstance(given, dict):
        return given
    named = given.get("file_upload")
    if not isinstance(named, dict) or "id" not in named:
        return {key: found_in(call, value, f"{where}.{key}", found) for key, value in given.items()}
    node = usable(call, named["id"], f"{where}.file_upload.id")
    found.append(node)
    rest = {key: value for key, value in given.items() if key not in ("file_upload", "type")}
    return {"type": "file", "file": stored(node)} | rest
