"""Events that Notion delivers, perhaps twice, late, or in another order: stored once, then turned into notices.

A payload is believed in nothing: it only says which connections should look again, each with its own token.
"""

import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import F
from django.utils.dateparse import parse_datetime

from accounts import background
from accounts.models import Connection, NotionEvent, NotionNotice
from agent.live.table import Meaning, meaning_of
from agent.sync import freshness
from config.errors import AppError
from integrations.notion import dashed

log = logging.getLogger(__name__)
# Notion repeats an event for about a day.
KEPT = timedelta(days=3)
# Notion is no older.
EARLIEST = datetime(2013, 1, 1, tzinfo=UTC)
BATCH = 100
MOST_NAMED = 100
Json = dict[str, Any]


class Malformed(AppError):
    code = "malformed-event"
    status = 400


def store(payload: Json, *, now: datetime) -> bool:
    """Once, however often it comes. False when it was known."""
    key, kind, at = payload.get("id"), payload.get("type"), parse_moment(payload.get("timestamp"))
    if not (isinstance(key, str) and 0 < len(key) <= 64 and isinstance(kind, str) and 0 < len(kind) <= 80 and at):
        raise Malformed("An event has an id, a type and a timestamp.")
    about = {
        "entity": _id(payload.get("entity")),
        "page": _uuid(_dict(payload.get("data")).get("page_id")),
        "named": [_id(each) for each in _list(_dict(payload.get("data")).get("updated_blocks")) if _is_page(each)],
        "workspace": _uuid(payload.get("workspace_id")),
        "authors": _ids(payload.get("authors")),
        "bots": _ids([each for each in _list(payload.get("accessible_by")) if _dict(each).get("type") == "bot"]),
        "tells_who": isinstance(payload.get("accessible_by"), list),
    }
    event = NotionEvent(id=key, type=kind, happened_at=min(at, now), about=about, received_at=now)
    NotionEvent.objects.bulk_create([event], ignore_conflicts=True)
    return NotionEvent.objects.filter(pk=key, received_at=now).exists()


def parse_moment(value: object) -> datetime | None:
    try:
        at = parse_datetime(value) if isinstance(value, str) else None
        # No database holds what lies before the year 1 or after 9999 in UTC.
        at = at.astimezone(UTC) if at is not None and at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
    return at if at is not None and at >= EARLIEST else None


def take(*, now: datetime) -> int:
    """Turn what was stored into notices, one transaction for each hundred. Two at once take different events."""
    taken = 0
    # One that was stored before such times were refused could not even be looked at.
    absurd = NotionEvent.objects.filter(processed_at=None, happened_at__lt=EARLIEST)
    absurd.update(happened_at=F("received_at"), processed_at=now)
    while number := _take_some(now=now):
        taken += number
    _wake_forgotten(now=now)
    return taken


def forget_old(*, now: datetime) -> None:
    NotionEvent.objects.filter(received_at__lt=now - KEPT).delete()


def _take_some(*, now: datetime) -> int:
    with transaction.atomic():
        waiting = NotionEvent.objects.select_for_update(skip_locked=True).filter(processed_at=None)
        events = list(waiting.order_by("received_at")[:BATCH])
        told = _Told()
        for event in events:
            try:
                with transaction.atomic():
                    _fan_out(event, told, now=now)
            except OperationalError:
                raise
            except Exception:
                # It would hold up all that come after it, for all customers.
                log.exception("an event of the type %s is left out", event.type)
        told.write_down(now=now)
        NotionEvent.objects.filter(pk__in=[each.pk for each in events]).update(processed_at=now)
    told.note_times()
    return len(events)


@dataclass
class _Told:
    """Of some events: the connections that look again, at what, and when Notion was last heard from."""

    connections: dict[uuid.UUID, Connection] = field(default_factory=dict)
    things: dict[tuple[uuid.UUID, NotionNotice.Kind, str], datetime] = field(default_factory=dict)
    heard_at: dict[uuid.UUID, datetime] = field(default_factory=dict)

    def write_down(self, *, now: datetime) -> None:
        # In one order: others may write notices of the same pages at this moment.
        for (key, kind, notion_id), happened_at in sorted(self.things.items()):
            notice(self.connections[key], kind, notion_id, happened_at, now=now)
        for _key, connection in sorted(self.connections.items()):
            # Otherwise it waits until the sync goes on or ends.
            if not connection.is_paused:
                ask_to_read(connection)

    def note_times(self) -> None:
        """Each by itself: whoever writes what was read through a connection holds it, and holds up no other one."""
        for key, at in self.heard_at.items():
            Connection.objects.filter(pk=key).exclude(last_event_at__gte=at).update(last_event_at=at)


def _fan_out(event: NotionEvent, told: _Told, *, now: datetime) -> None:
    meaning = meaning_of(event.type)
    if meaning == Meaning.NOTHING:
        return
    for connection in _meant(event.about):
        if not freshness.has_live_sync(connection.workspace_id, now=now):
            continue
        told.connections[connection.pk] = connection
        if event.about["authors"] != [connection.bot_id]:
            # What we wrote ourselves is no news, but it is looked at: somebody may have written too.
            known = told.heard_at.get(connection.pk, event.happened_at)
            told.heard_at[connection.pk] = max(known, event.happened_at)
        for kind, notion_id in _things(event, meaning):
            thing = (connection.pk, kind, notion_id)
            told.things[thing] = min(told.things.get(thing, event.happened_at), event.happened_at)


def _meant(about: Json) -> list[Connection]:
    """By the bots that see the thing; without them, whoever is connected to that workspace of Notion."""
    active = Connection.objects.filter(status=Connection.Status.ACTIVE).order_by("pk")
    if about["tells_who"]:
        return list(active.filter(bot_id__in=about["bots"])) if about["bots"] else []
    return list(active.filter(notion_workspace_id=about["workspace"])) if about["workspace"] else []


def _things(event: NotionEvent, meaning: Meaning) -> Iterable[tuple[NotionNotice.Kind, str]]:
    about = event.about
    if meaning in {Meaning.PAGE, Meaning.ROWS} and about["entity"]:
        yield NotionNotice.Kind.PAGE, about["entity"]
    if meaning == Meaning.NAMED_PAGES:
        named = list(dict.fromkeys(filter(None, about["named"])))
        if 0 < len(named) <= MOST_NAMED:
            yield from ((NotionNotice.Kind.PAGE, key) for key in named)
            return
    if meaning in {Meaning.NAMED_PAGES, Meaning.ROWS, Meaning.SYNC}:
        yield NotionNotice.Kind.SYNC, ""


def notice(connection: Connection, kind: NotionNotice.Kind, key: str, happened_at: datetime, *, now: datetime) -> None:
    fresh = NotionNotice(connection=connection, kind=kind, notion_id=key, happened_at=happened_at, noticed_at=now)
    NotionNotice.objects.bulk_create([fresh], ignore_conflicts=True)
    held = NotionNotice.objects.select_for_update().filter(connection=connection, kind=kind, notion_id=key).first()
    if held is None:
        # It was read and forgotten between the two statements.
        fresh.save(force_insert=True)
    elif held.pk != fresh.pk:
        held.happened_at, held.version = min(held.happened_at, happened_at), held.version + 1
        # One that was put off is tried again at once.
        held.noticed_at = min(held.noticed_at, now)
        held.save(update_fields=["happened_at", "noticed_at", "version"])


def ask_to_read(connection: Connection) -> None:
    from agent.live.jobs import read_noticed

    background.enqueue(
        read_noticed,
        workspace_id=connection.workspace_id,
        key=str(connection.pk),
        connection_id=str(connection.pk),
    )


def _wake_forgotten(*, now: datetime) -> None:
    """A notice that came while the job for the earlier ones was ending, or during a pause, has no job of its own."""
    old = NotionNotice.objects.filter(noticed_at__lt=now - timedelta(seconds=10))
    for connection in Connection.objects.filter(pk__in=old.values("connection_id"), is_paused=False):
        ask_to_read(connection)


def _dict(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value[:1000] if isinstance(value, list) else []


def _is_page(value: object) -> bool:
    return _dict(value).get("type") == "page"


def _id(value: object) -> str:
    return _uuid(_dict(value).get("id"))


def _ids(value: object) -> list[str]:
    return sorted({key for key in map(_id, _list(value)) if key})


def _uuid(value: object) -> str:
    try:
        return dashed(value) if isinstance(value, str) else ""
    except ValueError:
        return ""
