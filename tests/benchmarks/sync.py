"""A first sync and one without changes: requests to Notion per page, and pages per second."""

import time

from django.conf import settings

from accounts import tenancy
from agent.models import SyncRun
from agent.sync import performing, services
from billing import reading
from devkit import demo
from devkit.notion.process import EmulatorProcess
from tests.people import sign_up


def main() -> None:
    with EmulatorProcess() as notion:
        settings.NOTION_API_URL = notion.url
        settings.NOTION_REQUESTS_PER_SECOND = 1_000.0
        notion.seed(demo.load(), namespace="")
        person = sign_up("Maya")
        reading.connect_with_token(
            membership=person.membership, token=demo.TOKEN, is_shared=False, now=person.membership.joined_at
        )
        with tenancy.within(person.workspace):
            for name in ("first sync", "sync without changes"):
                begun = time.perf_counter()
                run = services.start(membership=person.membership)
                performing.perform(sync_run_id=str(run.id))
                seconds = time.perf_counter() - begun
                run = SyncRun.objects.get(pk=run.pk)
                print(
                    f"   {name:<24} {run.status:<9} {run.known} pages  {run.notion_requests / run.known:.2f} requests"
                    f" a page  {run.known / seconds:.0f} pages/s  {run.chunks_embedded} texts embedded"
                )
