"""What a member may set of a task on the page, and from which values."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from accounts import tenancy
from accounts.models import Membership
from tasks.models import Task

DONE, IN_PROGRESS, NOT_DONE = "Done", "In progress", "Not started"


@dataclass(frozen=True)
class Offers:
    fields: frozenset[str]
    choices: Mapping[str, Sequence[str]]
    may_be_empty: frozenset[str]


def of(task: Task, *, by: Membership) -> Offers:
    source = task.task_source
    if task.is_local or source is None:
        names = list(team(by).values())
        choices: dict[str, list[str]] = {
            "status": [NOT_DONE, IN_PROGRESS, DONE],
            "assignees": names,
        }
        fields = {"title", "status", "due_on", "assignees"}
    else:
        options = {field: [each["name"] for each in column["options"]] for field, column in source.columns.items()}
        if source.columns.get("status", {}).get("type") == "checkbox":
            options["status"] = [NOT_DONE, DONE]
        choices = options | {"assignees": sorted(source.people)}
        # Of columns that are not known yet, the service asks Notion.
        fields = set(source.columns) or {"title", "due_on"}
    current = {"status": [task.status], "priority": [task.priority], "assignees": task.assignees, "labels": task.labels}
    offered = {name: list(dict.fromkeys([*choices.get(name, []), *filter(None, now)])) for name, now in current.items()}
    status = source.columns.get("status", {}).get("type") if source else None
    return Offers(frozenset(fields), offered, frozenset({"priority"} | ({"status"} if status == "select" else set())))


def team(by: Membership) -> dict[uuid.UUID, str]:
    """The names of the workspace's members."""
    with tenancy.shared():
        members = Membership.objects.filter(workspace_id=by.workspace_id).select_related("user").order_by("joined_at")
        return {member.user_id: member.user.name or member.user.email for member in members}
