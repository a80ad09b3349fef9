"""The row that an attempt has made when Notion's answer was lost: found, proven not to be there, or in doubt.

Its line may be gone, and it may lie in the trash or elsewhere by now. Only what was looked for soon after Notion had
answered the attempt is known not to be there; otherwise it may have been made later, or moved out of our sight, and a
member decides.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from integrations import notion
from integrations.notion import Notion
from integrations.notion.listing import streamed
from tasks import writing
from tasks.models import Outgoing

Json = dict[str, Any]
# Clocks differ, and Notion tells minutes.
OVERLAP = timedelta(minutes=5)
# Nobody has taken away by then what they did not expect. Shorter than a lease: after a worker died a member is asked.
# An attempt that Notion did not answer is noted as older than this.
SOON = timedelta(seconds=30)


class Doubtful(Exception):
    """Notion may have made the page. Its text says to a member what to do."""


NOT_FOUND = (
    "Notion did not answer when this task was made, and may have it in a place that Docent does not see. Look there,"
    " also in the trash. Not there: try again, and it is made. There: give its row's link on this task's page, or"
    " discard it here."
)
UNMARKED = (
    "Notion did not answer when this task was made. It may be “{title}” there, which says no more that it came from"
    " Docent. It is another one: try again, and this task is made. It is this one: give its link on this task's page."
)


def look_at_once(client: Notion, outgoing: Outgoing) -> Json | None:
    """Right after the attempt: what bears no line now was made by somebody else."""
    return _traced(client, outgoing)[0]


def made_before(client: Notion, outgoing: Outgoing) -> Json | None:
    """The page that an attempt has made, or None when it made none. Raises Doubtful."""
    assert outgoing.attempted_at is not None
    found, unmarked = _traced(client, outgoing)
    if found is not None or outgoing.is_absent:
        return found
    if unmarked:
        raise Doubtful(UNMARKED.format(title=_title(unmarked[0])[:100]))
    if timezone.now() - outgoing.attempted_at > SOON:
        raise Doubtful(NOT_FOUND)
    return None


def _traced(client: Notion, outgoing: Outgoing) -> tuple[Json | None, list[Json]]:
    """The page with this task's line; without it, those that bear no line at all."""
    assert outgoing.attempted_at is not None
    unmarked: list[Json] = []
    for row in _made_since(client, outgoing, outgoing.attempted_at - OVERLAP):
        said = lines(client, row)
        if any(writing.marker(outgoing.task_id) in line for line in said):
            return client.page(row["id"]), []
        if not any(writing.MARKER in line for line in said):
            unmarked.append(row)
    return None, unmarked


def _made_since(client: Notion, outgoing: Outgoing, since: datetime) -> Iterator[Json]:
    """Each once: first where it was put, then in the trash, then wherever it may lie by now."""
    bot, known = client.me()["id"], set()
    for row in _everywhere(client, outgoing, since.replace(second=0, microsecond=0)):
        if row["id"] not in known and (row.get("created_by") or {}).get("id") == bot:
            known.add(row["id"])
            yield row


def _everywhere(client: Notion, outgoing: Outgoing, since: datetime) -> Iterator[Json]:
    assert outgoing.task.task_source is not None
    by_time = {"timestamp": "created_time", "created_time": {"on_or_after": since.isoformat()}}
    for in_trash in (False, True):
        rows = client.query(outgoing.task.task_source.data_source_id, filter=by_time, in_trash=in_trash)
        yield from (row for row in rows if row.get("object") == "page")
    for page in streamed(lambda cursor: client.search("page", cursor)):
        if _moment(page, "last_edited_time") < since:
            break
        if _moment(page, "created_time") >= since:
            yield page


def _moment(page: Json, name: str) -> datetime:
    # What does not say when is looked at.
    return parse_datetime(str(page.get(name))) or timezone.now()


def lines(client: Notion, row: Json) -> list[str]:
    try:
        blocks = list(client.children(row["id"]))
    except notion.NotFound:
        return []
    return [
        "".join(str(text.get("plain_text", "")) for text in (block.get("paragraph") or {}).get("rich_text") or [])
        for block in blocks
    ]


def _title(row: Json) -> str:
    values = [each for each in (row.get("properties") or {}).values() if each.get("type") == "title"]
    return "".join(str(part.get("plain_text", "")) for each in values for part in each["title"]) or row["id"]
