"""What the agent proposes: written once, over what was shown, and taken back; otherwise nothing is written."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection
from agent.models import Proposal
from agent.proposals import preparing, services
from billing.models import Subscription
from tasks import asking
from tasks.filters import NOTION
from tasks.models import Outgoing, Task
from tests.agent.proposals_of import now_of, post, propose, work
from tests.agent.sync.working import sync
from tests.outside import NotionWorkspace, connect
from tests.people import Person
from tests.tasks.test_both_ways import TITLE, deliver, history, in_notion, task
from tests.threads import at_once

FRIDAY = timezone.datetime(2026, 12, 4).date()  # type: ignore[attr-defined]


@pytest.fixture
def synced(alice: Person, acme: NotionWorkspace) -> Person:
    connect(alice, acme)
    with tenancy.within(alice.workspace):
        sync(alice)
    return alice


@pytest.fixture
def local(alice: Person) -> Person:
    with tenancy.within(alice.workspace):
        Task.objects.create(owner_id=alice.user.pk, title="Pricing copy", status="In progress")
    return alice


def due(acme: NotionWorkspace) -> Any:
    return (in_notion(acme)[TITLE]["properties"]["Due"]["date"] or {}).get("start")


def rows(acme: NotionWorkspace) -> dict[str, Any]:
    """What people wrote in the rows."""
    return {title: row["properties"] for title, row in in_notion(acme).items()}


def applied(person: Person, proposal: Proposal) -> Proposal:
    answer = post(person, proposal, "approve")
    assert answer.status_code in {200, 202}, answer.content
    work(person)
    return now_of(person, proposal)


def test_nothing_is_written_before_it_is_approved(synced: Person, acme: NotionWorkspace) -> None:
    proposal = propose(synced, TITLE, due_on=FRIDAY)
    work(synced)
    deliver(synced)

    assert due(acme) is None
    assert proposal.changes == [{"field": "due_on", "name": "Due", "before": "", "after": "Friday, 4 December 2026"}]


def test_approved_it_is_written_read_back_and_undone(synced: Person, acme: NotionWorkspace) -> None:
    before = rows(acme)
    proposal = propose(synced, TITLE, due_on=FRIDAY)

    done = applied(synced, proposal)
    then = due(acme)
    undone = post(synced, proposal, "undo")
    work(synced)

    assert (done.state, done.differs, then) == ("applied", [], "2026-12-04")
    assert undone.status_code == 202
    assert now_of(synced, proposal).state == "undone"
    assert rows(acme) == before


def test_a_task_changed_since_is_shown_anew_and_not_written(synced: Person, acme: NotionWorkspace) -> None:
    proposal = propose(synced, TITLE, due_on=FRIDAY)
    acme.edit(op="set_property", id=in_notion(acme)[TITLE]["id"], name="Due", value="2026-12-24")

    answer = post(synced, proposal, "approve")
    work(synced)

    assert (answer.status_code, answer.json()["type"], due(acme)) == (409, "/problems/moved-on", "2026-12-24")
    shown = synced.api.get(f"/agent/proposals/{answer.json()['proposal']}").json()
    assert (shown["state"], shown["changes"][0]["before"]) == ("pending", "Thursday, 24 December 2026")
    assert now_of(synced, proposal).state == "stale"


def test_a_change_between_approval_and_writing_is_not_written_over(synced: Person, acme: NotionWorkspace) -> None:
    proposal = propose(synced, TITLE, due_on=FRIDAY)
    post(synced, proposal, "approve")
    acme.edit(op="set_property", id=in_notion(acme)[TITLE]["id"], name="Status", value="Doing")

    work(synced)

    old = now_of(synced, proposal)
    assert (old.state, due(acme)) == ("stale", None)
    assert (old.replaced_by.state, old.replaced_by.changes[0]["after"]) == ("pending", "Friday, 4 December 2026")
    with tenancy.within(synced.workspace):
        assert not Outgoing.objects.exists()
        assert Task.objects.get(title=TITLE).due_on is None


@pytest.mark.parametrize("how", ["503", "504", "reset"])
def test_a_lost_answer_is_no_change_of_somebody_else(synced: Person, acme: NotionWorkspace, how: str) -> None:
    proposal = propose(synced, TITLE, due_on=FRIDAY)
    acme.fault({"commit_then": {"status": how}}, method="PATCH", times=1)
    post(synced, proposal, "approve")

    for _ in range(3):
        work(synced)

    assert (now_of(synced, proposal).state, due(acme)) == ("applied", "2026-12-04")
    shown = task(synced)
    lines = [(line["old"], line["new"]) for line in history(synced, shown["id"])]
    assert (shown["due_on"], shown["sync_state"], lines) == ("2026-12-04", "synced", [(None, "2026-12-04")])


def test_a_task_is_made_once_and_undone_into_the_trash(synced: Person, acme: NotionWorkspace) -> None:
    proposal = propose(synced, new="Order paper", source=NOTION, due_on=FRIDAY)
    acme.fault({"commit_then": {"status": "reset"}}, method="POST", path_regex="/v1/pages$", times=1)

    for _ in range(2):
        post(synced, proposal, "approve")
        work(synced)
    made = [title for title in in_notion(acme) if "Order paper" in title]
    post(synced, proposal, "undo")
    for _ in range(2):
        work(synced)

    assert made == ["Order paper"]
    assert now_of(synced, proposal).state == "undone"
    assert "Order paper" not in in_notion(acme)


def test_a_made_task_that_somebody_wrote_into_is_not_thrown_away(synced: Person, acme: NotionWorkspace) -> None:
    proposal = propose(synced, new="Order paper", source=NOTION)
    assert applied(synced, proposal).state == "applied"
    acme.edit(
        op="append",
        workspace="acme",
        parent=in_notion(acme)["Order paper"]["id"],
        blocks=[{"p": "From the shop around the corner."}],
    )

    answer = post(synced, proposal, "undo")

    assert answer.status_code == 409
    assert "Order paper" in in_notion(acme)


def test_what_notion_refuses_is_said_and_waits_no_longer(synced: Person, acme: NotionWorkspace) -> None:
    proposal = propose(synced, TITLE, due_on=FRIDAY)
    acme.fault({"error": {"status": 400, "code": "validation_error", "message": "Due is odd."}}, method="PATCH")

    done = applied(synced, proposal)

    assert (done.state, "Due is odd." in done.reason) == ("failed", True)
    with tenancy.within(synced.workspace):
        assert not Outgoing.objects.exists()


def test_approved_in_two_tabs_at_once_it_is_written_once(synced: Person, acme: NotionWorkspace) -> None:
    proposal = propose(synced, TITLE, due_on=FRIDAY)
    before = len(acme.requests())

    answers = at_once(lambda: post(synced, proposal, "approve").status_code, times=2)
    work(synced)
    work(synced)

    assert set(answers) <= {200, 202}
    assert [each["method"] for each in acme.requests()[before:]].count("PATCH") == 1


def test_an_undo_after_a_change_is_shown_as_a_proposal(synced: Person, acme: NotionWorkspace) -> None:
    proposal = propose(synced, TITLE, due_on=FRIDAY)
    applied(synced, proposal)
    acme.edit(op="set_property", id=in_notion(acme)[TITLE]["id"], name="Due", value="2026-12-24")

    answer = post(synced, proposal, "undo")

    shown = synced.api.get(f"/agent/proposals/{answer.json()['proposal']}").json()
    assert (answer.status_code, due(acme)) == (409, "2026-12-24")
    change = {"field": "due_on", "name": "Due", "before": "Thursday, 24 December 2026", "after": ""}
    assert (shown["state"], shown["changes"]) == ("pending", [change])


def test_what_is_so_already_is_not_proposed(synced: Person) -> None:
    with pytest.raises(preparing.AlreadySo):
        propose(synced, "Check the contract", kind="complete", is_done=True)


def test_a_local_task_is_changed_at_once_and_undone(local: Person) -> None:
    proposal = propose(local, "Pricing copy", kind="complete", is_done=True)

    answer = post(local, proposal, "approve")
    with tenancy.within(local.workspace):
        is_done = Task.objects.get().is_done
    undone = post(local, proposal, "undo")

    assert (answer.status_code, answer.json()["state"], answer.json()["verified"]) == (200, "applied", True)
    assert (is_done, undone.json()["state"]) == (True, "undone")
    with tenancy.within(local.workspace):
        assert Task.objects.values_list("status", "is_done").get() == ("In progress", False)


def test_a_local_task_changed_since_is_shown_anew(local: Person) -> None:
    proposal = propose(local, "Pricing copy", kind="complete", is_done=True)
    with tenancy.within(local.workspace):
        key = Task.objects.get().pk
    local.api.patch(f"/tasks/{key}", {"title": "Copy for the prices"})

    answer = post(local, proposal, "approve")

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/moved-on")


def test_a_local_task_is_made_and_goes_again(alice: Person) -> None:
    proposal = propose(alice, new="Order paper", due_on=FRIDAY)
    post(alice, proposal, "approve")
    with tenancy.within(alice.workspace):
        made = Task.objects.values_list("title", "due_on").get()

    answer = post(alice, proposal, "undo")

    assert (made, answer.json()["state"]) == (("Order paper", FRIDAY), "undone")
    with tenancy.within(alice.workspace):
        assert not Task.objects.exists()


def test_an_edited_proposal_takes_the_place_of_what_was_shown(local: Person) -> None:
    proposal = propose(local, "Pricing copy", due_on=FRIDAY)

    answer = post(local, proposal, "edit", {"due_on": "2026-12-11"})
    old = post(local, proposal, "approve")
    done = local.api.post(f"/agent/proposals/{answer.json()['id']}/approve")

    assert answer.json()["changes"][0]["after"] == "Friday, 11 December 2026"
    assert (answer.status_code, old.status_code, old.json()["proposal"]) == (201, 409, answer.json()["id"])
    assert done.json()["state"] == "applied"


def test_rejected_is_rejected(local: Person) -> None:
    proposal = propose(local, "Pricing copy", due_on=FRIDAY)

    rejected = [post(local, proposal, "reject").json()["state"] for _ in range(2)]
    approved = post(local, proposal, "approve")

    assert (rejected, approved.status_code) == (["rejected"] * 2, 409)


def test_after_a_week_it_is_asked_for_again(local: Person) -> None:
    proposal = propose(local, "Pricing copy", due_on=FRIDAY)
    with tenancy.within(local.workspace):
        Proposal.objects.update(expires_at=timezone.now())

    answers = [post(local, proposal, "approve").status_code, post(local, proposal, "reject").status_code]

    assert (answers, now_of(local, proposal).state) == ([409, 409], "expired")


def test_after_thirty_days_nothing_is_undone(local: Person) -> None:
    proposal = propose(local, "Pricing copy", due_on=FRIDAY)
    post(local, proposal, "approve")
    with tenancy.within(local.workspace):
        Proposal.objects.update(applied_at=timezone.now() - Proposal.UNDO_LIFE)

    assert post(local, proposal, "undo").status_code == 409


@pytest.mark.parametrize("action", ["approve", "edit", "reject", "undo"])
def test_bob_gets_404_for_what_alice_was_proposed(team_owner: Person, bob: Person, action: str) -> None:
    with tenancy.within(team_owner.workspace):
        Task.objects.create(owner_id=team_owner.user.pk, title="Pricing copy", is_shared=True)
    proposal = propose(team_owner, "Pricing copy", due_on=FRIDAY)

    answer = post(bob, proposal, action, {"title": "Mine"} if action == "edit" else None)

    assert (answer.status_code, bob.api.get(f"/agent/proposals/{proposal.pk}").status_code) == (404, 404)


@pytest.mark.parametrize("action", ["approve", "edit", "undo"])
def test_who_became_a_viewer_decides_no_more(team_owner: Person, bob: Person, action: str) -> None:
    with tenancy.within(bob.workspace):
        Task.objects.create(owner_id=bob.user.pk, title="Pricing copy")
    proposal = propose(bob, "Pricing copy", due_on=FRIDAY)
    team_owner.api.patch(f"/admin/users/{bob.user.pk}", {"role": "viewer"})

    answer = post(bob, proposal, action, {"title": "Mine"} if action == "edit" else None)

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden")


def test_a_plan_that_has_ended_approves_nothing(local: Person) -> None:
    proposal = propose(local, "Pricing copy", due_on=FRIDAY)
    Subscription.objects.filter(workspace=local.workspace).update(trial_ends_at=timezone.now() - timedelta(days=1))

    assert post(local, proposal, "approve").status_code == 402
    assert now_of(local, proposal).state == "pending"


def test_the_same_step_of_a_run_finds_its_proposal(local: Person) -> None:
    proposal = propose(local, "Pricing copy", due_on=FRIDAY)
    with tenancy.within(local.workspace):
        task = Task.objects.get()
        again = services.propose(
            run=proposal.run,
            by=local.membership,
            wanted=services.Wanted("redate", task, values={"due_on": FRIDAY}),
            now=timezone.now(),
        )

    assert again == proposal


@pytest.mark.parametrize("state", ["applied", "undone", "failed", "applying"])
def test_the_database_refuses_a_move_that_is_none(local: Person, state: str) -> None:
    proposal = propose(local, "Pricing copy", due_on=FRIDAY)

    with tenancy.within(local.workspace), pytest.raises(IntegrityError), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(
            state=state, decided_at=timezone.now(), applied_at=timezone.now()
        )


def test_with_its_task_goes_what_it_says_of_it(local: Person) -> None:
    propose(local, "Pricing copy", due_on=FRIDAY)
    with tenancy.within(local.workspace):
        Task.objects.all().delete()

        assert not Proposal.objects.exists()


def test_a_worker_that_died_after_sending_is_followed_by_one_that_reads_back(
    synced: Person, acme: NotionWorkspace
) -> None:
    proposal = propose(synced, TITLE, due_on=FRIDAY)
    post(synced, proposal, "approve")
    deliver(synced)
    before = len(acme.requests())

    work(synced)

    assert now_of(synced, proposal).state == "applied"
    assert "PATCH" not in [each["method"] for each in acme.requests()[before:]]


def test_success_that_notion_only_says_is_no_success(synced: Person, acme: NotionWorkspace) -> None:
    """It answers, and another row stands there when it is read back."""
    proposal = propose(synced, TITLE, due_on=FRIDAY)
    post(synced, proposal, "approve")
    deliver(synced)
    acme.edit(op="set_property", id=in_notion(acme)[TITLE]["id"], name="Due", value="2026-12-24")

    work(synced)

    answer = synced.api.get(f"/agent/proposals/{proposal.pk}").json()
    assert (answer["state"], answer["verified"], answer["differs"]) == ("applied", False, ["due_on"])


def test_what_cannot_be_sent_for_an_hour_is_not_sent_later(synced: Person, acme: NotionWorkspace) -> None:
    proposal = propose(synced, TITLE, due_on=FRIDAY)
    post(synced, proposal, "approve")
    fault = acme.fault("503", times=99)
    work(synced)
    waits = now_of(synced, proposal).state
    with tenancy.within(synced.workspace):
        Proposal.objects.update(decided_at=timezone.now() - timedelta(hours=2))
    work(synced)
    acme.calm(fault)
    deliver(synced)

    assert (waits, now_of(synced, proposal).state, due(acme)) == ("applying", "failed", None)


def test_a_task_with_edits_on_their_way_waits_for_them(synced: Person, acme: NotionWorkspace) -> None:
    proposal = propose(synced, TITLE, due_on=FRIDAY)
    task_id = now_of(synced, proposal).task_id
    synced.api.patch(f"/tasks/{task_id}", {"status": "Doing"})

    answer = post(synced, proposal, "approve")

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/changes-on-their-way")


def test_an_edit_by_hand_of_what_was_approved_takes_its_place(synced: Person, acme: NotionWorkspace) -> None:
    proposal = propose(synced, TITLE, due_on=FRIDAY, status="Doing")
    post(synced, proposal, "approve")
    task_id = now_of(synced, proposal).task_id
    synced.api.patch(f"/tasks/{task_id}", {"due_on": "2026-12-24"})

    for _ in range(2):
        work(synced)

    row = in_notion(acme)[TITLE]["properties"]
    assert (row["Due"]["date"]["start"], row["Status"]["status"]["name"]) == ("2026-12-24", "Not started")
    assert now_of(synced, proposal).state == "stale"


def test_a_title_is_put_back_with_its_marks(synced: Person, acme: NotionWorkspace) -> None:
    row = in_notion(acme)[TITLE]["id"]
    marked = [
        {"type": "text", "text": {"content": "Choose "}},
        {"type": "text", "text": {"content": "a printer"}, "annotations": {"bold": True}},
    ]
    days = {"start": "2026-12-01", "end": "2026-12-03"}
    with (
        tenancy.within(synced.workspace),
        asking.opened(Connection.objects.get(workspace=synced.workspace)) as client,
    ):
        client.update_page(row, {"properties": {"Task": {"title": marked}, "Due": {"date": days}}})
    before = rows(acme)
    proposal = propose(synced, TITLE, title="Buy a printer", due_on=None)
    applied(synced, proposal)
    then = sorted(rows(acme))

    post(synced, proposal, "undo")
    work(synced)

    assert "Buy a printer" in then
    assert (now_of(synced, proposal).state, rows(acme)) == ("undone", before)


# -- on the page


def page_of(person: Person, proposal: Proposal) -> str:
    conversation = now_of(person, proposal).run_id
    with tenancy.within(person.workspace):
        conversation = Proposal.objects.values_list("run__conversation_id", flat=True).get(pk=proposal.pk)
    return str(person.web.get(f"/app/ask/{conversation}").content.decode())


def test_the_card_is_decided_by_forms(local: Person) -> None:
    proposal = propose(local, "Pricing copy", due_on=FRIDAY)
    address = f"/app/proposals/{proposal.pk}"

    asked = page_of(local, proposal)
    local.web.post(address, {"action": "approve"})
    done = page_of(local, proposal)
    local.web.post(address, {"action": "undo"})

    assert all(words in asked for words in ("Approve", "Reject", "Edit", "Friday, 4 December 2026"))
    assert all(words in done for words in ("Done", "Undo"))
    assert now_of(local, proposal).state == "undone"


def test_the_page_says_that_a_task_moved_on_and_shows_it_anew(local: Person) -> None:
    proposal = propose(local, "Pricing copy", due_on=FRIDAY)
    local.api.patch(f"/tasks/{now_of(local, proposal).task_id}", {"due_on": "2026-12-24"})

    answer = local.web.post(f"/app/proposals/{proposal.pk}", {"action": "approve"}, follow=True)

    page = answer.content.decode()
    assert "Nothing was written: the task was changed after this was shown." in page
    assert "Thursday, 24 December 2026" in page


def test_a_proposal_is_edited_on_its_page(local: Person) -> None:
    proposal = propose(local, "Pricing copy", due_on=FRIDAY)
    address = f"/app/proposals/{proposal.pk}"
    form = local.web.get(f"{address}?edit=1").context["form"]
    shown = {f"initial-{name}": form[name].initial or "" for name in form.fields}
    said = {"title": "Pricing copy", "status": "In progress", **shown}

    refused = local.web.post(address, {"action": "edit", **said, "title": "", "due_on": "2026-12-11"})
    saved = local.web.post(address, {"action": "edit", **said, "due_on": "2026-12-11"})

    assert (refused.status_code, saved.status_code) == (422, 302)
    assert now_of(local, proposal).replaced_by.changes[0]["after"] == "Friday, 11 December 2026"
