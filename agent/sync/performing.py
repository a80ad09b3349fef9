"""Running a sync to its end, and judging how complete it is."""

import logging
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import background, connections
from accounts.models import Connection
from agent import indexing
from agent.models import Page, Source, SyncRun
from agent.sync import (
    accounting,
    discovery,
    doubts,
    health,
    holding,
    ledger,
    losses,
    reach,
    scheduling,
    services,
    settling,
    titles,
    vanishing,
)
from agent.sync.session import Session, Stopped, opened
from billing import reading as plan
from integrations import notion
from tasks import mirroring
from tasks import sources as task_sources

log = logging.getLogger(__name__)


def perform(*, sync_run_id: str) -> None:
    """The job. Repeating it goes on where the last worker stopped: accounted pages are not read again."""
    with transaction.atomic():
        run = SyncRun.objects.select_for_update().filter(pk=sync_run_id, status__in=services.AT_WORK).first()
        connection = Connection.objects.filter(pk=run.connection_id).first() if run else None
        if run is not None and connection is not None and connection.status == Connection.Status.ACTIVE:
            run.status, run.turn = SyncRun.Status.RUNNING, run.turn + 1
            run.started_at, run.slowed_until = run.started_at or timezone.now(), None
            run.save(update_fields=["status", "turn", "started_at", "slowed_until"])
    if run is None or connection is None or connection.status == Connection.Status.DISCONNECTED:
        services.settle(sync_run_id, now=timezone.now())
        return
    if connection.status == Connection.Status.REAUTHORIZE:
        fail_run(str(run.pk), health.NO_ACCESS)
        return
    try:
        with opened(connection, run) as session:
            _read(session)
            _finish(session)
    except Stopped:
        log.info("the sync %s is no longer wanted", run.pk)
    except plan.NOT_COVERED as refusal:
        services.break_off(run.pk, SyncRun.Status.CANCELLED, now=timezone.now(), reason=refusal.detail)
    except vanishing.NothingShown as error:
        fail_run(str(run.pk), str(error))
    except notion.Unauthorized:
        connections.refused(connection)
        fail_run(str(run.pk), health.NO_ACCESS)


def _read(session: Session) -> None:
    session.notion.me()
    run = session.run
    if not run.is_discovered:
        # A worker that died while discovering left figures of what it met; they are counted anew.
        with session.writing():
            run.reach = reach.decide(run, session.connection, now=run.started_at or timezone.now())
            SyncRun.objects.filter(pk=run.pk).update(known=0, problems=[], reach=run.reach)
            session.pages.filter(seen_run=run.pk).update(seen_run=None)
        discovery.discover(session)
    task_sources.choose_source(
        connection_id=session.connection.id,
        candidates=[
            (source.notion_id, source.title, source.schema)
            for source in session.sources.values()
            if source.kind == Source.Kind.DATABASE and source.is_chosen
        ],
    )
    accounting.read_all(session)
    vanishing.look_for_the_unseen(session)
    _find_rows_of_tasks(session)
    indexing.repair(workspace_id=session.workspace_id, connection_id=session.connection.id)
    titles.forget_gone(session)


def _find_rows_of_tasks(session: Session) -> None:
    if gone := mirroring.gone(connection_id=session.connection.pk):
        met = session.pages.filter(
            seen_run=session.run.pk, state=Page.State.INDEXED, doubted_at=None, notion_id__in=gone
        )
        mirroring.found(connection_id=session.connection.pk, rows=dict(met.values_list("notion_id", "parent_id")))


def _finish(session: Session) -> None:
    now, run = timezone.now(), session.run
    # Before the end, which tells them to whoever looks after the installation.
    session.count(**session.pace.taken())
    with transaction.atomic():
        if not holding.hold_for(run):
            return
        open_run = SyncRun.objects.get(pk=run.pk)
        figures = ledger.figures(session)
        for name, number in figures.items():
            setattr(open_run, name, number)
        found = [*open_run.problems, *_shortcomings(session, open_run)]
        SyncRun.objects.filter(pk=run.pk).update(
            status=SyncRun.Status.PARTIAL if found else SyncRun.Status.COMPLETE,
            reason=" ".join(found)[:500],
            finished_at=now,
            is_full_due=False,
            watermark=None if open_run.problems else open_run.started_at,
            **figures,
        )
        if not open_run.problems:
            Source.objects.filter(connection_id=session.connection.id).update(is_recast=False)
        services.close(run.pk)
        if open_run.is_full_due:
            services.start_connection(session.connection, requested_by=open_run.requested_by, is_full=True)
        Connection.objects.filter(pk=session.connection.pk).update(last_synced_at=now)
        due_at = settling.next_try(open_run)
        if open_run.failed and due_at is not None:
            _try_again(session.connection, tries=open_run.tries + 1, due_at=due_at)
    scheduling.follow(session.connection, begun_at=run.started_at or now)


def _shortcomings(session: Session, run: SyncRun) -> list[str]:
    """What the pages themselves tell about how complete the run is."""
    read = session.pages.filter(state=Page.State.INDEXED).exclude(warnings=[]).order_by("title", "id")
    said = []
    if not (run.known or run.problems):
        said.append(_("Notion shows no page to this connection. Share pages with it in Notion."))
    if run.unread:
        words = ngettext("%(n)d page could not be read.", "%(n)d pages could not be read.", run.unread)
        said.append(words % {"n": run.unread})
    return [*said, *doubts.in_words(session), *losses.of_pages(read.values_list("title", "warnings"))]


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
    if connection is not None and plan.can_read(connection, now=timezone.now()):
        services.start_connection(connection, requested_by=None, tries=tries)


def fail_run(sync_run_id: str, reason: str) -> None:
    services.break_off(sync_run_id, SyncRun.Status.FAILED, now=timezone.now(), reason=reason)


def give_up(*, sync_run_id: str) -> None:
    fail_run(sync_run_id, health.UNREACHABLE)
