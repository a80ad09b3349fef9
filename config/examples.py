"""An example for each body that the API takes, as /docs shows it; `tests/config/test_examples.py` sends each."""

from typing import Any

from config.example_answers import ANSWERS

ID = "0193b5a8-5f0e-7c3a-9d41-2f6f1c7e8a90"
REFRESH = {"refresh": "eyJhbGciOiJIUzI1NiJ9…"}

BODIES: dict[str, dict[str, Any]] = {
    "POST /auth/register": {"email": "ada@example.com", "password": "correct horse battery staple", "name": "Ada"},
    "POST /auth/login": {"email": "ada@example.com", "password": "correct horse battery staple"},
    "POST /auth/refresh": REFRESH,
    "POST /auth/logout": REFRESH,
    "PATCH /user/profile": {"name": "Ada Lovelace"},
    "PATCH /user/config": {"timezone": "Europe/Berlin", "email_notifications": {"product_news": False}},
    "POST /user/api-keys": {"name": "Nightly", "scopes": ["ask"]},
    "POST /user/upgrade-subscription": {"tier": "pro"},
    "POST /user/notion-integration": {"token": "ntn_…", "shared": False},
    "PATCH /user/notion-integration": {"sources": [ID]},
    "POST /subscription/preview": {"tier": "teams", "seats": 12},
    "POST /subscription/seats": {"seats": 12},
    "POST /subscription/downgrade": {"tier": "pro"},
    "POST /subscription/cancel": {},
    "POST /subscription/resume": {},
    "POST /subscription/withdraw": {},
    "POST /agent/run": {"prompt": "When do we ship?"},
    "POST /agent/runs/{run_id}/feedback": {"rating": "good", "reason": "The page it quotes is the right one."},
    "POST /agent/sync": {"full": True},
    "PATCH /agent/conversations/{conversation_id}": {"title": "Launch", "shared": False},
    "POST /tasks": {"title": "Book the room", "due_on": "2026-12-01", "labels": ["office"]},
    "PATCH /tasks/{task_id}": {"done": True},
    "POST /tasks/{task_id}/sync": {"action": "retry"},
    "PATCH /admin/users/{user_id}": {"role": "viewer", "caps": {"requests": 100, "tokens": None}},
    "POST /workspace/invitations": {"email": "tom@example.com", "role": "member"},
    "POST /invitations/accept": {"token": "the end of the link"},
    "PATCH /workspace": {"name": "Northwind", "sync_interval_minutes": 60},
    "DELETE /workspace": {"confirm": "Northwind"},
    "DELETE /user/account": {"password": "correct horse battery staple"},
    "POST /agent/proposals/{proposal_id}/edit": {"title": "Book the big room", "due_on": "2026-12-01"},
    "POST /webhooks/notion": {"id": ID, "type": "page.content_updated", "entity": {"id": ID, "type": "page"}},
    "POST /webhooks/stripe": {"id": "evt_1", "object": "event", "type": "customer.subscription.updated"},
}
# Answers that another call gives too.
SAME = {"POST /agent/run": "GET /agent/runs/{run_id}"}


def show(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    for address, operations in result["paths"].items():
        for method, operation in operations.items():
            label = f"{method.upper()} {address}"
            _put(BODIES.get(label), operation.get("requestBody", {}))
            _put(ANSWERS.get(SAME.get(label, label)), operation["responses"].get("200", {}))
    return result


def _put(example: Any, described: dict[str, Any]) -> None:
    kind = described.get("content", {}).get("application/json")
    if example is not None and kind is not None:
        kind["example"] = example
