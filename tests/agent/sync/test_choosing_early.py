"""Nothing is chosen before all that a connection sees is listed: what is found later is read too."""

import pytest
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, Job
from agent.models import Source, SyncRun
from agent.sync import finding, jobs
from tests.agent.sync.test_choosing import post
from tests.agent.sync.working import sync
from tests.outside import NotionWorkspace, connect
from tests.people import Person
from tests.threads import elsewhere

INTEGRATION = "/user/notion-integration"


def looking(connection: Connection) -> QuerySet[Job]:
    return Job.objects.filter(name=jobs.find_sources.name, key=str(connection.pk))


def give_up(connection: Connection) -> None:
    looking(connection).update(failed_at=timezone.now())


def choose(person: Person, connection: Connection) -> tuple[HttpResponse, HttpResponse]:
    """The first of its sources alone, as a program does it and on the page."""
    with tenancy.within(person.workspace):
        first, *others = Source.objects.order_by("pk").values_list("pk", flat=True)
    form = {"source": [first], "shown": [first, *others], "tasks_source": ""}
    by_program = person.api.patch(INTEGRATION, {"sources": [str(first)]}, format="json")
    return by_program, post(person, f"/app/connect/{connection.pk}/choose", **form)


@pytest.mark.parametrize(
    ("is_over", "code", "told", "words"),
    [
        (False, "still-looking", (True, False), "still being searched"),
        (True, "list-cut-short", (False, True), "could not be finished"),
    ],
)
def test_nothing_is_chosen_before_all_is_found(
    alice: Person, acme: NotionWorkspace, *, is_over: bool, code: str, told: tuple[bool, bool], words: str
) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        finding.find_sources(connection_id=str(connection.id))
    finding.look_for_sources(connection)
    if is_over:
        give_up(connection)

    shown = alice.api.get(INTEGRATION).json()
    by_program, on_the_page = choose(alice, connection)

    assert (shown["looking"], shown["cut_short"]) == told
    assert (by_program.status_code, by_program.json()["type"]) == (409, f"/problems/{code}")
    assert words in by_program.json()["detail"]
    page = on_the_page.content.decode()
    assert (on_the_page.status_code, words in page, page.count(" checked")) == (409, True, 1)
    with tenancy.within(alice.workspace):
        assert not Source.objects.filter(is_chosen=False).exists()
        assert not SyncRun.objects.exists()


def test_what_is_chosen_once_all_is_found_is_read(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    finding.look_for_sources(connection)
    job = str(looking(connection).get().pk)
    elsewhere(lambda: jobs.find_sources(job))

    by_program, on_the_page = choose(alice, connection)

    assert (by_program.status_code, on_the_page.status_code) == (202, 302)
    with tenancy.within(alice.workspace):
        assert Source.objects.filter(is_chosen=True).count() == 1


def test_a_search_that_was_given_up_is_made_good_by_a_sync(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    finding.look_for_sources(connection)
    give_up(connection)
    with tenancy.within(alice.workspace):
        sync(alice)

    shown = alice.api.get(INTEGRATION).json()

    assert (shown["looking"], shown["cut_short"]) == (False, False)
    assert [each.status_code for each in choose(alice, connection)] == [202, 302]


def test_the_form_waits_for_the_search_and_offers_it_again_when_it_was_cut_short(
    alice: Person, acme: NotionWorkspace
) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        finding.find_sources(connection_id=str(connection.id))
        finding.look_for_sources(connection)
    address = f"/app/connect/{connection.id}/choose"

    waiting = alice.web.get(address).content.decode()
    give_up(connection)
    cut_short = alice.web.get(address).content.decode()

    assert ("2 found so far" in waiting, "Start sync of" in waiting) == (True, False)
    assert ("could not be finished" in cut_short, "Start sync of" in cut_short) == (True, False)
    assert cut_short.count("Refresh the list</button>") == 1
