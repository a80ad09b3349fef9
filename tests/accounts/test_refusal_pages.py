"""A refusal on a page is told in its own words, whatever its status, and leads to where one can go on."""

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from html import unescape

import pytest
from django.test import Client, RequestFactory
from django.urls import get_resolver, resolve

from accounts import tenancy
from accounts.middleware import refusal
from accounts.models import Role
from billing.models import Subscription
from config.errors import AppError
from tests.billing import team
from tests.people import PASSWORD, Person, join, put_on_plan

WORDS = "Otters hold hands & sleep."


def kinds(of: type[AppError] = AppError) -> Iterator[type[AppError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


def every(status: int) -> list[type[AppError]]:
    """All there are when every page is known."""
    assert get_resolver().url_patterns
    found = {kind for kind in kinds() if kind.status == status and not kind.__module__.startswith("tests")}
    return sorted(found, key=lambda kind: f"{kind.__module__}.{kind.__name__}")


def page(kind: type[AppError], path: str = "/app/settings") -> str:
    request = RequestFactory().post(path)
    request.resolver_match = resolve(path)
    error = kind.__new__(kind)
    # Some bring their words themselves, or take a field's name.
    AppError.__init__(error, WORDS)
    answer = refusal(request, error)
    assert answer.status_code == kind.status
    return unescape(answer.content.decode())


@pytest.mark.parametrize("status", [400, 402, 403, 409, 410, 413, 429, 503])
def test_every_refusal_is_told_in_its_own_words(status: int) -> None:
    pages = {kind: page(kind) for kind in every(status)}

    assert pages
    assert [kind for kind, text in pages.items() if WORDS not in text] == []


def test_only_a_page_of_another_workspace_is_said_to_be_one() -> None:
    pages = {kind: page(kind) for kind in every(409)}

    assert len(pages) > 10
    said = [kind for kind, text in pages.items() if "workspace" in text.partition("<main")[2].replace(WORDS, "")]
    assert said in ([], [tenancy.OtherWorkspace])
    assert [kind for kind, text in pages.items() if "Nothing was saved." in text] == [tenancy.OtherWorkspace]


@pytest.mark.parametrize(("path", "leads_back"), [("/app/settings", True), ("/app/sync", False)])
def test_a_refusal_leads_back_to_what_can_be_read(path: str, leads_back: bool) -> None:
    text = page(every(409)[0], path)

    assert (f'href="{path}"' in text) == leads_back


def test_a_form_of_another_workspace_says_why_it_was_refused(alice: Person) -> None:
    foreign = alice.web.post("/app/settings", {"workspace": "another"}).content.decode()
    unsaid = alice.web.post("/app/settings", {"workspace": ""}).content.decode()

    assert "This page belongs to another workspace than the one now open." in foreign
    assert "This form does not say which workspace it belongs to." in unsaid


def test_who_a_team_left_over_is_told_why_nothing_can_be_changed(team_owner: Person, bob: Person) -> None:
    put_on_plan(team_owner, "pro")

    answer = bob.web.post("/app/ask", {"prompt": "Who?"})

    assert answer.status_code == 403
    assert "Pro is for one person: the others can read here until the plan is Teams again." in answer.content.decode()


# On an invitation's page


def why(web: Client, path: str) -> str:
    """What the page says that comes after joining was tried."""
    answer = web.post(path, follow=True)
    assert answer.redirect_chain == [(path, 302)]
    assert "Join " in answer.content.decode()
    return unescape(answer.content.decode())


def test_when_all_seats_are_taken_the_invitations_page_says_so(team_owner: Person, now: datetime) -> None:
    join(team_owner, "Bob")
    team.fix_seats(team_owner, 2)
    nora, token = team.invited(team_owner, "Nora", now)

    text = why(nora.web, f"/app/invitations/{token}")

    assert "All 2 seats are taken. An owner can add seats or remove a member." in text
    assert team.members(team_owner) == 2


@pytest.mark.parametrize("plan", ["pro", "late"])
def test_when_the_team_takes_nobody_the_invitations_page_says_so(team_owner: Person, now: datetime, plan: str) -> None:
    nora, token = team.invited(team_owner, "Nora", now)
    late = {"status": "past_due", "past_due_since": now - timedelta(days=8)}
    Subscription.objects.filter(workspace=team_owner.workspace).update(**({"tier": "pro"} if plan == "pro" else late))

    text = why(nora.web, f"/app/invitations/{token}")

    assert f"{team_owner.workspace.name} takes no new members at present. Ask Alice." in text


def test_another_persons_invitation_says_whose_it_is(team_owner: Person, charlie: Person, now: datetime) -> None:
    nora, token = team.invited(team_owner, "Nora", now, Role.VIEWER)

    answer = charlie.web.post(f"/app/invitations/{token}")

    assert (answer.status_code, f"This invitation is for {nora.email}." in answer.content.decode()) == (403, True)


def test_who_signs_up_when_all_seats_are_taken_is_told_too(team_owner: Person, now: datetime) -> None:
    team.fix_seats(team_owner, 1)
    address = f"nora-{secrets.token_hex(5)}@example.com"
    path = f"/app/invitations/{team.link_for(team_owner, address, now)}"
    form = {"email": address, "password1": PASSWORD, "name": "Nora", "next": path}

    answer = Client(REMOTE_ADDR="10.8.7.6").post("/accounts/signup/", form, follow=True)

    assert answer.redirect_chain[-1][0] == path
    assert "seats are taken" in answer.content.decode() or "seat is taken" in answer.content.decode()
