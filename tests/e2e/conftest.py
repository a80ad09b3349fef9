from collections.abc import Iterator

import pytest
from django.db import connections

from devkit.notion.process import EmulatorProcess
from tests.browser import browser_type_launch_args
from tests.stack import Stack, running

__all__ = ["browser_type_launch_args"]


@pytest.fixture(scope="module", autouse=True)
def _fresh_connections(_database: None) -> None:
    """Beside a browser's event loop Django has connections of their own, which another module may have seen broken."""
    connections.close_all()


@pytest.fixture(scope="module")
def stack(_database: None, emulator: EmulatorProcess, chroma: str) -> Iterator[Stack]:
    """Web and worker as they run in production, over this test process's database.

    No longer than a module: its worker would do the jobs that another test keeps waiting on purpose.
    """
    with running(SYNC_LEASE_SECONDS="3") as stack:
        yield stack
