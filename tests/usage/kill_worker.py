"""The processes of `test_quota_kills`: workers that are killed all the time, and the verdict over what they left."""

import json
import os
import random
import select
import signal
import sys
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.core.management import call_command
from django.db import Error, connections
from django.utils import timezone

from accounts import tenancy
from accounts.models import Membership
from tests.people import put_on_plan, sign_up
from usage import books, services
from usage.models import Hold, Period

PROCESSES = 4
# A worker is killed whenever so many more pieces of work have ended.
KILL_EVERY = 5
LINE = 37


def prepare() -> None:
    call_command("prepare_database", verbosity=0)
    alice = sign_up("Alice")
    put_on_plan(alice, "teams", seats=5)
    print(alice.membership.pk)


def storm(member: str, journal: str) -> None:
    """Workers, and a hand that kills one of them now and then, until the standard input ends. Answers how many."""
    random.seed(journal)
    children = {fork(member, journal) for _ in range(PROCESSES)}
    killed, last = 0, 0
    while not select.select([sys.stdin], [], [], 0.02)[0]:
        ended = Path(journal).stat().st_size // LINE
        if ended >= last + KILL_EVERY:
            os.kill(random.choice(sorted(children)), signal.SIGKILL)
            killed, last = killed + 1, ended
        while (pid := os.waitpid(-1, os.WNOHANG)[0]) in children:
            children.remove(pid)
            children.add(fork(member, journal))
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    print(killed)


def fork(member: str, journal: str) -> int:
    pid = os.fork()
    if not pid:
        try:
            work(member, journal)
        except Error:
            time.sleep(0.2)  # Postgres was killed; the next worker finds it again
        finally:
            os._exit(1)
    return pid


def work(member: str, journal: str) -> None:
    """Whatever stands in the journal has been confirmed by Postgres before."""
    with tenancy.shared():
        mine = Membership.objects.select_related("workspace", "user").get(pk=member)
    file = os.open(journal, os.O_WRONLY | os.O_APPEND)
    with tenancy.within(mine.workspace):
        while True:
            held = services.hold(membership=mine, key=str(uuid.uuid4()), now=timezone.now(), tokens=100)
            cost = services.Cost(60, 40, "extractive", milliseconds=10, grounded=True)
            services.settle(hold_id=held.pk, now=timezone.now(), outcome="succeeded", cost=cost)
            os.write(file, f"{held.pk}\n".encode())
            os.fsync(file)


def verdict(member: str, journal: str) -> None:
    with tenancy.shared():
        mine = Membership.objects.select_related("workspace", "user").get(pk=member)
    confirmed = Path(journal).read_text().split()
    with tenancy.within(mine.workspace):
        orphans = Hold.objects.filter(state="open").count()
        services.expire_holds(now=timezone.now() + services.HOLD_LIFE + timedelta(seconds=1))
        period = Period.objects.get()
        settled = Hold.objects.filter(pk__in=confirmed, state="settled").count()
        found = {
            "confirmed": len(confirmed),
            "lost": len(set(confirmed)) - settled,
            "unconfirmed": period.requests_used - len(confirmed),
            "orphans": orphans,
            "held": [period.requests_held, period.tokens_held],
            "differences": [str(each) for each in books.check(now=timezone.now())],
        }
    print(json.dumps(found))


def main(name: str, *arguments: str) -> None:
    modes: dict[str, Callable[..., None]] = {"prepare": prepare, "storm": storm, "verdict": verdict}
    modes[name](*arguments)
    connections.close_all()
