"""A search as the product does it, beside Chroma's bare answer to the same question."""

from agent import retrieval
from integrations import embedder, vectors
from tests.benchmarks._figures import ratio, show, timed
from tests.benchmarks._northwind import synced

TIMES = 100
QUESTION = "How many days of paid holiday do I get?"


def main() -> None:
    with synced() as northwind:
        scope = northwind.scope
        vector = embedder.default().embed_one(QUESTION)
        index = vectors.workspace(scope.workspace_id)

        def bare() -> object:
            return index.query(connection_ids=scope.connection_ids, embedding=vector, limit=retrieval.NEAREST)

        bare()
        theirs = show("Chroma alone, question already embedded", timed(bare, TIMES))
        show("embedding the question", timed(lambda: embedder.default().embed_one(QUESTION), TIMES))
        show("words alone (Postgres)", timed(lambda: retrieval.by_words(scope, QUESTION), TIMES))
        ours = show("search: both, with the passages", timed(lambda: retrieval.search(scope, QUESTION), TIMES))
        ratio("search beside Chroma alone", ours, theirs)
