"""Who may do what: the one table that services, pages and docs/api.md read."""

from django.db import models


class Role(models.TextChoices):
    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


class Action(models.TextChoices):
    """What a role decides. What is one's own, or was shared to be read, needs none of them."""

    ASK = "ask", "Ask and read what is shared"
    EDIT_TASKS = "edit_tasks", "Make and change tasks"
    CONNECT = "connect", "Connect Notion and sync it"
    MAKE_KEYS = "make_keys", "Make API keys"
    MANAGE_TASKS = "manage_tasks", "Delete and share the tasks of others"
    MANAGE_CONNECTIONS = "manage_connections", "Manage and end the shared connections of others"
    SEE_USAGE = "see_usage", "See what each of the others uses"
    SEE_PRICES = "see_prices", "See what the plan costs"
    MANAGE_MEMBERS = "manage_members", "Manage members and invitations"
    CHANGE_SETTINGS = "change_settings", "Change the workspace's settings"
    SEE_AUDIT = "see_audit", "See the audit log"
    CHANGE_OWNERS = "change_owners", "Decide who owns the workspace"
    CHANGE_PLAN = "change_plan", "Change and pay the plan"
    DELETE_WORKSPACE = "delete_workspace", "Delete the workspace"


OWNERS = frozenset({Role.OWNER})
MANAGERS = OWNERS | {Role.ADMIN}
WRITERS = MANAGERS | {Role.MEMBER}
EVERYBODY = WRITERS | {Role.VIEWER}

MAY: dict[Action, frozenset[Role]] = {
    Action.ASK: EVERYBODY,
    Action.EDIT_TASKS: WRITERS,
    Action.CONNECT: WRITERS,
    Action.MAKE_KEYS: WRITERS,
    Action.MANAGE_TASKS: MANAGERS,
    Action.MANAGE_CONNECTIONS: MANAGERS,
    Action.SEE_USAGE: MANAGERS,
    Action.SEE_PRICES: MANAGERS,
    Action.MANAGE_MEMBERS: MANAGERS,
    Action.CHANGE_SETTINGS: MANAGERS,
    Action.SEE_AUDIT: MANAGERS,
    Action.CHANGE_OWNERS: OWNERS,
    Action.CHANGE_PLAN: OWNERS,
    Action.DELETE_WORKSPACE: OWNERS,
}
