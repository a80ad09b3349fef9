"""Proposals as a run makes them, and what a worker would do about them."""

from typing import Any

from django.utils import timezone

from accounts import tenancy
from accounts.models import Job
from agent import jobs
from agent.models import Conversation, Proposal, Run
from agent.proposals import services
from agent.proposals.services import Wanted
from tasks.filters import LOCAL
from tasks.models import Outgoing, Task
from tests.people import Person
from tests.threads import elsewhere


def run_of(person: Person) -> Run:
    conversation = Conversation.objects.create(owner_id=person.user.pk, title="Tasks")
    return Run.objects.create(conversation=conversation, owner_id=person.user.pk, prompt="Do it", status="succeeded")


def propose(
    person: Person, of: str = "", /, *, kind: str = "update", new: str = "", source: str = LOCAL, **values: Any
) -> Proposal:
    """To change the task of that title, or with `new` to make one."""
    more = {name: values.pop(name) for name in ("is_tainted",) if name in values}
    with tenancy.within(person.workspace):
        task = None if new else Task.objects.readable_by(person.membership).get(title=of)
        wanted = Wanted("create" if new else kind, task, new, source, values)
        return services.propose(
            run=run_of(person), by=person.membership, wanted=wanted, now=timezone.now(), why="You asked for it.", **more
        )


def post(person: Person, proposal: Proposal, action: str, body: dict[str, Any] | None = None) -> Any:
    return person.api.post(f"/agent/proposals/{proposal.pk}/{action}", body or {})


def work(person: Person) -> None:
    """What a worker does, and after a pause does again."""
    with tenancy.within(person.workspace):
        Outgoing.objects.update(lease=None, leased_until=None)
    mine = Job.objects.filter(workspace=person.workspace, name="agent.jobs.apply_proposal", failed_at=None)
    mine.update(due_at=timezone.now(), leased_until=None, lease=None)
    for job in list(mine):
        elsewhere(lambda key=str(job.pk): jobs.apply_proposal(key))


def now_of(person: Person, proposal: Proposal) -> Proposal:
    with tenancy.within(person.workspace):
        return Proposal.objects.select_related("task", "replaced_by").get(pk=proposal.pk)
