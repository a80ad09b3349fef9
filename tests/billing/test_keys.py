"""API keys as members make, list and end them."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.models import ApiKey, IdempotentAnswer, Mail, Membership, Role, User
from accounts.scopes import Scope
from billing.keys import services
from billing.models import Subscription
from billing.moments import exactly
from config import valkey
from tests.people import Person, key_of, program, put_on_plan
from tests.threads import at_once, elsewhere, in_turn

KEYS = "/user/api-keys"
ROBOT = {"name": "Robot", "scopes": ["read", "ask"]}


@pytest.fixture
def payer(alice: Person) -> Person:
    put_on_plan(alice, "pro")
    return alice


def names(person: Person) -> list[str]:
    return [row["name"] for row in person.api.get(KEYS).json()["results"]]


def test_a_key_is_shown_once_and_then_listed_without_its_secret(payer: Person) -> None:
    made = payer.api.post(KEYS, {**ROBOT, "expires_at": None})
    listed = payer.api.get(KEYS).json()

    body = made.json()
    key = body.pop("key")
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    assert program(key).get("/tasks").status_code == 200
    assert (body["start"], body["ending"]) == (key[:15], key[-4:])
    assert listed == {"results": [{**body, "last_used_at": None}], "next": None}
    assert key not in str(listed)


def test_scopes_are_kept_once_each_in_the_order_of_the_table(payer: Person) -> None:
    body = payer.api.post(KEYS, {"name": "Robot", "scopes": ["sync", "read", "sync"]}).json()

    assert body["scopes"] == ["read", "sync"]


def test_its_moments_are_utc_wherever_its_member_lives(payer: Person) -> None:
    User.objects.filter(pk=payer.user.pk).update(timezone="Asia/Tokyo")
    until = (timezone.now() + timedelta(days=9)).replace(microsecond=0).astimezone(ZoneInfo("Asia/Tokyo"))

    made = payer.api.post(KEYS, {**ROBOT, "expires_at": until.isoformat()}).json()

    (listed,) = payer.api.get(KEYS).json()["results"]
    assert made["expires_at"] == listed["expires_at"] == f"{until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "\u200b"}, "/name"),
        ({"name": "x" * 81}, "/name"),
        ({"name": 5}, "/name"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": "read"}, "/scopes"),
        ({"scopes": ["read", "everything"]}, "/scopes/1"),
        ({"scopes": [["read"]]}, "/scopes/0"),
        ({"scopes": ["read"] * 6}, "/scopes"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, "/expires_at"),
        ({"expires_at": "0001-01-01T00:00:00+14:00"}, "/expires_at"),
        ({"expires_at": "soon"}, "/expires_at"),
        ({"expires_at": 5}, "/expires_at"),
        ({"role": "owner"}, "/role"),
    ],
)
def test_what_makes_no_sense_is_refused_and_named(payer: Person, change: dict[str, Any], pointer: str) -> None:
    answer = payer.api.post(KEYS, {**ROBOT, **change})

    assert answer.status_code == 400, answer.json()
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert names(payer) == []


def test_a_key_that_was_deleted_is_good_for_nothing_from_then_on(payer: Person) -> None:
    robot, row = program(key_of(payer)), payer.membership.api_keys.get()
    before = robot.get("/tasks").status_code

    answers = [payer.api.delete(f"{KEYS}/{row.pk}").status_code for _ in range(2)]

    assert (before, robot.get("/tasks").status_code, answers, names(payer)) == (200, 401, [204, 404], [])


def test_a_key_of_somebody_else_is_not_there(team_owner: Person, bob: Person) -> None:
    key = key_of(bob)
    row = bob.membership.api_keys.get()

    answers = [team_owner.api.delete(f"{KEYS}/{each}") for each in (row.pk, uuid.uuid4())]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["detail"] == answers[1].json()["detail"]
    assert names(team_owner) == []
    assert program(key).get("/tasks").status_code == 200


def test_a_trial_has_none_and_is_told_the_cheapest_plan_that_has(alice: Person) -> None:
    answer = alice.api.post(KEYS, ROBOT)

    body = answer.json()
    assert (answer.status_code, body["type"], body["plan"]) == (403, "/problems/plan-required", "pro")
    assert body["detail"] == "API keys: this comes with the Pro plan."


def test_a_key_on_a_plan_that_has_none_any_more_is_refused_and_can_be_ended(payer: Person) -> None:
    robot, row = program(key_of(payer)), payer.membership.api_keys.get()
    Subscription.objects.filter(workspace=payer.workspace).update(tier="trial", status="trialing")

    answer, open_when_expired = robot.get("/tasks"), robot.get("/usage/quota")

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/plan-required")
    assert open_when_expired.status_code == 403
    assert payer.api.delete(f"{KEYS}/{row.pk}").status_code == 204


def test_while_a_payment_is_late_a_key_reads_and_can_be_ended(payer: Person) -> None:
    robot, row = program(key_of(payer)), payer.membership.api_keys.get()
    Subscription.objects.filter(workspace=payer.workspace).update(
        status="past_due", past_due_since=timezone.now() - timedelta(days=8)
    )

    statuses = [robot.get("/tasks").status_code, robot.post("/tasks", {"title": "New"}).status_code]

    assert statuses == [200, 402]
    assert payer.api.post(KEYS, ROBOT).status_code == 402
    assert (names(payer), payer.api.delete(f"{KEYS}/{row.pk}").status_code) == (["Robot"], 204)


def test_a_viewer_makes_none_and_may_end_those_of_before(bob: Person) -> None:
    robot, row = program(key_of(bob)), bob.membership.api_keys.get()
    Membership.objects.filter(pk=bob.membership.pk).update(role=Role.VIEWER)

    refused = bob.api.post(KEYS, ROBOT)

    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/forbidden")
    assert robot.get("/tasks").status_code == 200
    assert bob.api.delete(f"{KEYS}/{row.pk}").status_code == 204


def test_whom_a_team_left_over_makes_none_and_reads_with_those_of_before(team_owner: Person, bob: Person) -> None:
    robot = program(key_of(bob))
    put_on_plan(team_owner, "pro")

    statuses = [bob.api.post(KEYS, ROBOT).status_code, robot.get("/tasks").status_code]
    written = robot.post("/tasks", {"title": "New"})

    assert (statuses, written.status_code, written.json()["type"]) == ([403, 200], 403, "/problems/plan-required")


def test_the_limit_holds_however_many_are_made_at_once(payer: Person) -> None:
    for _ in range(services.MOST - 2):
        key_of(payer)

    statuses = at_once(lambda: _status_of_another(payer), times=5)

    assert sorted(statuses) == [201, 201, 409, 409, 409]
    assert payer.membership.api_keys.count() == services.MOST


def _status_of_another(person: Person) -> int:
    try:
        key_of(person)
    except services.TooManyKeys as refused:
        return refused.status
    return 201


def test_the_limit_says_what_to_do(payer: Person) -> None:
    for _ in range(services.MOST):
        key_of(payer)
    first = payer.membership.api_keys.first()
    assert first is not None

    refused = payer.api.post(KEYS, ROBOT)
    payer.api.delete(f"{KEYS}/{first.pk}")

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/too-many-keys")
    assert refused.json()["detail"] == "You have 20 API keys here. Delete one that you no longer need."
    assert payer.api.post(KEYS, ROBOT).status_code == 201


def test_no_more_are_made_in_a_day_than_anybody_needs_ended_ones_and_those_made_anew_among_them(payer: Person) -> None:
    began = timezone.now()
    for number in range(services.MOST_A_DAY):
        made = _make(payer, now=began + timedelta(seconds=number), request_key="once" if number % 2 else None)
        services.revoke(by=payer.membership, key_id=made.key.pk, now=began)
    mails = Mail.objects.filter(to=payer.email, key__startswith="api-key:").count()

    refused = [payer.api.post(KEYS, ROBOT, headers=headers) for headers in ({}, {"Idempotency-Key": "again"})]
    with pytest.raises(services.TooManyMade):
        _make(payer, now=began + timedelta(hours=23), request_key="once")

    assert [(answer.status_code, answer.json()["type"]) for answer in refused] == [
        (429, "/problems/too-many-keys-made")
    ] * 2
    assert 0 < int(refused[0].headers["Retry-After"]) <= 24 * 3600
    again = exactly(began + timedelta(days=1), ZoneInfo("UTC"))
    assert refused[0].json()["detail"] == f"You made 50 API keys here within a day. Make another one after {again}."
    assert mails == Mail.objects.filter(to=payer.email, key__startswith="api-key:").count() == services.MOST_A_DAY
    assert _make(payer, now=began + timedelta(days=1), request_key=None).secret


def _make(person: Person, *, now: datetime, request_key: str | None) -> services.Made:
    return services.create(by=person.membership, name="Robot", scopes=["read"], now=now, request_key=request_key)


def test_none_is_made_for_who_is_being_removed(bob: Person) -> None:
    """Who removes holds the row; when the key's turn comes there is no member any more."""
    mine = Membership.objects.filter(pk=bob.membership.pk)
    refused: list[Exception] = []

    def make() -> None:
        try:
            key_of(bob)
        except Exception as error:
            refused.append(error)

    in_turn(mine, mine.delete, make)

    assert [type(error).__name__ for error in refused] == ["NotAMember"]
    assert not ApiKey.objects.filter(membership_id=bob.membership.pk).exists()


def test_who_is_removed_while_their_key_is_made_anew_is_removed(bob: Person) -> None:
    mine = Membership.objects.filter(pk=bob.membership.pk)

    def make() -> services.Made:
        return _make(bob, now=timezone.now(), request_key="once")

    make()
    in_turn(mine, make, mine.get().delete)

    assert not mine.exists()
    assert not ApiKey.objects.filter(membership_id=bob.membership.pk).exists()


def test_one_in_use_is_ended_while_it_is_used(payer: Person) -> None:
    robot, row = program(key_of(payer)), payer.membership.api_keys.get()

    def use() -> set[int]:
        return {robot.get("/user/profile").status_code for _ in range(5)}

    def end() -> set[int]:
        services.revoke(by=payer.membership, key_id=row.pk, now=timezone.now())
        return set()

    works = [use, use, end]
    statuses = set().union(*at_once(lambda: works.pop()(), times=3))

    assert statuses <= {200, 401}
    assert elsewhere(use) == {401}


def test_an_answer_with_a_key_is_kept_nowhere_and_sent_again_makes_no_second_one(payer: Person) -> None:
    first, again = (payer.api.post(KEYS, ROBOT, headers={"Idempotency-Key": "once"}) for _ in range(2))
    other = payer.api.post(KEYS, {**ROBOT, "name": "Other"}, headers={"Idempotency-Key": "once"})

    claim = IdempotentAnswer.objects.get(user=payer.user)
    lost, good = first.json()["key"], again.json()["key"]
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert first.json()["id"] == again.json()["id"]
    assert names(payer) == ["Robot"]
    assert [program(key).get("/tasks").status_code for key in (lost, good)] == [401, 200]
    assert (claim.status, claim.headers, claim.body) == (None, {}, "")


def test_a_key_made_anew_ends_what_listens_with_the_lost_one_alone(payer: Person) -> None:
    lost, good = (_make(payer, now=timezone.now(), request_key="once") for _ in range(2))

    assert lost.key.pk == good.key.pk
    assert [valkey.client().exists(f"ended:{each.key.start}") for each in (lost, good)] == [1, 0]


def test_the_same_request_key_of_two_members_makes_two(team_owner: Person, bob: Person) -> None:
    made = [
        services.create(by=each.membership, name="Robot", scopes=Scope, now=timezone.now(), request_key="1")
        for each in (team_owner, bob)
    ]

    assert made[0].key.pk != made[1].key.pk


def test_who_makes_one_is_told_by_mail_and_the_mail_holds_no_secret(payer: Person) -> None:
    key = key_of(payer, "read", "tasks:write")

    mail = Mail.objects.get(to=payer.email, key__startswith="api-key:")
    assert mail.subject == "An API key was made"
    assert "read conversations, tasks, sources and usage, make, change and delete tasks." in mail.text
    assert key[15:-6] not in mail.text + mail.html + mail.key


def test_a_list_longer_than_a_piece_goes_on(payer: Person) -> None:
    for _ in range(3):
        key_of(payer)

    first = payer.api.get(KEYS, {"limit": 2}).json()
    rest = payer.api.get(KEYS, {"limit": 2, "cursor": first["next"]}).json()

    ids = [row["id"] for piece in (first, rest) for row in piece["results"]]
    assert (len(ids), len(set(ids)), rest["next"]) == (3, 3, None)


def test_what_was_made_is_not_shown_where_it_is_printed(payer: Person) -> None:
    made = services.create(by=payer.membership, name="Robot", scopes=["read"], now=timezone.now())

    assert made.secret[15:-6] not in repr(made) + str(made.key)
