"""What Chroma keeps on a disk that this process sees too (`CHROMA_FILES`): one folder for each index.

Talks to: the folder of one Chroma 1.5 server, and its `chroma.sqlite3` for reading.
Contract: Chroma's own names there; a collection that is dropped leaves its folder until Chroma is swept while stopped.
Never lets through: anything but names of folders, and removes none whose collection is still there.
"""

import shutil
import sqlite3
import uuid
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from django.conf import settings

from integrations.vectors import place_of

OF = """
SELECT segments.id FROM segments
JOIN collections ON collections.id = segments.collection JOIN databases ON databases.id = collections.database_id
WHERE databases.tenant_id = ?
"""


def are_seen() -> bool:
    return bool(settings.CHROMA_FILES) and _database().is_file()


def of(workspace_id: uuid.UUID) -> list[str]:
    """Names of the folders of the workspace's collections. None where they are not seen."""
    if not are_seen():
        return []
    with closing(_opened()) as database:
        return [name for (name,) in database.execute(OF, [place_of(workspace_id)])]


def remove(names: Iterable[str]) -> None:
    """Of collections that were dropped."""
    if not are_seen():
        return
    with closing(_opened()) as database:
        kept = {name for (name,) in database.execute("SELECT id FROM segments")}
    for name in names:
        if name not in kept:
            shutil.rmtree(_folder(name), ignore_errors=True)


def count(names: Iterable[str]) -> int:
    """Of these folders those that are there."""
    return sum(_folder(name).is_dir() for name in names)


def _folder(name: str) -> Path:
    # Chroma names them by UUIDs, and nothing else is touched.
    return Path(settings.CHROMA_FILES) / str(uuid.UUID(name))


def _database() -> Path:
    return Path(settings.CHROMA_FILES) / "chroma.sqlite3"


def _opened() -> sqlite3.Connection:
    return sqlite3.connect(f"file:{_database()}?mode=ro", uri=True, timeout=10)
