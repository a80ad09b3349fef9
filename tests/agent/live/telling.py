"""Notion tells this installation of changes, at the hand of a test."""

import hashlib
import hmac
import json
from typing import Any
from uuid import uuid4

from django.test import Client
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, Job
from agent.live import jobs
from agent.models import Chunk, Page
from tests.people import Person
from tests.threads import elsewhere

TOKEN = "secret_of_the_subscription"


def signed(body: bytes, key: str = TOKEN) -> str:
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def post(body: bytes, signature: str | None = None) -> int:
    headers = {"X-Notion-Signature": signed(body) if signature is None else signature}
    return Client().post("/webhooks/notion", data=body, content_type="application/json", headers=headers).status_code


def event(connection: Connection, kind: str, notion_id: str, **more: Any) -> bytes:
    payload = {
        "id": str(uuid4()),
        "timestamp": timezone.now().isoformat(),
        "type": kind,
        "workspace_id": connection.notion_workspace_id,
        "authors": [{"id": str(uuid4()), "type": "person"}],
        "accessible_by": [{"id": connection.bot_id, "type": "bot"}],
        "entity": {"id": notion_id, "type": "page"},
        "data": {},
        **more,
    }
    return json.dumps(payload).encode()


def work(person: Person) -> None:
    jobs.take_events()
    for job in Job.objects.filter(workspace=person.workspace, name="agent.jobs.read_noticed", failed_at=None):
        elsewhere(lambda key=str(job.pk): jobs.read_noticed(key))


def texts(person: Person) -> str:
    with tenancy.within(person.workspace):
        shown = Chunk.objects.exclude(page__state__in=Page.GONE).order_by("page__title", "ordinal")
        return "\n".join(shown.values_list("text", flat=True))


def covered(person: Person) -> dict[str, Any]:
    (row,) = person.api.get("/agent/coverage").json()["connections"]
    return dict(row)
