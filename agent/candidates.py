"""What a search hands to a model: chunks with where they come from and why they were found."""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

# A connection's id and Notion's id of a page: two connections may show the same page, and one may lose it.
PageKey = tuple[str, str]


class Candidate(BaseModel):
    """`spans` are (block id, start, end) in `text`; an empty block id means the page itself.

    `dense` is the cosine with the question (0 when the chunk was found by its words alone), `score` the mixed one.
    """

    model_config = ConfigDict(frozen=True)

    chunk_id: str
    page_id: str
    title: str
    text: str
    context: str = ""
    spans: tuple[tuple[str, int, int], ...] = ()
    dense: float = 0.0
    lexical: float = 0.0
    score: float = 0.0
    url: str = ""
    # The title of the source it belongs to, and the connection that decides who may read it.
    place: str = ""
    connection_id: str = ""
    edited_at: datetime | None = None
    indexed_at: datetime | None = None
    # Where in `text` the line starts for which a question picks this row of a database.
    line: int | None = None

    @property
    def page_key(self) -> PageKey:
        return self.connection_id, self.page_id


class SearchResult(BaseModel):
    """The best candidate first.

    With `picks_rows`, rows of databases match the query. `more_rows` do beside those that are candidates; with
    `has_unread_rows` there may be more of them.
    """

    query: str
    candidates: list[Candidate]
    picks_rows: bool = False
    more_rows: int = 0
    has_unread_rows: bool = False
    # Where who asks is; null in conversations from before it was kept.
    today: date | None = None
