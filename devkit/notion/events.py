"""Every change anybody made, in order: what webhooks are sent from and what tests may look up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from devkit.notion.model import Grant, Json, Node, State, Workspace


@dataclass
class Event:
    """As it was at that moment: what is told later may be about something that has moved or gone since."""

    n: int
    at: datetime
    type: str
    entity: Json
    workspace: Workspace
    by: str
    data: Json
    seen_by: list[Grant]


def tell(state: State, type: str, node: Node, by: str, **data: object) -> None:
    event = Event(
        n=state.happened + 1,
        at=node.workspace.clock.now(),
        type=type,
        entity={"id": node.id, "type": node.kind},
        workspace=node.workspace,
        by=by,
        data=({} if node.kind == "file_upload" else {"parent": parent_of(state, node)}) | data,
        seen_by=[grant for grant in state.grants.values() if _sees(state, grant, node)],
    )
    state.happened += 1
    state.events.append(event)
    for listen in state.listeners:
        listen(event)


def _sees(state: State, grant: Grant, node: Node) -> bool:
    return grant.workspace is node.workspace and not grant.revoked and state.visible(grant, node)


def parent_of(state: State, node: Node) -> Json:
    above = state.nodes.get(node.parent or "")
    if above is None:
        return {"id": node.workspace.id, "type": "space"}
    if above.kind == "data_source":
        return {"id": str(above.parent), "type": "database", "data_source_id": above.id}
    return {"id": above.id, "type": above.kind}


def content(state: State, node: Node, by: str) -> None:
    """Something on a page changed: a block of it, or the page or table standing there."""
    page = state.page_of(node) if node.kind == "block" else state.nodes.get(node.parent or "")
    if page is not None and page.kind == "block":
        page = state.page_of(page)
    if page is None:
        return
    updated = [{"id": node.id, "type": node.kind}]
    if page.kind == "page":
        tell(state, "page.content_updated", page, by, updated_blocks=updated)
    elif page.kind == "data_source":
        tell(state, "data_source.content_updated", page, by, updated_blocks=updated)


def values(state: State, page: Node, by: str, ids: list[str]) -> None:
    """A page outside a table has only a title, and that is told as its content."""
    source = state.nodes.get(page.parent or "")
    if source is not None and source.kind == "data_source":
        tell(state, "page.properties_updated", page, by, updated_properties=ids)
    else:
        tell(state, "page.content_updated", page, by, updated_blocks=[{"id": page.id, "type": "page"}])


def life(state: State, node: Node, by: str, what: str) -> None:
    """created, deleted, undeleted or moved, told of the object and of where it stands."""
    if node.kind in ("page", "database", "data_source"):
        tell(state, f"{node.kind}.{what}", node, by)
    if node.kind == "database":
        for child in node.children:
            tell(state, f"data_source.{what}", state.nodes[child], by)
    if node.kind != "data_source":
        content(state, node, by)


def schema(state: State, source: Node, by: str, action: str, entry: Json) -> None:
    name = None if action == "deleted" else entry["name"]
    updated = [{"id": entry["id"], "name": name, "action": action}]
    tell(state, "data_source.schema_updated", source, by, updated_properties=updated)


def comment(state: State, node: Node, by: str, what: str = "created") -> None:
    on = state.nodes[node.parent or ""]
    page = state.page_of(on) or on
    parent = {"id": on.id, "type": on.kind}
    tell(state, f"comment.{what}", node, by, parent=parent, page_id=page.id)
