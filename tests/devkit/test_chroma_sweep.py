"""What was dropped leaves the disk when Chroma is next started; what is kept stays and is found."""

from pathlib import Path
from uuid import uuid4

import numpy as np

from devkit import chroma
from devkit.chroma import ChromaProcess
from integrations.vectors import Vectors

MANY = 300


def folders(data: Path) -> int:
    return sum(chroma.is_id(each.name) for each in data.iterdir() if each.is_dir())


def test_the_files_of_what_was_dropped_are_swept(tmp_path: Path) -> None:
    gone, kept = uuid4(), uuid4()
    points = np.random.default_rng(7).normal(size=(MANY, 8)).astype(np.float32)
    with ChromaProcess(tmp_path) as process:
        index = Vectors(process.url)
        for workspace in (gone, kept):
            index.workspace(workspace).collection(workspace).upsert(
                ids=[str(n) for n in range(MANY)], embeddings=points
            )
        both = folders(tmp_path)
        index.workspace(gone).drop()
        left = folders(tmp_path)

    swept = chroma.sweep(tmp_path)

    assert (both, left, swept, folders(tmp_path)) == (2, 2, 1, 1)
    with ChromaProcess(tmp_path) as process:
        index = Vectors(process.url)
        assert index.workspace(kept).collection(kept).count() == MANY
        assert index.workspace(kept).collection(kept).query(embedding=points[5], limit=1)[0].chunk_id == "5"
        assert index.workspace(gone).collection(gone).count() == 0
    assert chroma.sweep(tmp_path) == 0


def test_there_is_nothing_to_sweep_before_the_first_start(tmp_path: Path) -> None:
    assert chroma.sweep(tmp_path) == 0
