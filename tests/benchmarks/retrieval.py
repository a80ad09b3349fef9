"""Quality of search on the demo's questions: nDCG@10 and recall@5 of meaning, words, and both."""

import math
from collections.abc import Callable, Mapping
from statistics import mean
from typing import Any

from agent import answering, retrieval
from agent.models import Chunk, Page
from devkit import demo
from integrations import embedder
from tests.benchmarks._northwind import Northwind, synced

Ranked = Callable[[str], list[str]]


def main() -> None:
    with synced() as northwind:
        asked = [each for each in demo.questions() if each.get("answer_pages") and not each.get("after")]
        page_of = {str(key): page for key, page in Chunk.objects.values_list("id", "page__notion_id")}
        for split in ("dev", "test"):
            part = [each for each in asked if each["split"] == split]
            for name, rank in systems(northwind.scope, page_of).items():
                measured = [judged(rank(each["question"]), relevant(each, northwind)) for each in part]
                gain, found = (mean(column) for column in zip(*measured, strict=True))
                print(f"   {split:<5} {name:<10} nDCG@10 {gain:.3f}   recall@5 {found:.3f}   n {len(part)}")
        answers(northwind)


def systems(scope: retrieval.Scope, page_of: Mapping[str, str]) -> dict[str, Ranked]:
    def pages(scores: Mapping[str, float]) -> list[str]:
        best = sorted(scores, key=lambda key: (-scores[key], key))
        return list(dict.fromkeys(page_of[key] for key in best))

    def both(question: str) -> list[str]:
        found = retrieval.search(scope, question, limit=50).result.candidates
        return list(dict.fromkeys(each.page_id for each in found))

    return {
        "meaning": lambda question: pages(
            retrieval.nearest(scope, embedder.default().embed_one(question), limit=50)[0] or {}
        ),
        "words": lambda question: pages(retrieval.by_words(scope, question)),
        "both": both,
    }


def relevant(question: Mapping[str, Any], northwind: Northwind) -> set[str]:
    return {northwind.page_ids[key] for key in question["answer_pages"]}


def judged(ranked: list[str], wanted: set[str]) -> tuple[float, float]:
    gain = sum(1 / math.log2(place + 2) for place, page in enumerate(ranked[:10]) if page in wanted)
    ideal = sum(1 / math.log2(place + 2) for place in range(min(10, len(wanted))))
    return gain / ideal, len(wanted & set(ranked[:5])) / len(wanted)


def answers(northwind: Northwind) -> None:
    """How often the keyless model answers rightly, and how often it rightly does not."""
    for split in ("dev", "test"):
        part = [each for each in demo.questions() if each["split"] == split and not each.get("after")]
        asked = [answered(each, northwind) for each in part if each.get("answer_pages")]
        said = [is_right for is_right in asked if is_right is not None]
        silent = [answered(each, northwind) is None for each in part if not each.get("answer_pages")]
        print(f"   {split:<5} of {len(said)} answers {mean(said):.2f} hold the words asked for")
        print(f"   {split:<5} abstains where the pages say it {1 - len(said) / len(asked):.2f} of {len(asked)}")
        if silent:
            print(f"   {split:<5} abstains where the pages say nothing {mean(silent):.2f} of {len(silent)}")
        away = [answered_without(each, northwind) for each in part if each.get("answer_pages")]
        print(f"   {split:<5} answers something else without the pages that say it {away.count(False)} of {len(away)}")


def answered_without(question: Mapping[str, Any], northwind: Northwind) -> bool | None:
    pages = Page.objects.filter(notion_id__in=relevant(question, northwind))
    states = dict(pages.values_list("pk", "state"))
    pages.update(state=Page.State.SKIPPED)
    try:
        return answered(question, northwind)
    finally:
        for key, state in states.items():
            Page.objects.filter(pk=key).update(state=state)


def answered(question: Mapping[str, Any], northwind: Northwind) -> bool | None:
    """Whether the answer holds the words asked for; nothing when it abstains."""
    found = retrieval.search(northwind.scope, question["question"]).result
    answer = answering.answer(
        question["question"],
        found.candidates,
        embedder.default().embed,
        more_rows=found.more_rows,
        has_unread_rows=found.has_unread_rows,
        today=found.today,
    )
    wanted = question.get("answer_contains", [])
    if not answer.grounded:
        return None
    return not wanted or any(words in answer.text for words in wanted)
