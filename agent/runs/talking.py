"""A model of a vendor at work: its tools read what the asker may read, and only what is proven of its words is told."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from asgiref.sync import sync_to_async
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from pydantic_ai import Agent, ModelRetry, RunContext
from pydantic_ai.exceptions import ContentFilterError
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    UserPromptPart,
)
from pydantic_ai.run import AgentRunResultEvent
from pydantic_ai.usage import UsageLimits

from agent import retrieval
from agent.candidates import Candidate
from agent.composing import NOT_FOUND, Answer, Citation, plain
from agent.excerpts import Excerpt
from agent.runs import proving
from agent.runs.instructions import VENDOR_INSTRUCTIONS
from agent.runs.passages import Passages
from agent.runs.sentences import Sentence, Splitter, without_links
from agent.runs.vendors import Vendor
from agent.runs.working import MOST_CALLS, Work
from integrations import embedder
from tasks.search import search as search_tasks

LONGEST_QUERY = 500
LONGEST_SHOWN = 80
MOST_TASKS = 20
REFUSED = "The model declined to answer this."
CUT = "The answer was longer than the model may write, and ends here."


@dataclass
class Talk:
    """What one model says in one run. `text` and `citations` hold only what was proven."""

    work: Work
    passages: Passages = field(default_factory=Passages)
    splitter: Splitter = field(default_factory=Splitter)
    text: str = ""
    citations: list[Citation] = field(default_factory=list)
    left_out: int = 0
    # Of what comes next: the line or paragraph that was opened by a sentence which is not shown.
    opens: Sentence | None = None
    # For what, before a page was read that could have had a say in it.
    searched: list[str] = field(default_factory=list)

    def begin(self) -> None:
        """Text before a call of a tool is thought aloud; the answer is the last text."""
        self.splitter, self.text, self.citations, self.left_out, self.opens = Splitter(), "", [], 0, None
        self.work.text, self.work.citations = "", []

    async def hear(self, piece: str) -> None:
        for sentence in self.splitter.feed(piece):
            await self._take(sentence)

    async def end(self) -> None:
        for sentence in self.splitter.finish():
            await self._take(sentence)

    async def _take(self, sentence: Sentence) -> None:
        opens = sentence if sentence.opens_line else self.opens or sentence
        excerpts = await self._proof(sentence)
        if not excerpts:
            self.left_out += bool(sentence.marks)
            self.opens = opens if opens.opens_line else None
            return
        self.opens = None
        numbers = list(dict.fromkeys(self._number(each) for each in excerpts))
        allowed = {each.candidate.url for each in excerpts if each.candidate.url}
        marks = "".join(f"[{number}]" for number in numbers)
        self.text += f"{_joint(self.text, opens)}{without_links(sentence.text, allowed)} {marks}"
        await self.work.tell(self.text, self.citations)

    async def _proof(self, sentence: Sentence) -> Sequence[Excerpt]:
        cited = [each for each in map(self.passages.get, sentence.marks) if each]
        text = without_links(sentence.text)
        if not cited or self.passages.key in text:
            return ()
        # Embedding takes the processor for a while, and other runs share this loop.
        proof = await asyncio.to_thread(
            proving.prove, text, cited, question=self.work.run.prompt, embed=embedder.default().embed
        )
        if proof is None:
            return ()
        gone = await self.work.find_gone({each.candidate.page_key for each in proof.excerpts})
        return () if any(each.candidate.page_key in gone for each in proof.excerpts) else proof.excerpts

    def _number(self, excerpt: Excerpt) -> int:
        where = (excerpt.candidate.chunk_id, excerpt.candidate.page_id, excerpt.block_id, excerpt.quote)
        for each in self.citations:
            if (each.chunk_id, each.page_id, each.block_id, each.quote) == where:
                return each.number
        self.citations.append(Citation(len(self.citations) + 1, *where))
        return len(self.citations)

    def answer(self, *, is_cut: bool) -> Answer:
        if not self.citations:
            return Answer(self._not_found(), (), grounded=False)
        text = f"{self.text}\n\n{_(CUT)}" if is_cut else self.text
        return Answer(text, tuple(self.citations), grounded=True)

    def _not_found(self) -> str:
        if not self.searched:
            return NOT_FOUND
        words = ", ".join(f"“{plain(each)}”" for each in dict.fromkeys(self.searched))
        return f"{NOT_FOUND} {_('Searched for %(words)s.') % {'words': words}}"

    def summary(self) -> str:
        if not self.left_out:
            return "Wrote the answer"
        words = ngettext(
            "Wrote the answer; %(n)d sentence was left out, since what it cites does not say it",
            "Wrote the answer; %(n)d sentences were left out, since what they cite does not say them",
            self.left_out,
        )
        return words % {"n": self.left_out}

    def give(self, candidates: Sequence[Candidate]) -> str:
        self.work.found.update({each.chunk_id: each for each in candidates})
        return self.passages.shown(candidates)


def _joint(before: str, opens: Sentence) -> str:
    if not before:
        return opens.prefix
    if opens.opens_paragraph and not opens.prefix:
        return "\n\n"
    return f"\n{opens.prefix}" if opens.opens_line else " "


async def answer(work: Work) -> Answer:
    """Raises AgentRunError or AllowanceSpent when this model has failed."""
    talk, begun = Talk(work), time.monotonic()
    try:
        async with agent.run_stream_events(
            work.run.prompt,
            deps=talk,
            model=work.model,
            message_history=_messages(work.history),
            usage_limits=UsageLimits(request_limit=MOST_CALLS, tool_calls_limit=2 * MOST_CALLS),
        ) as events:
            async for event in events:
                await work.look()
                if isinstance(event, AgentRunResultEvent):
                    is_cut = event.result.response.finish_reason == "length"
                    await talk.end()
                    await work.note("write", "Writing", talk.summary(), begun=begun)
                    return talk.answer(is_cut=is_cut)
                if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
                    talk.begin()
                    begun = time.monotonic()
                    await talk.hear(event.part.content)
                elif isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
                    await talk.hear(event.delta.content_delta)
    except ContentFilterError:
        await work.note("write", "Writing", REFUSED, begun=begun)
        return Answer(_(REFUSED), (), grounded=False)
    finally:
        if isinstance(vendor := work.model.wrapped, Vendor):
            await vendor.close()
    raise AssertionError("the agent ended without a result")


def _messages(history: Sequence[tuple[str, str]]) -> list[ModelMessage]:
    """Without the marks of other runs, which number other passages."""
    messages: list[ModelMessage] = []
    for prompt, said in history:
        messages.append(ModelRequest(parts=[UserPromptPart(prompt)]))
        messages.append(ModelResponse(parts=[TextPart(_unmarked(said))]))
    return messages


def _unmarked(said: str) -> str:
    splitter = Splitter()
    return " ".join(each.text for each in (*splitter.feed(said), *splitter.finish())) or "…"


agent: Agent[Talk, str] = Agent(deps_type=Talk, name="docent", retries=2)


@agent.instructions
def instructions(context: RunContext[Talk]) -> str:
    talk = context.deps
    return VENDOR_INSTRUCTIONS.format(key=talk.passages.key, today=talk.work.scope.today.isoformat())


@agent.tool
async def search(context: RunContext[Talk], query: str) -> str:
    """Find passages of the asker's pages, the best first. Use the words that the pages would use."""
    if context.run_step == 1:
        context.deps.searched.append(without_links(query[:LONGEST_SHOWN]))
    found = await context.deps.work.search(query[:LONGEST_QUERY])
    return context.deps.give(found.candidates)


@agent.tool
async def read_page(context: RunContext[Talk], passage: int) -> str:
    """Read the whole page that a passage is from, by the passage's number."""
    talk, begun = context.deps, time.monotonic()
    candidate = talk.passages.get(passage)
    if candidate is None:
        raise ModelRetry(f"There is no passage {passage}.")
    found = await sync_to_async(_of_pages)(talk.work, [candidate.page_key])
    await talk.work.note("read", "Read", "Read a page", begun=begun, now="Writing…")
    return talk.give(found)


@agent.tool
async def find_tasks(context: RunContext[Talk], query: str) -> str:
    """Find tasks by words and filters such as `status:done`, `due:week`, `due:overdue` or `assignee:Ana`."""
    talk, begun = context.deps, time.monotonic()
    found = await sync_to_async(_tasks)(talk.work, query[:LONGEST_QUERY], timezone.now())
    await talk.work.note("search", "Tasks", "Searched the tasks", begun=begun, now="Writing…")
    return talk.give(found)


def _tasks(work: Work, query: str, now: datetime) -> list[Candidate]:
    """Rows of Notion: what stands nowhere cannot be cited."""
    found = search_tasks(by=work.membership, text=query, now=now, limit=MOST_TASKS).found
    tasks = [each.task for each in found if each.task.connection_id and each.task.notion_page_id]
    return _of_pages(work, [(str(each.connection_id), each.notion_page_id) for each in tasks])


def _of_pages(work: Work, pages: Sequence[tuple[str, str]]) -> list[Candidate]:
    readable = {uuid.UUID(key) for key, _ in pages} & set(work.scope.connection_ids)
    work.given.search_in(readable)
    return work.given.take(retrieval.whole(work.scope, [each for each in pages if uuid.UUID(each[0]) in readable]))
