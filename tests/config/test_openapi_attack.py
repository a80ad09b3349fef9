"""Requests made from the API's own description, right ones and wrong ones, against the real WSGI application."""

from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode, openapi
from schemathesis.checks import content_type_conformance, not_a_server_error, response_schema_conformance

from accounts import tokens
from config.errors import CONTENT_TYPE
from devkit.notion.process import EmulatorProcess
from tests.people import Person
from tests.storm import STORM

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]
# The same requests each time, so that a failure is seen again; more of them are for `make soak`.
FEW = settings(
    max_examples=4 * STORM,
    derandomize=STORM == 1,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_breaks_the_api(alice: Person, emulator: EmulatorProcess, mode: GenerationMode) -> None:
    """The emulator stands in for Notion, which some of the calls would ask."""
    headers = {"Authorization": f"Bearer {tokens.issue(alice.membership).access}", "Accept": "application/json"}
    described = openapi.from_wsgi("/openapi.json", get_wsgi_application())
    failures: list[str] = []
    statuses: set[int] = set()

    for found in described.get_all_operations():
        operation = found.ok()
        try:
            statuses |= _attack(operation.as_strategy(generation_mode=mode), headers)
        except Unsatisfiable:
            continue  # a call without input cannot be made wrongly
        except AssertionError as error:
            failures.append(f"{operation.label}: {error}")
        except BaseExceptionGroup as errors:
            failures += [f"{operation.label}: {error}" for error in errors.exceptions]

    assert not failures, "\n\n".join(failures)
    assert {200, 404} <= statuses if mode == GenerationMode.POSITIVE else 400 in statuses


def _attack(cases: Any, headers: dict[str, str]) -> set[int]:
    statuses = set()

    @FEW
    @given(case=cases)
    def call(case: Case) -> None:
        response = case.call(headers=headers)
        statuses.add(response.status_code)
        if response.status_code >= 400:
            assert response.headers["content-type"] == [CONTENT_TYPE], response.text
        case.validate_response(response, checks=CHECKS)

    call()
    return statuses
