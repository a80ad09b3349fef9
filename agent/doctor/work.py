"""Does what waits get done? Workers, beat, and the age of what should be done by now."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, QuerySet
from django.utils import timezone

from accounts import background
from accounts.jobs import sweep
from accounts.models import ErasureCertificate, Mail, NotionEvent
from agent.doctor.database import reading
from agent.doctor.findings import Finding, bad, ok, warn
from agent.sync import scheduling, watching
from agent.sync.metrics import QUEUES
from billing.models import StripeEvent
from config.celery import app

# All of it is always waited: nobody knows how many workers there are.
ANSWER_SECONDS = 3
# A worker may be busy when a sweep is sent.
ROUNDS = 2
# Rounds of seconds carry all that waits: who waits for minutes waits behind many, or for nobody.
LATE, STOPPED = timedelta(minutes=2), timedelta(minutes=15)
DEFAULT = "See that a worker of the queue default runs, and beat."


def queues_have_workers() -> Iterator[Finding]:
    answers: dict[str, Any] = app.control.inspect(timeout=ANSWER_SECONDS).active_queues() or {}
    taken = Counter(queue["name"] for queues in answers.values() for queue in queues)
    for queue in QUEUES:
        if taken[queue]:
            yield ok(f"{taken[queue]} on the queue {queue}")
        else:
            yield bad(f"none on the queue {queue}", f"Start `celery -A config.celery worker -Q {queue}`.")


def beat_sends() -> Iterator[Finding]:
    """Beat itself answers nobody, but its sweeps are counted by the workers that make them."""
    before = _sweeps()
    if before is None:
        yield warn("no worker answers, so it cannot be told", "Start the workers and ask again.")
        return
    for _ in range(ROUNDS):
        time.sleep(settings.CELERY_BEAT_SCHEDULE["sweep-jobs"]["schedule"])
        if (_sweeps() or 0) > before:
            yield ok("sends what is due")
            return
    yield bad(
        "no worker was asked to sweep", "Start `celery -A config.beat beat`, once, and see that default is not full."
    )


def _sweeps() -> int | None:
    """How many the workers have begun that run now; None where no worker answers."""
    answers: dict[str, Any] = app.control.inspect(timeout=ANSWER_SECONDS).stats() or {}
    return sum(stats["total"].get(sweep.name, 0) for stats in answers.values()) if answers else None


def jobs_are_taken() -> Iterator[Finding]:
    now = timezone.now()
    with reading():
        waiting = background.free(now).order_by().values("queue").annotate(number=Count("pk"), since=Min("due_at"))
        found = list(waiting)
    for row in found:
        says = f"{row['number']} wait on the queue {row['queue']}, the oldest for {_length(now - row['since'])}"
        yield _judged(now - row["since"], says, f"See that beat runs and enough workers of {row['queue']} do.")
    if not found:
        yield ok("none waits")


def mails_go_out() -> Iterator[Finding]:
    with reading():
        waiting = Mail.objects.filter(sent_at=None, gave_up_at=None)
        finding = _age(waiting, "next_try_at", "mails", f"{DEFAULT} The rows' `error` says more.")
    yield finding


def payment_events_are_processed() -> Iterator[Finding]:
    with reading():
        finding = _age(StripeEvent.objects.filter(processed_at=None), "due_at", "payment events", DEFAULT)
    yield finding


def notion_events_are_processed() -> Iterator[Finding]:
    with reading():
        finding = _age(NotionEvent.objects.filter(processed_at=None), "received_at", "events of Notion", DEFAULT)
    yield finding


def syncs_have_jobs() -> Iterator[Finding]:
    with reading():
        lost = scheduling.lost().count()
    if lost:
        yield warn(f"{lost} are open and have no job", f"They begin again within 30 s. {DEFAULT}")
    else:
        yield ok("none is stuck")


def erasures_leave_nothing() -> Iterator[Finding]:
    with reading():
        looked = ErasureCertificate.objects.filter(given_at=None, checked_at__isnull=False).count()
    if looked:
        yield bad(
            f"{looked} left something behind, so no certificate is given",
            "The list of certificates at /staff/ says in which store, and the log why.",
        )
    else:
        yield ok("none left anything behind")


def connections_get_on() -> Iterator[Finding]:
    with reading():
        found = list(watching.connections(now=timezone.now()))
    failing = sum(bool(each.troubles) for each in found)
    says = f"{failing} of {len(found)} do not get on"
    if failing:
        yield warn(says, "`manage.py connections` lists them.")
    else:
        yield ok(says)


def _age(rows: QuerySet[Any], due: str, what: str, todo: str) -> Finding:
    """Of those that were due, how long the oldest has been."""
    now = timezone.now()
    overdue = rows.filter(**{f"{due}__lte": now}).aggregate(number=Count("pk"), since=Min(due))
    if not overdue["number"]:
        return ok(f"no {what} wait")
    age = now - overdue["since"]
    return _judged(age, f"{overdue['number']} {what} wait, the oldest for {_length(age)}", todo)


def _judged(age: timedelta, says: str, todo: str) -> Finding:
    if age > STOPPED:
        return bad(says, todo)
    return warn(says, todo) if age > LATE else ok(says)


def _length(length: timedelta) -> str:
    return str(timedelta(seconds=int(length.total_seconds())))
