from accounts import tenancy
from agent.models import Chunk, Page
from devkit.notion.process import EmulatorProcess
from integrations import vectors
from tests.agent.sync.working import sync
from tests.outside import NotionWorkspace, connect, seeded
from tests.people import Person


def test_a_trashed_page_is_no_longer_searched(alice: Person, acme: NotionWorkspace) -> None:
    connection = connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.edit(op="trash", id=acme.page("travel"))
        run = sync(alice)
        page = Page.objects.get(title="Travel")
        chunks = {str(key) for key in Chunk.objects.values_list("id", flat=True)}

    assert run.status == "complete"
    assert page.state in {"trashed", "unreachable"}
    assert set(vectors.workspace(alice.workspace.id).collection(connection.id).ids()) == chunks


def test_absence_from_search_deletes_nothing(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.fault({"search_omit": {"ids": [acme.page("travel"), acme.page("security")]}}, path_regex="search")
        run = sync(alice)
        states = dict(Page.objects.values_list("title", "state"))

    assert run.status == "complete"
    assert states["Travel"] == states["Security"] == "indexed"


def test_many_pages_vanishing_at_once_are_kept(alice: Person, emulator: EmulatorProcess, chroma: str) -> None:
    pages = [{"key": f"p{n}", "title": f"Page {n}", "blocks": [{"p": f"Fact number {n}."}]} for n in range(10)]
    notion = seeded(emulator, {"pages": pages}, [f"p{n}" for n in range(10)])
    connect(alice, notion)

    with tenancy.within(alice.workspace):
        sync(alice)
        for n in range(8):
            notion.edit(op="unshare", id=notion.page(f"p{n}"), token=notion.token)
        run = sync(alice)

        assert run.status == "partial"
        assert "8 pages vanished at once" in run.reason
        assert Chunk.objects.values("page").distinct().count() == 10


def test_a_refused_page_stays_until_it_is_proven_gone(alice: Person, acme: NotionWorkspace) -> None:
    connect(alice, acme)

    with tenancy.within(alice.workspace):
        sync(alice)
        acme.edit(op="append", parent=acme.page("travel"), blocks=[{"p": "More."}])
        acme.fault(
            {"error": {"status": 404, "code": "object_not_found", "message": "Could not find block"}},
            path_regex=f"blocks/{acme.page('travel')}/children",
        )
        run = sync(alice)

        assert run.status == "partial"
        assert Page.objects.get(title="Travel").state == "failed"
        assert Chunk.objects.filter(page__title="Travel").exists()
