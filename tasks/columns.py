"""Which columns of a mapped database are used: choosing them, and seeing beforehand what that would mean."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.dateparse import parse_date

from tasks.mapping import COLUMNS, checked_columns, choices, map_columns, read_row, title_column
from tasks.models import TaskSource


def remap(
    *, connection_id: uuid.UUID, data_source_id: str, columns: Mapping[str, str], schema: Mapping[str, Any]
) -> bool:
    """Use these columns from the next sync on. A column that the database lacks, or of another type, is not used.

    Answers whether rows are read otherwise than before.
    """
    kept = checked_columns(columns, schema)
    with transaction.atomic():
        sources = TaskSource.objects.select_for_update()
        source = sources.filter(connection_id=connection_id, data_source_id=data_source_id).first()
        if source is None:
            return False
        is_other = any(getattr(source, name) != kept[name] for name in COLUMNS)
        TaskSource.objects.filter(pk=source.pk).update(**kept)
    return is_other


def offered_columns(
    source: TaskSource | None,
    *,
    columns: Mapping[str, str] | None,
    schema: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """For a page: what a task has with the columns it could come from, and what the rows would be as tasks.

    Without `columns` those that are used, or the best guess.
    """
    if columns is None:
        guess = map_columns(schema)
        columns = {name: getattr(source, name) if source else guess[name] for name in COLUMNS}
    shown = preview(columns=columns, schema=schema, rows=rows)
    return {
        "title": title_column(schema),
        "rows": choices(columns, schema),
        "preview": [task | {"due_on": task["due_on"] and parse_date(task["due_on"])} for task in shown],
    }


def preview(
    *, columns: Mapping[str, str], schema: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """What the first three rows would be as tasks with these columns. Nothing is kept."""
    source = TaskSource(**checked_columns(columns, schema))
    return [read_row(source, row).shown() for row in rows[:3]]
