"""The one order in which rows of the index are locked. Whoever writes them holds the connection first.

    SyncRun → Connection → Source, Page, Chunk → TaskSource → Task, several by their keys → Outgoing
                         → Run, several by their keys → Export

Sources, pages and chunks are written by a sync, by whoever reads what Notion told of, by the check before an answer,
and by members who choose or leave out. Under the connection's lock there is one of them at a time, so that the order
among its pages does not matter. Members who edit tasks and the jobs that send them hold no connection: they begin at
the task or its source, and never go back up.
Whoever takes pages away takes what answers say of them in the same transaction, and a run ends under the same locks.
"""

import uuid
from collections.abc import Iterable

from django.db import connection, transaction

from accounts.models import Connection
from agent.models import SyncRun


def hold(connection_id: uuid.UUID) -> None:
    """First in the transaction of a member's act, also where it goes on to start a sync, or to change the open one."""
    runs = SyncRun.objects.filter(connection_id=connection_id, status__in=SyncRun.OPEN)
    before = transaction.savepoint()
    while True:
        held = set(runs.select_for_update().values_list("pk", flat=True))
        _hold(connection_id)
        # None begins from here on. One that began while we waited may be in hands that wait for the connection.
        if held.issuperset(runs.values_list("pk", flat=True)):
            return
        # This frees the connection, and what is held before it.
        transaction.savepoint_rollback(before)


# One statement, since a sync begins each of its transactions with it. They are locked in this order.
HOLD_FOR = """
SELECT FROM agent_syncrun run JOIN accounts_connection held ON held.id = run.connection_id
WHERE run.id = %s AND run.status = %s AND run.turn = %s FOR UPDATE OF run FOR NO KEY UPDATE OF held
"""


def hold_for(run: SyncRun) -> bool:
    """First in a transaction of this sync. False when it was ended, paused or taken over."""
    with connection.cursor() as cursor:
        cursor.execute(HOLD_FOR, [run.pk, SyncRun.Status.RUNNING, run.turn])
        return bool(cursor.rowcount)


def hold_beside_syncs(connection_id: uuid.UUID) -> bool:
    """First in a transaction of whoever reads without a sync. False when the connection was ended."""
    return _hold(connection_id, status=Connection.Status.ACTIVE)


def hold_alone(connection_id: uuid.UUID) -> None:
    """In a transaction that locks nothing else. Nobody writes what was read through the connection meanwhile."""
    _hold(connection_id)


def hold_to_quote(connection_ids: Iterable[uuid.UUID]) -> None:
    """First in a transaction of a run that notes what it may say of these, or keeps what it said."""
    held = Connection.objects.select_for_update(no_key=True).filter(pk__in=set(connection_ids))
    list(held.order_by("pk").values_list("pk"))


def _hold(connection_id: uuid.UUID, **state: str) -> bool:
    # Notices of events name the connection, and may come meanwhile.
    held = Connection.objects.select_for_update(no_key=True).filter(pk=connection_id, **state)
    return bool(held.values_list("pk").first())
