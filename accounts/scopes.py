"""What an API key may be let do: the one table that requests, the page and the API's description read.

An address or method that is missing here is open to no key; `tests/isolation/test_keys.py` compares it with what there
is.
"""

import re
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

from django.db import models

from config.errors import AppError


class Scope(models.TextChoices):
    READ = "read", "Read conversations, tasks, sources and usage"
    ASK = "ask", "Ask questions"
    WRITE_CONVERSATIONS = "conversations:write", "Rename, share and delete conversations"
    WRITE_TASKS = "tasks:write", "Make, change and delete tasks"
    SYNC = "sync", "Start and steer syncs of Notion"


class Never(StrEnum):
    """What is left to people who sign in: it would let a key that leaked give itself more, or outlive its deletion."""

    KEYS = "manages API keys"
    MEMBERS = "manages members or invitations"
    MONEY = "manages the plan or payments"
    CONNECTION = "connects Notion or changes what is read of it"
    SETTINGS = "changes settings"
    ACCOUNT = "deletes its member's account"
    DATA = "exports the data or deletes the workspace"
    AUDIT = "reads the audit log"


class ScopeRequired(AppError):
    code = "scope-required"
    status = 403


class NotByKey(AppError):
    code = "not-by-key"
    status = 403


ANY = frozenset(Scope)
READ, SYNC = frozenset({Scope.READ}), frozenset({Scope.SYNC})
# What a key makes or changes it may also look at.
ASK = frozenset({Scope.ASK})
ASKED = ASK | READ
WRITE_CONVERSATIONS = frozenset({Scope.WRITE_CONVERSATIONS})
CONVERSATIONS = WRITE_CONVERSATIONS | READ
WRITE_TASKS = frozenset({Scope.WRITE_TASKS})
TASKS = WRITE_TASKS | READ
SYNCED = SYNC | READ

# By address and method: the scopes of which one is enough, or why no key may.
TABLE: dict[str, Mapping[str, frozenset[Scope] | Never]] = {
    "/user/profile": {"GET": ANY, "PATCH": Never.SETTINGS},
    "/user/account": {"DELETE": Never.ACCOUNT},
    "/user/config": {"GET": READ, "PATCH": Never.SETTINGS},
    "/user/trial-status": {"GET": ANY},
    "/user/api-keys": {"GET": Never.KEYS, "POST": Never.KEYS},
    "/user/api-keys/{key_id}": {"DELETE": Never.KEYS},
    "/user/upgrade-subscription": {"POST": Never.MONEY},
    "/user/notion-integration": {
        "GET": READ, "POST": Never.CONNECTION, "PATCH": Never.CONNECTION, "DELETE": Never.CONNECTION
    },
    "/subscription": {"GET": Never.MONEY},
    **{
        f"/subscription/{change}": {"POST": Never.MONEY}
        for change in ("preview", "downgrade", "cancel", "resume", "withdraw", "seats", "portal")
    },
    "/agent/run": {"POST": ASK},
    "/agent/runs/{run_id}": {"GET": ASKED},
    "/agent/runs/{run_id}/events": {"GET": ASKED},
    "/agent/runs/{run_id}/stop": {"POST": ASK},
    "/agent/runs/{run_id}/feedback": {"POST": ASK},
    "/agent/proposals/{proposal_id}": {"GET": TASKS | ASK},
    **{
        f"/agent/proposals/{{proposal_id}}/{act}": {"POST": WRITE_TASKS}
        for act in ("approve", "edit", "reject", "undo")
    },
    "/agent/conversations": {"GET": CONVERSATIONS},
    "/agent/conversations/{conversation_id}": {
        "GET": CONVERSATIONS, "PATCH": WRITE_CONVERSATIONS, "DELETE": WRITE_CONVERSATIONS
    },
    "/agent/sync": {"POST": SYNC},
    "/agent/sync/{sync_id}": {"GET": SYNCED},
    "/agent/sync/{sync_id}/events": {"GET": SYNCED},
    **{f"/agent/sync/{{sync_id}}/{act}": {"POST": SYNC} for act in ("pause", "resume", "cancel", "confirm")},
    "/agent/coverage": {"GET": SYNCED},
    "/tasks": {"GET": TASKS, "POST": WRITE_TASKS},
    "/tasks/search": {"GET": TASKS},
    "/tasks/{task_id}": {"GET": TASKS, "PATCH": WRITE_TASKS, "DELETE": WRITE_TASKS},
    "/tasks/{task_id}/history": {"GET": TASKS},
    "/tasks/{task_id}/sync": {"POST": WRITE_TASKS},
    "/usage/quota": {"GET": ANY},
    "/usage/logs": {"GET": READ},
    "/usage/summary": {"GET": READ},
    "/admin/users": {"GET": Never.MEMBERS},
    "/admin/users/{user_id}": {"PATCH": Never.MEMBERS, "DELETE": Never.MEMBERS},
    "/workspace": {"GET": READ, "PATCH": Never.SETTINGS, "DELETE": Never.DATA},
    "/workspace/restore": {"POST": Never.DATA},
    "/workspace/export": {"GET": Never.DATA, "POST": Never.DATA},
    "/workspace/export/{export_id}": {"GET": Never.DATA},
    "/workspace/invitations": {"GET": Never.MEMBERS, "POST": Never.MEMBERS},
    "/workspace/invitations/{invitation_id}": {"DELETE": Never.MEMBERS},
    "/workspace/audit": {"GET": Never.AUDIT},
    "/invitations/accept": {"POST": Never.MEMBERS},
}  # fmt: skip


def address_of(route: str) -> str:
    """A route of ours as it stands in the table and in the API's description."""
    return "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route)


def that_open(address: str, method: str) -> frozenset[Scope]:
    """The scopes of which one is enough; none where no key may."""
    found = _entry(address, method)
    return found if isinstance(found, frozenset) else frozenset()


def _entry(address: str, method: str) -> frozenset[Scope] | Never | None:
    return TABLE.get(address, {}).get("GET" if method == "HEAD" else method)


def check(scopes: Collection[str], address: str, method: str) -> None:
    """Raises ScopeRequired, or NotByKey where no scope would help."""
    enough = that_open(address, method)
    if not enough:
        why = _entry(address, method)
        what = f"No API key {why}" if isinstance(why, Never) else "This is open to no API key"
        raise NotByKey(f"{what}. Sign in with POST /auth/login and send the access token.")
    if enough.isdisjoint(scopes):
        names = [scope.value for scope in Scope if scope in enough]
        needed = f"the scope {names[0]}" if len(names) == 1 else f"one of the scopes {', '.join(names)}"
        raise ScopeRequired(f"This needs {needed}, and the key has {', '.join(scopes)}.", scopes=names)


def describe(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Of each call in the API's description: whether a key may, and with which scope."""
    for address, operations in result["paths"].items():
        for method, operation in operations.items():
            enough = that_open(address, method.upper())
            if enough:
                names = " or ".join(f"`{scope.value}`" for scope in Scope if scope in enough)
                said = operation.get("description", "")
                operation["description"] = f"{said}\n\nAn API key needs the scope {names}.".strip()
            elif "security" in operation:
                operation["security"] = [each for each in operation["security"] if "api_key" not in each]
    return result
