from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from django.utils import timezone

from accounts import connections as authorizations
from accounts import tenancy
from accounts.models import Connection, Job
from agent import fetch
from agent.models import Chunk, Page, Source, SyncRun
from agent.sync import coverage, performing, services
from devkit.notion.process import EmulatorProcess
from tests.agent.sync.working import REFUSAL, long_ago, sync
from tests.outside import HANDBOOK, TASKS, NotionWorkspace, connect, seeded
from tests.people import Person


def test_one_bad_page_fails_alone_and_the_sync_is_partial(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    acme.fault("500", path_regex=f"blocks/{acme.page('travel')}/children")

    with tenancy.within(alice.workspace):
        run = sync(alice)
        states = dict(Page.objects.values_list("title", "state"))
        problems = coverage.problems(run)

    assert (run.status, run.failed, run.reason) == ("partial", 1, "1 page could not be read.")
    assert states["Travel"] == "failed"
    assert states["Security"] == states["Handbook"] == "indexed"
    assert [problem["title"] for problem in problems] == ["Travel"]
    assert problems[0]["next_try_at"] > timezone.now()


def test_a_page_that_cannot_be_read_again_keeps_what_was_indexed(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.edit(op="append", parent=acme.page("travel"), blocks=[{"p": "More."}])
        acme.fault("500", path_regex=f"blocks/{acme.page('travel')}/children")
        run = sync(alice)
        kept = Chunk.objects.filter(page__title="Travel").count()
        searchable = Page.objects.searchable().filter(title="Travel").exists()

    assert run.status == "partial"
    assert kept
    assert searchable


def test_a_block_that_notion_does_not_show_makes_the_sync_partial(
    alice: Person, emulator: EmulatorProcess, chroma: str
) -> None:
    elsewhere = {
        "key": "secret",
        "title": "Elsewhere",
        "blocks": [{"synced": {"key": "s1", "blocks": ["shared text"]}}],
    }
    page = {"key": "top", "title": "Top", "blocks": [{"p": "Read me."}, {"synced_copy": "s1"}, {"p": "And me."}]}
    notion = seeded(emulator, {"pages": [elsewhere, page]}, ["top"])
    connect(alice, notion)

    with tenancy.within(alice.workspace):
        run = sync(alice)
        text = "\n".join(Chunk.objects.values_list("text", flat=True))

    assert run.status == "partial"
    assert run.reason == "1 block could not be read (“Top”)."
    assert "Read me." in text
    assert "And me." in text


def test_a_block_that_notion_does_not_give_is_named_with_its_page(
    alice: Person, emulator: EmulatorProcess, chroma: str
) -> None:
    blocks = [{"p": "Read me."}, *({"unsupported": {"block_type": kind}} for kind in ("ai_block", "form", "ai_block"))]
    connection = connect(
        alice, seeded(emulator, {"pages": [{"key": "top", "title": "Top", "blocks": blocks}]}, ["top"])
    )

    with tenancy.within(alice.workspace):
        first = sync(alice)
        long_ago()
        again = sync(alice)
        problems = [problem["reason"] for problem in coverage.problems(again)]
    page = alice.web.get(f"/app/connect/{connection.id}/sync").content.decode()

    said = "3 blocks that Notion does not give to connections (ai_block on “Top”, form on “Top”)."
    assert [(each.status, each.reason) for each in (first, again)] == [("partial", said)] * 2
    assert again.unchanged == 1
    assert problems == ["3 blocks that Notion does not give to connections (ai_block, form)."]
    (covered,) = alice.api.get("/agent/coverage").json()["connections"]
    assert covered["reasons"] == [{"state": "indexed", "reason": said, "pages": 1, "older": 0}]
    assert said in page
    assert "Still looking" not in alice.web.get("/app/sources").content.decode()


@pytest.mark.parametrize(
    ("limit", "said"),
    [("MOST_BLOCKS", "1 page goes on after 20000 blocks (“Top”)."), ("DEEPEST", "1 block lies deeper than 100 levels")],
)
def test_a_page_that_is_cut_keeps_the_sync_from_being_complete(
    alice: Person, emulator: EmulatorProcess, chroma: str, monkeypatch: pytest.MonkeyPatch, limit: str, said: str
) -> None:
    monkeypatch.setattr(fetch, limit, 2)
    deep = {"toggle": {"text": "One", "blocks": [{"toggle": {"text": "Two", "blocks": ["Three"]}}]}}
    connect(alice, seeded(emulator, {"pages": [{"key": "top", "title": "Top", "blocks": [deep]}]}, ["top"]))

    with tenancy.within(alice.workspace):
        run = sync(alice)

    assert run.status == "partial"
    assert run.reason.startswith(said)


def test_a_revoked_token_is_said_and_nothing_is_lost(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        before = Chunk.objects.count()
        acme.emulator.control("tokens", {"token": acme.token, "do": "revoke"})
        run = sync(alice)

        assert run.status == "failed"
        assert "Connect again" in run.reason
        assert Connection.objects.get(pk=connection.pk).status == "reauthorize"
        assert Chunk.objects.count() == before
        usable = Page.objects.searchable().count()
        source = Source.objects.first()
        assert source is not None
    shown = alice.web.get(f"/app/connect/{connection.pk}/sync").content.decode()

    told = alice.api.get("/agent/coverage").json()

    assert usable > 1
    assert f"{usable} pages stay searchable." in shown
    assert (told["complete"], told["connections"][0]["kept_fresh"]) == (False, "stale")
    assert "Restore access" in shown
    assert "Retry" not in shown
    assert "Connect again" in alice.web.get(f"/app/sources/{source.pk}").content.decode()


def test_an_empty_connection_is_not_called_complete(alice: Person, emulator: EmulatorProcess, chroma: str) -> None:
    notion = seeded(emulator, {"pages": [HANDBOOK]}, [])
    connect(alice, notion)

    with tenancy.within(alice.workspace):
        run = sync(alice)

    assert run.status == "partial"
    assert "Share pages with it" in run.reason


def test_a_listing_that_notion_cuts_short_is_not_called_complete(
    alice: Person, emulator: EmulatorProcess, chroma: str
) -> None:
    # One more than a listing shows at once.
    pages = [{"key": f"p{n}", "title": f"Page {n}"} for n in range(101)]
    acme = seeded(
        emulator, {"pages": [HANDBOOK, *pages], "databases": [TASKS]}, ["handbook", *(p["key"] for p in pages)]
    )
    acme.fault("limit_results", path_regex="search")
    acme.fault({"limit_results": {"n": 1}}, path_regex="query")
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        run = sync(alice)

    assert run.status == "partial"
    assert "search was cut short by Notion" in run.reason
    assert "only the first rows of “Launch plan”" in run.reason
    assert alice.api.get("/agent/coverage").json()["complete"] is False


def test_a_database_that_cannot_be_listed_stops_nothing_else(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    acme.fault("500", path_regex=f"data_sources/{acme.source('tasks_main')}/query")

    with tenancy.within(alice.workspace):
        run = sync(alice)
        indexed = set(Page.objects.filter(state="indexed").values_list("title", flat=True))

    assert run.status == "partial"
    assert "The rows of “Launch plan” could not be listed" in run.reason
    assert {"Handbook", "Travel", "Security"} <= indexed


def test_a_worker_that_goes_on_knows_what_went_wrong_before(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    acme.fault(REFUSAL, path_regex=f"data_sources/{acme.source('tasks_main')}/query")
    acme.fault("401", path_regex=f"blocks/{acme.page('security')}/children", times=1)

    with tenancy.within(alice.workspace):
        run = services.start(membership=alice.membership)
        performing.perform(sync_run_id=str(run.id))
        SyncRun.objects.filter(pk=run.pk).update(status="running", finished_at=None)
        Connection.objects.update(status="active")
        performing.perform(sync_run_id=str(run.id))
        run.refresh_from_db()

    assert run.status == "partial"
    assert "could not be listed" in run.reason


def test_a_known_page_that_cannot_be_asked_for_fails_alone(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.fault({"search_omit": {"ids": [acme.page("travel")]}}, path_regex="search")
        acme.fault(REFUSAL, path_regex=f"pages/{acme.page('travel')}$")
        run = sync(alice)

        assert run.status == "partial"
        assert Page.objects.get(title="Travel").state == "failed"
        assert Chunk.objects.filter(page__title="Travel").exists()


def test_a_block_that_was_refused_is_asked_for_again(alice: Person, emulator: EmulatorProcess, chroma: str) -> None:
    page = {"key": "top", "title": "Top", "blocks": [{"toggle": {"text": "Details", "blocks": ["The code is 4711."]}}]}
    notion = seeded(emulator, {"pages": [page]}, ["top"])
    connect(alice, notion)
    fault = notion.fault(REFUSAL, path_regex=f"blocks/(?!{notion.page('top')}).*/children")

    with tenancy.within(alice.workspace):
        first = sync(alice)
        long_ago()
        emulator.control(f"faults?id={fault}", method="DELETE")
        second = sync(alice)
        text = "\n".join(Chunk.objects.values_list("text", flat=True))

    assert (first.status, second.status) == ("partial", "complete")
    assert "4711" in text


def test_a_failed_page_is_tried_again_by_itself(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    fault = acme.fault("500", path_regex=f"blocks/{acme.page('travel')}/children")

    with tenancy.within(alice.workspace):
        sync(alice)
        job = Job.objects.get(name="agent.jobs.try_again")
        next_try_at = Page.objects.get(title="Travel").next_try_at
        acme.emulator.control(f"faults?id={fault}", method="DELETE")
        performing.try_again(**job.arguments)
        run = SyncRun.objects.latest("created_at")
        performing.perform(sync_run_id=str(run.id))
        run.refresh_from_db()

    assert next_try_at is not None
    assert abs(job.due_at - next_try_at) < timedelta(minutes=1)
    assert (run.status, run.tries) == ("complete", 1)


def test_characters_that_no_database_holds_stop_no_page(alice: Person, emulator: EmulatorProcess, chroma: str) -> None:
    page = {"key": "top", "title": "To\0p", "blocks": [{"p": "Read\0 me."}]}
    row = {"Ta\0sk": "Wri\0te", "State": "Do\0ing"}
    table = {"key": "plan_main", "properties": {"Ta\0sk": "title", "State": {"select": ["Do\0ing"]}}, "rows": [row]}
    plan = {"key": "plan", "title": "Pl\0an", "parent": "top", "sources": [table]}
    connect(alice, seeded(emulator, {"pages": [page], "databases": [plan]}, ["top"]))

    with tenancy.within(alice.workspace):
        run = sync(alice)
        text = "\n".join(Chunk.objects.values_list("text", flat=True))
        titles = set(Page.objects.values_list("title", flat=True))

    assert (run.status, run.reason, titles) == ("complete", "", {"Top", "Write"})
    assert "Read me." in text


def test_coverage_says_why_pages_are_missing_and_which_is_the_oldest(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)
    acme.fault("500", path_regex=f"blocks/{acme.page('travel')}/children")

    with tenancy.within(alice.workspace):
        sync(alice)
        old = timezone.now() - timedelta(days=3)
        Page.objects.filter(title="Security").update(indexed_at=old)
        known = coverage.coverage(membership=alice.membership, now=timezone.now())
        [row] = known["connections"]

        assert not known["complete"]
        assert [(each["state"], each["pages"]) for each in row["reasons"]] == [("failed", 1)]
        assert row["reasons"][0]["reason"]
        assert (row["oldest"]["title"], row["oldest"]["indexed_at"]) == ("Security", old)
        short = coverage.in_short(known)
        assert [short[name] for name in ("known", "indexed", "older", "missing")] == [6, 5, 0, 1]


@pytest.mark.parametrize("status", [400, 404])
def test_a_database_that_only_a_page_names_and_nobody_gives_costs_itself_alone(
    alice: Person, acme: NotionWorkspace, status: int
) -> None:
    connect(alice, acme)
    code = {400: "validation_error", 404: "object_not_found"}[status]
    refusal = {"error": {"status": status, "code": code, "message": "It is no database that you may see."}}
    acme.fault(refusal, path_regex="/v1/databases/", times=20)
    acme.fault({"search_omit": {"ids": [acme.source("tasks_main")]}}, path_regex="search", times=20)

    with tenancy.within(alice.workspace):
        run = sync(alice)

        assert Page.objects.get(title="Handbook").state == "indexed"
        assert (run.failed, "1 block could not be read (“Handbook”)" in run.reason) == (0, status == 400)


def test_who_restores_access_has_what_was_chosen_before_read_at_once(alice: Person, acme: NotionWorkspace) -> None:
    authorize(alice)
    [connection] = Connection.objects.filter(owner=alice.user)
    with tenancy.within(alice.workspace):
        sync(alice)
        acme.emulator.control("tokens", {"token": authorizations.access_token(connection), "do": "revoke"})
        acme.edit(op="append", parent=acme.page("travel"), blocks=[{"p": "Flights are for the board."}])
        assert sync(alice).status == "failed"

    back = authorize(alice)

    with tenancy.within(alice.workspace):
        queued = SyncRun.objects.get(status="queued")
        performing.perform(sync_run_id=str(queued.pk))
        read = Page.objects.get(title="Travel").markdown
    assert back == f"/app/connect/{connection.pk}/sync"
    assert "Flights are for the board." in read


def test_to_sync_a_connection_without_access_is_refused_with_what_to_do(alice: Person, acme: NotionWorkspace) -> None:
    unconnected = alice.api.post("/agent/sync", {})
    connection = connect(alice, acme)
    Connection.objects.filter(pk=connection.pk).update(status=Connection.Status.REAUTHORIZE)

    lost = [alice.api.post("/agent/sync", body) for body in ({}, {"connection_id": str(connection.pk)})]

    assert (unconnected.status_code, unconnected.json()["type"]) == (409, "/problems/not-connected")
    assert [(each.status_code, each.json()["type"]) for each in lost] == [(409, "/problems/access-lost")] * 2
    assert "restores access" in lost[0].json()["detail"]


def test_who_lost_access_before_choosing_anything_still_chooses_first(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)
    Connection.objects.filter(pk=connection.pk).update(status=Connection.Status.REAUTHORIZE)

    answer = alice.web.post("/app/connect", {"token": acme.token})

    assert answer["Location"] == f"/app/connect/{connection.pk}/choose"
    with tenancy.within(alice.workspace):
        assert not SyncRun.objects.exists()


def authorize(person: Person) -> str:
    """Through Notion's consent page and back; where that leads."""
    url = person.web.get("/app/connect/notion").url
    allowed = httpx.get(f"{url}&auto=allow&workspace=acme&user=anna").headers["Location"]
    return str(person.web.get("/app/connect/callback", dict(parse_qsl(urlsplit(allowed).query))).url)


def test_a_connection_without_access_is_stale_though_its_last_sync_was_complete(
    alice: Person, acme: NotionWorkspace
) -> None:
    connection = connect(alice, acme)
    with tenancy.within(alice.workspace):
        assert sync(alice).status == "complete"
    before = alice.api.get("/agent/coverage").json()
    # As the sender of an edit finds it, or a refused refresh.
    Connection.objects.filter(pk=connection.pk).update(status=Connection.Status.REAUTHORIZE)

    told = alice.api.get("/agent/coverage").json()

    assert (before["complete"], told["complete"]) == (True, False)
    [was], [row] = before["connections"], told["connections"]
    assert (row["kept_fresh"], row["pages"]["indexed"], row["pages"]["older"]) == ("stale", 0, was["pages"]["indexed"])
    assert row["older_since"] == row["oldest_outdated"]["indexed_at"] is not None
    sources = alice.web.get("/app/sources").content.decode()
    assert "No longer kept up" in sources
    assert "in an older version, read" in sources
    assert "Everything is searchable" not in alice.web.get("/app").content.decode()
    with tenancy.within(alice.workspace):
        key = Source.objects.filter(kind="database").values_list("pk", flat=True)[0]
    assert "in an older version, read" in alice.web.get(f"/app/sources/{key}").content.decode()
