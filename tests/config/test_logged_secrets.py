"""Secrets are sent in requests and jobs that succeed, are refused and fail, and no line of any logger has one."""

import secrets
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import Connection, Job
from agent.sync.jobs import sync
from billing.stripe import setup
from config.urls import *  # noqa: F403  # this module is also a set of routes, with views that fail
from config.urls import urlpatterns as product
from devkit.notion.process import EmulatorProcess
from devkit.stripe.process import StripeProcess
from tests.accounts.test_passwords import RESET, link
from tests.billing import team
from tests.lines import Lines, heard
from tests.outside import HANDBOOK, seeded
from tests.people import PASSWORD, Person, key_of, program, put_on_plan
from tests.second_factor import own_address, with_factor


def fail(request: HttpRequest, token: str = "") -> HttpResponse:
    held = (token, request.body, request.headers)
    raise RuntimeError(f"told to with {len(held)} secrets")


urlpatterns = [*product, path("tasks/fail", fail), path("app/fail/<str:token>", fail)]


@pytest.fixture
def lines() -> Iterator[Lines]:
    with heard() as lines:
        yield lines
        assert lines.objects, "nothing was logged, so nothing is shown"


def statuses(*answers: HttpResponse) -> list[int]:
    return [answer.status_code for answer in answers]


@pytest.mark.urls("tests.config.test_logged_secrets")
def test_a_password_and_the_tokens_that_it_gives(alice: Person, lines: Lines) -> None:
    api, browser = (
        APIClient(raise_request_exception=False, REMOTE_ADDR=own_address()),
        Client(raise_request_exception=False, REMOTE_ADDR=own_address()),
    )
    wrong = f"not {secrets.token_hex(12)} at all"
    pair = tokens.issue(alice.membership)

    for password in (PASSWORD, wrong):
        api.post("/auth/login", {"email": alice.email, "password": password})
        browser.post("/accounts/login/", {"login": alice.email, "password": password})
        api.post("/auth/login", f'{{"password": "{password}"', content_type="application/json")
        assert statuses(api.post("/tasks/fail", {"password": password})) == [500]
        assert statuses(browser.post("/app/fail/x", {"password": password})) == [500]
    for access in (pair.access, pair.access[:-4]):
        api.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
        api.get("/tasks/nowhere")
        assert statuses(api.post("/tasks/fail", {})) == [500]
    api.credentials()
    refused = [api.post("/auth/refresh", {"refresh": sent}) for sent in (pair.refresh, pair.refresh, wrong)]

    assert 401 in statuses(*refused)
    said = lines.getvalue()
    for secret in (PASSWORD, wrong, pair.access[-30:-4], pair.refresh[-30:], browser.cookies["sessionid"].value):
        assert secret not in said


@pytest.mark.urls("tests.config.test_logged_secrets")
def test_an_api_key(alice: Person, lines: Lines) -> None:
    put_on_plan(alice, "pro")
    key = key_of(alice, "read")
    robot = program(key)
    robot.raise_request_exception = False

    answers = [
        robot.get("/tasks"),
        robot.post("/tasks", {"title": "x"}),
        program(key[:-1]).get("/tasks"),
        robot.post("/tasks/fail", {}),
    ]

    assert statuses(*answers) == [200, 403, 401, 500]
    assert key[20:-6] not in lines.getvalue()


def test_a_recovery_code(alice: Person, settings: Settings, lines: Lines) -> None:
    factor = with_factor(alice.user)
    api = APIClient(raise_request_exception=False, REMOTE_ADDR=own_address())
    sent = [factor.recovery_codes[0], factor.recovery_codes[0], "98765432"]

    answers = [api.post("/auth/login", {"email": alice.email, "password": PASSWORD, "totp": code}) for code in sent]
    settings.SEAL_KEYS = {"other": bytes(32)}  # the second factor cannot be opened
    api.post("/auth/login", {"email": alice.email, "password": PASSWORD, "totp": factor.recovery_codes[1]})

    assert statuses(*answers) == [200, 401, 401]
    for secret in (*factor.recovery_codes, *sent, factor.app.secret, PASSWORD):
        assert secret not in lines.getvalue()


@pytest.mark.urls("tests.config.test_logged_secrets")
def test_links_of_mails(team_owner: Person, lines: Lines) -> None:
    browser = Client(raise_request_exception=False, REMOTE_ADDR=own_address())
    browser.post(RESET, {"email": team_owner.email})
    reset = link(team_owner.email)
    invited, token = team.invited(team_owner, "Nora", timezone.now())

    for address in (reset, f"/app/invitations/{token}"):
        for way in (address, f"{address}x", f"{address}/more", f"//{address}", f"/accounts{address}"):
            browser.get(way)
            browser.post(way, {})
            browser.delete(way)
    assert statuses(browser.get(f"/app/fail/{token}"), browser.get(f"/app/fail/{quote('ü')}{token}")) == [500, 500]
    assert statuses(*(invited.api.post("/invitations/accept", {"token": token}) for _ in range(2))) == [200, 410]

    key = reset.rstrip("/").rpartition("-")[2]
    for secret in (key, token):
        assert len(secret) > 20
        assert secret not in lines.getvalue()


def test_a_token_of_notion_and_what_seals_it(
    alice: Person, emulator: EmulatorProcess, settings: Settings, lines: Lines
) -> None:
    notion = seeded(emulator, {"pages": [HANDBOOK]}, ["handbook"])
    alice.api.raise_request_exception = False
    sealing = {"1": secrets.token_bytes(32)}
    settings.SEAL_KEYS = sealing

    for trouble in ("401", "403", "500", "reset"):
        fault = notion.fault(trouble)
        assert alice.api.post("/user/notion-integration", {"token": notion.token}).status_code in {400, 503}
        notion.calm(fault)
    settings.SEAL_KEYS = {}
    assert alice.api.post("/user/notion-integration", {"token": notion.token}).status_code == 500
    settings.SEAL_KEYS = sealing
    assert alice.api.post("/user/notion-integration", {"token": notion.token}).status_code == 201
    job = Job.objects.get(workspace=alice.workspace, name=sync.name)
    settings.SEAL_KEYS = {"other": secrets.token_bytes(32)}
    sync(str(job.pk))

    failed = lines.of("accounts.background")
    assert failed["exception"]
    assert failed["sync_id"] == job.arguments["sync_run_id"]
    held = Connection.objects.get(workspace=alice.workspace)
    for secret in (notion.token, held.sealed_access_token, *(repr(key)[2:-1] for key in sealing.values())):
        assert secret not in lines.getvalue()


def test_the_keys_of_stripe(alice: Person, settings: Settings, lines: Lines) -> None:
    key, signing = f"sk_test_{secrets.token_hex(16)}", f"whsec_{secrets.token_hex(16)}"
    with StripeProcess() as vendor:
        settings.BILLING_GATEWAY, settings.STRIPE_API_URL = "stripe", vendor.url
        settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRETS = key, [signing]
        setup.forget()
        alice.api.raise_request_exception = False
        answers = [
            alice.api.post("/user/upgrade-subscription", {"tier": "pro"}),
            alice.api.post("/subscription/portal"),
            APIClient().post("/webhooks/stripe", {}, HTTP_STRIPE_SIGNATURE=f"t=1,v1={signing}"),
        ]
    setup.forget()

    assert all(status >= 400 for status in statuses(*answers))
    for secret in (key, signing):
        assert secret not in lines.getvalue()
