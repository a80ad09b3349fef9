import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from devkit import embedder as maker
from devkit.home import PROJECT
from integrations.embedder import DIMENSION, WINDOW_TOKENS, Embedder, NotConfigured, from_bytes, to_bytes

TEXTS = ["A happy person", "A very happy person", "The invoice is due on Friday", "", "word " * 600]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return maker.export(tmp_path_factory.mktemp("embedder") / "minilm")


@pytest.fixture(scope="session")
def embedder(folder: Path) -> Embedder:
    return Embedder(folder)


def test_every_text_gets_a_vector_of_unit_length(embedder: Embedder) -> None:
    vectors = embedder.embed(TEXTS)

    assert vectors.shape == (len(TEXTS), DIMENSION)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_vectors_are_those_of_the_published_model(embedder: Embedder) -> None:
    vector = embedder.embed_one("This is an example sentence")

    assert np.allclose(vector[:5], [0.0676569, 0.0634959, 0.0487131, 0.0793050, 0.0374479], atol=1e-5)


def test_meaning_decides_what_is_near(embedder: Embedder) -> None:
    happy, happier, invoice = embedder.embed(TEXTS[:3])

    assert happy @ happier > 0.8
    assert happy @ invoice < 0.3


def test_neighbours_in_a_batch_do_not_change_a_vector(embedder: Embedder) -> None:
    together = embedder.embed(TEXTS)

    alone = np.stack([embedder.embed_one(text) for text in TEXTS])

    assert np.allclose(together, alone, atol=1e-6)


def test_threads_share_one_embedder(folder: Path) -> None:
    shared = Embedder(folder)

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(shared.embed_one, ["the same text"] * 12))

    assert all(np.array_equal(vector, found[0]) for vector in found)


def test_a_forked_child_loads_its_own_model(embedder: Embedder) -> None:
    before = embedder.embed_one("fork")

    child = os.fork()
    if child == 0:
        os._exit(0 if np.allclose(embedder.embed_one("fork"), before, atol=1e-6) else 1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0


def test_tokens_are_counted_beyond_the_window(embedder: Embedder) -> None:
    assert embedder.count_tokens("word " * 600) == 600
    assert embedder.count_tokens("") == 0


def test_text_beyond_the_window_is_cut(embedder: Embedder) -> None:
    longest = "word " * (WINDOW_TOKENS - 2)

    assert np.allclose(embedder.embed_one(longest), embedder.embed_one(longest + "tail"), atol=1e-6)


def test_a_stored_vector_comes_back_unchanged(embedder: Embedder) -> None:
    vector = embedder.embed_one("kept in Postgres")

    assert np.array_equal(from_bytes(to_bytes(vector)), vector)


def test_stored_bytes_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="1536 bytes"):
        from_bytes(b"\0" * 8)


def test_missing_files_name_the_command_that_makes_them(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match=r"python -m devkit\.embedder"):
        Embedder(tmp_path).embed(["anything"])


def test_a_finished_export_is_left_alone(folder: Path) -> None:
    written = (folder / "model.onnx").stat().st_mtime_ns

    maker.export(folder)

    assert (folder / "model.onnx").stat().st_mtime_ns == written


def test_a_damaged_export_is_made_again(folder: Path, tmp_path: Path) -> None:
    damaged = Path(shutil.copytree(folder, tmp_path / "copy"))
    os.truncate(damaged / "model.onnx", 1000)

    maker.export(damaged)

    assert maker.is_done(damaged)
    assert [entry.name for entry in tmp_path.iterdir()] == ["copy"]


EMBEDS = """
import sys
from pathlib import Path
from integrations.embedder import Embedder
print(len(Embedder(Path(sys.argv[1])).embed(["Trains are booked second class."])))
"""


def test_its_library_keeps_no_number_of_this_machine_to_report_its_use(folder: Path, tmp_path: Path) -> None:
    """It makes one, with what it is to send, as soon as it reports; a variable named CI keeps it from that too."""
    done = subprocess.run(
        [sys.executable, "-c", EMBEDS, str(folder)],
        cwd=PROJECT,
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )

    assert done.stdout == "1\n", done.stderr
    assert list(tmp_path.iterdir()) == []
