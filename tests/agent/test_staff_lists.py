"""The staff's lists of customers: how one is found, and what is shown without entering any schema."""

import secrets
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import tenancy
from accounts.models import Connection, ConnectionHealth, Workspace
from billing.models import StripeAccount, WorkspaceFigures
from tests.people import Person, join, put_on_plan, sign_up
from tests.staff import Staff, at_work
from usage import services as usage

WORKSPACES, PEOPLE, MEMBERS = (f"/staff/accounts/{name}/" for name in ("workspace", "user", "membership"))


@pytest.fixture
def sam() -> Staff:
    return at_work("Sam")


def shown(sam: Staff, address: str, **query: str) -> str:
    answer = sam.web.get(address, query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def of_notion(person: Person, **facts: object) -> Connection:
    key = secrets.token_hex(4)
    return Connection.objects.create(workspace=person.workspace, owner=person.user, kind="token", bot_id=key, **facts)


def found(sam: Staff, term: str) -> set[object]:
    answer = sam.web.get(WORKSPACES, {"q": term})
    return set(answer.context_data["cl"].queryset.values_list("pk", flat=True))


def test_a_workspace_is_found_by_what_a_customer_writes(sam: Staff, alice: Person, charlie: Person) -> None:
    notion = "0d6e0f2a1b3c4d5e8f90a1b2c3d4e5f6"
    name = f"Northwind {secrets.token_hex(4)}"
    of_notion(alice, notion_workspace_id=str(notion), notion_workspace_name=name)
    customer = f"cus_{secrets.token_hex(6)}"
    StripeAccount.objects.create(workspace=alice.workspace, customer_id=customer)
    dashed = "0d6e0f2a-1b3c-4d5e-8f90-a1b2c3d4e5f6"

    for term in (alice.email, f" {alice.email.upper()} ", str(alice.workspace.pk), name.lower(), customer):
        assert found(sam, term) == {alice.workspace.pk}, term
    for term in (notion, dashed):
        assert alice.workspace.pk in found(sam, term)
        assert charlie.workspace.pk not in found(sam, term)
    assert found(sam, "' OR 1=1 --") == found(sam, "%") == set()


def test_people_and_members_are_found_by_address_and_workspace(sam: Staff, alice: Person) -> None:
    bob = join(alice, "Bob")

    assert bob.email in shown(sam, PEOPLE, q=bob.email)
    assert alice.email not in shown(sam, PEOPLE, q=bob.email)
    for address in (PEOPLE, MEMBERS):
        words = shown(sam, address, q=str(alice.workspace.pk))
        assert (alice.email in words, bob.email in words) == (True, True)


def test_the_columns_tell_plan_use_health_and_index(sam: Staff, alice: Person) -> None:
    put_on_plan(alice, "pro")
    read = of_notion(alice, notion_workspace_name="Kept to ourselves")
    of_notion(alice, status="reauthorize")
    ConnectionHealth.objects.create(connection=read, outcome="partial", ended_at=timezone.now(), known=1_300, indexed=7)
    with tenancy.within(alice.workspace):
        now = timezone.now()
        held = usage.hold(membership=alice.membership, key="one", now=now)
        usage.settle(hold_id=held.pk, cost=usage.Cost(30, 12), outcome="succeeded", now=now)

    words = shown(sam, WORKSPACES, q=alice.email)

    for said in ("pro, active", "1 of 1,000 requests, 42 of", "1 partial", "1 without access", "7 of 1,300 pages"):
        assert said in words, said
    assert "Kept to ourselves" not in words


def test_use_of_a_period_that_is_over_is_not_shown(sam: Staff, alice: Person) -> None:
    past = timezone.now() - timedelta(days=1)
    WorkspaceFigures.objects.create(workspace=alice.workspace, requests=9, tokens=9, noted_at=past)

    assert "9 of" not in shown(sam, WORKSPACES, q=alice.email)


def test_older_figures_never_stand_over_newer_ones(alice: Person) -> None:
    later = timezone.now() + timedelta(hours=1)
    WorkspaceFigures.objects.create(workspace=alice.workspace, requests=5, tokens=5, noted_at=later)

    with tenancy.within(alice.workspace):
        held = usage.hold(membership=alice.membership, key="one", now=timezone.now())
        usage.settle(hold_id=held.pk, cost=usage.Cost(1, 1), outcome="succeeded", now=timezone.now())

    assert WorkspaceFigures.objects.get(workspace=alice.workspace).requests == 5


@pytest.mark.parametrize("address", [WORKSPACES, PEOPLE, MEMBERS])
def test_many_customers_cost_as_many_statements_as_one(sam: Staff, address: str) -> None:
    people = [sign_up(name) for name in ("Dora", "Emil", "Fred", "Gina", "Hugo")]
    mark = secrets.token_hex(4)
    for person in people:
        read = of_notion(person)
        ConnectionHealth.objects.create(connection=read, outcome="complete", ended_at=timezone.now())
        person.user.email = f"{person.user.name.lower()}-{mark}@example.com"
        person.user.save()
    one = people[0].email

    counts = [statements(sam, address, term) for term in (one, one, mark)]

    assert counts[1][0] == counts[2][0]
    assert (counts[1][1], counts[2][1]) == (1, 5)
    assert not [sql for sql in counts[2][2] if "ws_" in sql]


def statements(sam: Staff, address: str, term: str) -> tuple[int, int, list[str]]:
    with CaptureQueriesContext(connection) as asked:
        answer = sam.web.get(address, {"q": term})
    rows = len(answer.context_data["cl"].result_list)
    return len(asked), rows, [each["sql"] for each in asked if "SET ROLE" in each["sql"]]


def test_a_workspaces_role_reads_no_figures(alice: Person) -> None:
    with tenancy.within(alice.workspace), pytest.raises(Exception, match="permission denied"):
        list(WorkspaceFigures.objects.all())


def test_a_tokens_seal_is_not_even_read(sam: Staff, alice: Person) -> None:
    of_notion(alice)

    with CaptureQueriesContext(connection) as asked:
        shown(sam, WORKSPACES, q=alice.email)

    assert Workspace._meta.db_table in " ".join(each["sql"] for each in asked)
    assert not [each for each in asked if "sealed_" in each["sql"]]
