"""Hold and settle: pairs a second for one hot member and in 1,000 workspaces, beside bare UPDATEs of their rows."""

import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

from django.db import connection, connections
from django.utils import timezone

from accounts import schemas, tenancy
from billing.models import Subscription
from tests.benchmarks._figures import ratio
from tests.people import Person, sign_up
from usage import services
from usage.models import Period

THREADS = 8
SECONDS = 8.0
WORKSPACES = 1_000


def main(workspaces: int = WORKSPACES) -> None:
    schemas.fill(workspaces)
    people = [sign_up(f"Alice{number}") for number in range(workspaces)]
    Subscription.objects.update(tier="teams", status="active", anchor_at=timezone.now() - timedelta(days=1))
    periods = [_first(person) for person in people]
    hot = _rate("hold + settle, one member, 8 threads", lambda: _pair(people[0]))
    bare_hot = _rate("bare UPDATE of that row, 8 threads", lambda: _update(people[0], periods[0]))
    spread = _rate(f"hold + settle, {workspaces:,} workspaces, 8 threads", lambda: _pair(random.choice(people)))

    def update_any() -> bool:
        number = random.randrange(workspaces)
        return _update(people[number], periods[number])

    bare = _rate(f"bare UPDATE, {workspaces:,} workspaces, 8 threads", update_any)
    ratio("bare UPDATE / hold + settle, one member", bare_hot, hot)
    ratio(f"bare UPDATE / hold + settle, {workspaces:,} workspaces", bare, spread)


def _first(person: Person) -> int:
    _pair(person)
    with tenancy.within(person.workspace):
        return Period.objects.get().pk


def _pair(person: Person) -> bool:
    """False for a refusal, which is no pair: the month of the hot member is then begun anew."""
    now = timezone.now()
    with tenancy.within(person.workspace):
        try:
            hold = services.hold(membership=person.membership, key=str(uuid4()), now=now, tokens=10)
        except services.QuotaExceeded:
            Period.objects.update(requests_used=0, tokens_used=0)
            return False
        services.settle(hold_id=hold.pk, now=now, outcome="succeeded", cost=services.Cost(5, 5, "bench"))
    return True


def _update(person: Person, period_id: int) -> bool:
    with tenancy.within(person.workspace), connection.cursor() as cursor:
        cursor.execute("UPDATE usage_period SET requests_used = requests_used + 0 WHERE id = %s", [period_id])
    return True


def _rate(name: str, work: Callable[[], bool]) -> float:
    done = [0] * THREADS
    begun = time.perf_counter()

    def run(number: int) -> None:
        while time.perf_counter() < begun + SECONDS:
            done[number] += work()
        connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = sum(done) / (time.perf_counter() - begun)
    print(f"   {name:<52} {rate:9.0f} a second")
    return rate
