"""What may be gone, or back, without that Notion says so of itself: what lies in a block that was deleted looks as if
nothing had happened, and what was hidden may answer with an error when it is asked for again.

A mark is a moment, as those of `showing`: who asks takes away only the one that stood when they began. Until then the
connection is not called complete, and every sync asks, however little it lists.
"""

import uuid
from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agent.live import ledger
from agent.models import Page, Source
from agent.sync.session import Session
from agent.sync.titles import quoted

# For a page that was lost.
MAY_BE_BACK = "Was gone, and Notion did not answer when asked whether it is back"
MOST_NAMED = 3


def doubt_missing(session: Session, page: Page, inside: Collection[str]) -> None:
    """Pages and databases that we know to lie on this page, and that are not among what is there now."""
    now = timezone.now()
    lying = session.pages.filter(parent_id=page.notion_id).exclude(state__in=Page.GONE)
    lying.exclude(notion_id__in=inside).update(doubted_at=now)
    databases = Source.objects.filter(
        connection_id=session.connection.id, kind=Source.Kind.DATABASE, holder_id=page.notion_id, gone_at=None
    )
    for source in databases.exclude(database_id__in=inside):
        doubt_source(session, source)


def doubt_rows(session: Session, source: Source) -> None:
    session.pages.filter(parent_id=source.notion_id).exclude(state__in=Page.GONE).update(doubted_at=timezone.now())


def doubt_shown(session: Session, notion_ids: Collection[str]) -> None:
    """Of these pages those that are answered from, or may be."""
    with session.writing():
        shown = session.pages.filter(notion_id__in=notion_ids).exclude(state__in=Page.GONE)
        shown.update(doubted_at=timezone.now())


def doubt_below(session: Session, page: Page, *, known: Collection[uuid.UUID]) -> int:
    """Everything that we know to lie in this page, however deep, but what was asked for already. How many that are."""
    below = [each.pk for each in ledger.below(page.connection_id, [page.notion_id]) if each.pk not in known]
    with session.writing():
        lying = session.pages.filter(pk__in=below).exclude(state__in=Page.GONE)
        return int(lying.update(doubted_at=timezone.now()))


def doubt_source(session: Session, source: Source) -> None:
    """Notion did not show it, or the page that it lies on shows it no more."""
    now = timezone.now()
    with session.writing():
        Source.objects.filter(pk=source.pk).update(doubted_at=now)
    for each in (source, session.sources.get(source.notion_id)):
        if each is not None:
            each.doubted_at = now


def settle_source(session: Session, source: Source, doubted_at: Any) -> None:
    """Only what was marked before it was asked for."""
    with session.writing():
        Source.objects.filter(pk=source.pk, doubted_at=doubted_at).update(doubted_at=None)
    held = session.sources.get(source.notion_id)
    if held is not None and held.doubted_at == doubted_at:
        held.doubted_at = None


def may_be_back(session: Session, page: Page) -> None:
    """A page that was lost could not be asked for again."""
    with session.writing():
        lost = session.pages.filter(pk=page.pk, state__in=Page.LOST)
        lost.update(doubted_at=timezone.now(), reason=MAY_BE_BACK)


def is_unasked(page: Page) -> bool:
    """Answered from, in doubt, and what we hold is what Notion said before that."""
    is_older = page.observed_at is None or page.doubted_at is None or page.observed_at < page.doubted_at
    return page.doubted_at is not None and page.state not in Page.LOST and is_older


def pages(session: Session) -> Any:
    return session.pages.filter(doubted_at__isnull=False).exclude(state=Page.State.SKIPPED)


def sources(session: Session) -> list[Source]:
    """Of those that are read."""
    held = [each for each in session.sources.values() if each.doubted_at is not None]
    return [each for each in held if each.kind == Source.Kind.DATABASE and each.is_chosen]


_SOURCES = Q(doubted_at__isnull=False, is_chosen=True, kind=Source.Kind.DATABASE)
_LOST = Q(doubted_at__isnull=False, state__in=Page.LOST)


def doubted(connections: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Of these connections those of which we may lack something that Notion has, or say something that is not so.
    Searchable pages that are in doubt count as older ones."""
    lost = Page.objects.filter(_LOST, connection_id__in=connections)
    unread = Source.objects.filter(_SOURCES, connection_id__in=connections)
    return {*lost.values_list("connection_id", flat=True), *unread.values_list("connection_id", flat=True)}


def doubted_sources(connections: Collection[uuid.UUID]) -> Iterable[Source]:
    return Source.objects.filter(_SOURCES, connection_id__in=connections).order_by("title", "id")


def in_words(session: Session) -> list[str]:
    """Sentences for what a sync could not find out."""
    ids, said = [session.connection.id], []
    if lost := Page.objects.filter(_LOST, connection_id__in=ids).count():
        words = ngettext(
            "%(n)d page that was gone may be back, and Notion did not answer.",
            "%(n)d pages that were gone may be back, and Notion did not answer.",
            lost,
        )
        said.append(words % {"n": lost})
    if unread := list(doubted_sources(ids)):
        said.append(of_sources(unread))
    return said


def of_sources(unread: Collection[Source]) -> str:
    names = [quoted(each.title) for each in unread]
    more = [_("and more")] if len(names) > MOST_NAMED else []
    words = ngettext(
        "What Notion says of %(n)d database could not be read (%(names)s).",
        "What Notion says of %(n)d databases could not be read (%(names)s).",
        len(names),
    )
    return words % {"n": len(names), "names": ", ".join(names[:MOST_NAMED] + more)}
