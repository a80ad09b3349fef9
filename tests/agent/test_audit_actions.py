"""Every action of the audit log happens, each by what a person or a program does; a new one needs a flow here."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from accounts import schemas, tenancy
from accounts.models import ActorKind, AuditAction, AuditEvent, Role
from agent.models import Conversation, Source
from agent.sync import choosing
from billing.models import Subscription
from billing.team import invitations
from tests.accounts.test_passwords import change as change_password
from tests.accounts.test_passwords import link
from tests.agent.test_erasing import end_and_warn, erase
from tests.agent.test_exports import make, opened
from tests.billing.wishes import approve
from tests.outside import connect
from tests.people import PASSWORD, Person, join, put_on_plan, sign_up
from tests.second_factor import App, browser_after_password, own_address, reauthenticate, signed_in, with_factor

A = AuditAction
Flow = Callable[[Person, pytest.FixtureRequest], object]
FLOWS: list[tuple[frozenset[AuditAction], Flow]] = []


def flow(*actions: AuditAction) -> Callable[[Flow], Flow]:
    """Each of them happens once in what the function does."""

    def keep(work: Flow) -> Flow:
        FLOWS.append((frozenset(actions), work))
        return work

    return keep


def ok(answer: Any) -> Any:
    assert answer.status_code in {200, 201, 202, 204, 302}, answer.content
    return answer


@flow(A.SIGNED_IN)
def sign_in(owner: Person, request: pytest.FixtureRequest) -> None:
    browser_after_password(owner)


@flow(A.SIGN_IN_REFUSED)
def refused_sign_in(owner: Person, request: pytest.FixtureRequest) -> None:
    form = {"login": owner.email, "password": "not this one"}
    assert Client(REMOTE_ADDR=own_address()).post("/accounts/login/", form).status_code == 200


@flow(A.PASSWORD_CHANGED)
def new_password(owner: Person, request: pytest.FixtureRequest) -> None:
    change_password(owner)


@flow(A.EMAIL_CHANGED)
def new_address(owner: Person, request: pytest.FixtureRequest) -> None:
    address = f"new-{owner.email}"
    web = browser_after_password(owner)
    reauthenticate(web)
    ok(web.post("/accounts/email/", {"email": address}))
    ok(web.post(link(address)))


@flow(A.SECOND_FACTOR_SET_UP)
def second_factor(owner: Person, request: pytest.FixtureRequest) -> None:
    web = browser_after_password(owner)
    reauthenticate(web)
    page = web.get("/accounts/2fa/totp/activate/").content.decode()
    key = page.partition("<code>")[2].partition("</code>")[0]
    ok(web.post("/accounts/2fa/totp/activate/", {"code": App(key).code()}))


@flow(A.SECOND_FACTOR_REMOVED, A.RECOVERY_CODES_RENEWED)
def no_factor(owner: Person, request: pytest.FixtureRequest) -> None:
    app = with_factor(owner.user).app
    web = signed_in(owner, app.code())
    reauthenticate(web, app.code(1))
    ok(web.post("/accounts/2fa/recovery-codes/generate/"))
    ok(web.post("/accounts/2fa/totp/deactivate/"))


@flow(A.SIGNED_OUT)
def signed_out(owner: Person, request: pytest.FixtureRequest) -> None:
    ok(browser_after_password(owner).post("/app/settings", {"section": "sessions"}))


@flow(A.KEY_MADE, A.KEY_DELETED)
def key(owner: Person, request: pytest.FixtureRequest) -> None:
    made = ok(owner.api.post("/user/api-keys", {"name": "Reports", "scopes": ["ask"]}, format="json")).json()
    ok(owner.api.delete(f"/user/api-keys/{made['id']}"))


@flow(A.ACCESS_REFUSED)
def refused(owner: Person, request: pytest.FixtureRequest) -> None:
    assert join(owner, "Vera", Role.VIEWER).api.get("/workspace").status_code == 403


@flow(A.INVITED, A.INVITED_AGAIN, A.INVITATION_REVOKED)
def invited(owner: Person, request: pytest.FixtureRequest) -> None:
    for _ in range(2):
        made = ok(owner.api.post("/workspace/invitations", {"email": "new@example.com"})).json()
    ok(owner.api.delete(f"/workspace/invitations/{made['id']}"))


@flow(A.JOINED)
def joined(owner: Person, request: pytest.FixtureRequest) -> None:
    guest = sign_up("Gus")
    link = invitations.invite(by=owner.membership, email=guest.email, role=Role.MEMBER, now=timezone.now())
    ok(guest.api.post("/invitations/accept", {"token": link.token}))


@flow(A.ROLE_CHANGED, A.OWNERS_CHANGED, A.CAPS_SET, A.REMOVED)
def member(owner: Person, request: pytest.FixtureRequest) -> None:
    bob = f"/admin/users/{join(owner, 'Bob').user.pk}"
    ok(owner.api.patch(bob, {"role": "admin", "caps": {"requests": 5}}))
    ok(owner.api.patch(bob, {"role": "owner"}))
    ok(owner.api.delete(bob))


@flow(A.LEFT)
def left(owner: Person, request: pytest.FixtureRequest) -> None:
    bob = join(owner, "Bob")
    ok(bob.api.delete(f"/admin/users/{bob.user.pk}"))


@flow(A.SETTINGS_CHANGED)
def settings(owner: Person, request: pytest.FixtureRequest) -> None:
    ok(owner.api.patch("/workspace", {"name": "Renamed"}))


@flow(A.WORKSPACE_DELETED)
def deleted(owner: Person, request: pytest.FixtureRequest) -> None:
    # Who has no other workspace gets an empty one.
    schemas.fill(1)
    ok(owner.api.delete("/workspace", {"confirm": owner.workspace.name}))


@flow(A.CONNECTED, A.RECONNECTED, A.CONNECTION_SHARED, A.DISCONNECTED)
def connection(owner: Person, request: pytest.FixtureRequest) -> None:
    acme = request.getfixturevalue("acme")
    connect(owner, acme)
    made = connect(owner, acme)
    for shared in ("yes", "yes"):
        ok(owner.web.post("/app/settings", {"section": "sharing", "connection": str(made.pk), "shared": shared}))
    ok(owner.api.delete("/user/notion-integration"))


@flow(A.SOURCES_CHOSEN)
def sources(owner: Person, request: pytest.FixtureRequest) -> None:
    acme = request.getfixturevalue("acme")
    made = connect(owner, acme)
    with tenancy.within(owner.workspace):
        rows = [Source(connection_id=made.pk, kind="page", notion_id=f"n{number}") for number in range(2)]
        kept, _ = Source.objects.bulk_create(rows)
    ok(owner.api.patch("/user/notion-integration", {"sources": [str(kept.pk)]}, format="json"))


@flow(A.TASKS_MAPPED)
def tasks(owner: Person, request: pytest.FixtureRequest) -> None:
    made = connect(owner, request.getfixturevalue("acme"))
    with tenancy.within(owner.workspace):
        row = Source.objects.create(connection_id=made.pk, kind="database", notion_id="n")
        shown: Any = {"source_ids": {row.pk}, "shown_ids": {row.pk}, "tasks_source": str(row.pk)}
        for _ in range(2):
            choosing.choose(membership=owner.membership, connection=made, **shown)


@flow(A.CONTENT_ERASED)
def content(owner: Person, request: pytest.FixtureRequest) -> None:
    Subscription.objects.update(remind_at=None)
    Subscription.objects.filter(workspace=owner.workspace).update(tier="trial", status="trialing")
    end_and_warn(owner)
    for _ in range(2):
        erase(owner)


@flow(A.PLAN_ASKED, A.PLAN_REQUEST_DECIDED, A.PLAN_CHANGED)
def asked(owner: Person, request: pytest.FixtureRequest) -> None:
    put_on_plan(owner, "plus")
    with override_settings(IS_PRODUCTION=True):
        ok(owner.api.post("/user/upgrade-subscription", {"tier": "teams"}))
        approve(owner)


@flow(A.PLAN_CHANGE_PLANNED, A.PLAN_CANCELLED, A.PLAN_RESUMED)
def planned(owner: Person, request: pytest.FixtureRequest) -> None:
    ok(owner.api.post("/subscription/downgrade", {"tier": "plus"}))
    ok(owner.api.post("/subscription/cancel"))
    ok(owner.api.post("/subscription/resume"))


@flow(A.CONVERSATION_SHARED)
def conversation(owner: Person, request: pytest.FixtureRequest) -> None:
    with tenancy.within(owner.workspace):
        made = Conversation.objects.create(owner_id=owner.user.pk, title="Nightjar")
    for _ in range(2):
        ok(owner.api.patch(f"/agent/conversations/{made.pk}", {"shared": True}, format="json"))


@flow(A.EXPORT_ASKED, A.EXPORT_DOWNLOADED)
def export(owner: Person, request: pytest.FixtureRequest) -> None:
    opened(owner, make(owner))


@flow(A.USAGE_DOWNLOADED)
def usage(owner: Person, request: pytest.FixtureRequest) -> None:
    ok(owner.web.get("/app/usage/export"))


@flow(A.AUDIT_DOWNLOADED)
def log(owner: Person, request: pytest.FixtureRequest) -> None:
    b"".join(ok(owner.web.get("/app/settings/audit/export")).streaming_content)


def test_every_action_has_a_flow_in_which_it_happens() -> None:
    assert frozenset().union(*(actions for actions, _ in FLOWS)) == frozenset(AuditAction)


@pytest.mark.parametrize(("actions", "work"), FLOWS, ids=[work.__name__ for _, work in FLOWS])
def test_it_is_told_once_with_who_did_it(
    team_owner: Person, request: pytest.FixtureRequest, actions: frozenset[AuditAction], work: Flow
) -> None:
    work(team_owner, request)

    found = AuditEvent.objects.filter(workspace=team_owner.workspace, action__in=actions)
    assert sorted(found.values_list("action", flat=True)) == sorted(actions)
    assert {event.action for event in found if event.actor_kind == ActorKind.SYSTEM} == actions & {A.CONTENT_ERASED}
    everything = str([vars(event) for event in found])
    assert not [each for each in (PASSWORD, "Nightjar", "ntn_", "sealed") if each in everything]
