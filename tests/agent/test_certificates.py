"""The certificate of an erasure: every store is looked into after it, and only zeros are certified."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client, override_settings
from django.utils import timezone

from accounts import schemas, tenancy
from accounts.models import ErasureCertificate, Mail, User, Workspace
from accounts.services import forget_expired
from agent import account_erasing, certifying
from agent import deletion as workspaces
from agent.certifying import Traces
from agent.doctor import work
from agent.models import Export, ExportPart
from billing.models import StripeAccount, StripeEvent
from config import valkey
from devkit.home import PROJECT
from integrations import vector_files, vectors
from tasks.models import Task
from tests.agent.test_account_deletion import come as come_for_person
from tests.agent.test_account_deletion import delete as delete_account
from tests.agent.test_deletion import delete, erase, perform
from tests.agent.test_erasing import fill
from tests.isolation.test_staff_pages import confirmed, one_of_staff
from tests.outside import NotionWorkspace
from tests.people import Person, key_of, put_on_plan
from tests.second_factor import with_factor
from tests.threads import at_once, elsewhere

STORES = {
    "tables",
    "rows",
    "exports",
    "role",
    "shared",
    "mails",
    "customer",
    "databases",
    "collections",
    "vectors",
    "files",
    "streams",
    "cache",
}


@pytest.fixture(autouse=True)
def _schemas_wait(_database: None) -> None:
    """Here no worker keeps the pool full."""
    schemas.fill(4)
    ErasureCertificate.objects.all().delete()
    Mail.objects.filter(key__startswith="certificate").delete()


@pytest.fixture
def full(alice: Person, acme: NotionWorkspace) -> Person:
    """With something in every store, the answers of the payment provider left aside."""
    fill(alice, acme)
    put_on_plan(alice, "pro")
    key_of(alice)
    with tenancy.within(alice.workspace):
        export = Export.objects.create(owner_id=alice.user.pk, status="ready", size=1)
        ExportPart.objects.create(export=export, number=0, data=b"x")
    Mail.objects.create(key=f"x:{alice.workspace.pk}", to="somebody@example.com", subject="x")
    Mail.objects.create(key="y", to=alice.email, subject="x", workspace=alice.workspace, sent_at=timezone.now())
    StripeAccount.objects.create(workspace=alice.workspace, customer_id="cus_alice")
    StripeEvent.objects.create(id="evt_1", type="x", customer_id="cus_alice", processed_at=timezone.now())
    valkey.client().xadd(f"run:{alice.workspace.pk}:x", {"e": "step"})
    valkey.client().set(f"kept:{alice.workspace.pk}", "y")
    return alice


def certificate(person: Person) -> ErasureCertificate:
    return ErasureCertificate.objects.get(subject_id=person.workspace.pk)


def link(person: Person) -> str:
    [mail] = Mail.objects.filter(to=person.email, key__startswith="certificate:", workspace=None)
    found = next(line for line in mail.text.splitlines() if "/app/erasures/" in line)
    return found[found.index("/app/erasures/") :]


def test_every_store_held_something_and_holds_nothing(full: Person) -> None:
    delete(full)
    erase(full)

    given = certificate(full)
    assert given.given_at is not None
    assert set(given.before) == set(given.after) == STORES
    assert min(given.before.values()) > 0, given.before
    assert set(given.after.values()) == {0}
    # Whom to tell and what to look for is known no longer.
    assert (given.traces, given.tells) == ({}, {})


def test_the_last_mail_leads_to_it_for_whoever_has_the_link(full: Person) -> None:
    delete(full)
    erase(full)
    path, browser = link(full), Client()

    page, said = browser.get(path), browser.get(path.removeprefix("/app"))

    assert (page.status_code, said.status_code) == (200, 200)
    assert {each["store"] for each in said.json()["stores"]} == STORES
    assert {each["after"] for each in said.json()["stores"]} == {0}
    assert said.json()["subject_id"] == str(full.workspace.pk)
    text = page.content.decode()
    assert "Its database role" in text
    for content in ("Alice", "Made here", full.email, full.workspace.schema_name):
        assert content not in text + said.content.decode()


@pytest.mark.parametrize("token", ["x", "0" * 32, f"{'0' * 32}:abc"])
def test_another_link_leads_nowhere(token: str) -> None:
    page, said = Client().get(f"/app/erasures/{token}"), Client().get(f"/erasures/{token}")

    assert (page.status_code, page["Content-Type"].partition(";")[0]) == (404, "text/html")
    assert (said.status_code, said.json()["type"]) == (404, "/problems/not-found")


def test_the_last_mail_leaves_no_address_behind(full: Person) -> None:
    delete(full)
    erase(full)
    Mail.objects.filter(key__startswith="certificate:").update(sent_at=timezone.now())

    forget_expired(now=timezone.now())

    assert not Mail.objects.filter(key__startswith="certificate:").exists()


def keeps_the_schema(workspace: Workspace) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(f'CREATE SCHEMA IF NOT EXISTS "{workspace.schema_name}"')


def keeps_tables(workspace: Workspace) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(f'CREATE SCHEMA IF NOT EXISTS "{workspace.schema_name}"')
        cursor.execute(f'CREATE TABLE "{workspace.schema_name}".agent_exportpart AS SELECT 1 AS id')


def keeps_the_role(workspace: Workspace) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(f'CREATE ROLE "{workspace.schema_name}"')


def keeps_a_row(workspace: Workspace) -> None:
    StripeEvent.objects.create(id="evt_late", type="x", customer_id="cus_alice")


def keeps_a_mail(workspace: Workspace) -> None:
    Mail.objects.create(key=f"late:{workspace.pk}", to="somebody@example.com", subject="x")


def keeps_vectors(workspace: Workspace) -> None:
    import numpy as np

    point = np.ones((1, 384), dtype=np.float32)
    vectors.workspace(workspace.pk).collection(workspace.pk).upsert(ids=["x"], embeddings=point)


def keeps_a_stream(workspace: Workspace) -> None:
    valkey.client().xadd(f"run:{workspace.pk}:late", {"e": "step"})


def keeps_a_value(workspace: Workspace) -> None:
    valkey.client().set(f"kept:{workspace.pk}", "y")


# What is put back right after it was erased, as if that had not been done, and in which stores that is found.
BROKEN: dict[str, tuple[Callable[[Workspace], None], set[str]]] = {
    "schema": (keeps_the_schema, {"tables"}),
    "tables": (keeps_tables, {"tables", "rows", "exports"}),
    "role": (keeps_the_role, {"role"}),
    "customer": (keeps_a_row, {"customer"}),
    "mail": (keeps_a_mail, {"mails"}),
    "vectors": (keeps_vectors, {"databases", "collections", "vectors"}),
    "stream": (keeps_a_stream, {"streams"}),
    "value": (keeps_a_value, {"cache"}),
}


@pytest.mark.parametrize("store", BROKEN)
@override_settings(STAFF_MAIL="staff@example.com")
def test_while_a_store_is_not_empty_no_certificate_is_given_and_staff_hear_of_it(
    full: Person, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_back, found = BROKEN[store]
    workspace, look = full.workspace, certifying.count

    def count(traces: Traces) -> dict[str, int]:
        if not Workspace.objects.filter(pk=workspace.pk).exists():
            put_back(workspace)
        return look(traces)

    delete(full)
    with monkeypatch.context() as broken:
        broken.setattr(certifying, "count", count)
        erase(full)
    withheld = certificate(full)
    told = Mail.objects.filter(key__startswith="certificate-withheld:", to="staff@example.com")

    assert (withheld.given_at, set(withheld.left)) == (None, found)
    assert told.count() == 1
    assert not Mail.objects.filter(key__startswith="certificate:").exists()
    assert [finding.level for finding in elsewhere(lambda: list(work.erasures_leave_nothing()))] == ["bad"]
    # The next round erases it after all.
    certifying.resume(now=timezone.now())
    assert certificate(full).given_at is not None
    assert link(full)


def test_rows_of_a_table_that_nobody_thought_of_are_found(full: Person) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("CREATE TABLE public.accounts_new_thing (id int, workspace_id uuid)")
        cursor.execute("INSERT INTO public.accounts_new_thing VALUES (1, %s)", [full.workspace.pk])
    try:
        delete(full)
        erase(full)

        assert (certificate(full).given_at, certificate(full).left) == (None, {"shared": 1})
    finally:
        with connections["owner"].cursor() as cursor:
            cursor.execute("DROP TABLE public.accounts_new_thing")
    certifying.resume(now=timezone.now())
    assert certificate(full).given_at is not None


def test_a_folder_that_cannot_be_removed_is_found(full: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    delete(full)
    with monkeypatch.context() as broken:
        broken.setattr(vector_files, "remove", lambda names: None)
        erase(full)
    withheld = certificate(full)

    certifying.resume(now=timezone.now())

    assert (withheld.given_at, set(withheld.left)) == (None, {"files"})
    assert certificate(full).given_at is not None


DYING = """
import os, django
django.setup()
from accounts import tenancy
from accounts.models import Workspace
from agent import deletion
from importlib import import_module
module, name = os.environ["DIES_AT"].split(":")
setattr(import_module(module), name, lambda *a, **k: os.kill(os.getpid(), 9))
with tenancy.within(Workspace.objects.get(pk=os.environ["WORKSPACE"])):
    deletion.erase()
"""
DEATHS = {
    "before it is counted": "agent.certifying:count",
    "before the stores": "agent.certifying:clear",
    "before the rows": "agent.deletion:_delete_rows",
    "before the schema": "agent.deletion:finish_schemas",
    "before the certificate": "agent.certifying:finish",
}


@pytest.mark.parametrize("moment", DEATHS)
def test_a_worker_killed_at_any_moment_is_taken_over_and_it_is_certified_once(full: Person, moment: str) -> None:
    delete(full)
    Workspace.objects.filter(pk=full.workspace.pk).update(erases_at=timezone.now())
    workspaces.sweep(now=timezone.now())
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DIES_AT": DEATHS[moment],
        "WORKSPACE": str(full.workspace.pk),
    }

    died = subprocess.run([sys.executable, "-c", DYING], cwd=PROJECT, env=environment)
    if Workspace.objects.filter(pk=full.workspace.pk).exists():
        perform(full)
    at_once(lambda: certifying.resume(now=timezone.now()), times=3)

    assert died.returncode == -9
    given = certificate(full)
    assert given.given_at is not None
    assert min(given.before.values()) > 0, given.before
    assert Mail.objects.filter(key__startswith="certificate:").count() == 1


def test_a_person_gets_one_too_and_one_for_each_workspace_that_went_along(full: Person) -> None:
    delete_account(full)
    come_for_person(full)

    account = ErasureCertificate.objects.get(kind="account", subject_id=full.user.pk)
    assert account.given_at is not None
    assert (account.before["account"], account.before["e-mail addresses"]) == (1, 1)
    assert set(account.after.values()) == {0}
    assert (account.traces, account.tells) == ({}, {})
    assert certificate(full).given_at is not None
    assert Mail.objects.filter(to=full.email).count() == 2
    assert not User.objects.filter(pk=full.user.pk).exists()


def test_what_a_person_left_in_a_team_is_found(
    team_owner: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenancy.within(bob.workspace):
        Task.objects.create(owner_id=bob.user.pk, title="Ask for a rise")
    delete_account(bob)
    with monkeypatch.context() as broken:
        broken.setattr(account_erasing, "forget_private", lambda member: None)
        come_for_person(bob)

    withheld = ErasureCertificate.objects.get(kind="account", subject_id=bob.user.pk)
    assert (withheld.given_at, withheld.left) == (None, {"private": 1})


def test_staff_see_the_list_and_change_nothing(full: Person) -> None:
    delete(full)
    erase(full)
    sam = one_of_staff("Sam")
    browser: Any = confirmed(sam, with_factor(sam.user))

    page = browser.get("/staff/accounts/erasurecertificate/").content.decode()

    assert str(full.workspace.pk) in page
    assert full.email not in page
    for path in ("add/", f"{certificate(full).pk}/change/", f"{certificate(full).pk}/delete/"):
        assert browser.get(f"/staff/accounts/erasurecertificate/{path}").status_code in {302, 403}


def test_one_that_is_still_to_be_erased_has_none(full: Person) -> None:
    delete(full)

    certifying.resume(now=timezone.now() + timedelta(days=1))

    assert not ErasureCertificate.objects.exists()
