import asyncio
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic_ai import Agent, ModelResponse, ModelRetry
from pydantic_ai.messages import ModelMessagesTypeAdapter, ToolCallPart

from agent import keyless
from agent.candidates import Candidate, SearchResult
from agent.composing import Answer, Citation
from agent.keyless import KeylessModel, ToolCall, answer_of

TEXT = "Refunds are accepted within 30 days. The office opens at 8:00."
PAGE = Candidate(chunk_id="c1", page_id="p1", title="Policy", text=TEXT, spans=(("b1", 0, len(TEXT)),), dense=0.7)
QUESTION = "When are refunds accepted?"


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """Letters as directions: enough to tell these sentences apart, and the same on every machine."""
    counts = np.array([[text.lower().count(chr(97 + n)) for n in range(26)] for text in texts], np.float32)
    vectors: NDArray[np.float32] = counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)
    return vectors


def words(text: str) -> int:
    return len(text.split())


def cited(number: int) -> Citation:
    return Citation(number, "c1", "p1", "b1", "The office opens.")


def agent_with(model: KeylessModel | None = None, candidates: Sequence[Candidate] = (PAGE,)) -> Agent[None, str]:
    agent = Agent(model or KeylessModel(embed=embed, count_tokens=words), instructions="Answer from the pages.")

    @agent.tool_plain
    def search(query: str) -> SearchResult:
        return SearchResult(query=query, candidates=list(candidates))

    @agent.tool_plain
    def create_task(title: str) -> str:
        return f"Proposed: {title}"

    return agent


def test_it_searches_then_quotes_with_a_citation() -> None:
    result = agent_with().run_sync(QUESTION)

    assert result.output == "Refunds are accepted within 30 days. [1]"
    assert [part.part_kind for message in result.all_messages() for part in message.parts] == [
        "user-prompt", "tool-call", "tool-return", "text"
    ]  # fmt: skip


def test_the_citations_come_with_the_response() -> None:
    result = agent_with().run_sync(QUESTION)
    answer = answer_of(_last(result.all_messages()))

    assert answer is not None
    assert answer.grounded
    assert [(each.chunk_id, each.block_id) for each in answer.citations] == [("c1", "b1")]
    assert answer.citations[0].quote in TEXT


def test_streaming_says_and_costs_the_same() -> None:
    whole = agent_with().run_sync(QUESTION)

    async def streamed() -> tuple[list[str], int, int, bool]:
        async with agent_with().run_stream(QUESTION) as stream:
            parts = [part async for part in stream.stream_text(delta=True, debounce_by=None)]
            answer = answer_of(_last(stream.all_messages()))
            return parts, stream.usage.input_tokens, stream.usage.output_tokens, answer is not None and answer.grounded

    parts, sent, said, grounded = asyncio.run(streamed())

    assert "".join(parts) == whole.output
    assert len(parts) > 3
    assert (sent, said) == (whole.usage.input_tokens, whole.usage.output_tokens)
    assert grounded


def test_usage_is_the_question_once_and_the_answer_once() -> None:
    result = agent_with().run_sync(QUESTION)

    assert (result.usage.input_tokens, result.usage.output_tokens) == (words(QUESTION), words(result.output))


def test_an_answer_without_a_search_is_charged_too() -> None:
    result = agent_with().run_sync("And when are they?")

    assert (result.usage.input_tokens, result.usage.output_tokens) == (4, words(keyless.UNCLEAR))


LISTED = Answer("- The office opens. [1]\n- It closes late. [2]", (cited(1), cited(2)), grounded=True)


@pytest.mark.parametrize(
    ("most", "text"),
    [
        (10, LISTED.text),
        (9, "- The office opens. [1]\n\n…"),
        (6, "- The office opens. [1]\n\n…"),
        (3, "What answers this"),
    ],
)
def test_an_answer_that_does_not_fit_keeps_whole_quotes(most: int, text: str) -> None:
    kept = keyless.shortened(LISTED, most, words)

    assert kept.text == text
    assert [f"[{each.number}]" in text for each in kept.citations] == [True] * text.count(" [")
    assert kept.grounded == bool(kept.citations)


def test_a_call_that_may_write_little_says_so() -> None:
    result = agent_with().run_sync(QUESTION, model_settings={"max_tokens": 6})

    assert (result.usage.output_tokens, result.output) == (6, "What answers this is longer than")
    assert _last(result.all_messages()).finish_reason == "length"


def test_nothing_found_is_said() -> None:
    result = agent_with(candidates=[]).run_sync("Who won the world cup?")
    answer = answer_of(_last(result.all_messages()))

    assert result.output == "I did not find an answer to this in the pages I can read."
    assert answer is not None
    assert not answer.grounded


def test_a_stored_conversation_goes_on() -> None:
    agent = agent_with()
    stored = agent.run_sync(QUESTION).all_messages_json()

    result = agent.run_sync(
        "When does the office open?", message_history=ModelMessagesTypeAdapter.validate_json(stored)
    )

    assert result.output == "The office opens at 8:00. [1]"


def test_a_follow_up_is_about_what_was_asked_before() -> None:
    agent = agent_with()
    history = agent.run_sync(QUESTION).all_messages()

    messages = agent.run_sync("And for how long?", message_history=history).new_messages()

    call = next(part for message in messages for part in message.parts if isinstance(part, ToolCallPart))
    assert call.args_as_dict() == {"query": f"{QUESTION} And for how long?"}


def test_a_follow_up_to_nothing_is_not_answered() -> None:
    assert agent_with().run_sync("And when are they?").output == keyless.UNCLEAR


def test_what_was_said_before_is_not_charged_again() -> None:
    agent = agent_with()
    first = agent.run_sync(QUESTION)

    again = agent.run_sync(QUESTION, message_history=first.all_messages())

    assert again.usage.total_tokens == first.usage.total_tokens


def test_a_command_calls_its_tool_and_passes_on_what_it_says() -> None:
    model = KeylessModel(
        embed=embed, count_tokens=words, read_command=lambda text: ToolCall("create_task", {"title": text[10:]})
    )

    result = agent_with(model).run_sync("New task: Ship it")

    assert result.output == "Proposed: Ship it"


@pytest.mark.parametrize("prompt", ["1", "5.", "?"])
def test_what_has_no_word_asks_nothing(prompt: str) -> None:
    assert agent_with().run_sync(prompt).output == keyless.NOTHING_ASKED


def test_a_failing_search_is_admitted() -> None:
    agent: Agent[None, str] = Agent(KeylessModel(embed=embed, count_tokens=words))

    @agent.tool_plain
    def search(query: str) -> SearchResult:
        raise ModelRetry("The index is away.")

    assert agent.run_sync(QUESTION).output == keyless.FAILED


def test_without_a_search_tool_nothing_is_invented() -> None:
    agent: Agent[None, str] = Agent(KeylessModel(embed=embed, count_tokens=words))

    assert agent.run_sync(QUESTION).output.startswith("I did not find")


def _last(messages: Sequence[object]) -> ModelResponse:
    return [message for message in messages if isinstance(message, ModelResponse)][-1]
