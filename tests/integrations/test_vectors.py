import os
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest
from chromadb.api import ServerAPI
from numpy.typing import NDArray

from devkit.chroma import ChromaProcess
from integrations import vectors
from integrations.vectors import Vectors
from tests.threads import at_once

ALICE, CHARLIE = uuid4(), uuid4()
EAST = np.array([1, 0, 0], np.float32)
NORTH = np.array([0, 1, 0], np.float32)
BOTH: NDArray[np.float32] = np.stack([EAST, NORTH])


@pytest.fixture(scope="module")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaProcess]:
    with ChromaProcess(tmp_path_factory.mktemp("chroma")) as process:
        yield process


@pytest.fixture
def index(chroma: ChromaProcess) -> Vectors:
    return Vectors(chroma.url)


@pytest.fixture
def connection() -> UUID:
    return uuid4()


def test_the_nearest_vector_comes_first(index: Vectors, connection: UUID) -> None:
    alice = index.workspace(ALICE)
    alice.collection(connection).upsert(ids=["east", "north"], embeddings=BOTH, metadatas=[{"page": "1"}] * 2)

    hits = alice.query(connection_ids=[connection], embedding=EAST, limit=5).hits

    assert [hit.chunk_id for hit in hits] == ["east", "north"]
    assert hits[0].connection_id == connection
    assert hits[0].similarity == pytest.approx(1, abs=1e-5)


def test_several_connections_are_searched_as_one(index: Vectors) -> None:
    first, second, third = uuid4(), uuid4(), uuid4()
    alice = index.workspace(ALICE)
    alice.collection(first).upsert(ids=["a"], embeddings=BOTH[:1])
    alice.collection(second).upsert(ids=["b"], embeddings=BOTH[1:])
    alice.collection(third).upsert(ids=["c"], embeddings=BOTH[1:])

    hits = alice.query(connection_ids=[first, second], embedding=NORTH, limit=5).hits

    assert [(hit.chunk_id, hit.connection_id) for hit in hits] == [("b", second), ("a", first)]


def test_upsert_replaces_and_delete_removes(index: Vectors, connection: UUID) -> None:
    collection = index.workspace(ALICE).collection(connection)
    collection.upsert(ids=["a", "b"], embeddings=BOTH)

    collection.upsert(ids=["a"], embeddings=BOTH[1:])
    collection.delete(["b", "never-there"])

    assert list(collection.ids()) == ["a"]
    assert collection.query(embedding=NORTH, limit=1)[0].distance == pytest.approx(0, abs=1e-5)


def test_ids_are_read_over_many_pages(index: Vectors, connection: UUID) -> None:
    collection = index.workspace(ALICE).collection(connection)
    names = [f"chunk-{number:04}" for number in range(1250)]

    collection.upsert(ids=names, embeddings=np.tile(BOTH, (625, 1)))

    assert sorted(collection.ids()) == names
    assert collection.count() == 1250


def test_a_connection_without_an_index_is_empty(index: Vectors, connection: UUID) -> None:
    collection = index.workspace(uuid4()).collection(connection)

    collection.delete(["a"])

    assert collection.count() == 0
    assert list(collection.ids()) == []
    assert collection.query(embedding=EAST, limit=3) == []


def test_charlie_cannot_reach_a_connection_of_alice(index: Vectors, connection: UUID) -> None:
    index.workspace(ALICE).collection(connection).upsert(ids=["secret"], embeddings=BOTH[:1])
    charlie = index.workspace(CHARLIE)

    charlie.collection(connection).upsert(ids=["own"], embeddings=BOTH[:1])

    assert [hit.chunk_id for hit in charlie.query(connection_ids=[connection], embedding=EAST, limit=9).hits] == ["own"]
    charlie.drop()
    assert list(index.workspace(ALICE).collection(connection).ids()) == ["secret"]


def test_charlie_cannot_use_the_id_of_a_collection_of_alice(
    index: Vectors, chroma: ChromaProcess, connection: UUID
) -> None:
    index.workspace(ALICE).collection(connection).upsert(ids=["secret"], embeddings=BOTH[:1])
    stolen = _collection_ids(chroma, ALICE)
    charlie = index.workspace(CHARLIE)

    found = charlie.query(connection_ids=stolen, embedding=EAST, limit=9).hits
    for each in stolen:
        charlie.collection(each).delete(["secret"])
        charlie.collection(each).drop()

    assert stolen
    assert found == []
    assert list(index.workspace(ALICE).collection(connection).ids()) == ["secret"]


def test_an_id_that_is_no_uuid_is_refused(index: Vectors) -> None:
    with pytest.raises(TypeError, match="An id is a UUID"):
        index.workspace(ALICE).collection(f"../../{CHARLIE}")


def test_a_dropped_workspace_is_gone_and_can_come_back(index: Vectors, connection: UUID) -> None:
    workspace = index.workspace(uuid4())
    workspace.collection(connection).upsert(ids=["a"], embeddings=BOTH[:1])

    workspace.drop()

    assert workspace.collection(connection).count() == 0
    workspace.collection(connection).upsert(ids=["b"], embeddings=BOTH[:1])
    assert list(workspace.collection(connection).ids()) == ["b"]


def test_dropping_a_workspace_that_was_never_indexed_is_harmless(index: Vectors) -> None:
    index.workspace(uuid4()).drop()


def test_workspaces_are_dropped_while_others_are_written_to(index: Vectors) -> None:
    def come_and_go() -> int:
        workspace = index.workspace(uuid4())
        for _ in range(3):
            workspace.collection(uuid4()).upsert(ids=[str(uuid4())], embeddings=BOTH[:1])
            workspace.drop()
        return workspace.collection(uuid4()).count()

    assert at_once(come_and_go, times=8) == [0] * 8


def test_a_collection_recreated_by_another_process_is_found_again(
    index: Vectors, chroma: ChromaProcess, connection: UUID
) -> None:
    kept = index.workspace(ALICE).collection(connection)
    kept.upsert(ids=["old"], embeddings=BOTH[:1])
    other = Vectors(chroma.url).workspace(ALICE).collection(connection)

    other.drop()
    other.upsert(ids=["new"], embeddings=BOTH[:1])

    assert [hit.chunk_id for hit in kept.query(embedding=EAST, limit=3)] == ["new"]
    other.drop()
    kept.upsert(ids=["again"], embeddings=BOTH[:1])
    assert list(kept.ids()) == ["again"]


def test_a_restart_of_the_server_is_survived(tmp_path: Path, connection: UUID) -> None:
    with ChromaProcess(tmp_path) as chroma:
        collection = Vectors(chroma.url).workspace(ALICE).collection(connection)
        collection.upsert(ids=["a", "b"], embeddings=BOTH)

        chroma.stop()
        with pytest.raises(vectors.Unreachable):
            collection.count()
        chroma.start()

        assert [hit.chunk_id for hit in collection.query(embedding=NORTH, limit=1)] == ["b"]


def test_a_frozen_server_is_given_up(tmp_path: Path, connection: UUID) -> None:
    with ChromaProcess(tmp_path) as chroma:
        index = Vectors(chroma.url, answer_seconds=0.3)
        collection = index.workspace(ALICE).collection(connection)
        collection.upsert(ids=["a"], embeddings=BOTH[:1])

        chroma.freeze()

        with pytest.raises(vectors.Unreachable, match="in time"):
            collection.query(embedding=EAST, limit=1)
        chroma.thaw()


def test_a_vector_of_another_dimension_is_refused(index: Vectors, connection: UUID) -> None:
    collection = index.workspace(ALICE).collection(connection)
    collection.upsert(ids=["a"], embeddings=BOTH[:1])

    with pytest.raises(vectors.Refused, match="dimension"):
        collection.upsert(ids=["b"], embeddings=np.ones((1, 5), np.float32))


def test_an_address_that_is_none_is_not_configured() -> None:
    with pytest.raises(vectors.NotConfigured, match="CHROMA_URL"):
        Vectors("localhost").workspace(ALICE)


def test_threads_and_a_forked_child_have_what_they_need(index: Vectors, connection: UUID) -> None:
    collection = index.workspace(ALICE).collection(connection)
    threads = [
        threading.Thread(target=collection.upsert, kwargs={"ids": [str(n)], "embeddings": BOTH[:1]}) for n in range(8)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    child = os.fork()
    if child == 0:
        os._exit(index.workspace(ALICE).collection(connection).count())
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 8


def _collection_ids(chroma: ChromaProcess, workspace_id: UUID) -> list[UUID]:
    """What somebody with a view of the server's insides could learn."""
    place = f"workspace-{workspace_id.hex}"
    api: ServerAPI = vectors._client(chroma.url, 5)
    return [found.id for found in api.list_collections(tenant=place, database=place)]
