"""What stands in an export: what its member may read, and never a token. `FORMAT` moves when a reader of it must."""

import csv
import io
import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from zipfile import ZipFile

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.text import slugify

from accounts import background
from accounts.models import Connection, Membership
from accounts.permissions import can_manage_members
from agent import conversations
from agent.models import Conversation, Page, Source
from agent.proposals.shown import all_json
from agent.runs.reading import readable_connections
from billing.models import Subscription
from config.sheets import plain
from tasks.api import row as task_row
from tasks.models import Task
from usage import analytics
from usage.shown import LOG_COLUMNS, log_line

FORMAT = 1
AT_ONCE = 200
README = """# Export of {workspace}

Made on {at} for {email}. It holds what this member may read; no passwords and no tokens.

- `conversations/`: each conversation as text (`.md`) and, with the sources, steps and usage of its answers, as `.json`.
- `tasks.csv`, `tasks.json`: tasks made here and tasks mirrored from Notion.
- `usage.csv`: a line for each piece of work that was counted.
- `sources.csv`, `sources.json`: the Notion pages and databases that were connected. Their content is in Notion.
- `settings.json`: workspace, plan, connections and the member's own settings.
- `members.csv`: who is in the workspace (for owners and admins).
- `manifest.json`: the format's number and how many there are of each.

Times are in UTC.
"""


def write(archive: ZipFile, *, by: Membership, now: datetime) -> None:
    """Inside the workspace. Holds one conversation, or a piece of a table, in memory at a time."""
    counts = {
        "conversations": _conversations(archive, by),
        "tasks": _table(archive, "tasks", _tasks(by)),
        "sources": _table(archive, "sources", _sources(by)),
        "usage": _usage(archive, by),
    }
    if can_manage_members(by):
        counts["members"] = _lines(archive, "members.csv", MEMBER_COLUMNS, _members(by))
    archive.writestr("settings.json", _json(_settings(by)))
    about = {"format": FORMAT, "made_at": now, "workspace": {"id": by.workspace_id, "name": by.workspace.name}}
    archive.writestr("manifest.json", _json({**about, "member": by.user_id, "counts": counts}))
    words = README.format(workspace=by.workspace.name, at=f"{now:%-d %B %Y, %H:%M} UTC", email=by.user.email)
    archive.writestr("README.md", words)


def _conversations(archive: ZipFile, by: Membership) -> int:
    keys = list(conversations.readable(by).values_list("pk", flat=True))
    number = 0
    for conversation in _in_pieces(conversations.readable(by), keys):
        assert isinstance(conversation, Conversation)
        runs = conversations.turns(conversation, membership=by)
        title = slugify(conversation.title)[:60] or "conversation"
        name = f"conversations/{conversation.created_at:%Y-%m-%d}-{title}-{conversation.pk.hex[:8]}"
        about = {
            "id": conversation.pk,
            "title": conversation.title,
            "owner": conversation.owner_id,
            "shared": conversation.is_shared,
            "created_at": conversation.created_at,
            "updated_at": conversation.updated_at,
            "runs": all_json(runs, by=by),
        }
        archive.writestr(f"{name}.md", conversations.as_markdown(conversation, runs))
        archive.writestr(f"{name}.json", _json(about))
        number += 1
    return number


def _tasks(by: Membership) -> Iterator[dict[str, Any]]:
    readable = Task.objects.readable_by(by).select_related("task_source", "outgoing")
    keys = list(readable.order_by("created_at", "pk").values_list("pk", flat=True))
    return (task_row(task) for task in _in_pieces(readable, keys))


def _sources(by: Membership) -> Iterator[dict[str, Any]]:
    named = dict(Connection.objects.readable_by(by).values_list("pk", "notion_workspace_name"))
    readable = Source.objects.filter(connection_id__in=named)
    for source in _in_pieces(readable, list(readable.order_by("title", "pk").values_list("pk", flat=True))):
        yield {
            "id": source.pk,
            "notion_workspace": named[source.connection_id],
            "kind": source.kind,
            "title": source.title,
            "place": source.place,
            "url": source.url,
            "notion_id": source.notion_id,
            "chosen": source.is_chosen,
            "pages": Page.objects.filter(source=source).count(),
            "found_at": source.found_at,
        }


def _usage(archive: ZipFile, by: Membership) -> int:
    entries = analytics.visible_to(by)
    keys = list(entries.order_by("at", "pk").values_list("pk", flat=True))
    return _lines(archive, "usage.csv", LOG_COLUMNS, (log_line(entry) for entry in _in_pieces(entries, keys)))


MEMBER_COLUMNS = ("user_id", "email", "name", "role", "joined_at")


def _members(by: Membership) -> Iterator[Sequence[object]]:
    members = Membership.objects.filter(workspace_id=by.workspace_id).order_by("joined_at")
    for key, email, name, role, at in members.values_list(
        "user_id", "user__email", "user__name", "role", "joined_at"
    ).iterator():
        yield key, plain(email), plain(name), role, at.isoformat(timespec="seconds")


def _settings(by: Membership) -> dict[str, Any]:
    workspace, user = by.workspace, by.user
    subscription = Subscription.objects.get(workspace_id=workspace.pk)
    of_plan = ("tier", "status", "seats", "started_at", "trial_ends_at", "ended_at")
    connections = Connection.objects.filter(pk__in=readable_connections(by)).order_by("connected_at")
    return {
        "workspace": {
            "id": workspace.pk,
            "name": workspace.name,
            "created_at": workspace.created_at,
            "sync_interval_minutes": workspace.sync_interval_minutes,
        },
        "plan": {name: getattr(subscription, name) for name in of_plan},
        "connections": list(
            connections.values(
                "id", "notion_workspace_id", "notion_workspace_name", "status", "is_shared", "connected_at"
            )
        ),
        "member": {
            "id": user.pk,
            "email": user.email,
            "name": user.name,
            "role": by.role,
            "timezone": user.timezone,
            "language": user.language,
            "model": user.model,
            "default_sharing": user.default_sharing,
            "email_notifications": user.email_notifications,
        },
    }


def _table(archive: ZipFile, name: str, rows: Iterable[dict[str, Any]]) -> int:
    """As JSON and as CSV. The file open for writing is one at a time, so the lines of the other wait in memory."""
    lines, number = io.StringIO(), 0
    writer = csv.writer(lines)
    with archive.open(f"{name}.json", "w") as out:
        out.write(b"[")
        for number, row in enumerate(rows, 1):
            if number == 1:
                writer.writerow(row)
            writer.writerow([_cell(value) for value in row.values()])
            out.write((b",\n" if number > 1 else b"\n") + _json(row).encode())
        out.write(b"\n]\n")
    archive.writestr(f"{name}.csv", lines.getvalue())
    return number


def _lines(archive: ZipFile, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    count = 0
    with archive.open(name, "w") as raw, io.TextIOWrapper(raw, "utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(columns)
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


def _cell(value: object) -> str:
    if isinstance(value, list):
        return plain(
            "; ".join(str(each.get("name") or each) if isinstance(each, dict) else str(each) for each in value)
        )
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return "" if value is None else plain(str(value))


def _in_pieces(rows: Any, keys: Sequence[uuid.UUID]) -> Iterator[Any]:
    """In the order of the keys. No cursor stays open, and the job's lease is renewed meanwhile."""
    for start in range(0, len(keys), AT_ONCE):
        background.renew_lease()
        piece = keys[start : start + AT_ONCE]
        found = {each.pk: each for each in rows.filter(pk__in=piece)}
        yield from (found[key] for key in piece if key in found)


def _json(value: object) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)
