"""Work outside the request. What is to be done stands in `Job`; Celery carries only the id and wakes a worker.

A job runs at least once, by one worker at a time: claiming takes a lease, a lease that ran out is taken by the next.
"""

import logging
import threading
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

import kombu.exceptions
import redis
from celery import Task
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import tenancy
from accounts.models import Job, Workspace
from config import logs, valkey

log = logging.getLogger(__name__)
MAX_ATTEMPTS = 5
# Messages in one queue beyond which the sweep adds none: a worker takes seconds to find that so many were heard before.
MOST_WAITING = 500
BACKOFF = timedelta(seconds=15)
# Of a job whose workspace is suspended. Whoever lifts that wakes it; this is for one that was put aside at that moment.
LOOK_AGAIN = timedelta(minutes=5)
# What stands in the row of a job that waits for a suspended workspace, and for a deleted one.
SUSPENDED, DELETED = "The workspace is suspended.", "The workspace was deleted."
# In these a workspace may come back, so what is to be done in it waits.
PAUSED = frozenset({Workspace.State.SUSPENDED, Workspace.State.CLOSING})
# Of what asks neither Notion nor a model, or is the customer's way out.
EVEN_SUSPENDED = (Workspace.State.ACTIVE, Workspace.State.SUSPENDED)
UNTIL_ERASED = (*EVEN_SUSPENDED, Workspace.State.CLOSING)
_current = threading.local()


class LeaseLost(Exception):
    """Another worker has taken the job over; this one stops at once."""


class Later(Exception):
    """Raised by work that gives its worker back and wants to go on at `due_at`, or now but behind those that wait."""

    def __init__(self, due_at: datetime) -> None:
        super().__init__(f"goes on at {due_at:%X}")
        self.due_at = due_at


class PublicTask(Task[..., Any]):
    """A task of ours without a workspace: sweeps and fan-outs. It starts and ends in the shared schema."""

    abstract = True
    is_workspace_job = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        tenancy.leave()
        try:
            with logs.about(job=self.name):
                return self.run(*args, **kwargs)
        finally:
            tenancy.leave()
            connection.close()


class WorkspaceJob(Task[..., Any]):
    """A task that runs inside one workspace. Its message is a job's id; its arguments stand in the job's row.

    A job of a workspace that is gone never runs; that of one being erased, only the eraser. While a workspace is
    suspended or was deleted its jobs wait, also one at work from its next `renew_lease` on, but those whose `runs_in`
    has that state.
    """

    abstract = True
    is_workspace_job = True
    # The message's one argument is the job's id, not what the function takes.
    typing = False
    queue_name: ClassVar[str] = "default"
    runs_in: ClassVar[Collection[str]] = (Workspace.State.ACTIVE,)
    # The longest silence of a worker that still counts as alive; long work calls `renew_lease`.
    lease: ClassVar[timedelta] = timedelta(seconds=120)
    # Called as `gave_up` for what is ended by a suspension rather than kept waiting.
    ended: ClassVar[Callable[..., None] | None] = None
    # Called in the workspace, with the job's arguments, when the last attempt failed.
    gave_up: ClassVar[Callable[..., None] | None] = None

    def __call__(self, job_id: str) -> None:
        tenancy.leave()
        try:
            job = claim(job_id, name=self.name, lease=self.lease)
            if job is not None:
                with logs.about(job=self.name, job_id=job.pk, workspace_id=job.workspace_id, **_named(job)):
                    self._run_claimed(job)
        finally:
            tenancy.leave()
            connection.close()

    def _run_claimed(self, job: Job) -> None:
        workspace = Workspace.objects.filter(pk=job.workspace_id).first()
        if workspace is None or workspace.state not in self.runs_in:
            self._refuse(job, workspace)
            return
        if job.attempts > MAX_ATTEMPTS:
            # Every worker that took it died without a word.
            self._give_up(job, workspace, "It stopped its worker every time.")
            return
        _current.job, _current.task = job, self
        try:
            with tenancy.within(workspace):
                self.run(**job.arguments)
        except Later as later:
            _give_back(job, later.due_at)
        except LeaseLost:
            current = Workspace.objects.filter(pk=workspace.pk).first()
            if current is not None and self._must_wait(current):
                self._set_aside(job, current)
            else:
                log.warning("%s went to another worker", job)
        except Exception as error:
            log.exception("%s failed at attempt %d", job, job.attempts)
            if job.attempts >= MAX_ATTEMPTS:
                self._give_up(job, workspace, _words(error))
            else:
                _put_back(job, error)
        else:
            _held(job).delete()
        finally:
            _current.job = None

    def _must_wait(self, workspace: Workspace) -> bool:
        return workspace.state in PAUSED and workspace.state not in self.runs_in

    def _refuse(self, job: Job, workspace: Workspace | None) -> None:
        if workspace is not None and self._must_wait(workspace):
            self._set_aside(job, workspace)
            return
        expected = " or ".join(self.runs_in)
        log.warning("%s is not run: its workspace is not %s", job, expected)
        _held(job).update(failed_at=timezone.now(), error=f"The workspace is not {expected}.")

    def _set_aside(self, job: Job, workspace: Workspace) -> None:
        log.info("%s waits: its workspace is %s", job, workspace.state)
        if workspace.state == Workspace.State.CLOSING:
            _put_aside(job, _look_again(workspace), DELETED)
        elif self.ended is None:
            _put_aside(job, timezone.now() + LOOK_AGAIN, SUSPENDED)
        else:
            with tenancy.within(workspace):
                self.ended(**job.arguments)
            _held(job).delete()

    def _give_up(self, job: Job, workspace: Workspace, error: str) -> None:
        if self.gave_up is not None:
            with tenancy.within(workspace):
                self.gave_up(**job.arguments)
        _held(job).update(failed_at=timezone.now(), error=error, leased_until=None)


def _named(job: Job) -> dict[str, Any]:
    """The runs that it is about, as a line of the log calls them."""
    names = {"run_id": "run_id", "sync_run_id": "sync_id"}
    return {names[argument]: value for argument, value in job.arguments.items() if argument in names}


def _held(job: Job) -> Any:
    tenancy.leave()
    return Job.objects.filter(pk=job.pk, lease=job.lease)


def _put_back(job: Job, error: Exception) -> None:
    due_at = timezone.now() + BACKOFF * 2 ** (job.attempts - 1)
    _held(job).update(due_at=due_at, leased_until=None, lease=None, error=_words(error))


def _give_back(job: Job, due_at: datetime) -> None:
    """Waiting is no failure, so it uses up no attempt."""
    is_held = _held(job).update(due_at=due_at, leased_until=None, lease=None, attempts=0)
    if is_held and due_at <= timezone.now():
        wake(job)


def _put_aside(job: Job, due_at: datetime, why: str) -> None:
    _held(job).update(due_at=due_at, leased_until=None, lease=None, attempts=0, error=why)


def _look_again(workspace: Workspace) -> datetime:
    """When it is known whether it has come back."""
    now = timezone.now()
    return max(workspace.erases_at or now, now) + timedelta(hours=1)


def take_up_again(workspace_id: uuid.UUID, *, now: datetime) -> None:
    """What was put aside; in the transaction that lifts a suspension or takes a deletion back."""
    waiting = Job.objects.filter(workspace_id=workspace_id, error__in=(SUSPENDED, DELETED), failed_at=None)
    jobs = list(waiting)
    waiting.update(due_at=now, error="")
    for job in jobs:
        transaction.on_commit(partial(wake, job))


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:2000]


def claim(job_id: str, *, name: str, lease: timedelta) -> Job | None:
    """Take the job, or None when it is done, failed, not due, another task's or in another worker's hands."""
    now = timezone.now()
    with transaction.atomic():
        job = (
            Job.objects.select_for_update(skip_locked=True)
            .filter(
                Q(leased_until=None) | Q(leased_until__lt=now), pk=job_id, name=name, failed_at=None, due_at__lte=now
            )
            .first()
        )
        if job is None:
            return None
        job.lease, job.leased_until, job.attempts = uuid.uuid4(), now + lease, job.attempts + 1
        job.save(update_fields=["lease", "leased_until", "attempts"])
    return job


def renew_lease() -> None:
    """Call now and then in long work; outside a job it does nothing. Raises LeaseLost when the job was taken over, or
    has to wait since its workspace was suspended or deleted."""
    job: Job | None = getattr(_current, "job", None)
    if job is None:
        return
    with tenancy.shared():
        held = Job.objects.filter(pk=job.pk, lease=job.lease)
        goes_on = held.exclude(workspace__state__in=PAUSED.difference(_current.task.runs_in))
        if not goes_on.update(leased_until=timezone.now() + _current.task.lease):
            raise LeaseLost(str(job))


def is_at_work() -> bool:
    """Whether this thread is a worker's, which can be given back."""
    return getattr(_current, "job", None) is not None


def free(now: datetime) -> QuerySet[Job]:
    """Due and in nobody's hands."""
    return Job.objects.filter(Q(leased_until=None) | Q(leased_until__lt=now), failed_at=None, due_at__lte=now)


def do_others_wait() -> bool:
    """Whether a job of this one's queue is due and in nobody's hands."""
    job: Job | None = getattr(_current, "job", None)
    if job is None:
        return False
    with tenancy.shared():
        return free(timezone.now()).filter(queue=job.queue).exists()


@dataclass(frozen=True)
class Place:
    """Where a job waits: since when it could begin, and how many of its queue are before it."""

    since: datetime
    before: int


def place(task: Task[..., Any], *, workspace_id: uuid.UUID, now: datetime, **arguments: Any) -> Place | None:
    """None when it is at work, or waits for its time rather than for a worker."""
    with tenancy.shared():
        job = (
            free(now).filter(workspace_id=workspace_id, name=task.name, arguments=arguments).order_by("due_at").first()
        )
        if job is None:
            return None
        return Place(job.due_at, free(now).filter(queue=job.queue, due_at__lt=job.due_at).count())


def note_progress() -> None:
    """Work that gets on does not use up its attempts, however often its workers are replaced."""
    job: Job | None = getattr(_current, "job", None)
    if job is not None:
        with tenancy.shared():
            Job.objects.filter(pk=job.pk, lease=job.lease).update(attempts=1)


def enqueue(
    task: Task[..., Any], *, workspace_id: uuid.UUID, key: str = "", due_at: datetime | None = None, **arguments: Any
) -> bool:
    """Write the job with the change that asks for it; a worker is woken after the commit.

    With a `key`, False when such a job is already waiting or running.
    """
    if not isinstance(task, WorkspaceJob):
        raise TypeError(f"{task.name} is no job of a workspace.")
    job = Job(workspace_id=workspace_id, name=task.name, queue=task.queue_name, arguments=arguments, key=key)
    if due_at is not None:
        job.due_at = due_at
    created = Job.objects.bulk_create([job], ignore_conflicts=True) and (
        not key or Job.objects.filter(pk=job.pk).exists()
    )
    if created and due_at is None:
        transaction.on_commit(lambda: wake(job))
    return bool(created)


def wake(job: Job) -> None:
    """Tell the broker. When it is away nothing is lost: the sweep finds the row."""
    from config.celery import app

    try:
        app.tasks[job.name].apply_async((str(job.pk),), queue=job.queue, retry=False)
    except (kombu.exceptions.OperationalError, OSError):
        log.warning("the broker is away; %s waits for the sweep", job)


def sweep(*, now: datetime) -> int:
    """Wake a worker for the jobs that are due and in nobody's hands, the oldest of each queue. Answers how many."""
    from config.celery import app

    due = free(now).filter(created_at__lte=now - timedelta(seconds=3))
    known = due.filter(name__in=list(app.tasks))
    for name in due.exclude(name__in=list(app.tasks)).values_list("name", flat=True).distinct():
        log.error("jobs wait for %s, which is of another release, older or newer than this process", name)
    woken = 0
    # A long queue must not keep the sweep from the others.
    for queue in known.values_list("queue", flat=True).distinct():
        for job in known.filter(queue=queue).order_by("due_at")[: _room(queue)]:
            wake(job)
            woken += 1
    return woken


def _room(queue: str) -> int:
    """Who waits already has a message in the queue, most likely: waking again and again would bury new ones."""
    try:
        waiting: Any = valkey.client().llen(queue)
    except redis.RedisError:
        log.warning("the broker is away; the sweep comes again")
        return 0
    return max(0, MOST_WAITING - int(waiting))
