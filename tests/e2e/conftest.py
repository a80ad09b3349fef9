from collections.abc import Iterator

import pytest

from devkit.notion.process import EmulatorProcess
from tests.browser import browser_type_launch_args
from tests.database import leave_nobody
from tests.stack import Stack, running

__all__ = ["browser_type_launch_args"]


@pytest.fixture(scope="package")
def stack(_database: None, emulator: EmulatorProcess, chroma: str) -> Iterator[Stack]:
    """Web and workers as they run in production, over this test process's database.

    No longer than the package: its workers would do the jobs that another test keeps waiting on purpose.
    """
    with running(CHROMA_URL=chroma, SYNC_LEASE_SECONDS="3", RUN_LEASE_SECONDS="3") as stack:
        yield stack
    leave_nobody()


@pytest.fixture(scope="module", autouse=True)
def _nobody_of_another_module(_database: None) -> None:
    """They stay while the stack runs, whose workers may be busy with them."""
