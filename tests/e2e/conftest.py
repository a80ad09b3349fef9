from collections.abc import Iterator

import pytest

from devkit.notion.process import EmulatorProcess
from tests.browser import browser_type_launch_args
from tests.stack import Stack, running

__all__ = ["browser_type_launch_args"]


@pytest.fixture(scope="session")
def stack(_database: None, emulator: EmulatorProcess, chroma: str) -> Iterator[Stack]:
    """Web and worker as they run in production, over this test process's database."""
    with running(SYNC_LEASE_SECONDS="3") as stack:
        yield stack
