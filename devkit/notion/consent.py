"""The page on which a person picks what to share."""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode

from devkit.notion.model import Integration, Node, State, Workspace
from devkit.notion.render import Renderer

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem;color:#222}
ul{list-style:none;padding-left:1.25rem}fieldset{border:1px solid #ccc;border-radius:.5rem;margin:1rem 0}
button{font:inherit;padding:.5rem 1.25rem;border-radius:.4rem;border:1px solid #888;background:#fff;cursor:pointer}
button[value=allow]{background:#1a6fd4;border-color:#1a6fd4;color:#fff}
"""
SHELL = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport"'
    ' content="width=device-width"><title>{title}</title><style>{style}</style></head><body>{body}</body></html>'
)


def shell(title: str, body: str) -> str:
    return SHELL.format(title=escape(title), style=STYLE, body=body)


def problem(message: str) -> str:
    return shell("Notion (emulator)", f"<h1>This connection cannot be made</h1><p>{escape(message)}</p>")


def page(state: State, integration: Integration, workspace: Workspace, asked: dict[str, str]) -> str:
    people = [user for user in workspace.users.values() if user.kind == "person"]
    choices = "".join(
        f'<option value="{user.id}"{" selected" if asked.get("user") in (user.id, user.key) else ""}>'
        f"{escape(user.name or 'Unnamed')}</option>"
        for user in people
    )
    action = escape("/v1/oauth/authorize?" + urlencode(asked | {"workspace": workspace.id}))
    body = (
        f"<h1>{escape(integration.name)} wants to read your Notion</h1>"
        f"<p>Workspace: <strong>{escape(workspace.name)}</strong></p>{_others(state, workspace, asked)}"
        f'<form method="post" action="{action}">'
        f'<p><label>You are <select name="user">{choices}</select></label></p>'
        f"<fieldset><legend>Pages to share</legend>{_tree(state, workspace)}</fieldset>"
        '<p><button name="decision" value="cancel">Cancel</button> '
        '<button name="decision" value="allow">Allow access</button></p></form>'
        "<p><small>This is a local stand-in for Notion.</small></p>"
    )
    return shell(f"Connect {integration.name}", body)


def _others(state: State, current: Workspace, asked: dict[str, str]) -> str:
    others = [one for one in state.workspaces.values() if one is not current and one.namespace == current.namespace]
    links = [
        f'<li><a href="/v1/oauth/authorize?{escape(urlencode(asked | {"workspace": one.id}))}">'
        f"{escape(one.name)}</a></li>"
        for one in others
    ]
    return f"<p>Another workspace:</p><ul>{''.join(links)}</ul>" if links else ""


def _tree(state: State, workspace: Workspace) -> str:
    renderer = Renderer(state, None)
    tops = [node for node in state.inside(workspace.id) if node.parent is None and node.kind in ("page", "database")]
    return _branch(state, renderer, tops, checked=True)


def _branch(state: State, renderer: Renderer, nodes: list[Node], *, checked: bool = False) -> str:
    items = [
        f'<li><label><input type="checkbox" name="root" value="{node.id}"{" checked" if checked else ""}> '
        f"{escape(renderer.plain_title(node) or 'Untitled')}</label>"
        f"{_branch(state, renderer, _below(state, node))}</li>"
        for node in nodes
        if not node.in_trash
    ]
    return f"<ul>{''.join(items)}</ul>" if items else ""


def _below(state: State, node: Node) -> list[Node]:
    if node.kind == "database":
        return []
    found: list[Node] = []
    for child in state.living_children(node):
        found += [child] if child.kind in ("page", "database") else _below(state, child)
    return found
