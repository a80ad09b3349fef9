"""Which tests one process runs together, and which come first: the longest, so that both processes end together."""

from collections import Counter

import pytest
from xdist.scheduler import LoadScopeScheduling

# All modules of each share one running product.
TOGETHER = ("tests/e2e", "tests/billing/live")


def scope(nodeid: str) -> str:
    """The module, or the package whose modules belong together."""
    module = nodeid.partition("::")[0]
    return next((package for package in TOGETHER if module.startswith(f"{package}/")), module)


class ByScope(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)


def sort(items: list[pytest.Item]) -> None:
    """Modules of few tests start servers and storms; those of many are done quickly and even out the end."""
    sizes = Counter(scope(item.nodeid) for item in items)
    with_browser = {scope(item.nodeid) for item in items if "browser" in getattr(item, "fixturenames", ())}

    def rank(item: pytest.Item) -> tuple[bool, bool, int, str]:
        name = scope(item.nodeid)
        return name not in TOGETHER, name not in with_browser, sizes[name], name

    items.sort(key=rank)
