"""Names are kept without what cannot be seen, and what Notion calls things cannot turn a line of ours."""

import secrets

import pytest
from django.test import Client

from accounts import schemas, tenancy
from accounts.models import Membership, User
from accounts.names import cleaned
from tasks.models import Task
from tests.people import PASSWORD, Person

TURNED, SEEN = "Alice\u202e\u0000\u2066 \n\u200bgnp.exe", "Alice gnp.exe"
SENT = TURNED.replace("\u0000", "")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (TURNED, SEEN),
        (" Zoë  Müller ", "Zoë Müller"),
        ("\u202eevil", "evil"),
        ("שָׁלוֹם", "שָׁלוֹם"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d💻 team", "👩\u200d💻 team"),
        ("\u202e\u200b\u200d \u2028", ""),
        ("\u3164\u2800\u115f\u1160\uffa0 \u034f\ufe0f", ""),
        ("Al\u3164ice \u2800", "Alice"),
        ("I \u2764\ufe0f", "I \u2764\ufe0f"),
        ("김민준", "김민준"),
    ],
)
def test_what_of_a_name_is_kept(name: str, kept: str) -> None:
    assert cleaned(name) == kept


def test_every_door_keeps_what_can_be_seen(alice: Person) -> None:
    alice.api.patch("/user/profile", {"name": SENT})
    alice.api.patch("/workspace", {"name": SENT})
    by_api = (User.objects.get(pk=alice.user.pk).name, alice.api.get("/workspace").json()["name"])
    alice.web.post("/app/settings", {"section": "profile", "name": f"By page {SENT}"})
    alice.web.post("/app/settings", {"section": "workspace", "name": f"By page {SENT}"})
    by_page = (User.objects.get(pk=alice.user.pk).name, alice.api.get("/workspace").json()["name"])

    assert by_api == (SEEN, SEEN)
    assert by_page == (f"By page {SEEN}",) * 2


@pytest.mark.parametrize("is_page", [True, False])
def test_who_signs_up_too(is_page: bool) -> None:
    email = f"zoe-{secrets.token_hex(4)}@example.com"
    form = {"email": email, "name": SENT, "workspace_name": f"{SENT} Ltd"}
    schemas.fill(2)

    client = Client(REMOTE_ADDR="10.9.9.8")
    if is_page:
        client.post("/accounts/signup/", {**form, "password1": PASSWORD})
    else:
        client.post("/auth/register", {**form, "password": PASSWORD}, content_type="application/json")

    made = Membership.objects.select_related("user", "workspace").get(user__email=email)
    assert (made.user.name, made.workspace.name) == (SEEN, f"{SEEN} Ltd")


def test_a_workspace_needs_a_name_that_can_be_seen(alice: Person) -> None:
    by_api = alice.api.patch("/workspace", {"name": "\u202e\u200b"})
    by_page = alice.web.post("/app/settings", {"section": "workspace", "name": "\u202e\u200b"})

    assert (by_api.status_code, by_api.json()["errors"][0]["pointer"]) == (400, "/name")
    assert (by_page.status_code, "a name that can be seen" in by_page.content.decode()) == (400, True)


def test_a_title_from_notion_cannot_turn_the_line_it_stands_in(alice: Person) -> None:
    title = "Pay \u202e05.1$ now"
    with tenancy.within(alice.workspace):
        task = Task.objects.create(owner_id=alice.user.pk, title=title, assignees=["\u202eboB"])

    pages = [alice.web.get(path).content.decode() for path in ("/app/tasks", f"/app/tasks/{task.pk}")]

    assert [f"<bdi>{title}</bdi>" in page for page in pages] == [True, True]
    assert "<bdi>\u202eboB</bdi>" in pages[0]
