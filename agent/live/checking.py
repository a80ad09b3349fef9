"""Asking Notion, before an answer is given, whether the pages that it quotes are still there and unchanged."""

import itertools
import logging
import time
import uuid
from collections.abc import Collection
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import connections, sealed, tenancy
from accounts.models import Connection, Membership, NotionNotice
from agent.candidates import PageKey
from agent.live import events, ledger
from agent.live.ledger import Holder
from agent.live.removing import remove, remove_rows
from agent.models import Page, Source
from agent.sync import trash
from agent.sync.session import Session, beside
from agent.sync.showing import MINUTE_MAY_GO_ON
from billing import reading
from config import valkey
from integrations.notion import Budget, NotConfigured, NotFound, Notion, NotionError, Patience, Unauthorized
from integrations.notion.setup import budget_from_settings

log = logging.getLogger(__name__)
# What was read so lately is as new as a check would find it.
FRESH = timedelta(seconds=30)
MOST_PAGES = 6
# Of what they lie in: a page does not say that what holds it is in the trash.
MOST_HOLDERS = 4
# Somebody waits for the answer: all pages together, and no second try.
SECONDS = 2.0
ONCE = Patience(tries=1, longest_in_all=SECONDS)
NOT_CHECKED = "Notion could not be asked just now whether this is still so."
NOT_ALL_CHECKED = "Notion was not asked about all of these pages, and what they lie in, whether this is still so."
NOT_SHOWN = "Notion no longer shows this. Until somebody confirms that it is gone, it is quoted as it was read before."
NOT_ALL_SHOWN = (
    "Notion no longer shows all of these pages. Until somebody confirms that the others are gone, they are quoted as"
    " they were read before."
)


@dataclass
class Check:
    """What one run knows of the pages it would quote. Each is asked for once."""

    membership: Membership
    known: set[PageKey] = field(default_factory=set)
    gone: set[PageKey] = field(default_factory=set)
    # Of these it is not known whether they are still there; of some of them since there was no room to ask.
    unchecked: set[PageKey] = field(default_factory=set)
    passed_over: set[PageKey] = field(default_factory=set)
    # Notion answered that it does not show these, and they are kept.
    unshown: set[PageKey] = field(default_factory=set)
    changed: dict[PageKey, datetime] = field(default_factory=dict)
    asked: int = 0
    asked_above: int = 0
    # What the pages lie in, by its id here: whether Notion says that it is in the trash.
    in_trash: dict[uuid.UUID, bool] = field(default_factory=dict)
    tried: set[uuid.UUID] = field(default_factory=set)
    seconds: float = SECONDS

    def find_gone(self, quoted: Collection[PageKey]) -> set[PageKey]:
        new = set(quoted) - self.known
        self.known |= new
        readable = Connection.objects.readable_by(self.membership).filter(pk__in={key for key, _ in new})
        for connection in readable.order_by("pk"):
            self._look(connection, {page for key, page in new if key == str(connection.pk)})
            new = {each for each in new if each[0] != str(connection.pk)}
        # Of the other connections nothing may be read any more.
        self.gone |= new
        return set(quoted) & self.gone

    @property
    def not_seen(self) -> set[PageKey]:
        """Pages that Notion did not show, asked or not."""
        return self.unchecked | self.unshown

    def remarks(self, quoted: AbstractSet[PageKey]) -> str:
        """What an answer that quotes these pages has to say of this check."""
        said = []
        if quoted & self.unshown:
            said.append(NOT_SHOWN if quoted <= self.unshown else NOT_ALL_SHOWN)
        if quoted & self.unchecked:
            said.append(NOT_CHECKED if quoted <= self.unchecked - self.passed_over else NOT_ALL_CHECKED)
        return " ".join(said)

    def _look(self, connection: Connection, notion_ids: set[str]) -> None:
        began = timezone.now()
        held = Page.objects.filter(connection_id=connection.pk, notion_id__in=notion_ids)
        pages = {page.notion_id: page for page in held.filter(Page.SEARCHABLE)}
        # Another reader may have found them gone since the search.
        self.gone |= {(str(connection.pk), key) for key in notion_ids - pages.keys()}
        above = ledger.above(connection.pk, pages.values())
        holders = list(itertools.chain(*above.values()))
        read_now = {each.pk for each in holders if _is_fresh(each, began)}
        self.in_trash = dict.fromkeys(read_now, False) | self.in_trash
        self.in_trash |= {each.pk: True for each in holders if isinstance(each, Page) and each.is_in_trash}
        hidden = {page for page in pages.values() if any(self.in_trash.get(each.pk) for each in above[page])}
        self.gone |= {_key(page) for page in hidden}
        old = [page for page in pages.values() if page not in hidden and not _is_fresh(page, began)]
        can_ask = connection.status == Connection.Status.ACTIVE and reading.can_read(connection, now=began)
        room = MOST_PAGES - self.asked if can_ask else 0
        self.unchecked |= {_key(page) for page in old[room:]}
        self.passed_over |= {_key(page) for page in old[room:] if can_ask}
        if asked := old[:room]:
            self.asked += len(asked)
            self._ask(connection, {page: above[page] for page in asked}, began=began)

    def _ask(self, connection: Connection, pages: dict[Page, list[Holder]], *, began: datetime) -> None:
        at = time.monotonic()
        try:
            client = _client(connection, seconds=max(self.seconds, 0.1))
        except (NotConfigured, sealed.Unreadable) as error:
            log.error("the cited pages cannot be checked: %s", error)
            self.unchecked |= {_key(page) for page in pages}
            return
        with client as notion:
            holders = self._holders(pages)
            threads = ThreadPoolExecutor(len(pages) + len(holders), thread_name_prefix="check")
            answers = {page: threads.submit(copy_context().run, _shown, notion, page) for page in pages}
            of_holders = {each: threads.submit(copy_context().run, _shown, notion, each) for each in holders}
            wait([*answers.values(), *of_holders.values()], timeout=max(self.seconds, 0.1))
            # Who is late is not waited for: its request has a time limit of its own.
            threads.shutdown(wait=False, cancel_futures=True)
            self.seconds -= time.monotonic() - at
            session = beside(connection, notion, _budget(connection))
            for holder, answer in of_holders.items():
                self._judge_holder(session, holder, answer, began=began)
            for page, answer in answers.items():
                self._judge(session, page, answer, began=began)
            for page, above in pages.items():
                self._look_above(page, above)

    def _holders(self, pages: dict[Page, list[Holder]]) -> list[Holder]:
        """The nearest first, each once, as far as there is room."""
        found: dict[uuid.UUID, Holder] = {}
        for level in itertools.zip_longest(*pages.values()):
            found |= {each.pk: each for each in level if each is not None and each not in pages}
        new = [each for key, each in found.items() if key not in self.in_trash]
        asked = new[: MOST_HOLDERS - self.asked_above]
        self.asked_above += len(asked)
        self.tried |= {each.pk for each in asked}
        return asked

    def _judge_holder(
        self, session: Session, holder: Holder, answer: "Future[dict[str, Any]]", *, began: datetime
    ) -> None:
        try:
            self.in_trash[holder.pk] = bool(answer.result(timeout=0).get("in_trash"))
        except NotFound:
            # The connection may well see a page, and not what it lies in.
            self.in_trash[holder.pk] = False
        except (NotionError, TimeoutError) as error:
            log.info("what a cited page lies in was not checked: %s", type(error).__name__)
            return
        if self.in_trash[holder.pk]:
            if isinstance(holder, Source):
                remove_rows(session, holder)
            else:
                remove(session, holder, Page.State.TRASHED, began=began)

    def _look_above(self, page: Page, above: list[Holder]) -> None:
        """A page that was found is not there when what it lies in is in the trash, kept or not."""
        unknown = {each.pk for each in above if each.pk not in self.in_trash}
        if any(self.in_trash.get(each.pk) for each in above):
            self.gone.add(_key(page))
        elif unknown and _key(page) not in self.unshown:
            self.unchecked.add(_key(page))
            if not unknown & self.tried:
                self.passed_over.add(_key(page))

    def _judge(self, session: Session, page: Page, answer: "Future[dict[str, Any]]", *, began: datetime) -> None:
        try:
            found = answer.result(timeout=0)
        except NotFound:
            # Together with many others it looks like lost access, and is answered from until a member was asked.
            is_gone = remove(session, page, Page.State.UNREACHABLE, began=began)
            (self.gone if is_gone else self.unshown).add(_key(page))
        except (NotionError, TimeoutError) as error:
            log.info("a cited page was not checked: %s", type(error).__name__)
            self.unchecked.add(_key(page))
            if isinstance(error, Unauthorized) and session.connection.sealed_refresh_token:
                # Who reads it renews the token, or finds that the member has to connect again.
                _read_later(session.connection, page, began)
            elif isinstance(error, Unauthorized):
                connections.refused(session.connection)
        else:
            edited_at = events.parse_moment(found.get("last_edited_time"))
            self.in_trash[page.pk] = bool(found.get("in_trash"))
            if self.in_trash[page.pk]:
                self.gone.add(_key(page))
                remove(session, page, Page.State.TRASHED, began=began)
            elif edited_at is not None and page.edited_at is not None and edited_at > page.edited_at:
                self.changed[_key(page)] = edited_at
                _read_later(session.connection, page, edited_at)
            elif page.is_kept or _may_hide_an_edit(page):
                _read_later(session.connection, page, page.edited_at or began)


def _may_hide_an_edit(page: Page) -> bool:
    """Notion's times are whole minutes, and this page was read in the minute of its last edit."""
    return bool(page.edited_at and page.indexed_at and page.indexed_at - page.edited_at < MINUTE_MAY_GO_ON)


def _read_later(connection: Connection, page: Page, happened_at: datetime) -> None:
    with tenancy.shared(), transaction.atomic():
        events.notice(connection, NotionNotice.Kind.PAGE, page.notion_id, happened_at, now=timezone.now())
        events.ask_to_read(connection)


def _shown(notion: Notion, holder: Holder) -> dict[str, Any]:
    """In the trash also when a toggle or column around it is: Notion says that of the block alone."""
    ask = notion.data_source if isinstance(holder, Source) else notion.page
    found = ask(holder.notion_id)
    return found | {"in_trash": bool(found.get("in_trash")) or trash.are_blocks_above(notion, found)}


def _client(connection: Connection, *, seconds: float) -> Notion:
    return Notion(
        connections.access_token(connection),
        settings.NOTION_API_URL,
        budget=_budget(connection),
        version=settings.NOTION_VERSION,
        timeout=seconds,
        patience=ONCE,
    )


def _budget(connection: Connection) -> Budget:
    return budget_from_settings(valkey.client(), str(connection.pk), workspace=connection.notion_workspace_id)


def _is_fresh(holder: Holder, now: datetime) -> bool:
    is_sure = isinstance(holder, Page) and holder.doubted_at is None and not holder.is_kept
    read = (holder.indexed_at, holder.checked_at) if isinstance(holder, Page) and is_sure else ()
    return any(at is not None and at >= now - FRESH for at in read)


def _key(page: Page) -> PageKey:
    return str(page.connection_id), page.notion_id
