"""The client and the reading of pages against the emulated Notion, as in the demo."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import redis

from agent.fetch import fetch_blocks
from agent.markdown import passages_of, to_markdown
from agent.properties import filled, properties_of, title_of
from devkit.demo.seed import TOKEN, load
from devkit.notion.process import EmulatorProcess
from integrations.notion import (
    BrokenAnswer,
    Budget,
    Incomplete,
    InvalidGrant,
    LoopedListing,
    NotFound,
    Notion,
    Patience,
    RateLimited,
    Restricted,
    Unauthorized,
    Unmetered,
    Unreachable,
    oauth,
)

APP = {"client_id": "docent", "client_secret": "secret"}
BACK = "http://localhost:8000/back"

SEED: dict[str, Any] = {
    "workspaces": [
        {
            "key": "acme",
            "name": "Acme",
            "users": [{"key": "anna", "name": "Anna Berg", "email": "anna@acme.example"}],
            "pages": [
                {
                    "key": "handbook",
                    "title": "Handbook",
                    "blocks": [
                        {"h1": "Onboarding"},
                        {"p": ["See ", {"mention_user": "anna"}, " now"]},
                        {"toggle": {"text": "Details", "blocks": ["nested"]}},
                        {"table": {"header": True, "rows": [["Role", "Person"], ["Lead", "Anna"]]}},
                        {"tabs": [{"label": "One", "blocks": ["inside"]}]},
                        {"synced_copy": "hidden"},
                        {"unsupported": {"block_type": "ai_block"}},
                        "the end",
                    ],
                    "pages": [{"key": "long", "title": "Long", "generate": {"blocks": 250, "text": "Line {i}"}}],
                },
                {
                    "key": "secret",
                    "title": "Secret",
                    "blocks": [{"synced": {"key": "hidden", "blocks": ["hidden text"]}}],
                },
            ],
            "databases": [
                {
                    "key": "tasks",
                    "title": "Tasks",
                    "parent": "handbook",
                    "sources": [
                        {
                            "key": "tasks_main",
                            "properties": {
                                "Task": "title",
                                "Status": {
                                    "status": {"To-do": ["New"], "In progress": ["Doing"], "Complete": ["Done"]}
                                },
                                "Owner": "people",
                                "Blocks": {"relation": "tasks_main"},
                            },
                            "rows": [
                                {"key": f"row{n}", "Task": f"Row {n}", "Status": "Done", "Owner": ["anna"]}
                                for n in range(120)
                            ],
                        }
                    ],
                }
            ],
        }
    ],
    "integrations": [{"key": "ours", "name": "Docent", **APP, "redirect_uris": [BACK]}],
    "grants": [{"integration": "ours", "workspace": "acme", "user": "anna", "roots": ["handbook"]}],
}


@pytest.fixture(scope="module")
def emulator() -> Iterator[EmulatorProcess]:
    with EmulatorProcess() as emulator:
        yield emulator


class Acme:
    """A workspace of its own for one test, and a client connected to it. Nobody really waits."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self.emulator = emulator
        seeded = emulator.seed(SEED)
        self.ids: dict[str, Any] = seeded["workspaces"]["acme"]
        self.token: str = seeded["grants"][0]["access_token"]
        self.now = 0.0
        self.notion = Notion(self.token, emulator.url, budget=Unmetered(lambda: self.now), wait=self.wait)

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def fault(self, do: Any, **match: Any) -> None:
        self.emulator.fault(do, token=self.token, **match)

    @property
    def source(self) -> str:
        source: str = self.notion.database(self.ids["databases"]["tasks"])["data_sources"][0]["id"]
        return source

    def words(self, page: str) -> str:
        return to_markdown(passages_of(fetch_blocks(self.notion, self.ids["pages"][page])[0]).passages)


@pytest.fixture
def acme(emulator: EmulatorProcess) -> Iterator[Acme]:
    acme = Acme(emulator)
    yield acme
    acme.notion.close()


def test_a_page_is_read_whole_without_what_is_not_shared(acme: Acme) -> None:
    blocks, remarks = fetch_blocks(acme.notion, acme.ids["pages"]["handbook"])
    rendered = passages_of(blocks)

    words = to_markdown(rendered.passages)
    assert words.startswith("# Onboarding\n\nSee @Anna Berg now\n\n**Details**\n\nnested")
    assert "| Role | Person |\n| --- | --- |\n| Lead | Anna |" in words
    assert "**One**\n\ninside" in words
    assert "the end" in words
    assert "hidden text" not in words
    assert len(remarks) == 1
    assert len(rendered.remarks) == 1


def test_250_blocks_are_all_read(acme: Acme) -> None:
    words = acme.words("long")

    assert words.count("Line ") == 250


def test_120_rows_are_all_read_with_their_properties(acme: Acme) -> None:
    schema = acme.notion.data_source(acme.source)

    rows = [properties_of(row, schema) for row in acme.notion.query(acme.source)]

    assert {row.title for row in rows} == {f"Row {n}" for n in range(120)}
    assert sorted(rows[0].lines) == [("Owner", "Anna Berg"), ("Status", "Done")]
    assert {each.value["group"] for row in rows for each in row.typed.values() if each.type == "status"} == {"Complete"}


def test_search_finds_what_is_shared_and_nothing_else(acme: Acme) -> None:
    found = acme.notion.search("page")

    titles = {title_of(page) for page in found.results}
    assert "Handbook" in titles
    assert "Secret" not in titles
    assert [title_of(source) for source in acme.notion.search("data_source").results] == ["Tasks"]


def test_a_relation_of_30_is_filled_from_its_items(acme: Acme) -> None:
    row = acme.ids["pages"]["row0"]
    acme.emulator.edit(op="set_property", id=row, name="Blocks", value=[f"row{n}" for n in range(1, 31)])
    page = acme.notion.page(row)
    cut = properties_of(page).truncated

    whole = filled(page, {key: acme.notion.page_property(row, key) for key in cut})

    assert len(cut) == 1
    assert len(properties_of(whole).typed[cut[0]].value) == 30


def test_what_is_not_shared_is_not_found(acme: Acme) -> None:
    with pytest.raises(NotFound):
        acme.notion.page(acme.ids["pages"]["secret"])


def test_me_and_users_are_known(acme: Acme) -> None:
    assert acme.notion.me()["type"] == "bot"
    assert "Anna Berg" in {user["name"] for user in acme.notion.users()}


@pytest.mark.parametrize(
    "do",
    [
        "500",
        "502",
        "503",
        "529",
        "reset",
        "204",
        "truncate",
        "cut_json",
        "empty_body",
        "results_null",
        {"429": {"retry_after": 5}},
        {"429": {"retry_after": 5, "html": True}},
    ],
)
def test_a_fault_in_the_middle_loses_nothing(acme: Acme, do: Any) -> None:
    acme.fault(do, nth=2, path_regex="/children")

    assert acme.words("long").count("Line ") == 250


def test_a_dead_cursor_loses_nothing(acme: Acme) -> None:
    acme.fault("stale_cursor", nth=1, path_regex="/children")

    assert acme.words("long").count("Line ") == 250


def test_an_empty_page_in_between_loses_nothing(acme: Acme) -> None:
    whole = acme.words("handbook")
    acme.fault("empty_page_has_more", nth=1, path_regex="/children")

    assert acme.words("handbook") == whole


@pytest.mark.parametrize("do", ["unknown_fields", "strip_partial"])
def test_strange_objects_do_not_stop_a_listing(acme: Acme, do: str) -> None:
    acme.fault(do)

    assert len([title_of(row) for row in acme.notion.query(acme.source)]) == 120


def test_a_block_type_of_tomorrow_costs_one_remark(acme: Acme) -> None:
    acme.fault("unknown_block_type", path_regex="/children", nth=1)
    blocks, _ = fetch_blocks(acme.notion, acme.ids["pages"]["long"])

    rendered = passages_of(blocks)

    assert len(rendered.passages) == 249
    assert len(rendered.remarks) == 1


def test_a_repeated_cursor_ends_in_an_error(acme: Acme) -> None:
    acme.fault("repeat_cursor", path_regex="/query")

    with pytest.raises(LoopedListing):
        list(acme.notion.query(acme.source))


def test_big_pages_that_time_out_come_in_halves(acme: Acme) -> None:
    acme.fault({"504": {"above_page_size": 50}}, path_regex="/query")

    assert len(list(acme.notion.query(acme.source))) == 120


def test_a_query_cut_by_notion_is_incomplete(acme: Acme) -> None:
    acme.fault("limit_results", path_regex="/query")

    with pytest.raises(Incomplete):
        list(acme.notion.query(acme.source))


def test_an_outage_fails_the_page_instead_of_shortening_it(acme: Acme) -> None:
    acme.fault("502", path_regex="/children", nth=list(range(2, 50)))

    with pytest.raises(Unreachable):
        acme.words("handbook")


def test_null_results_for_good_are_broken(acme: Acme) -> None:
    acme.fault("results_null", path_regex="/children")

    with pytest.raises(BrokenAnswer):
        acme.words("long")


def test_edits_while_paging_lose_nothing_that_stays(acme: Acme) -> None:
    page = acme.ids["pages"]["long"]
    hundredth = list(acme.notion.children(page))[100]["id"]
    acme.fault({"drift": {"op": "trash", "id": hundredth}}, path_regex="/children", nth=1)

    assert acme.words("long").count("Line ") == 249


def test_a_missing_capability_is_restricted(acme: Acme) -> None:
    acme.fault("403")

    with pytest.raises(Restricted):
        acme.notion.me()


def test_a_revoked_token_is_unauthorized(acme: Acme) -> None:
    acme.emulator.control("tokens", {"token": acme.token, "do": "revoke"})

    with pytest.raises(Unauthorized):
        acme.notion.me()


def test_the_emulators_own_limit_is_obeyed(acme: Acme) -> None:
    acme.emulator.control("limits", {"token": acme.token, "per_minute": 3})
    advance = acme.wait

    def wait(seconds: float) -> None:
        advance(seconds)
        acme.emulator.control("clock", {"workspace": acme.ids["id"], "advance": seconds})

    with Notion(acme.token, acme.emulator.url, budget=Unmetered(lambda: acme.now), wait=wait) as notion:
        for _ in range(8):
            notion.me()

    refused = [entry for entry in acme.emulator.journal(acme.token) if entry["status"] == 429]
    assert 1 <= len(refused) <= 3


def test_no_worker_asks_while_notion_wants_quiet(acme: Acme, valkey: redis.Redis) -> None:
    """Real time: one worker is told to stay away, the three that start then know it."""
    acme.fault({"429": {"retry_after": 1}}, times=1)
    impatient = Notion(
        acme.token, acme.emulator.url, budget=Budget(valkey, "acme"), patience=Patience(longest_in_all=0.5)
    )
    with impatient, pytest.raises(RateLimited):
        impatient.me()

    def work(number: int) -> None:
        with Notion(acme.token, acme.emulator.url, budget=Budget(valkey, "acme")) as worker:
            worker.me()

    with ThreadPoolExecutor(3) as workers:
        list(workers.map(work, range(3)))
    refused, *later = acme.emulator.journal(acme.token)

    assert [entry["status"] for entry in later] == [200, 200, 200]
    assert later[0]["at"] >= refused["ended"] + 1


def test_every_page_of_the_demo_is_read(emulator: EmulatorProcess) -> None:
    emulator.seed(load(), namespace="")
    with Notion(TOKEN, emulator.url, budget=Unmetered()) as notion:
        found = notion.search("page").results

        for page in found:
            blocks, remarks = fetch_blocks(notion, page["id"])
            rendered = passages_of(blocks)
            assert title_of(page) != "Untitled"
            assert remarks == []
            assert {remark.reason.split()[-1] for remark in rendered.remarks} <= {"ai_block", "button", "form"}

    assert len(found) == 100


def test_connecting_refreshing_and_leaving(emulator: EmulatorProcess, consent: Callable[..., str]) -> None:
    first = oauth.exchange(**APP, code=consent(), redirect_uri=BACK, base_url=emulator.url)
    assert first.refresh_token is not None
    second = oauth.refresh(**APP, refresh_token=first.refresh_token, base_url=emulator.url)

    with pytest.raises(InvalidGrant):
        oauth.refresh(**APP, refresh_token=first.refresh_token, base_url=emulator.url)
    with Notion(second.access_token, emulator.url, budget=Unmetered()) as notion:
        assert notion.me()["id"] == second.bot_id == first.bot_id
    assert second.owner_email == "anna@acme.example"


def test_a_revoked_connection_is_dead(emulator: EmulatorProcess, consent: Callable[..., str]) -> None:
    grant = oauth.exchange(**APP, code=consent(), redirect_uri=BACK, base_url=emulator.url)
    alive = oauth.introspect(**APP, token=grant.access_token, base_url=emulator.url)

    oauth.revoke(**APP, token=grant.access_token, base_url=emulator.url)

    assert alive
    assert not oauth.introspect(**APP, token=grant.access_token, base_url=emulator.url)


def test_a_code_works_once(emulator: EmulatorProcess, consent: Callable[..., str]) -> None:
    code = consent()
    oauth.exchange(**APP, code=code, redirect_uri=BACK, base_url=emulator.url)

    with pytest.raises(InvalidGrant):
        oauth.exchange(**APP, code=code, redirect_uri=BACK, base_url=emulator.url)


@pytest.fixture
def consent(emulator: EmulatorProcess) -> Callable[..., str]:
    """Anna allows everything on Notion's consent page; the code that comes back."""
    emulator.seed(SEED)

    def allow() -> str:
        url = oauth.authorize_url(client_id="docent", redirect_uri=BACK, state="state", base_url=emulator.url)
        answer = httpx.get(f"{url}&auto=allow&user=anna")
        return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]

    return allow
