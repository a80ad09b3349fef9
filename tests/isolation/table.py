"""Who may do what at every address. An address or method that is missing here turns the build red."""

from dataclasses import dataclass, field
from typing import Any

from accounts.roles import Action

# Of a good invitation to Alice's workspace, for an address that is none of the people's.
INVITATION = "of-somebody-else-and-good"
# Of a colleague's connection, who may connect Notion but manage none of others hears that there is no such one.
NOT_THEIRS = frozenset({403, 404})


@dataclass(frozen=True)
class Entry:
    """`ids`: the path's ids, as names of Alice's things. `bodies`: what is sent by each method; `{name}` in it becomes
    the id of Alice's thing. `open_to_all`: needs no sign-in. `needs`: what a role must be allowed so that this is done
    to what Alice shares, None where every role may; every write is in it, and what not every role may read. `expired`:
    methods that still work after the trial."""

    methods: frozenset[str]
    ids: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    open_to_all: bool = False
    needs: dict[str, Action | None] = field(default_factory=dict)
    # How a role is refused that lacks it. A page that shows the refusal in its form says so with another status.
    refused: frozenset[int] = frozenset({403})
    expired: frozenset[str] = frozenset()
    # The body names somebody else's thing, so strangers get 404 although the path has no id.
    foreign_body: frozenset[str] = frozenset()
    # Told to strangers where what they send is good, and for another.
    stranger_status: int = 0
    # Shown to any member of the workspace, not only to its owner.
    shared_in_workspace: bool = False


def api(*methods: str, **rest: Any) -> Entry:
    return Entry(methods=frozenset(methods), **rest)


def some(*methods: str) -> frozenset[str]:
    return frozenset(methods)


JSON = {
    "auth/register": api(
        "POST", open_to_all=True, bodies={"POST": {"email": "x", "password": "short"}}, expired=some("POST")
    ),
    "auth/login": api(
        "POST", open_to_all=True, bodies={"POST": {"email": "x@example.com", "password": "y"}}, expired=some("POST")
    ),
    "auth/refresh": api("POST", open_to_all=True, bodies={"POST": {"refresh": "x"}}, expired=some("POST")),
    "auth/logout": api("POST", open_to_all=True, bodies={"POST": {"refresh": "x"}}, expired=some("POST")),
    "user/profile": api(
        "GET", "PATCH", bodies={"PATCH": {"name": "Renamed"}}, expired=some("GET", "PATCH"), needs={"PATCH": None}
    ),
    "user/account": api(
        "DELETE",
        bodies={"DELETE": {"password": "nightjarmerger"}},
        expired=some("DELETE"),
        needs={"DELETE": None},
    ),
    "user/config": api("GET", "PATCH", bodies={"PATCH": {"language": "en"}}, needs={"PATCH": None}),
    "user/trial-status": api("GET", expired=some("GET")),
    "user/api-keys": api(
        "GET",
        "POST",
        bodies={"POST": {"name": "Robot", "scopes": ["read"]}},
        expired=some("GET"),
        needs={"POST": Action.MAKE_KEYS},
    ),
    "user/api-keys/<uuid:key_id>": api(
        "DELETE", ids={"key_id": "api_key"}, expired=some("DELETE"), needs={"DELETE": None}
    ),
    "user/upgrade-subscription": api(
        "POST", bodies={"POST": {"tier": "trial"}}, expired=some("POST"), needs={"POST": Action.CHANGE_PLAN}
    ),
    "subscription": api("GET", expired=some("GET")),
    "subscription/preview": api(
        "POST", bodies={"POST": {"tier": "trial"}}, expired=some("POST"), needs={"POST": Action.CHANGE_PLAN}
    ),
    "subscription/downgrade": api(
        "POST", bodies={"POST": {"tier": "trial"}}, expired=some("POST"), needs={"POST": Action.CHANGE_PLAN}
    ),
    "subscription/cancel": api("POST", expired=some("POST"), needs={"POST": Action.CHANGE_PLAN}),
    "subscription/resume": api("POST", expired=some("POST"), needs={"POST": Action.CHANGE_PLAN}),
    "subscription/withdraw": api("POST", expired=some("POST"), needs={"POST": Action.CHANGE_PLAN}),
    "subscription/seats": api(
        "POST", bodies={"POST": {"seats": 2}}, expired=some("POST"), needs={"POST": Action.CHANGE_PLAN}
    ),
    "webhooks/stripe": api("POST", open_to_all=True, expired=some("POST")),
    "webhooks/notion": api("POST", open_to_all=True, expired=some("POST")),
    "subscription/portal": api("POST", expired=some("POST"), needs={"POST": Action.CHANGE_PLAN}),
    "subscription/plans": api("GET", open_to_all=True, expired=some("GET")),
    "user/notion-integration": api(
        "GET",
        "POST",
        "PATCH",
        "DELETE",
        bodies={"POST": {"token": "ntn_x"}, "PATCH": {"sources": ["{source}"]}},
        foreign_body=some("PATCH"),
        expired=some("DELETE"),
        needs={"POST": Action.CONNECT, "PATCH": Action.CONNECT, "DELETE": None},
    ),
    "agent/sync": api("POST", needs={"POST": Action.CONNECT}),
    "agent/sync/<uuid:sync_id>": api("GET", ids={"sync_id": "sync"}),
    "agent/sync/<uuid:sync_id>/events": api("GET", ids={"sync_id": "sync"}),
    "agent/sync/<uuid:sync_id>/pause": api(
        "POST", ids={"sync_id": "sync"}, needs={"POST": Action.MANAGE_CONNECTIONS}, refused=NOT_THEIRS
    ),
    "agent/sync/<uuid:sync_id>/resume": api(
        "POST", ids={"sync_id": "sync"}, needs={"POST": Action.MANAGE_CONNECTIONS}, refused=NOT_THEIRS
    ),
    "agent/sync/<uuid:sync_id>/cancel": api(
        "POST", ids={"sync_id": "sync"}, needs={"POST": Action.MANAGE_CONNECTIONS}, refused=NOT_THEIRS
    ),
    "agent/sync/<uuid:sync_id>/confirm": api(
        "POST", ids={"sync_id": "sync"}, needs={"POST": Action.MANAGE_CONNECTIONS}, refused=NOT_THEIRS
    ),
    "agent/coverage": api("GET"),
    "agent/run": api(
        "POST",
        bodies={"POST": {"prompt": "What?", "conversation_id": "{conversation}"}},
        foreign_body=some("POST"),
        needs={"POST": Action.ASK},
    ),
    "agent/runs/<uuid:run_id>": api("GET", ids={"run_id": "run"}),
    "agent/runs/<uuid:run_id>/events": api("GET", ids={"run_id": "run"}),
    "agent/runs/<uuid:run_id>/stop": api("POST", ids={"run_id": "run"}, needs={"POST": None}),
    "agent/runs/<uuid:run_id>/feedback": api(
        "POST", ids={"run_id": "run"}, bodies={"POST": {"rating": "good"}}, needs={"POST": None}
    ),
    "agent/proposals/<uuid:proposal_id>": api("GET", ids={"proposal_id": "proposal"}),
    "agent/proposals/<uuid:proposal_id>/approve": api("POST", ids={"proposal_id": "proposal"}, needs={"POST": None}),
    "agent/proposals/<uuid:proposal_id>/edit": api(
        "POST", ids={"proposal_id": "proposal"}, bodies={"POST": {"title": "Mine now"}}, needs={"POST": None}
    ),
    "agent/proposals/<uuid:proposal_id>/reject": api("POST", ids={"proposal_id": "proposal"}, needs={"POST": None}),
    "agent/proposals/<uuid:proposal_id>/undo": api("POST", ids={"proposal_id": "proposal"}, needs={"POST": None}),
    "agent/conversations": api("GET"),
    "agent/conversations/<uuid:conversation_id>": api(
        "GET",
        "PATCH",
        "DELETE",
        ids={"conversation_id": "conversation"},
        bodies={"PATCH": {"title": "Mine now"}},
        needs={"PATCH": None, "DELETE": None},
    ),
    "tasks": api("GET", "POST", bodies={"POST": {"title": "New"}}, needs={"POST": Action.EDIT_TASKS}),
    "tasks/search": api("GET"),
    "tasks/<uuid:task_id>": api(
        "GET",
        "PATCH",
        "DELETE",
        ids={"task_id": "task"},
        bodies={"PATCH": {"title": "Mine now"}},
        needs={"PATCH": Action.EDIT_TASKS, "DELETE": Action.MANAGE_TASKS},
    ),
    "tasks/<uuid:task_id>/history": api("GET", ids={"task_id": "task"}),
    "tasks/<uuid:task_id>/sync": api(
        "POST", ids={"task_id": "task"}, bodies={"POST": {"action": "retry"}}, needs={"POST": Action.EDIT_TASKS}
    ),
    "usage/quota": api("GET", expired=some("GET")),
    "usage/logs": api("GET"),
    "usage/summary": api("GET"),
    "admin/users": api("GET", shared_in_workspace=True, needs={"GET": Action.MANAGE_MEMBERS}),
    "admin/users/<uuid:user_id>": api(
        "PATCH",
        "DELETE",
        ids={"user_id": "plain_member"},
        bodies={"PATCH": {"role": "viewer", "caps": {"requests": 0}}},
        expired=some("DELETE"),
        shared_in_workspace=True,
        needs={"PATCH": Action.MANAGE_MEMBERS, "DELETE": Action.MANAGE_MEMBERS},
    ),
    "workspace": api(
        "GET",
        "PATCH",
        "DELETE",
        bodies={"PATCH": {"name": "Mine now"}, "DELETE": {"confirm": "nightjarmerger"}},
        expired=some("DELETE"),
        shared_in_workspace=True,
        needs={"GET": Action.CHANGE_SETTINGS, "PATCH": Action.CHANGE_SETTINGS, "DELETE": Action.DELETE_WORKSPACE},
    ),
    # Who has the signed link: nobody is left to sign in.
    "erasures/<str:token>": api("GET", open_to_all=True, expired=some("GET")),
    "workspace/restore": api(
        "POST", expired=some("POST"), shared_in_workspace=True, needs={"POST": Action.DELETE_WORKSPACE}
    ),
    "workspace/export": api("GET", "POST", expired=some("GET", "POST"), needs={"POST": None}),
    "workspace/export/<uuid:export_id>": api("GET", ids={"export_id": "export"}, expired=some("GET")),
    "workspace/audit": api("GET", shared_in_workspace=True, needs={"GET": Action.SEE_AUDIT}),
    "workspace/invitations": api(
        "GET",
        "POST",
        bodies={"POST": {"email": "new@example.com"}},
        needs={"GET": Action.MANAGE_MEMBERS, "POST": Action.MANAGE_MEMBERS},
    ),
    "workspace/invitations/<uuid:invitation_id>": api(
        "DELETE", ids={"invitation_id": "invitation"}, shared_in_workspace=True, needs={"DELETE": Action.MANAGE_MEMBERS}
    ),
    "invitations/accept": api(
        "POST", bodies={"POST": {"token": INVITATION}}, expired=some("POST"), stranger_status=403, needs={"POST": None}
    ),
    "openapi.json": api("GET", open_to_all=True, expired=some("GET")),
    "docs": api("GET", open_to_all=True, expired=some("GET")),
}

# What stays open after a trial, so that nobody is caught: of these whatever exists.
WAY_OUT = {
    "auth/register": some("POST"),
    "auth/login": some("POST"),
    "auth/refresh": some("POST"),
    "auth/logout": some("POST"),
    "user/profile": some("GET", "PATCH"),
    "user/trial-status": some("GET"),
    "subscription/plans": some("GET"),
    "user/upgrade-subscription": some("POST"),
    "usage/quota": some("GET"),
    "user/notion-integration": some("DELETE"),
    "workspace/export": some("GET", "POST"),
    "workspace": some("DELETE"),
}
# Beside it: what leads to a plan or out of a team, and what describes the API.
BESIDE_IT = (
    "subscription",
    "subscription/preview",
    "subscription/downgrade",
    "subscription/cancel",
    "subscription/resume",
    "subscription/withdraw",
    "subscription/seats",
    "subscription/portal",
    "webhooks/stripe",
    "webhooks/notion",
    "workspace/export/<uuid:export_id>",
    "workspace/restore",
    "user/account",
    "erasures/<str:token>",
    # A key that leaked can be found and ended.
    "user/api-keys",
    "user/api-keys/<uuid:key_id>",
    "admin/users/<uuid:user_id>",
    "invitations/accept",
    "openapi.json",
    "docs",
)

# What stays open in a suspended workspace, beside what needs no sign-in.
SUSPENDED = {
    "workspace": some("GET", "DELETE"),
    "workspace/export": some("GET", "POST"),
    "workspace/export/<uuid:export_id>": some("GET"),
    "workspace/audit": some("GET"),
    # And three of its forms: export, deletion, sessions.
    "app/settings": some("GET"),
    "app/settings/audit": some("GET"),
    "app/settings/audit/export": some("GET"),
    "app/usage/export": some("GET"),
    "app/theme": some("POST"),
    # About the person, whose account may be theirs to keep.
    "app/account/closing": some("GET", "POST"),
    # Into another one.
    "app/switch-workspace": some("POST"),
}

PAGES = {
    "": api("GET", open_to_all=True, expired=some("GET")),
    "mails": api("GET", open_to_all=True, expired=some("GET")),
    # No id: it is open to all, where it exists at all.
    "mails/<uuid:mail_id>": api("GET", open_to_all=True, expired=some("GET")),
    "app": api("GET"),
    "app/ask": api("GET", "POST", bodies={"POST": {"prompt": ""}}, needs={"POST": Action.ASK}),
    "app/ask/<uuid:conversation_id>": api(
        "GET",
        "POST",
        ids={"conversation_id": "conversation"},
        bodies={"POST": {"action": "delete"}},
        needs={"POST": None},
    ),
    "app/conversations": api("GET"),
    "app/runs/<uuid:run_id>/stop": api("POST", ids={"run_id": "run"}, needs={"POST": None}),
    "app/runs/<uuid:run_id>/feedback": api(
        "POST", ids={"run_id": "run"}, bodies={"POST": {"rating": "good"}}, needs={"POST": None}
    ),
    "app/runs/<uuid:run_id>/events": api("GET", ids={"run_id": "run"}),
    "app/proposals/<uuid:proposal_id>": api(
        "GET",
        "POST",
        ids={"proposal_id": "proposal"},
        bodies={"POST": {"action": "approve"}},
        needs={"POST": None},
    ),
    "app/connect": api(
        "GET", "POST", bodies={"POST": {"token": "ntn_x"}}, refused=frozenset({422}), needs={"POST": Action.CONNECT}
    ),
    "app/connect/notion": api("GET", needs={"GET": Action.CONNECT}),
    "app/connect/callback": api("GET"),
    "app/connect/<uuid:connection_id>/choose": api(
        "GET",
        "POST",
        ids={"connection_id": "connection"},
        bodies={"POST": {"source": "{source}"}},
        needs={"GET": Action.MANAGE_CONNECTIONS, "POST": Action.MANAGE_CONNECTIONS},
        refused=NOT_THEIRS,
    ),
    "app/connect/<uuid:connection_id>/sync": api(
        "GET",
        "POST",
        ids={"connection_id": "connection"},
        bodies={"POST": {"action": "stop"}},
        needs={"POST": Action.MANAGE_CONNECTIONS},
        refused=NOT_THEIRS,
    ),
    "app/sync/<uuid:sync_id>/events": api("GET", ids={"sync_id": "sync"}),
    "app/sync": api("POST", bodies={"POST": {"connection": "{connection}"}}, needs={"POST": Action.CONNECT}),
    "app/sources": api("GET"),
    "app/sources/<uuid:source_id>": api(
        "GET",
        "POST",
        ids={"source_id": "source"},
        bodies={"POST": {"action": "remove", "confirm": "nightjarmerger"}},
        needs={"POST": Action.MANAGE_CONNECTIONS},
        refused=NOT_THEIRS,
    ),
    "app/tasks": api(
        "GET",
        "POST",
        bodies={"POST": {"task": "{task}", "action": "complete"}},
        foreign_body=some("POST"),
        needs={"POST": Action.EDIT_TASKS},
    ),
    "app/tasks/<uuid:task_id>": api(
        "GET",
        "POST",
        ids={"task_id": "task"},
        bodies={"POST": {"action": "edit", "title": "Mine now"}},
        needs={"POST": Action.EDIT_TASKS},
    ),
    "app/usage": api("GET"),
    "app/usage/export": api("GET"),
    "app/plan": api(
        "GET",
        "POST",
        bodies={"POST": {"action": "upgrade", "tier": "trial"}},
        expired=some("GET", "POST"),
        needs={"POST": Action.CHANGE_PLAN},
    ),
    "app/keys": api(
        "GET",
        "POST",
        bodies={"POST": {"action": "delete", "key": "{api_key}"}},
        foreign_body=some("POST"),
        expired=some("GET", "POST"),
        needs={"POST": None},
    ),
    "pricing": api("GET", open_to_all=True, expired=some("GET")),
    "app/members": api(
        "GET",
        "POST",
        bodies={"POST": {"action": "remove", "member": "{plain_member}"}},
        foreign_body=some("POST"),
        shared_in_workspace=True,
        needs={"POST": Action.MANAGE_MEMBERS},
    ),
    # Who may see an invitation is who has its link.
    "app/invitations/<str:token>": api("GET", "POST", open_to_all=True, expired=some("GET", "POST")),
    "app/erasures/<str:token>": api("GET", open_to_all=True, expired=some("GET")),
    "app/account/delete": api(
        "GET",
        "POST",
        bodies={"POST": {"password": "nightjarmerger"}},
        expired=some("GET", "POST"),
        needs={"POST": None},
    ),
    "app/account/deleted": api("GET", open_to_all=True, expired=some("GET")),
    "app/account/closing": api("GET", "POST", expired=some("GET", "POST"), needs={"POST": None}),
    "app/closing": api(
        "GET",
        "POST",
        bodies={"POST": {"action": "restore"}},
        expired=some("GET", "POST"),
        shared_in_workspace=True,
        needs={"POST": Action.DELETE_WORKSPACE},
    ),
    "app/settings": api(
        "GET",
        "POST",
        bodies={"POST": {"section": "connection", "connection": "{connection}"}},
        expired=some("GET", "POST"),
        foreign_body=some("POST"),
        needs={"POST": Action.MANAGE_CONNECTIONS},
        refused=NOT_THEIRS,
    ),
    "app/settings/audit": api("GET", shared_in_workspace=True, needs={"GET": Action.SEE_AUDIT}),
    "app/settings/audit/export": api("GET", shared_in_workspace=True, needs={"GET": Action.SEE_AUDIT}),
    "app/theme": api("POST", bodies={"POST": {"theme": "dark"}}, expired=some("POST"), needs={"POST": None}),
    "app/dismiss": api("POST", bodies={"POST": {"banner": "x"}}, expired=some("POST"), needs={"POST": None}),
    "app/switch-workspace": api(
        "POST",
        bodies={"POST": {"workspace": "{workspace}"}},
        expired=some("POST"),
        foreign_body=some("POST"),
        needs={"POST": None},
    ),
}

# What else is posted to addresses that do several things, and what it needs.
FORMS: list[tuple[str, dict[str, str], Action | None]] = [
    ("agent/run", {"prompt": "What is planned?"}, Action.ASK),
    ("app/members", {"action": "invite", "emails": "new@example.com", "role": "member"}, Action.MANAGE_MEMBERS),
    ("app/members", {"action": "revoke", "invitation": "{invitation}"}, Action.MANAGE_MEMBERS),
    ("app/members", {"action": "role", "member": "{plain_member}", "role": "viewer"}, Action.MANAGE_MEMBERS),
    ("app/members", {"action": "limits", "member": "{plain_member}", "requests": "5"}, Action.MANAGE_MEMBERS),
    ("app/members", {"action": "role", "member": "{plain_member}", "role": "owner"}, Action.CHANGE_OWNERS),
    ("app/keys", {"action": "create", "name": "Robot", "scopes": "read", "life": "A year"}, Action.MAKE_KEYS),
    ("app/plan", {"action": "cancel"}, Action.CHANGE_PLAN),
    ("app/settings", {"section": "workspace", "name": "Mine now"}, Action.CHANGE_SETTINGS),
    ("app/settings", {"section": "deletion", "confirm": "x"}, Action.DELETE_WORKSPACE),
    ("app/settings", {"section": "export"}, None),
    ("app/tasks", {"action": "create", "title": "New"}, Action.EDIT_TASKS),
    ("app/tasks/<uuid:task_id>", {"action": "delete"}, Action.MANAGE_TASKS),
]

# Signing in and out is allauth's; these addresses know no workspace. They are only asked not to tell or break anything.
SIGN_IN_PREFIX = "accounts/"
# Those that have a page of ours, each with an address that fits.
SIGN_IN = {
    "accounts/login/": "/accounts/login/",
    "accounts/logout/": "/accounts/logout/",
    "accounts/inactive/": "/accounts/inactive/",
    "accounts/signup/": "/accounts/signup/",
    "accounts/reauthenticate/": "/accounts/reauthenticate/",
    "accounts/confirm-email/": "/accounts/confirm-email/",
    r"accounts/^confirm-email/(?P<key>[-:\w]+)/$": "/accounts/confirm-email/x/",
    "accounts/email/": "/accounts/email/",
    "accounts/email/<str:signed>/": "/accounts/email/x/",
    "accounts/2fa/": "/accounts/2fa/",
    "accounts/2fa/authenticate/": "/accounts/2fa/authenticate/",
    "accounts/2fa/reauthenticate/": "/accounts/2fa/reauthenticate/",
    "accounts/2fa/totp/activate/": "/accounts/2fa/totp/activate/",
    "accounts/2fa/totp/deactivate/": "/accounts/2fa/totp/deactivate/",
    "accounts/2fa/recovery-codes/": "/accounts/2fa/recovery-codes/",
    "accounts/2fa/recovery-codes/generate/": "/accounts/2fa/recovery-codes/generate/",
    "accounts/password/change/": "/accounts/password/change/",
    "accounts/password/reset/": "/accounts/password/reset/",
    "accounts/password/reset/done/": "/accounts/password/reset/done/",
    r"accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": "/accounts/password/reset/key/1-x/",
    "accounts/password/reset/key/done/": "/accounts/password/reset/key/done/",
}
STAFF_PREFIXES = ("staff", "admin")
