import asyncio
import gc
from collections.abc import Generator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from accounts.models import Role
from accounts.passwords import Argon2id
from integrations import embedder
from tests import scheduling
from tests.database import leave_nobody, prepared
from tests.embedding import Remembering
from tests.outside import acme, chroma, emulator
from tests.people import Person, join, put_on_plan, sign_up
from tests.stack import Stack
from tests.storm import STORM

__all__ = ["acme", "chroma", "emulator"]

# How fast a busy machine makes examples says nothing about the product. The soak looks for new ones; a change is judged
# by the same ones each time.
hypothesis.settings.register_profile(
    "docent", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], derandomize=STORM == 1
)
hypothesis.settings.load_profile("docent")

# Nearly every test signs somebody up and makes a client: the real cost of Argon2, and a look at every static file for
# each client, would be a third of a run. Started processes have both as they are.
Argon2id.time_cost, Argon2id.memory_cost = 1, 8
settings.WHITENOISE_AUTOREFRESH = True
embedder._embedders[Path(settings.EMBEDDER_DIR)] = Remembering(Path(settings.EMBEDDER_DIR))


@pytest.fixture(scope="session", autouse=True)
def _database(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A database for this process, prepared as in production. Tests commit; each makes the workspaces it needs."""
    with django_db_blocker.unblock(), prepared():
        yield


@pytest.fixture(scope="module", autouse=True)
def _nobody_of_another_module(_database: None) -> Iterator[None]:
    yield
    leave_nobody()


@pytest.fixture(autouse=True)
def _own_event_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """Playwright keeps an event loop running in this thread from the first browser test on; others start their own."""
    browsers = asyncio._get_running_loop()
    if browsers is None or {"page", "browser"} & set(request.fixturenames):
        yield
        return
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(browsers)


@pytest.fixture(autouse=True)
def _no_workspace_left_active() -> Iterator[None]:
    yield
    assert connection.schema_name == "public", "a test or the code it ran left a workspace active"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    scheduling.sort(items)


def pytest_collection_finish() -> None:
    """Six thousand tests are looked through by each whole collection of garbage, a fifth of the processor's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> scheduling.ByScope:
    return scheduling.ByScope(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what its servers and workers said."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        stacks = [value for value in item.funcargs.values() if isinstance(value, Stack)]
        report.sections += [section for stack in stacks for section in stack.last_words()]
    return report


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def alice() -> Person:
    return sign_up("Alice")


@pytest.fixture
def team_owner() -> Person:
    """Alice on the Teams plan."""
    person = sign_up("Alice")
    put_on_plan(person, "teams", seats=10)
    return person


@pytest.fixture
def bob(team_owner: Person) -> Person:
    return join(team_owner, "Bob")


@pytest.fixture
def vera(team_owner: Person) -> Person:
    """A viewer in the team."""
    return join(team_owner, "Vera", Role.VIEWER)


@pytest.fixture
def charlie() -> Person:
    return sign_up("Charlie")
