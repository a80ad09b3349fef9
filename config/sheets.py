"""Lines for a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Sequence

CSV = "text/csv"
CSV_IN_UTF_8 = f"{CSV}; charset=utf-8"


def lines(rows: Iterable[Sequence[object]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()


def plain(text: str) -> str:
    """A cell that begins like a formula would be run by a spreadsheet."""
    return f"'{text}" if text.lstrip()[:1] in {"=", "+", "-", "@"} or text[:1] in {"\t", "\r", "\n"} else text
