"""Pages that are gone from Notion. Absence alone proves nothing: each is asked for by itself.

Proof is the object in the trash, it or what it lies in, or a 404 with a token that was just accepted. What is proven
gone is hidden at once; a later look that proves it again erases it.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import ngettext

from accounts import background
from accounts.models import Connection
from agent.models import Loss, Page, Source, SyncRun
from agent.sync import accounting, discovery, doubts, health, meeting, reach, settling, trash
from agent.sync.session import Session
from integrations.notion import NotFound, Refused, Unauthorized, Unreachable

# Losing this share of a connection's pages within so long looks like lost access, not like deleting; so few pages do
# not, or of a small connection not more than half of it.
TOGETHER_WITHIN = timedelta(days=2)
BRAKE_SHARE = 0.2
BRAKE_PAGES = 5
SMALL_SHARE, SMALL_PAGES = 0.5, 2
# From the first proof to the second one, which erases.
SECOND_LOOK_AFTER = timedelta(minutes=5)
# By what we know of where it lies; a sync asks Notion for it.
NOT_ASKED = (Page.State.TRASHED, "Lay in something that is in Notion's trash; not looked at since")
NOT_SHOWN = (Page.State.UNREACHABLE, "Deleted, or no longer shared with us")


class NothingShown(Exception):
    """A connection that had pages shows none. What that means for them, in words."""


@dataclass(frozen=True)
class Question:
    """Pages of a connection seem gone and are kept, out of so many, and nobody has said whether they are. `sync_id` is
    the last sync that asked."""

    sync_id: uuid.UUID
    pages: int
    of: int


def look_for_the_unseen(session: Session) -> None:
    """And for what comes into doubt while that is done."""
    asked = set[uuid.UUID]()
    while True:
        _make_sure_of_databases(session, asked)
        suspects = _suspects(session, asked)
        asked |= {page.pk for page in suspects}
        _ask_for_each(session, suspects)
        accounting.read_all(session)
        if _doubt_what_lies_below(session, asked):
            # With what it lies in, so that all of it counts at once.
            continue
        read_since = settle(session)
        if accounting.renew_outdated(session):
            read_since |= settle(session)
        elif not suspects and not read_since:
            return
        asked -= read_since


def _doubt_what_lies_below(session: Session, asked: set[uuid.UUID]) -> bool:
    gone = session.pages.filter(pk__in=session.gone).exclude(state__in=Page.GONE)
    return any([doubts.doubt_below(session, page, known={*session.gone, *asked}) for page in gone])


def _make_sure_of_databases(session: Session, asked: set[uuid.UUID]) -> None:
    for source in doubts.sources(session):
        if source.pk not in asked:
            asked.add(source.pk)
            discovery.make_sure(session, source)
    for source in _emptied(session).exclude(pk__in=asked):
        asked.add(source.pk)
        session.sources[source.notion_id] = source
        discovery.make_sure(session, source)
        if session.sources[source.notion_id].is_gone:
            settling.erase_database(session, session.sources[source.notion_id])


def _emptied(session: Session) -> QuerySet[Source]:
    """Databases that are gone with all of their rows, due for their second look."""
    is_due = Q(gone_at__lte=timezone.now() - SECOND_LOOK_AFTER)
    if session.run.is_loss_confirmed:
        is_due |= Q(gone_at__lt=session.run.created_at)
    gone = Source.objects.filter(is_due, connection_id=session.connection.pk, kind=Source.Kind.DATABASE, pages=None)
    return gone.exclude(title="", schema={})


def _suspects(session: Session, asked: Collection[uuid.UUID]) -> list[Page]:
    """Hidden pages that are due for their second look, and those in doubt. A run that lists more than changes also asks
    for those that it did not see, or that nobody asked for since they were hidden."""
    now = timezone.now()
    wanted = Q(state__in=Page.LOST)
    if not session.run.is_loss_confirmed:
        wanted &= Q(gone_at__lte=now - SECOND_LOOK_AFTER)
    if session.run.reach != reach.Reach.CHANGES:
        wanted |= ~Q(state__in=Page.GONE) | Q(state=NOT_ASKED[0], reason=NOT_ASKED[1])
    unseen = session.pages.filter(wanted).exclude(seen_run=session.run.pk).exclude(sync_run=session.run.pk)
    known = {page.pk: page for page in [*unseen, *doubts.pages(session).exclude(pk__in=session.gone)]}
    return sorted((page for key, page in known.items() if key not in asked), key=lambda page: page.pk)


def _ask_for_each(session: Session, suspects: Collection[Page]) -> None:
    failures = 0
    # What many of them lie in is asked for once.
    above: dict[str, bool] = {}
    for page in suspects:
        background.renew_lease()
        try:
            found = session.notion.page(page.notion_id)
            is_in_trash = bool(found.get("in_trash"))
            is_below = not is_in_trash and trash.is_above(session, found.get("parent"), above)
        except NotFound:
            session.lose(page, NOT_SHOWN)
        except Unauthorized:
            raise
        except (Refused, Unreachable) as error:
            failures += 1
            if failures >= discovery.MOST_FAILURES_IN_A_ROW and not isinstance(error, Refused):
                raise
            if page.state in Page.LOST:
                doubts.may_be_back(session, page)
                continue
            session.count(known=int(page.seen_run != session.run.pk))
            settling.fail(session, page, str(error))
        else:
            failures = 0
            if is_in_trash:
                session.lose(page, trash.IN_TRASH)
            elif is_below:
                session.lose(page, trash.BELOW)
            else:
                if page.doubted_at is not None:
                    # It may have been accounted for before.
                    session.pages.filter(pk=page.pk).update(sync_run=None)
                meeting.meet(session, [found])


def settle(session: Session) -> set[uuid.UUID]:
    """What becomes of the pages that are proven gone. Those to ask for once more, since they were read meanwhile."""
    if session.gone:
        # A token that is no longer accepted would make every page look gone.
        session.notion.me()
    pages = list(session.pages.filter(pk__in=session.gone).order_by("id"))
    # What the member left out is no part of what may be lost.
    newly = [
        page for page in pages if page.state not in Page.GONE and page.checked_at == session.gone[page.pk].checked_at
    ]
    # Those of before that could not be asked for seem gone as they did.
    unanswered = list(session.pages.filter(Page.IS_KEPT, sync_run=session.run.pk).exclude(pk__in=session.gone))
    missing, known = [*newly, *unanswered], session.pages.exclude(state__in=Page.GONE).count()
    unconfirmed = _unconfirmed(session, missing)
    is_kept = bool(unconfirmed) and (is_too_many(session, len(unconfirmed)) or is_everything(missing, known))
    if is_kept:
        _keep(session, missing, known)
        if len(newly) == session.pages.exclude(state__in=Page.LOST).count():
            states = {Page.State(session.gone[page.pk].state) for page in newly}
            for page in newly:
                settling.keep(session, page, Page.State(session.gone[page.pk].state))
            raise NothingShown(health.ALL_IN_TRASH if states == {Page.State.TRASHED} else health.NOTHING_SHOWN)
    for page in pages:
        # As it was when that was proven: who read it since has the last word.
        state, reason, page.checked_at = session.gone.pop(page.pk)
        if page.seen_run != session.run.pk:
            session.count(known=1)
        if session.run.is_loss_confirmed and page not in unconfirmed:
            settling.erase(session, page)
        elif _is_second_look(page):
            settling.erase(session, page, remembered_for=TOGETHER_WITHIN)
        elif is_kept and page.state not in Page.LOST:
            settling.keep(session, page, Page.State(state), next_try_at=settling.next_try(session.run))
        else:
            settling.leave_out(session, page, Page.State(state), reason)
    return _doubt_those_read_since(session, pages)


def _unconfirmed(session: Session, missing: list[Page]) -> list[Page]:
    """Of the pages that seem gone now those that no member was shown as gone."""
    if not session.run.is_loss_confirmed:
        return missing
    return [page for page in missing if not page.is_kept]


def _doubt_those_read_since(session: Session, gone: Collection[Page]) -> set[uuid.UUID]:
    """Of what was proven gone those that another reader has found since; the proof may be about what lies above."""
    if not gone:
        return set()
    with session.writing():
        read = session.pages.filter(pk__in=[page.pk for page in gone]).exclude(state__in=Page.GONE)
        found = set(read.exclude(Page.IS_KEPT).values_list("pk", flat=True))
        session.pages.filter(pk__in=found).update(doubted_at=timezone.now())
    return found


def _is_second_look(page: Page) -> bool:
    return page.gone_at is not None and page.gone_at <= timezone.now() - SECOND_LOOK_AFTER


def is_too_many(session: Session, more: int) -> bool:
    """Whether so many more pages gone, with those that went before, look like lost access."""
    left = session.pages.exclude(state__in=Page.GONE).count()
    lost = _lost_lately(session)
    return more > 0 and lost + more > most_at_once(left + lost)


def _lost_lately(session: Session) -> int:
    """How many pages went since a member last confirmed a loss. What came meanwhile makes up for none of them."""
    connection_id, since = session.connection.pk, timezone.now() - TOGETHER_WITHIN
    ended = SyncRun.objects.filter(status__in=(SyncRun.Status.COMPLETE, SyncRun.Status.PARTIAL), created_at__gt=since)
    confirmed = ended.filter(connection_id=connection_id, is_loss_confirmed=True)
    since = confirmed.aggregate(at=Max("created_at"))["at"] or since
    hidden = session.pages.filter(state__in=Page.LOST, gone_at__gt=since).exclude(source__is_chosen=False)
    return int(hidden.count()) + Loss.objects.filter(connection_id=connection_id, gone_at__gt=since).count()


def most_at_once(known: int) -> float:
    """So many pages of a connection may go without that anybody is asked."""
    few = min(BRAKE_PAGES, max(SMALL_PAGES, known * SMALL_SHARE))
    return max(few, known * BRAKE_SHARE)


def is_everything(newly: Sequence[Page], known: int) -> bool:
    return len(newly) == known and any(page.indexed_at is not None for page in newly)


def _keep(session: Session, missing: Sequence[Page], known: int) -> None:
    vanished, keys = len(missing), " ".join(sorted(str(page.pk) for page in missing))
    asked = {"vanished": vanished, "vanished_of": known, "vanished_digest": sha256(keys.encode()).hexdigest()}
    words = ngettext(
        "%(n)d of %(known)d page seems gone from Notion.", "%(n)d of %(known)d pages seem gone from Notion.", known
    ) % {"n": vanished, "known": known}
    session.note(
        f"{words} What seems gone is kept; only what is in Notion's trash is not answered from. If it was deleted on"
        " purpose, confirm it on the page of this sync or of the sources, or ask for a full one."
    )
    # Who confirmed another loss has confirmed nothing of this one.
    session.run.is_loss_confirmed = False
    with session.writing():
        SyncRun.objects.filter(pk=session.run.pk).update(is_loss_confirmed=False, **asked)


def kept(connection: Connection) -> Question | None:
    return kept_by([connection.id]).get(connection.id)


def kept_by(connections: Collection[uuid.UUID]) -> dict[uuid.UUID, Question]:
    """The pages of these connections that a sync kept, as many as still are, unless a later one got further."""
    pages = Page.objects.filter(connection_id__in=connections).exclude(state__in=Page.GONE)
    asked_about = dict(pages.filter(Page.IS_KEPT).values_list("connection_id").annotate(Count("id")))
    if not asked_about:
        return {}
    known = dict(pages.filter(connection_id__in=asked_about).values_list("connection_id").annotate(Count("id")))
    runs = SyncRun.objects.filter(_LOOKED, connection_id__in=asked_about)
    last = runs.order_by("connection_id", "-created_at").distinct("connection_id")
    return {
        key: Question(sync_id, asked_about[key], known[key])
        for key, sync_id, vanished in last.values_list("connection_id", "id", "vanished")
        if vanished
    }


# One that lists only what changed, and kept nothing, may have met none of what is kept.
_LOOKED = Q(vanished__gt=0) | (
    Q(status__in=(SyncRun.Status.COMPLETE, SyncRun.Status.PARTIAL)) & ~Q(reach=reach.Reach.CHANGES)
)


def is_still_asked(connection: Connection, sync_run_id: uuid.UUID) -> bool:
    """Whether each sync since this one, and it, found the same pages gone: who was shown one of them was shown all."""
    runs = SyncRun.objects.filter(connection_id=connection.id)
    asked = runs.filter(pk=sync_run_id, vanished__gt=0).values_list("created_at", "vanished_digest").first()
    if asked is None or kept(connection) is None:
        return False
    created_at, digest = asked
    later = runs.filter(_LOOKED, created_at__gt=created_at)
    return not (later.exclude(vanished_digest=digest) if digest else later).exists()
