"""Pages known from before that a sync did not meet. Absence alone proves nothing."""

from accounts import background
from accounts.models import Connection
from agent.models import Page, SyncRun
from agent.sync import discovery, reading
from agent.sync.session import Session
from integrations.notion import NotFound, Refused, Unauthorized, Unreachable

# Losing this share of a connection's pages in one run looks like lost access, not like deleting.
BRAKE_SHARE = 0.2
BRAKE_PAGES = 5


def look_for_the_unseen(session: Session) -> None:
    """Each page that was not met is asked for by itself."""
    gone = _gone(session)
    known = session.pages.exclude(state=Page.State.TRASHED).count()
    newly_gone = [page for page in gone if page.state != Page.State.UNREACHABLE]
    is_kept = not session.run.is_loss_confirmed and len(newly_gone) > max(BRAKE_PAGES, known * BRAKE_SHARE)
    if is_kept:
        _keep(session, len(newly_gone), known)
    for page in gone:
        session.count(known=1)
        if is_kept and page.state != Page.State.UNREACHABLE:
            reading.fail(session, page, "Vanished together with many others; kept.")
        else:
            reading.leave_out(session, page, Page.State.UNREACHABLE, "Deleted, or no longer shared with us")
    reading.read_all(session)


def _gone(session: Session) -> list[Page]:
    unseen = session.pages.exclude(seen_run=session.run.pk).exclude(state=Page.State.TRASHED)
    gone: list[Page] = []
    for page in list(unseen.order_by("id")):
        background.renew_lease()
        try:
            discovery.meet(session, [session.notion.page(page.notion_id)])
        except NotFound:
            gone.append(page)
        except Unauthorized:
            raise
        except (Refused, Unreachable) as error:
            session.count(known=1)
            reading.fail(session, page, str(error))
    return gone


def _keep(session: Session, vanished: int, known: int) -> None:
    session.note(
        f"{vanished} of {known} pages seem gone from Notion. They are kept and still answered from. If they were"
        " deleted on purpose, confirm it on the page of this sync, or ask for a full one."
    )
    with session.writing():
        SyncRun.objects.filter(pk=session.run.pk).update(vanished=vanished, vanished_of=known)


def kept(connection: Connection) -> SyncRun | None:
    """The sync that kept pages of this connection which seem gone, unless a later one got further."""
    ended = (SyncRun.Status.COMPLETE, SyncRun.Status.PARTIAL)
    last = SyncRun.objects.filter(connection_id=connection.id, status__in=ended).order_by("-created_at").first()
    return last if last is not None and last.vanished else None
