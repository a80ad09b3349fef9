"""What we ask of Notion. Plain dicts come out, checked only for what every caller relies on.

The contract: developers.notion.com/reference, version 2026-03-11. Never let through: a token in a message or a log, a
proxy's error page as if Notion had spoken, a listing that was cut as if it were whole.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Literal, Self, TypeVar

from integrations.notion import links
from integrations.notion.budget import Limiter, Wait
from integrations.notion.errors import BrokenAnswer, Invalid, NotConfigured, TimedOut, Unauthorized, Unreachable
from integrations.notion.listing import PAGE_SIZE, Json, Slice, slice_of, streamed, whole
from integrations.notion.patience import Asking, Patience
from integrations.notion.wire import DEFAULT_BASE_URL, TIMEOUT, VERSION, Wire

T = TypeVar("T")

# Characters that would change the address a property id is put into.
_NOT_IN_PROPERTY_IDS = frozenset("/?#\\ \t\r\n")


class Notion:
    """One connection. `wait` is called with seconds to wait, at most five at a time, and may raise to give up.

    `renew` is told the token that Notion no longer accepts and answers the one that holds now; it is asked once.
    """

    def __init__(
        self,
        token: str,
        base_url: str = DEFAULT_BASE_URL,
        *,
        budget: Limiter,
        version: str = VERSION,
        timeout: float = TIMEOUT,
        wait: Wait = time.sleep,
        patience: Patience | None = None,
        renew: Callable[[str], str] | None = None,
    ) -> None:
        if not token:
            raise NotConfigured("There is no Notion token for this connection")
        self._token = token
        self._wire = Wire(base_url=base_url, token=token, version=version, timeout=timeout)
        self._budget, self._wait, self._renew = budget, wait, renew
        self._patience = patience or Patience()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Notion {self._wire.base_url}>"

    def close(self) -> None:
        self._wire.close()

    # Reading

    def me(self) -> Json:
        """The bot behind the token: the cheapest way to know that the token lives."""
        return self._object("users/me")

    def page(self, page_id: str) -> Json:
        return self._object(f"pages/{_id(page_id)}")

    def block(self, block_id: str) -> Json:
        return self._object(f"blocks/{_id(block_id)}")

    def children(self, block_id: str) -> Iterator[Json]:
        """The blocks directly below a block or page, in their order; read to the end before the first comes out."""
        return iter(whole(self._getting(f"blocks/{_id(block_id)}/children")))

    def database(self, database_id: str) -> Json:
        return self._object(f"databases/{_id(database_id)}")

    def data_source(self, data_source_id: str) -> Json:
        return self._object(f"data_sources/{_id(data_source_id)}")

    def page_property(self, page_id: str, property_id: str) -> list[Json]:
        """All items of one property, where a page shows at most 25. The id is used as it stands in the page."""
        if not property_id or _NOT_IN_PROPERTY_IDS & set(property_id):
            raise Invalid("This is not the id of a property")
        path = f"pages/{_id(page_id)}/properties/{property_id}"
        first = self._read(lambda: self._wire.send("GET", path, query={"page_size": PAGE_SIZE}))
        return whole(self._getting(path, first=first)) if first.get("object") == "list" else [first]

    def search(
        self,
        filter: Literal["page", "data_source"] | None = None,
        cursor: str | None = None,
        page_size: int = PAGE_SIZE,
        *,
        query: str = "",
    ) -> Slice:
        """One page of what is shared with us, newest edit first. The index lags and omits: absence proves nothing."""
        body: Json = {"sort": {"timestamp": "last_edited_time", "direction": "descending"}}
        if query:
            body["query"] = query
        if filter:
            body["filter"] = {"property": "object", "value": filter}
        return self._posting("search", body, page_size=page_size)(cursor)

    def query(
        self,
        data_source_id: str,
        filter: Mapping[str, object] | None = None,
        sorts: Sequence[Mapping[str, object]] = (),
        *,
        in_trash: bool = False,
    ) -> Iterator[Json]:
        """All rows, each once, or those in the trash. Ends with Incomplete when Notion cut it (10,000 rows)."""
        # Notion refuses an empty filter.
        body: Json = {"filter": dict(filter)} if filter else {}
        if sorts:
            body["sorts"] = [dict(sort) for sort in sorts]
        if in_trash:
            body["in_trash"] = True
        return streamed(self._posting(f"data_sources/{_id(data_source_id)}/query", body))

    # Writing: never repeated unless Notion certainly did nothing. After Unreachable, look before asking again;
    # `error.details` may hold `committed_resource_id`.

    def create_page(self, body: Mapping[str, object]) -> Json:
        return self._write("POST", "pages", body)

    def update_page(self, page_id: str, body: Mapping[str, object]) -> Json:
        return self._write("PATCH", f"pages/{_id(page_id)}", body)

    def append_children(
        self, block_id: str, children: Sequence[Mapping[str, object]], position: Mapping[str, object] | None = None
    ) -> list[Json]:
        """The blocks that were made. Notion's answer goes on with the siblings that follow; those are left out."""
        body: Json = {"children": list(children)}
        if position is not None:
            body["position"] = dict(position)
        answer = self._write("PATCH", f"blocks/{_id(block_id)}/children", body)
        results = answer.get("results")
        if not isinstance(results, list):
            raise BrokenAnswer("Notion does not say which blocks it made")
        return results[: len(children)]

    def _object(self, path: str) -> Json:
        def ask() -> Json:
            answer = self._wire.send("GET", path)
            if not isinstance(answer.get("id"), str):
                raise BrokenAnswer("Notion's answer has no id")
            return answer

        return self._read(ask)

    def _getting(self, path: str, first: Json | None = None) -> Callable[[str | None], Slice]:
        """`first` is the first page where it has been read already."""
        ready = [slice_of(first)] if first is not None else []

        def send(cursor: str | None, size: int) -> Json:
            query: Json = {"page_size": size} | ({"start_cursor": cursor} if cursor else {})
            return self._wire.send("GET", path, query=query)

        rest = self._paged(send, PAGE_SIZE)
        return lambda cursor: ready.pop() if ready and cursor is None else rest(cursor)

    def _posting(self, path: str, body: Json, *, page_size: int = PAGE_SIZE) -> Callable[[str | None], Slice]:
        def send(cursor: str | None, size: int) -> Json:
            paged = body | {"page_size": size} | ({"start_cursor": cursor} if cursor else {})
            return self._wire.send("POST", path, body=paged)

        return self._paged(send, page_size)

    def _paged(self, send: Callable[[str | None, int], Json], size: int) -> Callable[[str | None], Slice]:
        def shrink(error: Unreachable) -> None:
            nonlocal size
            if isinstance(error, TimedOut):
                size = max(1, size // 2)

        return lambda cursor: self._read(lambda: slice_of(send(cursor, size)), failed=shrink)

    def _read(self, request: Callable[[], T], *, failed: Callable[[Unreachable], None] | None = None) -> T:
        return self._alive(lambda: self._asking().read(request, failed=failed))

    def _write(self, method: str, path: str, body: Mapping[str, object]) -> Json:
        return self._alive(lambda: self._asking().write(lambda: self._wire.send(method, path, body=dict(body))))

    def _asking(self) -> Asking:
        return Asking(budget=self._budget, wait=self._wait, patience=self._patience)

    def _alive(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except Unauthorized:
            if self._renew is None:
                raise
            renew, self._renew = self._renew, None
            self._token = renew(self._token)
            self._wire.use(self._token)
            return work()


def _id(text: str) -> str:
    try:
        return links.dashed(text)
    except ValueError as error:
        raise Invalid("This is not a Notion id") from error
