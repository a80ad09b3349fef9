import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, Membership
from agent.models import Conversation, Page, Run, Source, SyncRun
from tasks.models import Task
from tests.agent.asking import ask, work
from tests.index import connect, handbook, write
from tests.people import Person, join
from usage.models import Period

pytestmark = pytest.mark.usefixtures("chroma")
QUESTION = "How many days of paid holiday do we have?"


def asked(person: Person, prompt: str = QUESTION) -> Run:
    answered = ask(person, prompt)
    with tenancy.within(person.workspace):
        return Run.objects.get(pk=answered["id"])


def test_asking_leads_to_the_conversation_with_its_answer(alice: Person) -> None:
    handbook(alice)

    response = alice.web.post("/app/ask", {"prompt": QUESTION, "workspace": str(alice.workspace.pk)})
    working = alice.web.get(response["Location"]).content.decode()
    work(alice)
    done = alice.web.get(response["Location"]).content.decode()

    assert "sse-connect" in working
    assert 'http-equiv="refresh"' in working
    assert "sse-connect" not in done
    assert "28 days of paid holiday" in done
    assert "By the keyless model" in done
    assert 'class="cite"' in done
    assert "Time off" in done


def test_a_follow_up_stays_in_the_conversation(alice: Person) -> None:
    run = asked(alice)
    address = f"/app/ask/{run.conversation_id}"

    response = alice.web.post(address, {"prompt": "And then?", "workspace": str(alice.workspace.pk)})

    assert response["Location"] == address
    assert "And then?" in alice.web.get(address).content.decode()


def test_a_refusal_keeps_the_question_in_the_box(alice: Person) -> None:
    run = asked(alice)
    with tenancy.within(alice.workspace):
        Period.objects.update(requests_used=120)

    for address in ("/app/ask", f"/app/ask/{run.conversation_id}"):
        response = alice.web.post(address, {"prompt": "One more?", "workspace": str(alice.workspace.pk)})
        page = response.content.decode()
        assert response.status_code == 429
        assert "One more?" in page
        assert "The 120 requests of the trial are used." in page


def test_a_question_for_a_workspace_that_is_not_open_any_more_goes_along_to_it(alice: Person) -> None:
    bob = join(alice, "Bob")
    address = f"/app/ask/{asked(alice).conversation_id}"
    with tenancy.within(alice.workspace):
        Conversation.objects.update(owner_id=bob.user.pk)
    own = str(Membership.objects.exclude(workspace=alice.workspace).get(user=bob.user).workspace_id)
    bob.web.post("/app/switch-workspace", {"workspace": own})

    for path in ("/app/ask", address):
        refused = bob.web.post(path, {"prompt": "Who has the <keys>?"}).content.decode()
        form = {"workspace": str(alice.workspace.pk), "next": path, "prompt": "Who has the <keys>?"}
        led = bob.web.post("/app/switch-workspace", form, follow=True)
        again = bob.web.get(path).content.decode()
        bob.web.post("/app/switch-workspace", {"workspace": own})

        assert 'form="switch">Who has the &lt;keys&gt;?</textarea>' in refused
        assert led.redirect_chain == [(path, 302)]
        assert ">Who has the &lt;keys&gt;?</textarea>" in led.content.decode()
        assert "&lt;keys&gt;" not in again


def test_what_was_typed_is_shown_on_no_other_page(alice: Person) -> None:
    form = {"workspace": str(alice.workspace.pk), "next": "/app/settings", "prompt": "Who has the keys?"}
    alice.web.post("/app/switch-workspace", form)

    assert "the keys" not in alice.web.get("/app/ask").content.decode()


def test_a_question_for_a_workspace_of_others_can_be_copied(alice: Person) -> None:
    refused = alice.web.post("/app/ask", {"prompt": "Who?", "workspace": str(uuid.uuid4())})

    assert refused.status_code == 409
    assert "readonly>Who?</textarea>" in refused.content.decode()


def test_a_failed_run_says_that_it_was_not_counted(alice: Person) -> None:
    run = asked(alice)
    with tenancy.within(alice.workspace):
        Run.objects.update(status=Run.Status.FAILED, error="It took too long.", answer="")

    page = alice.web.get(f"/app/ask/{run.conversation_id}").content.decode()

    assert "Your question was not counted. It took too long." in page


def test_the_menu_renames_exports_and_deletes(alice: Person) -> None:
    handbook(alice)
    address = f"/app/ask/{asked(alice).conversation_id}"
    workspace = {"workspace": str(alice.workspace.pk)}

    alice.web.post(address, {"action": "rename", "title": "Holidays", **workspace})
    exported = alice.web.post(address, {"action": "export", **workspace})
    deleted = alice.web.post(address, {"action": "delete", **workspace})

    assert exported.content.decode().startswith("# Holidays\n\n## How many days")
    assert "28 days" in exported.content.decode()
    assert deleted["Location"] == "/app/conversations"
    assert alice.web.get(address).status_code == 404


def test_conversations_are_listed_and_searched(alice: Person) -> None:
    asked(alice, "Where is the kettle?")
    asked(alice, "Who has the key?")

    assert "kettle" in alice.web.get("/app/conversations").content.decode()
    found = alice.web.get("/app/conversations?q=KEY").content.decode()
    assert "Who has the key?" in found
    assert "Where is the kettle?" not in found.split("<main", 1)[1]


def test_feedback_and_stop_lead_back(alice: Person) -> None:
    run = asked(alice)
    workspace = {"workspace": str(alice.workspace.pk)}
    form = {"rating": "bad", "reason": "wrong", "note": "It was 30.", **workspace}

    rated = alice.web.post(f"/app/runs/{run.pk}/feedback", form)
    stopped = alice.web.post(f"/app/runs/{run.pk}/stop", workspace)

    assert {rated["Location"], stopped["Location"]} == {f"/app/ask/{run.conversation_id}"}
    with tenancy.within(alice.workspace):
        assert Run.objects.get().rating_reason == "wrong: It was 30."


def test_events_of_a_page_hold_html_in_place_of_text(alice: Person) -> None:
    handbook(alice)
    run = asked(alice)

    told = alice.web.get(f"/app/runs/{run.pk}/events").content.decode()

    assert f'event: block\ndata: <div id="r{run.pk.hex[:12]}b">' in told
    assert "event: delta" not in told


def test_who_has_heard_the_end_need_not_come_back(alice: Person) -> None:
    run = asked(alice)
    told = alice.web.get(f"/app/runs/{run.pk}/events").content.decode()
    last = told.rsplit("id: ", 1)[1].split("\n", 1)[0]

    assert alice.web.get(f"/app/runs/{run.pk}/events", HTTP_LAST_EVENT_ID=last).status_code == 204


def test_a_new_member_is_led_to_connect(alice: Person) -> None:
    page = alice.web.get("/app").content.decode()

    assert "Three steps to the first answer" in page
    assert 'href="/app/connect">Connect Notion' in alice.web.get("/app/ask").content.decode()


def test_the_overview_shows_what_there_is(alice: Person) -> None:
    connection = handbook(alice)
    asked(alice)
    with tenancy.within(alice.workspace):
        Task.objects.create(owner_id=alice.user.pk, title="Write the report", due_on=timezone.localdate())
    before = alice.web.get("/app").content.decode()
    with tenancy.within(alice.workspace):
        SyncRun.objects.create(connection_id=connection.pk, status="complete", known=1, unchanged=1)
    page = alice.web.get("/app?days=7").content.decode()

    assert "There may be more" in before
    assert "Everything is searchable" not in before
    for words in ("Everything is searchable", "100%", "Write the report", QUESTION, "Synced just now", "1 of 120"):
        assert words in page.replace("<small>", "").replace("</small>", "")


def test_until_its_first_end_a_sync_stands_in_the_place_of_the_figures(alice: Person) -> None:
    connection = handbook(alice)
    with tenancy.within(alice.workspace):
        SyncRun.objects.create(connection_id=connection.pk, status="complete", known=1, unchanged=1)
        sync = SyncRun.objects.create(connection_id=connection.pk, status="running", started_at=timezone.now())
    told = []

    for synced_at in (None, timezone.now()):
        Connection.objects.filter(pk=connection.pk).update(last_synced_at=synced_at, open_sync=sync.pk)
        told.append(alice.web.get("/app").content.decode())

    first, later = told
    assert "Not synced yet" not in first
    assert "Everything is searchable" not in first
    assert '<span class="dot busy">Syncing</span>' in later
    assert "Everything is searchable" in later


def test_overview_and_usage_agree_after_a_conversation_is_deleted(alice: Person) -> None:
    handbook(alice)
    run = asked(alice)
    form = {"action": "delete", "workspace": str(alice.workspace.pk)}

    alice.web.post(f"/app/ask/{run.conversation_id}", form)

    for address in ("/app?days=7", "/app/usage"):
        assert '<div class="total"><b class="num">1</b>' in alice.web.get(address).content.decode()


def test_the_overview_lists_five_sources_and_first_what_needs_attention(alice: Person) -> None:
    connection = handbook(alice)
    with tenancy.within(alice.workspace):
        for number in range(6):
            Source.objects.create(connection_id=connection.pk, kind="page", notion_id=f"{number}", title=f"A{number}")
        Page.objects.filter(title="Time off").update(state=Page.State.FAILED)

    page = alice.web.get("/app").content.decode()

    card = page.split('id="my-sources"', 1)[1].split("</section>", 1)[0]
    assert card.count("<li data-row>") == 5
    assert "Handbook" in card.split("<li data-row>")[1]


def test_a_connection_that_needs_attention_is_called_out(alice: Person) -> None:
    Connection.objects.filter(pk=handbook(alice).pk).update(status=Connection.Status.REAUTHORIZE)

    page = alice.web.get("/app").content.decode()

    assert "Restore access" in page
    assert "needs attention" in page


@pytest.mark.parametrize("address", ["/app", "/app/conversations", "/app/ask/{conversation}"])
def test_the_number_of_statements_does_not_grow(alice: Person, address: str) -> None:
    handbook(alice)
    run = asked(alice)
    address = address.format(conversation=run.conversation_id)
    counts = []
    for size in (1, 15):
        with tenancy.within(alice.workspace):
            for number in range(size):
                thread = Conversation.objects.create(owner_id=alice.user.pk, title=f"{number}")
                Run.objects.create(conversation=thread, owner_id=alice.user.pk, prompt="?", status="succeeded")
                Run.objects.create(
                    conversation_id=run.conversation_id, owner_id=alice.user.pk, prompt="?", status="succeeded"
                )
                due = timezone.localdate() + timedelta(days=1)
                Task.objects.create(owner_id=alice.user.pk, title=f"{number}", due_on=due)
        alice.web.get(address)
        with CaptureQueriesContext(connection) as statements:
            assert alice.web.get(address).status_code == 200
        counts.append(len(statements))

    assert counts[0] == counts[1]


@pytest.mark.parametrize("address", ["/app/ask/{c}", "/app/runs/{r}/events"])
def test_charlie_and_bob_get_404(team_owner: Person, bob: Person, charlie: Person, address: str) -> None:
    run = asked(team_owner)
    path = address.format(c=run.conversation_id, r=run.pk)

    for person in (bob, charlie):
        assert person.web.get(path).status_code == 404


def test_posting_to_what_is_not_ones_own_changes_nothing(team_owner: Person, bob: Person) -> None:
    run = asked(team_owner)
    workspace = {"workspace": str(bob.workspace.pk)}

    for path in (f"/app/ask/{run.conversation_id}", f"/app/runs/{run.pk}/stop", f"/app/runs/{run.pk}/feedback"):
        assert bob.web.post(path, {"prompt": "x", "rating": "bad", **workspace}).status_code == 404
    assert bob.web.post(f"/app/ask/{uuid.uuid4()}", {"action": "delete", **workspace}).status_code == 404
    with tenancy.within(team_owner.workspace):
        assert (Run.objects.count(), Run.objects.get().rating) == (1, "")


def test_an_answer_says_how_much_is_known_and_whether_that_is_all(alice: Person) -> None:
    connection = connect(alice)
    written = write(alice, connection, "Handbook", "Everybody has 28 days of paid holiday a year.")
    address = f"/app/ask/{asked(alice).conversation_id}"

    before = alice.web.get(address).content.decode()
    with tenancy.within(alice.workspace):
        SyncRun.objects.create(connection_id=connection.pk, status="complete", known=1, unchanged=1)
    after = alice.web.get(address).content.decode()
    write(alice, connection, "Travel", "Trains are booked second class.")
    with tenancy.within(alice.workspace):
        Page.objects.filter(pk=written.page.pk).update(state="failed")
    torn = alice.web.get(address).content.decode()

    assert "1 of 1 known page searchable, there may be more<" in before
    assert "1 of 1 known page searchable<" in after
    assert "2 of 2 known pages searchable, 1 of them as it was read " in torn
    assert ", there may be more<" in torn
