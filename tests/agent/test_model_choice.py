"""A workspace chooses who answers, and may bring a key of its own."""

import json
import logging
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from pytest_django import Settings

from accounts import model_choices, resealing, sealed, tenancy
from accounts.models import AuditEvent, ModelChoice, User
from devkit.models.server import ModelServer
from tests.agent.asking import ask
from tests.agent.vendors import DAYS, SEARCH, charged, models, offer, provider, vendor
from tests.index import handbook
from tests.people import Person, put_on_plan
from tests.threads import at_once

__all__ = ["models", "vendor"]
pytestmark = pytest.mark.usefixtures("chroma")
KEY = "sk-of-alice-0123456789-planted"
QUESTION = "How many days of paid holiday do we have?"


@pytest.fixture
def alice(alice: Person) -> Person:
    put_on_plan(alice, "pro")
    return alice


def own(**more: Any) -> dict[str, Any]:
    return {"own_model": {"kind": "openai", "model": "gpt-own", "key": KEY, **more}}


def choose(person: Person, what: dict[str, Any]) -> Any:
    return person.api.patch("/workspace", what, format="json")


def test_an_own_model_answers_with_its_own_key(alice: Person, vendor: ModelServer, settings: Settings) -> None:
    handbook(alice)
    settings.MODEL_ADDRESSES = (vendor.openai_url,)
    vendor.say(
        SEARCH | {"input_tokens": 300, "output_tokens": 20}, {"text": DAYS, "input_tokens": 900, "output_tokens": 30}
    )

    chosen = choose(alice, own(url=vendor.openai_url))

    kept = {"kind": "openai", "model": "gpt-own", "url": vendor.openai_url, "has_key": True}
    assert (chosen.status_code, chosen.json()["own_model"], chosen.json()["model"]) == (200, kept, "")
    answered = ask(alice, QUESTION)
    assert (answered["grounded"], answered["model"]) == (True, "gpt-own")
    assert {each["key"] for each in vendor.seen} == {KEY}
    assert charged(alice)["tokens"] == 1_250


def test_whoever_brings_a_key_is_not_answered_by_another_vendor(
    alice: Person, vendor: ModelServer, settings: Settings
) -> None:
    handbook(alice)
    offer(settings, provider(vendor), provider(vendor, "anthropic", "claude"))
    settings.MODEL_ADDRESSES = (vendor.openai_url,)
    choose(alice, own(url=vendor.openai_url))
    vendor.say({"status": 401})

    answered = ask(alice, QUESTION)

    assert (answered["status"], answered["model"], len(vendor.seen)) == ("failed", "gpt-own", 1)


def test_what_the_workspace_chose_is_for_all_its_members(
    alice: Person, vendor: ModelServer, settings: Settings
) -> None:
    handbook(alice)
    offer(settings, provider(vendor))
    User.objects.filter(pk=alice.user.pk).update(model="gpt")

    choose(alice, {"model": "docent-keyless"})

    assert (ask(alice, QUESTION)["model"], vendor.seen) == ("docent-keyless", [])


def test_the_key_is_sealed_and_said_nowhere(
    alice: Person, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)

    answers = [
        choose(alice, own()),
        choose(alice, own(url="https://evil.example/v1")),
        choose(alice, own(key=f"{KEY} with spaces")),
        alice.api.get("/workspace"),
        alice.web.get("/app/settings"),
        alice.web.post("/app/settings", {"section": "model", "model": "own", "kind": "openai", "key": KEY, "name": ""}),
    ]

    row = ModelChoice.objects.values().get(workspace=alice.workspace)
    events = list(AuditEvent.objects.filter(workspace=alice.workspace).values("before", "after"))
    everything = caplog.text + "".join(capsys.readouterr()) + json.dumps(events) + str(row)
    everything += "".join(answer.content.decode() + str(answer.headers) for answer in answers)
    assert [answer.status_code for answer in answers] == [200, 400, 400, 200, 200, 400]
    assert KEY not in everything + repr(model_choices.own(ModelChoice.objects.get(workspace=alice.workspace)))
    assert row["sealed_key"]


def test_a_key_opens_for_its_row_and_address_alone(alice: Person, charlie: Person, settings: Settings) -> None:
    settings.MODEL_ADDRESSES = ("https://llm.example.com/v1",)
    choose(alice, own())
    choice = ModelChoice.objects.get(workspace=alice.workspace)
    assert model_choices.own(choice).key == KEY

    for change in (
        {"url": "https://llm.example.com/v1"},
        {"workspace_id": charlie.workspace.pk},
        {"kind": "anthropic"},
    ):
        moved = ModelChoice.objects.get(workspace=alice.workspace)
        for name, value in change.items():
            setattr(moved, name, value)
        with pytest.raises(sealed.Unreadable):
            model_choices.own(moved)


def test_a_new_address_needs_the_key_again_and_the_same_one_keeps_it(alice: Person, settings: Settings) -> None:
    settings.MODEL_ADDRESSES = ("https://llm.example.com/v1",)
    choose(alice, own())

    same = choose(alice, own(key="", model="gpt-newer"))
    other = choose(alice, own(key="", kind="anthropic"))
    free = choose(alice, own(key="", url="https://llm.example.com/v1"))

    assert (same.status_code, same.json()["own_model"]["has_key"]) == (200, True)
    assert (other.status_code, other.json()["errors"][0]["pointer"]) == (400, "/own_model/key")
    assert (free.status_code, free.json()["own_model"]["has_key"]) == (200, False)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:5432",
        "http://169.254.169.254/latest",
        "https://api.openai.com.evil.example/v1",
        "https://api.openai.com@evil.example/v1",
        "https://api.openai.com/v1/../../x",
        "https://api.anthropic.com",
        "file:///etc/passwd",
        "//evil.example",
    ],
)
def test_a_key_is_sent_only_where_the_operator_allows(alice: Person, url: str) -> None:
    answer = choose(alice, own(url=url))

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/own_model/url")
    assert not ModelChoice.objects.filter(workspace=alice.workspace).exists()


@pytest.mark.parametrize(
    ("what", "pointer"),
    [
        ({"model": "gpt-none"}, "/model"),
        (own(model=" "), "/own_model/model"),
        (own(kind="mistral"), "/own_model/kind"),
        (own(key="a b"), "/own_model/key"),
        (own(key="ü"), "/own_model/key"),
        (own(key=""), "/own_model/key"),
        (own(more=1), "/own_model/more"),
        ({"own_model": "gpt"}, "/own_model"),
        (own() | {"model": ""}, "/own_model"),
    ],
)
def test_what_is_wrong_is_named(alice: Person, what: dict[str, Any], pointer: str) -> None:
    answer = choose(alice, what)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)


def test_choosing_another_one_deletes_the_key(alice: Person) -> None:
    choose(alice, own())
    choose(alice, {"model": "docent-keyless"})
    assert ModelChoice.objects.get(workspace=alice.workspace).sealed_key == ""

    answer = choose(alice, {"model": ""})

    assert (answer.json()["model"], answer.json()["own_model"]) == ("", None)
    assert not ModelChoice.objects.filter(workspace=alice.workspace).exists()


def test_the_audit_log_says_who_chose_what(alice: Person) -> None:
    choose(alice, own())
    choose(alice, {"model": ""})

    events = AuditEvent.objects.filter(workspace=alice.workspace, action="workspace.settings_changed").order_by("at")
    said = [(each.actor_email, each.before, each.after) for each in events]
    where = "gpt-own at https://api.openai.com/v1"
    assert said == [
        (alice.email, {"model": ""}, {"model": where, "key": "replaced"}),
        (alice.email, {"model": where}, {"model": ""}),
    ]


def test_a_member_may_not_choose(team_owner: Person, bob: Person) -> None:
    assert choose(bob, own()).status_code == choose(bob, {"model": ""}).status_code == 403
    assert "model-title" not in bob.web.get("/app/settings").content.decode()


def test_charlies_choice_is_his_own(alice: Person, charlie: Person) -> None:
    choose(alice, own())

    assert charlie.api.get("/workspace").json()["own_model"] is None


def test_inside_a_workspace_no_key_can_be_read(alice: Person) -> None:
    choose(alice, own())

    with tenancy.within(alice.workspace), pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT sealed_key FROM public.accounts_modelchoice")


def test_the_database_keeps_a_choice_whole(alice: Person) -> None:
    with pytest.raises(IntegrityError, match="model_choice_is_whole"), transaction.atomic():
        ModelChoice.objects.create(workspace=alice.workspace, name="x", kind="openai")


def test_two_who_choose_at_once_take_turns(alice: Person) -> None:
    answers = at_once(lambda: choose(alice, own()).status_code, times=4)

    assert answers == [200] * 4


def test_a_key_is_resealed_with_the_ring(alice: Person, settings: Settings) -> None:
    choose(alice, own())
    old = dict(settings.SEAL_KEYS)
    settings.SEAL_KEYS = {"new": b"n" * 32} | old

    resealing.reseal()

    choice = ModelChoice.objects.get(workspace=alice.workspace)
    assert (sealed.is_current(choice.sealed_key), model_choices.own(choice).key) == (True, KEY)
    settings.SEAL_KEYS = {**old, "new": b"n" * 32}
    resealing.reseal()


def test_the_page_keeps_what_was_typed_but_the_key(alice: Person) -> None:
    given = {"section": "model", "model": "own", "kind": "anthropic", "name": "claude-own", "url": ""}

    refused = alice.web.post("/app/settings", given)
    saved = alice.web.post("/app/settings", given | {"key": KEY})
    page = alice.web.get("/app/settings").content.decode()

    assert (refused.status_code, "Give the key" in refused.content.decode()) == (400, True)
    assert (saved.status_code, saved["Location"]) == (302, "/app/settings#model")
    assert ('value="claude-own"' in page, KEY in page) == (True, False)
    again = alice.web.post("/app/settings", given | {"name": "claude-newer"})
    assert again.status_code == 302
    assert model_choices.own(ModelChoice.objects.get(workspace=alice.workspace)).key == KEY
