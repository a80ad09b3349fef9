"""Asking for a sync, stopping it, and finding one again."""

import logging
import uuid
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import background, tenancy
from accounts import connections as authorizations
from accounts.models import Connection, Membership
from accounts.roles import Action
from agent.models import SyncRun
from agent.sync import health, holding, live, vanishing
from billing import reading
from config.errors import AppError

log = logging.getLogger(__name__)
# An open sync may end while somebody joins it, and the next one may begin before they begin theirs.
MOST_STARTS = 5
AT_WORK, OPEN = SyncRun.AT_WORK, SyncRun.OPEN


class NotConnected(AppError):
    code = "not-connected"
    status = 409


class AccessLost(AppError):
    code = "access-lost"
    status = 409


class SyncsInTurn(AppError):
    code = "busy"
    status = 409


class SyncIsOver(AppError):
    code = "sync-is-over"
    status = 409


class NothingToConfirm(AppError):
    code = "nothing-to-confirm"
    status = 409


class NoSync(AppError):
    code = "not-found"
    status = 404


def start(*, membership: Membership, is_full: bool = False, connection_id: uuid.UUID | None = None) -> SyncRun:
    """As `start_each`; the answer is the first one's."""
    return start_each(membership=membership, is_full=is_full, connection_id=connection_id)[0]


def start_each(
    *, membership: Membership, is_full: bool = False, connection_id: uuid.UUID | None = None
) -> list[SyncRun]:
    """Queue a sync of this connection, or of each that the member may sync, their own first. While one is open: that
    one.

    Whoever may change the connection and asks for a full one of it confirms that the pages which a sync kept are gone.
    Where none was kept, and of several at once, nobody has seen what they would lose.
    """
    authorizations.check_can_connect(membership)
    readable = Connection.objects.readable_by(membership)
    if connection_id is not None:
        readable = readable.filter(pk=connection_id)
        if not readable.exists():
            raise authorizations.NoConnection("There is no such connection.")
    now = timezone.now()
    resting = reading.uncovered(membership.workspace_id, now=now)
    mine = sorted(
        readable.filter(status=Connection.Status.ACTIVE),
        key=lambda each: (each.pk in resting, each.owner_id != membership.user_id, each.connected_at),
    )
    if not mine:
        if readable.exists():
            raise AccessLost(
                "Notion no longer accepts this connection. Whoever made it restores access on the Sources page; what"
                " was read stays searchable."
            )
        raise NotConnected("Connect Notion first; then there is something to sync.")
    # That the plan covers none is an answer; one that it no longer covers does not hold up the others.
    reading.check_can_read(mine[0], now=now)
    covered = [each for each in mine if each.pk not in resting]
    return [
        start_connection(
            each,
            requested_by=membership.user_id,
            is_full=is_full,
            is_loss_confirmed=is_full
            and len(covered) == 1
            and (each.owner_id == membership.user_id or membership.may(Action.MANAGE_CONNECTIONS))
            and vanishing.kept(each) is not None,
        )
        for each in covered
    ]


def take_up(*, membership: Membership, connection: Connection) -> SyncRun | None:
    """Read on through a connection that has its access again. None where nothing was ever chosen to be read."""
    with tenancy.within(membership.workspace):
        if not SyncRun.objects.filter(connection_id=connection.pk).exists():
            return None
        return start_connection(connection, requested_by=membership.user_id)


def confirm_loss(*, membership: Membership, connection_id: uuid.UUID, sync_run_id: uuid.UUID) -> SyncRun:
    """Pages that this sync kept are gone: another looks once more, and what it does not find then is forgotten.

    Later ones may have asked about the same pages again.
    """
    connection = authorizations.owned(membership, connection_id)
    if not vanishing.is_still_asked(connection, sync_run_id):
        raise NothingToConfirm("A later sync has found something else since. See what it says.")
    run = start_connection(connection, requested_by=membership.user_id, is_loss_confirmed=True)
    if not run.is_loss_confirmed:
        raise SyncsInTurn("A sync is looking at these pages right now. Confirm what it says when it has ended.")
    return run


def start_connection(
    connection: Connection,
    *,
    requested_by: uuid.UUID | None,
    is_full: bool = False,
    is_loss_confirmed: bool = False,
    tries: int = 0,
) -> SyncRun:
    """Queue a sync. While one is open: that one, and a full one that is asked for meanwhile follows it.

    A confirmed loss holds for a sync that has not begun, and for no later one: it is about what was shown.
    """
    for _attempt in range(MOST_STARTS):
        try:
            return _queued(
                connection,
                requested_by=requested_by,
                is_full=is_full,
                is_loss_confirmed=is_loss_confirmed,
                tries=tries,
            )
        except IntegrityError:
            run = _joined(connection, requested_by, is_full=is_full, is_loss_confirmed=is_loss_confirmed)
        if run is not None:
            return run
    raise SyncsInTurn("One sync after another ended just now. Try again.")


def _queued(connection: Connection, *, is_full: bool, **given: Any) -> SyncRun:
    from agent.sync.jobs import sync

    with transaction.atomic():
        # Who begins one beside this waits here rather than at the row that both would make.
        holding.hold(connection.pk)
        ended = SyncRun.objects.filter(connection_id=connection.id, is_full_due=True).exclude(status__in=OPEN)
        is_due = ended.update(is_full_due=False) > 0
        run = SyncRun.objects.create(connection_id=connection.id, is_full=is_full or is_due, **given)
        Connection.objects.filter(pk=connection.pk).update(open_sync=run.pk, is_paused=False)
        background.enqueue(sync, workspace_id=connection.workspace_id, sync_run_id=str(run.id))
    return run


def _joined(
    connection: Connection, requested_by: uuid.UUID | None, *, is_full: bool, is_loss_confirmed: bool
) -> SyncRun | None:
    """The open sync, or nothing if it has ended meanwhile. One that is paused goes on when a person asks."""
    with transaction.atomic():
        run = SyncRun.objects.select_for_update().filter(connection_id=connection.id, status__in=OPEN).first()
        if run is None:
            return None
        if run.status == SyncRun.Status.QUEUED:
            run.is_full = run.is_full or is_full
            run.is_loss_confirmed = run.is_loss_confirmed or is_loss_confirmed
        elif is_full:
            # One at work has passed unchanged pages by already.
            run.is_full_due = True
        run.save(update_fields=["is_full", "is_loss_confirmed", "is_full_due"])
        if run.status == SyncRun.Status.PAUSED and requested_by is not None:
            _go_on(run, connection.workspace_id, now=timezone.now())
    return run


def get(*, membership: Membership, sync_run_id: uuid.UUID) -> SyncRun:
    readable = Connection.objects.readable_by(membership).values_list("id", flat=True)
    run = SyncRun.objects.filter(pk=sync_run_id, connection_id__in=list(readable)).first()
    if run is None:
        raise NoSync("There is no such sync.")
    return run


def pause(*, membership: Membership, sync_run_id: uuid.UUID, now: datetime) -> SyncRun:
    """Its worker stops at its next write; nothing that was read is lost. While it is paused, none is scheduled."""
    with transaction.atomic():
        run = _steered(membership, sync_run_id)
        if run.status in AT_WORK:
            run.status, run.slowed_until = SyncRun.Status.PAUSED, None
            run.paused_at, run.paused_by = now, membership.user_id
            run.save(update_fields=["status", "slowed_until", "paused_at", "paused_by"])
            Connection.objects.filter(pk=run.connection_id, open_sync=run.pk).update(is_paused=True)
            live.tell(run.pk)
    return run


def resume(*, membership: Membership, sync_run_id: uuid.UUID, now: datetime) -> SyncRun:
    with transaction.atomic():
        run = _steered(membership, sync_run_id)
        if run.status == SyncRun.Status.PAUSED:
            _go_on(run, membership.workspace_id, now=now)
    return run


def stop(*, membership: Membership, sync_run_id: uuid.UUID, now: datetime) -> SyncRun:
    with transaction.atomic():
        run = _steered(membership, sync_run_id)
        cancel(run, now=now)
    run.refresh_from_db()
    return run


def _steered(membership: Membership, sync_run_id: uuid.UUID) -> SyncRun:
    """An open sync of a connection that the member may change, locked."""
    run = get(membership=membership, sync_run_id=sync_run_id)
    authorizations.owned(membership, run.connection_id)
    run = SyncRun.objects.select_for_update().get(pk=run.pk)
    if run.status not in OPEN:
        raise SyncIsOver("This sync is over. Start another one.")
    return run


def _go_on(run: SyncRun, workspace_id: uuid.UUID, *, now: datetime) -> None:
    """A job of its own: the worker that was at it may not have noticed the pause yet, and is overtaken."""
    from agent.sync.jobs import sync

    if run.started_at and run.paused_at:
        run.rested += now - run.paused_at
    run.status, run.paused_at = SyncRun.Status.QUEUED, None
    run.save(update_fields=["status", "paused_at", "rested"])
    Connection.objects.filter(pk=run.connection_id).update(is_paused=False)
    background.enqueue(sync, workspace_id=workspace_id, sync_run_id=str(run.pk))
    live.tell(run.pk)


def list_again(connection: Connection) -> None:
    """The open sync has more to read than it listed. Its worker, if it has one, is overtaken by one that lists anew."""
    run = SyncRun.objects.select_for_update().filter(connection_id=connection.pk, status__in=OPEN).first()
    if run is not None:
        SyncRun.objects.filter(pk=run.pk).update(is_discovered=False)
        if run.status == SyncRun.Status.RUNNING:
            _go_on(run, connection.workspace_id, now=timezone.now())


def cancel(run: SyncRun, *, now: datetime) -> None:
    break_off(run.pk, SyncRun.Status.CANCELLED, now=now)


def break_off(run_id: uuid.UUID | str, status: SyncRun.Status, *, now: datetime, reason: str = "") -> None:
    """End a sync that has not read everything. A full one that is not done stays due."""
    with transaction.atomic():
        SyncRun.objects.filter(pk=run_id, status__in=OPEN).update(
            status=status, reason=reason[:500], finished_at=now, is_full_due=Q(is_full=True) | Q(is_full_due=True)
        )
        close(run_id)


def settle(run_id: uuid.UUID | str, *, now: datetime) -> None:
    """What no worker may go on with: it was paused, is over, or its connection has ended."""
    if not SyncRun.objects.filter(pk=run_id, status=SyncRun.Status.PAUSED).exists():
        break_off(run_id, SyncRun.Status.CANCELLED, now=now, reason="The connection was ended.")


def close(run_id: uuid.UUID | str) -> None:
    """In the transaction that ends the run."""
    Connection.objects.filter(open_sync=run_id).update(open_sync=None, is_paused=False)
    live.tell(run_id)
    health.note(run_id)
