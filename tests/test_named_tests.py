"""Two pages of docs/ name a test for each thing they claim."""

import ast
import re

import pytest

from devkit.home import PROJECT

PAGES = {name: (PROJECT / "docs" / f"{name}.md").read_text() for name in ("notion-faults", "security")}
NAMED = sorted({each for text in PAGES.values() for each in re.findall(r"`(tests/\S+\.py)::(test_\w+)`", text)})


def rows(page: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in PAGES[page].splitlines() if re.match(r"\| \d+ \|", line)]


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_test_that_is_named_exists(path: str, name: str) -> None:
    module = ast.parse((PROJECT / path).read_text())

    assert name in {node.name for node in module.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(
    ("page", "numbers"), [("notion-faults", [*range(1, 24), *range(1, 39)]), ("security", [*range(1, 51)])]
)
def test_nothing_is_passed_over(page: str, numbers: list[int]) -> None:
    assert [int(row[0]) for row in rows(page)] == numbers
    assert all(row[-1].startswith(("`tests/", "open: ", "does not apply: ")) for row in rows(page))
