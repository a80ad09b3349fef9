"""Whatever people edit while Notion is in trouble: once the trouble is over, one sync has what a first sync would have.

DOCENT_SEED draws the same edits and faults again; several stand with commas between.
"""

import os
import random
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from accounts import tenancy
from accounts.models import Connection
from agent.models import Chunk, Page, SyncRun
from agent.sync import performing, services, vanishing
from devkit.notion.process import EmulatorProcess
from integrations import vectors
from integrations.notion import NotionError
from tests.agent.sync.people_at_work import People, calm, trouble, workspace
from tests.outside import connect
from tests.people import Person
from tests.storm import ROUND, STORM

DRAWN = os.environ.get("DOCENT_SEED", str(ROUND))
SEEDS = [int(seed) for seed in DRAWN.split(",")]
PAGES = 20 if STORM == 1 else 500
ROUNDS = 3 if STORM == 1 else 4
EDITS = 6 if STORM == 1 else 60


def attempt(connection: Connection, person: Person, *, is_asked_for: bool = True) -> SyncRun:
    """What a worker does once; a later attempt goes on with what this one leaves open."""
    run = services.start_connection(connection, requested_by=person.user.pk if is_asked_for else None)
    performing.perform(sync_run_id=str(run.pk))
    return SyncRun.objects.get(pk=run.pk)


def after_all(connection: Connection, person: Person, *, days: int) -> SyncRun:
    """One sync without faults, so many days later, and the member's word that what is gone is gone."""
    for past in SyncRun.objects.filter(connection_id=connection.pk).exclude(watermark=None):
        assert past.watermark is not None
        SyncRun.objects.filter(pk=past.pk).update(watermark=past.watermark - timedelta(days=days))
    run = attempt(connection, person)
    while (kept := vanishing.kept(connection)) is not None:
        confirmed = services.confirm_loss(
            membership=person.membership, connection_id=connection.pk, sync_run_id=kept.sync_id
        )
        performing.perform(sync_run_id=str(confirmed.pk))
        run = SyncRun.objects.get(pk=confirmed.pk)
    return run


def holding(connection: Connection) -> dict[str, Any]:
    """What is answered from, page by page."""
    live = Page.objects.filter(connection_id=connection.pk).exclude(state__in=Page.LOST)
    pages = {page.notion_id: (page.state, page.title, page.url, page.properties, _place(page)) for page in live}
    texts: dict[str, list[tuple[str, str]]] = {key: [] for key in pages}
    for chunk in Chunk.objects.filter(page__in=live).order_by("ordinal").select_related("page"):
        texts[chunk.page.notion_id].append((chunk.context, chunk.text))
    hashes = dict(live.values_list("notion_id", "content_hash"))
    return {key: (page, texts[key], hashes[key]) for key, page in pages.items()}


def _place(page: Page) -> tuple[str, ...]:
    source = page.source
    return (page.parent_id, source.notion_id, source.title, source.place) if source else (page.parent_id,)


def _difference(found: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    keys = found.keys() | expected.keys()
    return {key: (found.get(key), expected.get(key)) for key in keys if found.get(key) != expected.get(key)}


@pytest.mark.parametrize("seed", SEEDS)
def test_one_sync_after_the_faults_reaches_what_a_first_sync_reads(
    alice: Person, charlie: Person, emulator: EmulatorProcess, chroma: str, seed: int
) -> None:
    print(f"DOCENT_SEED={seed}")
    dice = random.Random(seed)
    notion = workspace(emulator, PAGES, moves_are_edits=dice.random() < 0.5)
    connection = connect(alice, notion)
    people = People(notion, dice)

    with tenancy.within(alice.workspace):
        attempt(connection, alice)
        for _ in range(ROUNDS):
            people.work(EDITS)
            print(people.done[-EDITS:], trouble(notion, [*people.pages, *people.rows], dice))
            with suppress(NotionError):
                run = attempt(connection, alice, is_asked_for=dice.random() < 0.5)
                print(run.reach, run.status, run.reason)
            calm(notion)
        run = after_all(connection, alice, days=dice.choice([0, 2]))
        found = holding(connection)
        left = {str(key) for key in Chunk.objects.values_list("id", flat=True)}

        assert run.status in {"complete", "partial"}, run.reason
        assert set(vectors.workspace(alice.workspace.id).collection(connection.id).ids()) == left
    other = connect(charlie, notion)
    with tenancy.within(charlie.workspace):
        attempt(other, charlie)
        expected = holding(other)

    assert _difference(found, expected) == {}
