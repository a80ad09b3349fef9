"""The only door to Chroma, where the vectors of every workspace's chunks are searched.

Talks to: one Chroma 1.5 server over HTTP (`CHROMA_URL`), through chromadb-client.
Contract: https://docs.trychroma.com/reference/python/client and the server's own /openapi.json.
Never lets through: text (ids, vectors and small metadata only), and another workspace's vectors. Chroma answers to
anybody who knows a collection's id and checks only names, so ids stay inside this module: a collection is always opened
by the name made from a connection's id, inside the tenant and database made from the workspace's id.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import numpy as np
from numpy.typing import NDArray

# Importing the client takes over a second of processor; a web process hardly ever needs it.
if TYPE_CHECKING:
    from chromadb.api import ServerAPI
    from chromadb.api.collection_configuration import CreateCollectionConfiguration
    from chromadb.api.models.Collection import Collection

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 10.0
# For a database that others write to: it is told at once, and the request was not done.
LOCKED_SECONDS = 5.0
# Opening a collection by name costs a request; a collection kept here is opened once per process.
OPEN_COLLECTIONS = 512
# About 1.6 ms of the server's time for each vector: short requests let other workspaces in between.
BATCH = 200
# Below the server's own thresholds, an index pushed out of its memory before its first flush cannot be read any more.
INDEX: CreateCollectionConfiguration = {"hnsw": {"space": "cosine", "sync_threshold": 50, "batch_size": 50}}

Metadata = Mapping[str, str | int | float | bool]
Found = TypeVar("Found")


class NotConfigured(Exception):
    """No usable CHROMA_URL."""


class Unreachable(Exception):
    """Chroma did not answer in time. Trying again later is right."""


class Refused(Exception):
    """Chroma answered and will not do it. Trying again is of no use; a broken index is rebuilt from Postgres."""


class Hit(NamedTuple):
    chunk_id: str
    connection_id: UUID
    distance: float

    @property
    def similarity(self) -> float:
        return 1.0 - self.distance


class Nearest(NamedTuple):
    hits: list[Hit]
    # Connections whose index holds nothing or is not there.
    empty: list[UUID]


class Held(NamedTuple):
    databases: int
    collections: int
    vectors: int


class Vectors:
    """One Chroma server. Cheap to make; connects at first use, once per process."""

    def __init__(self, url: str, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self.url = url
        self.answer_seconds = answer_seconds
        self._server: _Server | None = None

    def workspace(self, workspace_id: UUID) -> WorkspaceIndex:
        return WorkspaceIndex(self._connect(), _known(workspace_id))

    def insist_on_answer(self) -> None:
        """Raises NotConfigured, Unreachable or Refused."""
        self._connect().call(lambda api: api.heartbeat())

    def _connect(self) -> _Server:
        # Sockets must not be shared with a forked child.
        if self._server is None or self._server.process != os.getpid():
            self._server = _Server(self.url, self.answer_seconds)
        return self._server


class WorkspaceIndex:
    """Everything one workspace can reach; nothing here takes or gives the id of a collection."""

    def __init__(self, server: _Server, workspace_id: UUID) -> None:
        self._server = server
        self._workspace_id = workspace_id

    def collection(self, connection_id: UUID) -> ConnectionIndex:
        return ConnectionIndex(self._server, self._workspace_id, _known(connection_id))

    def query(self, *, connection_ids: Sequence[UUID], embedding: NDArray[np.float32], limit: int) -> Nearest:
        """The nearest first, over exactly these connections."""
        found = {each: self.collection(each).query(embedding=embedding, limit=limit) for each in connection_ids}
        hits = sorted((hit for each in found.values() for hit in each), key=lambda hit: (hit.distance, hit.chunk_id))
        return Nearest(hits=hits[:limit], empty=[each for each, its in found.items() if not its])

    def drop(self) -> None:
        """Forgets all of the workspace. The server keeps dead files until it is swept while stopped."""
        name = place_of(self._workspace_id)
        self._server.forget(self._workspace_id)
        for collection in self._server.call(lambda api: api.list_collections(tenant=name, database=name)):
            self._server.call(_deleting(collection.name, name), absent=None)
        self._server.call(lambda api: api.delete_database(name, tenant=name), absent=None)

    def held(self) -> Held:
        """What is there of it, asked anew."""
        name = place_of(self._workspace_id)
        self._server.forget(self._workspace_id)
        found = self._server.call(lambda api: api.get_database(name, tenant=name) and 1, absent=0)
        if not found:
            return Held(0, 0, 0)
        collections = self._server.call(lambda api: api.list_collections(tenant=name, database=name))
        return Held(1, len(collections), sum(self._server.call(_counting(each.id, name)) for each in collections))


class ConnectionIndex:
    """The vectors of one Notion connection."""

    def __init__(self, server: _Server, workspace_id: UUID, connection_id: UUID) -> None:
        self._server = server
        self._workspace_id = workspace_id
        self._connection_id = connection_id

    def upsert(
        self, *, ids: Sequence[str], embeddings: NDArray[np.float32], metadatas: Sequence[Metadata] | None = None
    ) -> None:
        if len(ids) != len(embeddings) or (metadatas is not None and len(metadatas) != len(ids)):
            raise ValueError("Every id needs one embedding, and one metadata if there are any.")
        for part in _parts(len(ids)):
            rows: dict[str, Any] = {"ids": list(ids[part]), "embeddings": np.asarray(embeddings[part], np.float32)}
            if metadatas is not None:
                rows["metadatas"] = [dict(metadata) for metadata in metadatas[part]]
            self._with_collection(_upserting(rows), create=True)

    def delete(self, ids: Sequence[str]) -> None:
        for part in _parts(len(ids)):
            self._with_collection(_removing(list(ids[part])))

    def held(self, ids: Sequence[str]) -> set[str]:
        """Those of these that are there."""
        there = set[str]()
        for part in _parts(len(ids)):
            there.update(self._with_collection(_finding(list(ids[part]))) or ())
        return there

    def query(self, *, embedding: NDArray[np.float32], limit: int) -> list[Hit]:
        vectors = np.asarray(embedding, np.float32).reshape(1, -1)
        answer = self._with_collection(
            lambda opened: opened.query(query_embeddings=vectors, n_results=limit, include=["distances"])
        )
        if answer is None or not answer["distances"]:
            return []
        pairs = zip(answer["ids"][0], answer["distances"][0], strict=True)
        return [Hit(chunk_id, self._connection_id, float(distance)) for chunk_id, distance in pairs]

    def ids(self) -> Iterator[str]:
        """All ids, read page by page; what is written meanwhile may be missed."""
        start = 0
        while page := self._with_collection(_reading(start)):
            yield from page
            start += len(page)

    def count(self) -> int:
        return self._with_collection(lambda opened: opened.count()) or 0

    def drop(self) -> None:
        place = place_of(self._workspace_id)
        self._server.forget(self._workspace_id, self._connection_id)
        self._server.call(_deleting(_name(self._connection_id), place), absent=None)

    def _with_collection(self, work: Callable[[Collection], Found], *, create: bool = False) -> Found | None:
        """None when there is no such collection. A kept one may have been dropped by another process, so twice."""
        for _ in range(2):
            opened = self._server.open(self._workspace_id, self._connection_id, create=create)
            if opened is None:
                return None
            try:
                return self._server.call(partial(_on, work, opened))
            except _Absent:
                self._server.forget(self._workspace_id, self._connection_id)
        raise Refused("Chroma lost the collection while it was being used.")


def default() -> Vectors:
    """The Chroma of this installation: one connection per process."""
    from django.conf import settings

    return _made.setdefault(settings.CHROMA_URL, Vectors(settings.CHROMA_URL))


def workspace(workspace_id: UUID) -> WorkspaceIndex:
    return default().workspace(workspace_id)


_made: dict[str, Vectors] = {}


class _Absent(Exception):
    """What was named is not there."""


class _Exists(Exception):
    """What should be made is there already."""


class _Locked(Exception):
    """Another request was writing."""


class _Server:
    """The connection of one process and the collections it has opened."""

    def __init__(self, url: str, answer_seconds: float) -> None:
        self.process = os.getpid()
        self._api = _client(url, answer_seconds)
        self._open: OrderedDict[tuple[UUID, UUID], Collection] = OrderedDict()
        self._lock = threading.Lock()

    def call(self, work: Callable[[ServerAPI], Found], **default: Found) -> Found:
        """Runs `work` and speaks of trouble in this module's words; `absent=…` is the answer when nothing is there."""
        try:
            return self._unlocked(work)
        except _Absent:
            if "absent" in default:
                return default["absent"]
            raise
        except httpx.TimeoutException as error:
            raise Unreachable("Chroma did not answer in time. Try again.") from error
        except httpx.TransportError as error:
            raise Unreachable("Chroma could not be reached. Try again.") from error

    def _unlocked(self, work: Callable[[ServerAPI], Found]) -> Found:
        deadline = time.monotonic() + LOCKED_SECONDS
        while True:
            try:
                return work(self._api)
            except _Locked:
                if time.monotonic() > deadline:
                    raise Unreachable("Chroma is busy. Try again.") from None
                time.sleep(random.uniform(0.02, 0.1))

    def open(self, workspace_id: UUID, connection_id: UUID, *, create: bool) -> Collection | None:
        key = (workspace_id, connection_id)
        with self._lock:
            if kept := self._open.get(key):
                self._open.move_to_end(key)
                return kept
        place, name = place_of(workspace_id), _name(connection_id)
        try:
            model = self.call(lambda api: api.get_collection(name, tenant=place, database=place))
        except _Absent:
            if not create:
                return None
            self._make_place(place)
            model = self.call(
                lambda api: api.create_collection(
                    name, configuration=INDEX, get_or_create=True, tenant=place, database=place
                )
            )
        from chromadb.api.models.Collection import Collection

        opened = Collection(client=self._api, model=model, embedding_function=None)
        with self._lock:
            self._open[key] = opened
            while len(self._open) > OPEN_COLLECTIONS:
                self._open.popitem(last=False)
        return opened

    def forget(self, workspace_id: UUID, connection_id: UUID | None = None) -> None:
        with self._lock:
            for key in [k for k in self._open if k[0] == workspace_id and connection_id in (None, k[1])]:
                del self._open[key]

    def _make_place(self, place: str) -> None:
        for make in (lambda api: api.create_tenant(place), lambda api: api.create_database(place, tenant=place)):
            try:
                self.call(make)
            except _Exists:
                continue


def _client(url: str, answer_seconds: float) -> ServerAPI:
    from chromadb.api.fastapi import FastAPI
    from chromadb.config import Settings, System

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotConfigured("CHROMA_URL must be an address such as http://127.0.0.1:8000.")
    secure = parts.scheme == "https"
    # The client changes the settings it is given, so each one gets its own. Verifying certificates over plain http
    # would do nothing but read the list of authorities, 100 ms of processor.
    settings = Settings(
        chroma_api_impl="chromadb.api.fastapi.FastAPI",
        chroma_server_host=parts.hostname,
        chroma_server_http_port=parts.port or (443 if secure else 80),
        chroma_server_ssl_enabled=secure,
        chroma_server_ssl_verify=secure,
        anonymized_telemetry=False,
    )
    api = System(settings).instance(FastAPI)
    # The client has no setting for either: it waits for ever, and raises bare exceptions for many answers.
    session = api._session
    session.timeout = httpx.Timeout(answer_seconds, connect=CONNECT_SECONDS)
    session.event_hooks = {"response": [_check]}
    return api


def _check(response: httpx.Response) -> None:
    if response.status_code < 400:
        return
    response.read()
    said = response.text[:300]
    match response.status_code:
        case 404:
            raise _Absent(said)
        case 409:
            raise _Exists(said)
        case 429 | 502 | 503 | 504:
            raise Unreachable(f"Chroma is busy ({response.status_code}). Try again.")
        case 500 if "database is locked" in said:
            raise _Locked(said)
        case status:
            raise Refused(f"Chroma refused ({status}): {said}")


def place_of(workspace_id: UUID) -> str:
    """The name of the workspace's tenant, and of the one database in it."""
    return f"workspace-{workspace_id.hex}"


def _name(connection_id: UUID) -> str:
    return f"connection-{connection_id.hex}"


def _known(given: UUID) -> UUID:
    # Not only for the type checker: a string here could carry a path into the server's addresses.
    if not isinstance(given, UUID):
        raise TypeError(f"An id is a UUID, not {type(given).__name__}.")
    return given


def _parts(length: int) -> Iterator[slice]:
    for start in range(0, length, BATCH):
        yield slice(start, start + BATCH)


def _upserting(rows: dict[str, Any]) -> Callable[[Collection], None]:
    return lambda opened: opened.upsert(**rows)


def _removing(ids: list[str]) -> Callable[[Collection], object]:
    return lambda opened: opened.delete(ids=ids)


def _finding(ids: list[str]) -> Callable[[Collection], list[str]]:
    return lambda opened: list(opened.get(ids=ids, include=[])["ids"])


def _reading(start: int) -> Callable[[Collection], list[str]]:
    return lambda opened: list(opened.get(limit=BATCH * 5, offset=start, include=[])["ids"])


def _on(work: Callable[[Collection], Found], opened: Collection, _api: ServerAPI) -> Found:
    return work(opened)


def _counting(collection: UUID, place: str) -> Callable[[ServerAPI], int]:
    return lambda api: api._count(collection_id=collection, tenant=place, database=place)


def _deleting(collection: str, place: str) -> Callable[[ServerAPI], None]:
    return lambda api: api.delete_collection(collection, tenant=place, database=place)
