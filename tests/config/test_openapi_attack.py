"""Requests made from the API's own description, right ones and wrong ones, against the real WSGI application."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode, openapi
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts import scopes, tokens
from config.errors import CONTENT_TYPE
from devkit.notion.process import EmulatorProcess
from tests.described import closed, description
from tests.isolation import table
from tests.isolation.world import World, build
from tests.storm import STORM

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
# The same requests each time, so that a failure is seen again; more of them are for `make soak`.
FEW = settings(
    max_examples=4 * STORM,
    derandomize=STORM == 1,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
# What takes more than an invented body and Alice's world: a word that is known, a payment, a signature, Notion, or a
# sync that is open.
NEVER_MET = {
    "DELETE /user/account",
    "DELETE /workspace",
    "GET /erasures/{token}",
    "PATCH /user/notion-integration",
    "POST /agent/proposals/{proposal_id}/approve",
    "POST /agent/proposals/{proposal_id}/undo",
    "POST /agent/sync/{sync_id}/cancel",
    "POST /agent/sync/{sync_id}/confirm",
    "POST /agent/sync/{sync_id}/pause",
    "POST /agent/sync/{sync_id}/resume",
    "POST /auth/login",
    "POST /auth/refresh",
    "POST /auth/register",
    "POST /invitations/accept",
    "POST /subscription/portal",
    "POST /subscription/resume",
    "POST /subscription/withdraw",
    "POST /user/upgrade-subscription",
    "POST /webhooks/notion",
    "POST /webhooks/stripe",
}


@pytest.fixture(scope="module")
def world(_database: None, emulator: EmulatorProcess) -> World:
    """The emulator stands in for Notion, which some of the calls would ask."""
    return build()


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_breaks_the_api(world: World, mode: GenerationMode) -> None:
    described = openapi.from_dict(closed(description()))
    described.app = get_wsgi_application()
    failures: list[str] = []
    statuses: dict[str, set[int]] = {}

    for found in described.get_all_operations():
        operation = found.ok()
        seen = statuses.setdefault(operation.label, set())
        try:
            _attack(operation.as_strategy(generation_mode=mode), _filler(world, operation.path, mode), world, seen)
        except Unsatisfiable:
            continue  # a call without input cannot be made wrongly
        except AssertionError as error:
            failures.append(f"{operation.label}: {error}")
        except BaseExceptionGroup as errors:
            failures += [f"{operation.label}: {error}" for error in errors.exceptions]

    assert not failures, "\n\n".join(failures)
    if mode == GenerationMode.NEGATIVE:
        assert any(400 in each for each in statuses.values())
        return
    assert any(404 in each for each in statuses.values())
    unmet = {label for label, each in statuses.items() if not any(status < 300 for status in each)}
    new = sorted(unmet - NEVER_MET)
    assert not new, f"{', '.join(new)}: no success was seen; make its thing in tests/isolation/world.py, or add it here"


def _filler(world: World, address: str, mode: GenerationMode) -> Callable[[Case], None]:
    """Every other right request is about a thing that exists."""
    entries = {scopes.address_of(route): entry for route, entry in table.JSON.items()}
    ids, turn = {name: str(world.ids[thing]) for name, thing in entries[address].ids.items()}, iter(range(10**9))

    def fill(case: Case) -> None:
        if mode == GenerationMode.POSITIVE:
            # An invented one is the same for many calls, and then another request's.
            case.headers.pop("Idempotency-Key", None)
            if ids and next(turn) % 2 == 0:
                case.path_parameters = ids

    return fill


def _attack(cases: Any, fill: Callable[[Case], None], world: World, seen: set[int]) -> None:
    headers = {"Authorization": f"Bearer {tokens.issue(world.alice.membership).access}", "Accept": "application/json"}

    @FEW
    @given(case=cases)
    def call(case: Case) -> None:
        fill(case)
        with undone():
            response = case.call(headers=headers)
        seen.add(response.status_code)
        if response.status_code >= 400:
            assert response.headers["content-type"] == [CONTENT_TYPE], response.text
        case.validate_response(response, checks=CHECKS)

    call()


@contextmanager
def undone() -> Iterator[None]:
    """The next request finds everything as it was. Django would close the connection at either end of a request."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    for signal in signals:
        signal.connect(close_old_connections)
