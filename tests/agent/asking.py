"""Asking without a server: the question over the API, the work in this process."""

import uuid
from typing import Any

from accounts.models import Job
from agent import jobs
from tests.people import Person
from tests.threads import elsewhere


def work(person: Person) -> None:
    """What a worker would do now."""
    for job in Job.objects.filter(workspace=person.workspace, name="agent.jobs.run", failed_at=None):
        elsewhere(lambda key=str(job.pk): jobs.run(key))


def ask(person: Person, prompt: str, **more: Any) -> dict[str, Any]:
    """The answered run, as programs see it."""
    queued = person.api.post("/agent/run", {"prompt": prompt, **more})
    assert queued.status_code == 202, queued.content
    work(person)
    answered: dict[str, Any] = person.api.get(f"/agent/runs/{queued.json()['id']}").json()
    return answered


def run_id(answered: dict[str, Any]) -> uuid.UUID:
    return uuid.UUID(answered["id"])
