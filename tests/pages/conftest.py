from collections.abc import Iterator

import pytest

from tests.browser import browser_type_launch_args
from tests.pages.gallery import Gallery, gallery, prepare, served

__all__ = ["browser_type_launch_args"]

prepare()


@pytest.fixture(scope="session")
def shown() -> Gallery:
    return gallery()


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    with served() as url:
        yield url
