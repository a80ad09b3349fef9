"""What the product writes to its log, as production writes it."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from config.logs import Json


class Lines(io.StringIO):
    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]

    def of(self, logger: str) -> dict[str, Any]:
        """The one line of this logger."""
        (line,) = [line for line in self.objects if line["logger"] == logger]
        return line


@contextmanager
def heard() -> Iterator[Lines]:
    """Of every logger, at every level that the product's settings leave open."""
    lines, root = Lines(), logging.getLogger()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(Json())
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
