"""Starting, running and judging a sync."""

import logging
import uuid
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import background, tenancy
from accounts import connections as authorizations
from accounts.models import Connection, Job, Membership
from agent import indexing
from agent.models import Page, Source, SyncRun
from agent.runs import services as runs
from agent.sync import discovery, losses, placing, reading, vanishing
from agent.sync.session import Session, Stopped, opened
from config.errors import AppError
from integrations import notion, vectors
from tasks import services as tasks

log = logging.getLogger(__name__)
# An open sync may end while somebody joins it, and the next one may begin before they begin theirs.
MOST_STARTS = 5
OPEN = (SyncRun.Status.QUEUED, SyncRun.Status.RUNNING)


class NotConnected(AppError):
    code = "not-connected"
    status = 409


class SyncsInTurn(AppError):
    code = "busy"
    status = 409


class NothingToConfirm(AppError):
    code = "nothing-to-confirm"
    status = 409


class NoSync(AppError):
    code = "not-found"
    status = 404


def start(*, membership: Membership, is_full: bool = False, connection_id: uuid.UUID | None = None) -> SyncRun:
    """Queue a sync of the member's connection (the first one if none is named). While one is open: that one.

    Whoever may change the connection and asks for a full one confirms that pages which seem gone are gone.
    """
    authorizations.check_can_connect(membership)
    readable = Connection.objects.readable_by(membership).filter(status=Connection.Status.ACTIVE)
    if connection_id is not None:
        readable = readable.filter(pk=connection_id)
    mine = sorted(readable, key=lambda each: (each.owner_id != membership.user_id, each.connected_at))
    if not mine:
        raise NotConnected("Connect Notion first; then there is something to sync.")
    connection = mine[0]
    may_change = connection.owner_id == membership.user_id or membership.may_manage
    return start_connection(
        connection, requested_by=membership.user_id, is_full=is_full, is_loss_confirmed=is_full and may_change
    )


def confirm_loss(*, membership: Membership, connection_id: uuid.UUID, sync_run_id: str) -> SyncRun:
    """Pages that this sync kept are gone: another looks once more, and what it does not find then is forgotten."""
    connection = authorizations.owned(membership, connection_id)
    shown = vanishing.kept(connection)
    if shown is None or str(shown.pk) != sync_run_id:
        raise NothingToConfirm("A later sync has looked again since. See what it says.")
    return start_connection(connection, requested_by=membership.user_id, is_loss_confirmed=True)


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
            run = _joined(connection, is_full=is_full, is_loss_confirmed=is_loss_confirmed)
        if run is not None:
            return run
    raise SyncsInTurn("One sync after another ended just now. Try again.")


def _queued(connection: Connection, *, is_full: bool, **given: Any) -> SyncRun:
    from agent.sync.jobs import sync

    with transaction.atomic():
        ended = SyncRun.objects.filter(connection_id=connection.id, is_full_due=True).exclude(status__in=OPEN)
        is_due = ended.update(is_full_due=False) > 0
        run = SyncRun.objects.create(connection_id=connection.id, is_full=is_full or is_due, **given)
        background.enqueue(sync, workspace_id=connection.workspace_id, sync_run_id=str(run.id))
    return run


def _joined(connection: Connection, *, is_full: bool, is_loss_confirmed: bool) -> SyncRun | None:
    """The open sync, or nothing if it has ended meanwhile."""
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
    return run


def get(*, membership: Membership, sync_run_id: uuid.UUID) -> SyncRun:
    readable = Connection.objects.readable_by(membership).values_list("id", flat=True)
    run = SyncRun.objects.filter(pk=sync_run_id, connection_id__in=list(readable)).first()
    if run is None:
        raise NoSync("There is no such sync.")
    return run


def cancel(run: SyncRun, *, now: datetime) -> None:
    _break_off(run.pk, SyncRun.Status.CANCELLED, now=now)


def _break_off(run_id: uuid.UUID | str, status: SyncRun.Status, *, now: datetime, reason: str = "") -> None:
    """End a sync that has not read everything. A full one that is not done stays due."""
    SyncRun.objects.filter(pk=run_id, status__in=OPEN).update(
        status=status, reason=reason[:500], finished_at=now, is_full_due=Q(is_full=True) | Q(is_full_due=True)
    )


def perform(*, sync_run_id: str) -> None:
    """The job. Repeating it goes on where the last worker stopped: accounted pages are not read again."""
    run = SyncRun.objects.filter(pk=sync_run_id, status__in=OPEN).first()
    connection = Connection.objects.filter(pk=run.connection_id).first() if run else None
    if run is None or connection is None or connection.status != Connection.Status.ACTIVE:
        now = timezone.now()
        _break_off(sync_run_id, SyncRun.Status.CANCELLED, now=now, reason="The connection was ended.")
        return
    SyncRun.objects.filter(pk=run.pk, status__in=OPEN).update(
        status=SyncRun.Status.RUNNING, started_at=run.started_at or timezone.now(), slowed_until=None
    )
    # Until that moment somebody may have made it a full one.
    run.refresh_from_db()
    try:
        with opened(connection, run) as session:
            _read(session)
            _finish(session)
    except Stopped:
        log.info("the sync %s is no longer wanted", run.pk)
    except notion.Unauthorized:
        _needs_authorization(connection, run)


def _read(session: Session) -> None:
    session.notion.me()
    run = session.run
    if not run.is_discovered:
        # A worker that died while discovering left figures of what it met; they are counted anew.
        with session.writing():
            SyncRun.objects.filter(pk=run.pk).update(known=0, problems=[])
            session.pages.filter(seen_run=run.pk).update(seen_run=None)
        discovery.discover(session)
    tasks.choose_source(
        connection_id=session.connection.id,
        candidates=[
            (source.notion_id, source.title, source.schema)
            for source in session.sources.values()
            if source.kind == Source.Kind.DATABASE and source.is_chosen
        ],
    )
    reading.read_all(session)
    vanishing.look_for_the_unseen(session)
    indexing.repair(workspace_id=session.workspace_id, connection_id=session.connection.id)


def _finish(session: Session) -> None:
    now, run = timezone.now(), session.run
    with transaction.atomic():
        open_run = SyncRun.objects.select_for_update().filter(pk=run.pk, status=SyncRun.Status.RUNNING).first()
        if open_run is None:
            return
        found = [*open_run.problems, *_shortcomings(session, open_run)]
        SyncRun.objects.filter(pk=run.pk).update(
            status=SyncRun.Status.PARTIAL if found else SyncRun.Status.COMPLETE,
            reason=" ".join(found)[:500],
            finished_at=now,
            is_full_due=False,
        )
        if open_run.is_full_due:
            start_connection(session.connection, requested_by=open_run.requested_by, is_full=True)
        Connection.objects.filter(pk=session.connection.pk).update(last_synced_at=now)
        due_at = reading.next_try(open_run)
        if open_run.failed and due_at is not None:
            _try_again(session.connection, tries=open_run.tries + 1, due_at=due_at)


def _shortcomings(session: Session, run: SyncRun) -> list[str]:
    """What the pages themselves tell about how complete the run is."""
    left = session.pages.filter(seen_run=run.pk).exclude(sync_run=run.pk).count()
    read = session.pages.filter(state=Page.State.INDEXED).exclude(warnings=[]).order_by("title", "id")
    said = []
    if not (run.known or run.problems):
        said.append(_("Notion shows no page to this connection. Share pages with it in Notion."))
    for number, words in (
        (run.failed, ngettext("%(n)d page could not be read.", "%(n)d pages could not be read.", run.failed)),
        (left, ngettext("%(n)d page was not reached.", "%(n)d pages were not reached.", left)),
    ):
        if number:
            said.append(words % {"n": number})
    return [*said, *losses.of_pages(read.values_list("title", "warnings"))]


def _try_again(connection: Connection, *, tries: int, due_at: datetime) -> None:
    from agent.sync.jobs import try_again

    background.enqueue(
        try_again,
        workspace_id=connection.workspace_id,
        key=str(connection.id),
        due_at=due_at,
        connection_id=str(connection.id),
        tries=tries,
    )


def try_again(*, connection_id: str, tries: int) -> None:
    """The job behind a failed page's next try: a sync that reads what is not as it should be."""
    connection = Connection.objects.filter(pk=connection_id, status=Connection.Status.ACTIVE).first()
    if connection is not None:
        start_connection(connection, requested_by=None, tries=tries)


def _needs_authorization(connection: Connection, run: SyncRun) -> None:
    Connection.objects.filter(pk=connection.pk).update(status=Connection.Status.REAUTHORIZE)
    fail_run(str(run.pk), "Notion no longer accepts this connection. Connect again; what was read stays searchable.")


def fail_run(sync_run_id: str, reason: str) -> None:
    _break_off(sync_run_id, SyncRun.Status.FAILED, now=timezone.now(), reason=reason)


def give_up(*, sync_run_id: str) -> None:
    fail_run(sync_run_id, "Notion could not be reached, after several tries.")


def problems(run: SyncRun) -> list[dict[str, Any]]:
    """Pages of this run that are not as they should be, with the reason."""
    bad = Page.objects.filter(connection_id=run.connection_id, sync_run=run.pk).filter(
        Q(state__in=[Page.State.FAILED, Page.State.UNREACHABLE]) | ~Q(warnings=[])
    )
    rows = []
    for page in bad.order_by("title", "id")[:200]:
        reason = page.reason or " ".join(losses.of_page(page.warnings))
        if reason:
            rows.append(
                {
                    "page_id": page.notion_id,
                    "title": page.title,
                    "reason": reason,
                    "next_try_at": page.next_try_at,
                }
            )
    return rows


def coverage(*, membership: Membership, now: datetime) -> dict[str, Any]:
    """What is known of the member's connections against what is searchable."""
    connections = list(Connection.objects.readable_by(membership).order_by("connected_at"))
    ids = [connection.id for connection in connections]
    figures: dict[uuid.UUID, dict[str, int]] = {key: dict.fromkeys(Page.State.values, 0) for key in ids}
    counted = Page.objects.filter(connection_id__in=ids).values("connection_id", "state").annotate(number=Count("id"))
    for row in counted:
        figures[row["connection_id"]][row["state"]] = row["number"]
    newest = {
        run.connection_id: run
        for run in SyncRun.objects.filter(connection_id__in=ids)
        .exclude(status__in=OPEN)
        .order_by("connection_id", "-created_at")
        .distinct("connection_id")
    }
    rows = []
    for connection in connections:
        states = figures[connection.id]
        synced = connection.last_synced_at
        rows.append(
            {
                "id": connection.id,
                "status": connection.status,
                "last_synced_at": synced,
                "lag_seconds": int((now - synced).total_seconds()) if synced else None,
                "pages": {"known": sum(states.values()), **{k: v for k, v in states.items() if k != "pending"}},
                "is_complete": connection.id in newest and newest[connection.id].status == SyncRun.Status.COMPLETE,
            }
        )
    is_complete = bool(rows) and all(row.pop("is_complete") for row in rows)
    return {"complete": is_complete, "connections": rows}


def leave_out_source(source: Source, *, workspace_id: uuid.UUID) -> None:
    """Read it no more, and forget what was read. Nothing changes in Notion."""
    with transaction.atomic():
        Source.objects.filter(pk=source.pk).update(is_chosen=False)
        pages = list(Page.objects.filter(source=source))
        tasks.forget(connection_id=source.connection_id, notion_page_ids=[page.notion_id for page in pages])
        stale = indexing.remove(pages)
        Page.objects.filter(source=source).update(
            state=Page.State.SKIPPED,
            reason="Not among the chosen sources",
            markdown="",
            content_hash="",
            indexed_at=None,
            properties={},
        )
    indexing.forget_vectors(stale, workspace_id=workspace_id, connection_id=source.connection_id)


def look_for_sources(connection: Connection) -> None:
    """Have a worker ask Notion what the connection can see; `is_looking` until it has."""
    from agent.sync.jobs import find_sources

    with tenancy.shared():
        Job.objects.filter(name=find_sources.name, key=str(connection.id), failed_at__isnull=False).delete()
    background.enqueue(
        find_sources, workspace_id=connection.workspace_id, key=str(connection.id), connection_id=str(connection.id)
    )


def is_looking(connection: Connection) -> bool:
    from agent.sync.jobs import find_sources

    return Job.objects.filter(
        workspace_id=connection.workspace_id, name=find_sources.name, key=str(connection.id), failed_at=None
    ).exists()


def gave_up_looking(connection: Connection) -> bool:
    from agent.sync.jobs import find_sources

    return Job.objects.filter(
        workspace_id=connection.workspace_id, name=find_sources.name, key=str(connection.id), failed_at__isnull=False
    ).exists()


def find_sources(*, connection_id: str) -> None:
    """The job: which databases and page trees the connection can see."""
    connection = Connection.objects.filter(pk=connection_id, status=Connection.Status.ACTIVE).first()
    if connection is None:
        return
    run = SyncRun(connection_id=connection.id)
    # Long waits are the queue's: a connection that Notion holds up keeps no worker from the others.
    with opened(connection, run, patience=notion.HASTY) as session, suppress(Stopped):
        session.is_only_looking = True
        discovery.by_search(session)
        for page in session.pages.exclude(parent_id__in=session.titles):
            placing.place(session, page)


def disconnect(*, membership: Membership, connection_id: uuid.UUID | None = None) -> None:
    """Revoke the token and remove what was read. Without an id: all connections that are the member's own."""
    from agent.sync.jobs import erase_connection

    if connection_id is not None:
        ending = [authorizations.endable(membership, connection_id)]
    else:
        # Those that were disconnected already too: repeating it finishes what was left.
        own = Connection.objects.filter(workspace_id=membership.workspace_id, owner_id=membership.user_id)
        ending = list(own)
    for connection in ending:
        with tenancy.shared():
            authorizations.revoke(connection)
            with transaction.atomic():
                authorizations.end(connection)
                background.enqueue(
                    erase_connection,
                    workspace_id=membership.workspace_id,
                    key=f"erase {connection.id}",
                    connection_id=str(connection.id),
                )
        _forget(connection.id)


def _forget(connection_id: uuid.UUID) -> None:
    """Everything read through the connection. A sync at work writes under a lock on its run, which goes first."""
    with transaction.atomic():
        runs = SyncRun.objects.filter(connection_id=connection_id)
        list(runs.select_for_update().values_list("pk", flat=True))
        runs.delete()
        tasks.forget(connection_id=connection_id)
        for model in (Page, Source):
            model._default_manager.filter(connection_id=connection_id).delete()


class SyncStillStopping(Exception):
    """A worker may be about to write vectors of what is gone; the job comes back."""


def _wait_for_syncs(workspace_id: uuid.UUID) -> None:
    """No worker may hold a sync whose run is gone: its vectors would come back after they were dropped."""
    from agent.sync.jobs import sync

    held = Job.objects.filter(
        workspace_id=workspace_id, name=sync.name, failed_at=None, leased_until__gt=timezone.now()
    )
    wanted = [uuid.UUID(job.arguments["sync_run_id"]) for job in held]
    if len(wanted) > SyncRun.objects.filter(pk__in=wanted).count():
        raise SyncStillStopping


def _wait_for_restoring(workspace_id: uuid.UUID, connection_id: uuid.UUID) -> None:
    """A worker that began before the chunks went may still write a vector; one that begins now finds none to write."""
    from agent.jobs import restore_index

    held = Job.objects.filter(workspace_id=workspace_id, name=restore_index.name, key=str(connection_id))
    if held.filter(failed_at=None, leased_until__gt=timezone.now()).exists():
        raise SyncStillStopping


def erase(*, connection_id: str) -> None:
    """The job behind `disconnect`: what a sync wrote meanwhile, the vectors, and at last the connection itself."""
    key = uuid.UUID(connection_id)
    workspace_id = tenancy.active_workspace_id()
    assert workspace_id is not None
    if not Connection.objects.filter(pk=key, status=Connection.Status.DISCONNECTED).exists():
        return
    _forget(key)
    runs.forget_quotes(key)
    _wait_for_syncs(workspace_id)
    _wait_for_restoring(workspace_id, key)
    vectors.workspace(workspace_id).collection(key).drop()
    with tenancy.shared():
        Connection.objects.filter(pk=key, workspace_id=workspace_id, status=Connection.Status.DISCONNECTED).delete()
