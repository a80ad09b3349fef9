"""Who may do what at every address. An address or method that is missing here turns the build red."""

from dataclasses import dataclass, field
from typing import Any

# Of a good invitation to Alice's workspace, for an address that is none of the people's.
INVITATION = "of-somebody-else-and-good"


@dataclass(frozen=True)
class Entry:
    """`ids`: the path's ids, as names of Alice's things. `bodies`: what is sent by each method; `{name}` in it becomes
    the id of Alice's thing. `open_to_all`: needs no sign-in. `viewer`: methods that a viewer is refused, `viewer_may`:
    writes that a viewer may make; every write is in one of them. `expired`: methods that still work after the trial."""

    methods: frozenset[str]
    ids: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    open_to_all: bool = False
    viewer: frozenset[str] = frozenset()
    viewer_may: frozenset[str] = frozenset()
    # A page that shows the refusal in its form says so with another status.
    viewer_status: int = 403
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
        "GET", "PATCH", bodies={"PATCH": {"name": "Renamed"}}, expired=some("GET", "PATCH"), viewer_may=some("PATCH")
    ),
    "user/config": api("GET", "PATCH", bodies={"PATCH": {"language": "en"}}, viewer_may=some("PATCH")),
    "user/trial-status": api("GET", expired=some("GET")),
    "user/upgrade-subscription": api(
        "POST", bodies={"POST": {"tier": "trial"}}, expired=some("POST"), viewer=some("POST")
    ),
    "subscription": api("GET", expired=some("GET")),
    "subscription/preview": api("POST", bodies={"POST": {"tier": "trial"}}, expired=some("POST"), viewer=some("POST")),
    "subscription/downgrade": api(
        "POST", bodies={"POST": {"tier": "trial"}}, expired=some("POST"), viewer=some("POST")
    ),
    "subscription/cancel": api("POST", expired=some("POST"), viewer=some("POST")),
    "subscription/resume": api("POST", expired=some("POST"), viewer=some("POST")),
    "subscription/withdraw": api("POST", expired=some("POST"), viewer=some("POST")),
    "subscription/seats": api("POST", bodies={"POST": {"seats": 2}}, expired=some("POST"), viewer=some("POST")),
    "webhooks/stripe": api("POST", open_to_all=True, expired=some("POST")),
    "webhooks/notion": api("POST", open_to_all=True, expired=some("POST")),
    "subscription/portal": api("POST", expired=some("POST"), viewer=some("POST")),
    "subscription/plans": api("GET", open_to_all=True, expired=some("GET")),
    "user/notion-integration": api(
        "GET",
        "POST",
        "DELETE",
        bodies={"POST": {"token": "ntn_x"}},
        viewer=some("POST"),
        expired=some("DELETE"),
        viewer_may=some("DELETE"),
    ),
    "agent/sync": api("POST", viewer=some("POST")),
    "agent/sync/<uuid:sync_id>": api("GET", ids={"sync_id": "sync"}),
    "agent/sync/<uuid:sync_id>/events": api("GET", ids={"sync_id": "sync"}),
    "agent/sync/<uuid:sync_id>/pause": api("POST", ids={"sync_id": "sync"}, viewer=some("POST")),
    "agent/sync/<uuid:sync_id>/resume": api("POST", ids={"sync_id": "sync"}, viewer=some("POST")),
    "agent/sync/<uuid:sync_id>/cancel": api("POST", ids={"sync_id": "sync"}, viewer=some("POST")),
    "agent/sync/<uuid:sync_id>/confirm": api("POST", ids={"sync_id": "sync"}, viewer=some("POST")),
    "agent/coverage": api("GET"),
    "agent/run": api(
        "POST",
        bodies={"POST": {"prompt": "What?", "conversation_id": "{conversation}"}},
        foreign_body=some("POST"),
        viewer_may=some("POST"),
    ),
    "agent/runs/<uuid:run_id>": api("GET", ids={"run_id": "run"}),
    "agent/runs/<uuid:run_id>/events": api("GET", ids={"run_id": "run"}),
    "agent/runs/<uuid:run_id>/stop": api("POST", ids={"run_id": "run"}, viewer_may=some("POST")),
    "agent/runs/<uuid:run_id>/feedback": api(
        "POST", ids={"run_id": "run"}, bodies={"POST": {"rating": "good"}}, viewer_may=some("POST")
    ),
    "agent/conversations": api("GET"),
    "agent/conversations/<uuid:conversation_id>": api(
        "GET",
        "PATCH",
        "DELETE",
        ids={"conversation_id": "conversation"},
        bodies={"PATCH": {"title": "Mine now"}},
        viewer_may=some("PATCH", "DELETE"),
    ),
    "tasks": api("GET", "POST", bodies={"POST": {"title": "New"}}, viewer=some("POST")),
    "tasks/search": api("GET"),
    "tasks/<uuid:task_id>": api(
        "GET",
        "PATCH",
        "DELETE",
        ids={"task_id": "task"},
        bodies={"PATCH": {"title": "Mine now"}},
        viewer=some("PATCH", "DELETE"),
    ),
    "tasks/<uuid:task_id>/history": api("GET", ids={"task_id": "task"}),
    "tasks/<uuid:task_id>/sync": api(
        "POST", ids={"task_id": "task"}, bodies={"POST": {"action": "retry"}}, viewer=some("POST")
    ),
    "usage/quota": api("GET", expired=some("GET")),
    "usage/logs": api("GET"),
    "usage/summary": api("GET"),
    "admin/users": api("GET", viewer=some("GET"), shared_in_workspace=True),
    "admin/users/<uuid:user_id>": api(
        "PATCH",
        "DELETE",
        ids={"user_id": "plain_member"},
        bodies={"PATCH": {"role": "viewer", "caps": {"requests": 0}}},
        viewer=some("PATCH", "DELETE"),
        expired=some("DELETE"),
        shared_in_workspace=True,
    ),
    "workspace": api(
        "GET",
        "PATCH",
        "DELETE",
        bodies={"PATCH": {"name": "Mine now"}, "DELETE": {"confirm": "nightjarmerger"}},
        viewer=some("GET", "PATCH", "DELETE"),
        expired=some("DELETE"),
        shared_in_workspace=True,
    ),
    "workspace/export": api("GET", "POST", viewer_may=some("POST"), expired=some("GET", "POST")),
    "workspace/export/<uuid:export_id>": api("GET", ids={"export_id": "export"}, expired=some("GET")),
    "workspace/invitations": api(
        "GET", "POST", bodies={"POST": {"email": "new@example.com"}}, viewer=some("GET", "POST")
    ),
    "workspace/invitations/<uuid:invitation_id>": api(
        "DELETE", ids={"invitation_id": "invitation"}, viewer=some("DELETE"), shared_in_workspace=True
    ),
    "invitations/accept": api(
        "POST",
        bodies={"POST": {"token": INVITATION}},
        expired=some("POST"),
        viewer_may=some("POST"),
        stranger_status=403,
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
    "admin/users/<uuid:user_id>",
    "invitations/accept",
    "openapi.json",
    "docs",
)

PAGES = {
    "": api("GET", open_to_all=True, expired=some("GET")),
    "mails": api("GET", open_to_all=True, expired=some("GET")),
    # No id: it is open to all, where it exists at all.
    "mails/<uuid:mail_id>": api("GET", open_to_all=True, expired=some("GET")),
    "app": api("GET"),
    "app/ask": api("GET", "POST", bodies={"POST": {"prompt": ""}}, viewer_may=some("POST")),
    "app/ask/<uuid:conversation_id>": api(
        "GET",
        "POST",
        ids={"conversation_id": "conversation"},
        bodies={"POST": {"action": "delete"}},
        viewer_may=some("POST"),
    ),
    "app/conversations": api("GET"),
    "app/runs/<uuid:run_id>/stop": api("POST", ids={"run_id": "run"}, viewer_may=some("POST")),
    "app/runs/<uuid:run_id>/feedback": api(
        "POST", ids={"run_id": "run"}, bodies={"POST": {"rating": "good"}}, viewer_may=some("POST")
    ),
    "app/runs/<uuid:run_id>/events": api("GET", ids={"run_id": "run"}),
    "app/connect": api("GET", "POST", bodies={"POST": {"token": "ntn_x"}}, viewer=some("POST"), viewer_status=422),
    "app/connect/notion": api("GET", viewer=some("GET")),
    "app/connect/callback": api("GET"),
    "app/connect/<uuid:connection_id>/choose": api(
        "GET", "POST", ids={"connection_id": "connection"}, bodies={"POST": {"source": "{source}"}}, viewer=some("POST")
    ),
    "app/connect/<uuid:connection_id>/sync": api(
        "GET", "POST", ids={"connection_id": "connection"}, bodies={"POST": {"action": "stop"}}, viewer=some("POST")
    ),
    "app/sync/<uuid:sync_id>/events": api("GET", ids={"sync_id": "sync"}),
    "app/sync": api("POST", bodies={"POST": {"connection": "{connection}"}}, viewer=some("POST")),
    "app/sources": api("GET"),
    "app/sources/<uuid:source_id>": api(
        "GET",
        "POST",
        ids={"source_id": "source"},
        bodies={"POST": {"action": "remove", "confirm": "nightjarmerger"}},
        viewer=some("POST"),
    ),
    "app/tasks": api(
        "GET",
        "POST",
        bodies={"POST": {"task": "{task}", "action": "complete"}},
        foreign_body=some("POST"),
        viewer=some("POST"),
    ),
    "app/tasks/<uuid:task_id>": api(
        "GET",
        "POST",
        ids={"task_id": "task"},
        bodies={"POST": {"action": "edit", "title": "Mine now"}},
        viewer=some("POST"),
    ),
    "app/usage": api("GET"),
    "app/usage/export": api("GET"),
    "app/plan": api(
        "GET",
        "POST",
        bodies={"POST": {"action": "upgrade", "tier": "trial"}},
        expired=some("GET", "POST"),
        viewer=some("POST"),
    ),
    "pricing": api("GET", open_to_all=True, expired=some("GET")),
    "app/members": api(
        "GET",
        "POST",
        bodies={"POST": {"action": "remove", "member": "{plain_member}"}},
        foreign_body=some("POST"),
        viewer=some("POST"),
        shared_in_workspace=True,
    ),
    # Who may see an invitation is who has its link.
    "app/invitations/<str:token>": api("GET", "POST", open_to_all=True, expired=some("GET", "POST")),
    "app/settings": api(
        "GET",
        "POST",
        bodies={"POST": {"section": "connection", "connection": "{connection}"}},
        expired=some("GET", "POST"),
        foreign_body=some("POST"),
        viewer_may=some("POST"),
    ),
    "app/theme": api("POST", bodies={"POST": {"theme": "dark"}}, expired=some("POST"), viewer_may=some("POST")),
    "app/dismiss": api("POST", bodies={"POST": {"banner": "x"}}, expired=some("POST"), viewer_may=some("POST")),
    "app/switch-workspace": api(
        "POST",
        bodies={"POST": {"workspace": "{workspace}"}},
        expired=some("POST"),
        foreign_body=some("POST"),
        viewer_may=some("POST"),
    ),
}

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
