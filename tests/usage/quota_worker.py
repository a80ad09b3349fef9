"""A worker process of `test_quota_races`: it asks questions until the quota is used up, or stops in the middle."""

import os
import sys
from datetime import datetime

from django.db import connections, transaction

from accounts import tenancy
from accounts.models import Membership
from usage import services

PROCESSES = 32


def main(member: str, name: str, moment: str, mode: str) -> None:
    now = datetime.fromisoformat(moment)
    if mode == "fork":
        children = [pid for n in range(PROCESSES) if (pid := fork(member, f"{name}{n}", now))]
        failures = [status for _, status in (os.waitpid(pid, 0) for pid in children) if status]
        sys.exit(len(failures))
    with tenancy.within(membership(member).workspace):
        if mode == "hang":
            services.hold(membership=membership(member), key=name, now=now, tokens=100)
            say_and_wait("holding")
        with transaction.atomic():
            services.hold(membership=membership(member), key=name, now=now, tokens=100)
            say_and_wait("torn")


def membership(pk: str) -> Membership:
    with tenancy.shared():
        return Membership.objects.select_related("workspace", "user").get(pk=pk)


def say_and_wait(word: str) -> None:
    print(word, flush=True)
    sys.stdin.read()


def fork(member: str, name: str, now: datetime) -> int:
    pid = os.fork()
    if not pid:
        status = 1
        try:
            ask_until_used_up(member, name, now)
            status = 0
        finally:
            connections.close_all()
            os._exit(status)
    return pid


def ask_until_used_up(member: str, name: str, now: datetime) -> None:
    mine, charged = membership(member), 0
    with tenancy.within(mine.workspace):
        while True:
            try:
                held = services.hold(membership=mine, key=f"{name}-{charged}", now=now, tokens=100)
            except services.QuotaExceeded:
                return
            except services.Busy:
                continue
            services.settle(hold_id=held.pk, now=now, outcome="succeeded", cost=services.Cost(60, 40, "extractive"))
            os.write(1, b"charged\n")
            charged += 1
