"""What a sync costs after 0, 10 and 1,000 edits, against the least that Notion's interface allows.

DOCENT_BENCH_PAGES says how many pages; 2,000 without.
"""

import os
import time
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection
from agent.models import Page, SyncRun
from agent.sync import performing, services
from billing import reading
from devkit.notion.process import EmulatorProcess
from tests.outside import NotionWorkspace, seeded
from tests.people import sign_up

PAGES = int(os.environ.get("DOCENT_BENCH_PAGES", "2000"))
EDITS = (0, 10, 1_000)
LONG_AGO = "2026-03-01T08:00:00Z"


def main() -> None:
    with EmulatorProcess() as emulator:
        settings.NOTION_API_URL = emulator.url
        settings.NOTION_REQUESTS_PER_SECOND = 10_000.0
        notion = _workspace(emulator)
        person = sign_up("Maya")
        connection = reading.connect_with_token(
            membership=person.membership, token=notion.token, is_shared=False, now=person.membership.joined_at
        )
        with tenancy.within(person.workspace):
            _measure(connection, "first sync", least=PAGES + _listings(PAGES))
            for edits in (min(wanted, PAGES) for wanted in EDITS):
                # As if the syncs before had been long after the edits before, and the new edits later still.
                Page.objects.update(indexed_at=timezone.now() + timedelta(days=1))
                emulator.control("clock", {"workspace": "acme", "advance": 600})
                for n in range(edits):
                    notion.edit(op="append", parent=notion.page(f"p{n}"), blocks=[{"p": f"News {edits}/{n}."}])
                # To see that nothing is gone, every page has to be listed.
                _measure(connection, f"{edits} edits", least=edits + _listings(PAGES))


def _listings(pages: int) -> int:
    """A hundred pages at once, and one request to see that the token is alive."""
    return 1 + -(-pages // 100)


def _workspace(emulator: EmulatorProcess) -> NotionWorkspace:
    keys = [f"p{n}" for n in range(PAGES)]
    pages = [{"key": key, "title": key, "edited": LONG_AGO, "blocks": [{"p": f"Fact {key}."}]} for key in keys]
    return seeded(emulator, {"pages": pages}, keys)


def _measure(connection: Connection, name: str, *, least: int) -> None:
    begun = time.perf_counter()
    run = services.start_connection(connection, requested_by=connection.owner_id)
    performing.perform(sync_run_id=str(run.pk))
    run = SyncRun.objects.get(pk=run.pk)
    print(
        f"   {name:<12} {run.status:<9} {run.known} pages  {run.notion_requests} requests, least {least}"
        f"  {run.indexed} indexed  {time.perf_counter() - begun:.0f} s"
    )
