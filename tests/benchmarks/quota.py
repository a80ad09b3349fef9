"""Hold and settle: pairs a second for one member and for many, beside a bare UPDATE of one row."""

import threading
import time
from collections.abc import Callable
from uuid import uuid4

from django.db import connection, connections
from django.utils import timezone

from accounts import tenancy
from tests.benchmarks._figures import ratio
from tests.people import Person, put_on_plan, sign_up
from usage import services
from usage.models import Period

THREADS = 8
SECONDS = 5.0


def main() -> None:
    people = [sign_up(f"Alice {number}") for number in range(THREADS)]
    for person in people:
        put_on_plan(person, "teams")
    hot = _rate("hold + settle, one member, 8 threads", lambda number: lambda: _pair(people[0]))
    _rate("hold + settle, 8 members, 8 threads", lambda number: lambda: _pair(people[number]))
    with tenancy.within(people[0].workspace):
        period = Period.objects.get()
    bare = _rate("bare UPDATE of one row, 8 threads", lambda number: lambda: _update(people[0], period.pk))
    ratio("bare UPDATE / hold + settle, one member", bare, hot)


def _pair(person: Person) -> None:
    now = timezone.now()
    with tenancy.within(person.workspace):
        try:
            hold = services.hold(membership=person.membership, key=str(uuid4()), now=now, tokens=10)
        except services.QuotaExceeded:
            Period.objects.update(requests_used=0, tokens_used=0)
            return
        services.settle(hold_id=hold.pk, now=now, outcome="succeeded", cost=services.Cost(5, 5, "bench"))


def _update(person: Person, period_id: int) -> None:
    with tenancy.within(person.workspace), connection.cursor() as cursor:
        cursor.execute("UPDATE usage_period SET requests_used = requests_used + 0 WHERE id = %s", [period_id])


def _rate(name: str, work_of: Callable[[int], Callable[[], None]]) -> float:
    done = [0] * THREADS
    end = time.perf_counter() + SECONDS

    def run(number: int) -> None:
        work = work_of(number)
        while time.perf_counter() < end:
            work()
            done[number] += 1
        connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = sum(done) / SECONDS
    print(f"   {name:<52} {rate:9.0f} a second")
    return rate
