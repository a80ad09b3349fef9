"""Edits as a person makes them in Notion's own interface: {"op": ..., "id" or "key": ..., "actor"?: ...}."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devkit.notion import edit_tables, events, properties
from devkit.notion.model import Json, Node, State, Workspace
from devkit.notion.seed import SeedError, WorkspaceSeeder
from devkit.notion.seed_tables import mirror
from devkit.notion.values import schema_of


class Editor:
    def __init__(self, state: State, given: Json) -> None:
        self.state = state
        self.given = given
        self.workspace = self._workspace()
        by = given.get("actor", "")
        people = self.workspace.keys["users"] if self.workspace else {}
        self.by: str = people.get(by, by) or (next(iter(self.workspace.users)) if self.workspace else "")

    def _workspace(self) -> Workspace:
        given = self.given
        for name in ("id", "parent", "source"):
            if given.get(name) in self.state.nodes:
                return self.state.nodes[given[name]].workspace
        if given.get("token") in self.state.grants:
            return self.state.grants[given["token"]].workspace
        if "workspace" in given:
            return self.state.workspace(given["workspace"])
        raise SeedError("say which workspace, or give an id in it")

    def node(self, name: str = "id") -> Node:
        wanted = str(self.given.get(name, self.given.get("key") if name == "id" else None))
        if wanted in self.state.nodes:
            return self.state.nodes[wanted]
        for known in self.workspace.keys.values():
            if wanted in known and known[wanted] in self.state.nodes:
                return self.state.nodes[known[wanted]]
        raise SeedError(f"no object {wanted}")

    def seeder(self) -> WorkspaceSeeder:
        return WorkspaceSeeder(self.state, self.workspace, by=self.by, fresh=True)

    def touch(self, node: Node) -> Json:
        self.state.touch(node, self.by)
        return {"id": node.id}

    def placed(self, node: Node) -> None:
        if self.workspace.moves_are_edits:
            self.touch(node)

    def changed(self, node: Node) -> Json:
        """A block was edited."""
        self.touch(node)
        events.content(self.state, node, self.by)
        return {"id": node.id}

    def came(self, node: Node, what: str) -> Json:
        """created, deleted, undeleted, moved: the page it stands on is edited with it."""
        page = self.state.nodes.get(node.parent or "")
        page = self.state.page_of(page) if page is not None and page.kind != "data_source" else None
        if page is not None and self.workspace.moves_are_edits:
            self.state.touch(page, self.by)
        events.life(self.state, node, self.by, what)
        return {"id": node.id}

    # -- content

    def set_text(self) -> Json:
        node = self.node()
        node.data["rich_text"] = self.seeder().text(self.given["text"])
        return self.changed(node)

    def set_checked(self) -> Json:
        node = self.node()
        node.data["checked"] = bool(self.given["checked"])
        return self.changed(node)

    def set_title(self) -> Json:
        node = self.node()
        title = self.seeder().text(self.given["title"])
        (node.data["values"] if node.kind == "page" else node.data)["title"] = title
        self.touch(node)
        if node.kind == "page":
            events.values(self.state, node, self.by, ["title"])
        else:
            events.tell(self.state, f"{node.kind}.content_updated", node, self.by, updated_blocks=[])
        return {"id": node.id}

    def set_property(self) -> Json:
        node = self.node()
        entry = properties.find(schema_of(self.state.nodes, node), self.given["name"])
        if entry is None:
            raise SeedError(f"no property {self.given['name']}")
        before = node.data["values"].get(entry["id"])
        node.data["values"][entry["id"]] = properties.from_seed(entry, self.given["value"], self.seeder().find)
        if entry["type"] == "relation":
            mirror(self.state.nodes, node, entry, before or [])
        self.touch(node)
        events.values(self.state, node, self.by, [entry["id"]])
        return {"id": node.id}

    def append(self) -> Json:
        parent = self.node("parent")
        before = set(parent.children)
        seeder = self.seeder()
        seeder.blocks.add(parent, self.given["blocks"])
        seeder.finish()
        self.touch(parent)
        added = [id for id in parent.children if id not in before]
        for id in added:
            events.content(self.state, self.state.nodes[id], self.by)
        return {"ids": added}

    def add_page(self) -> Json:
        parent = self.node("parent").id if self.given.get("parent") else None
        seeder = self.seeder()
        node = seeder.page(self.given["page"], parent)
        seeder.finish()
        return self.came(node, "created")

    def add_row(self) -> Json:
        source = self.node("source")
        seeder = self.seeder()
        row = seeder.tables.row(source, self.given["row"])
        seeder.finish()
        return self.came(row, "created")

    def add_comment(self) -> Json:
        node = self.node()
        seeder = self.seeder()
        seeder.comment(node, self.given["text"])
        seeder.finish()
        made = self.state.nodes[self.state.comments[node.id][-1]]
        events.comment(self.state, made, self.by)
        return {"id": made.id}

    # -- place and life

    def move(self) -> Json:
        node = self.node()
        self.state.move(node, self.node("to").id if self.given.get("to") else None)
        self.placed(node)
        return self.came(node, "moved")

    def trash(self) -> Json:
        node = self.node()
        was, node.in_trash = node.in_trash, True
        self.placed(node)
        return {"id": node.id} if was else self.came(node, "deleted")

    def restore(self) -> Json:
        node = self.node()
        was, node.in_trash = node.in_trash, False
        self.placed(node)
        return self.came(node, "undeleted") if was else {"id": node.id}

    def delete(self) -> Json:
        """For good: the object is gone, as 30 days after the trash."""
        node = self.node()
        page = self.state.page_of(node)
        if page is not None and page is not node:
            self.touch(page)
        if not self.state.trashed(node):
            events.life(self.state, node, self.by, "deleted")
        self.state.remove(node)
        return {"id": node.id}

    # -- sharing

    def share(self) -> Json:
        grant = self.state.grants[self.given["token"]]
        grant.roots.add(self.node().id)
        return {"roots": sorted(grant.roots)}

    def unshare(self) -> Json:
        grant = self.state.grants[self.given["token"]]
        node = self.node()
        if node.id in grant.roots:
            grant.roots.discard(node.id)
        else:
            node.restricted = True
        return {"roots": sorted(grant.roots)}

    def restrict(self) -> Json:
        node = self.node()
        node.restricted = bool(self.given.get("restricted", True))
        return {"id": node.id}


OPS: dict[str, Callable[[Editor], Json]] = {
    "set_text": Editor.set_text,
    "set_checked": Editor.set_checked,
    "set_title": Editor.set_title,
    "set_property": Editor.set_property,
    "append": Editor.append,
    "add_page": Editor.add_page,
    "add_row": Editor.add_row,
    "add_property": edit_tables.add_property,
    "rename_property": edit_tables.rename_property,
    "add_source": edit_tables.add_source,
    "remove_property": edit_tables.remove_property,
    "retype_property": edit_tables.retype_property,
    "add_option": edit_tables.add_option,
    "rename_option": edit_tables.rename_option,
    "delete_option": edit_tables.delete_option,
    "add_database": edit_tables.add_database,
    "add_comment": Editor.add_comment,
    "move": Editor.move,
    "trash": Editor.trash,
    "delete_block": Editor.trash,
    "restore": Editor.restore,
    "delete": Editor.delete,
    "share": Editor.share,
    "unshare": Editor.unshare,
    "restrict": Editor.restrict,
}


def edit(state: State, given: Json) -> Any:
    op = given.get("op")
    if op not in OPS:
        raise SeedError(f"op is one of {', '.join(OPS)}")
    try:
        return OPS[op](Editor(state, given))
    finally:
        state.changed()
