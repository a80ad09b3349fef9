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
from tests.outside import NotionWorkspace, connect, seeded
from tests.people import put_on_plan, sign_up

PAGES = int(os.environ.get("DOCENT_BENCH_PAGES", "2000"))
EDITS = (0, 10, 1_000)
DATABASES = 3
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
        _between_two_of_the_schedule(emulator)


def _between_two_of_the_schedule(emulator: EmulatorProcess) -> None:
    """A sync that lists only what changed: search, and of each database what was edited, the trash, and its name."""
    table = {"properties": {"Name": "title"}, "rows": [{"Name": f"Row {n}"} for n in range(10)]}
    databases = [
        {"key": f"d{n}", "title": f"Table {n}", "parent": "top", "sources": [{"key": f"s{n}", **table}]}
        for n in range(DATABASES)
    ]
    notion = seeded(emulator, {"pages": [{"key": "top", "title": "Top"}], "databases": databases}, ["top"])
    person = sign_up("Noor")
    put_on_plan(person, "pro")
    connection = connect(person, notion)
    with tenancy.within(person.workspace):
        performing.perform(sync_run_id=str(services.start_connection(connection, requested_by=person.user.pk).pk))
        Page.objects.update(indexed_at=timezone.now() + timedelta(days=1))
        listings = 2 + 3 * DATABASES
        with tenancy.shared():
            Connection.objects.filter(pk=connection.pk).update(sync_due_at=timezone.now() + timedelta(minutes=50))
        _measure(connection, "nothing", least=listings, is_asked_for=False)
        rows = Page.objects.filter(title="Row 3").values_list("notion_id", flat=True)
        for row in rows:
            notion.edit(op="trash", id=row)
        # Each by itself, and whether the token is alive still.
        _measure(connection, f"{len(rows)} in the trash", least=listings + len(rows) + 1, is_asked_for=False)


def _listings(pages: int) -> int:
    """A hundred pages at once, and one request to see that the token is alive."""
    return 1 + -(-pages // 100)


def _workspace(emulator: EmulatorProcess) -> NotionWorkspace:
    keys = [f"p{n}" for n in range(PAGES)]
    pages = [{"key": key, "title": key, "edited": LONG_AGO, "blocks": [{"p": f"Fact {key}."}]} for key in keys]
    return seeded(emulator, {"pages": pages}, keys)


def _measure(connection: Connection, name: str, *, least: int, is_asked_for: bool = True) -> None:
    begun = time.perf_counter()
    run = services.start_connection(connection, requested_by=connection.owner_id if is_asked_for else None)
    performing.perform(sync_run_id=str(run.pk))
    run = SyncRun.objects.get(pk=run.pk)
    print(
        f"   {name:<14} {run.status:<9} {run.known} pages  {run.notion_requests} requests, least {least}"
        f"  {run.indexed} indexed  {time.perf_counter() - begun:.0f} s"
    )
