"""docs/notion-faults.md names a test for each incident of others."""

import ast
import re
from pathlib import Path

import pytest

from devkit.home import PROJECT

LISTED = (PROJECT / "docs" / "notion-faults.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/\S+\.py)::(test_\w+)`", LISTED)))
ROWS = [line.strip("| ").split(" | ") for line in LISTED.splitlines() if re.match(r"\| \d+ \|", line)]


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_test_that_is_named_exists(path: str, name: str) -> None:
    module = ast.parse((Path(PROJECT) / path).read_text())

    assert name in {node.name for node in module.body if isinstance(node, ast.FunctionDef)}


def test_no_incident_is_passed_over() -> None:
    numbers = [int(row[0]) for row in ROWS]

    assert numbers == [*range(1, 24), *range(1, 39)]
    assert all("::test_" in row[2] or row[2].startswith("open: ") for row in ROWS)
