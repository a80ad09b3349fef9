"""A run at work: the agent, its tools, and the record of what it does. No tool writes: what is to be written is
proposed."""

import asyncio
import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from pydantic_ai import Agent, RunContext
from pydantic_ai.exceptions import AgentRunError
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

from accounts import background
from accounts.models import Membership
from agent import keyless, picking, retrieval
from agent.candidates import Candidate, PageKey, SearchResult
from agent.composing import Answer, Citation
from agent.events import Events, dumps
from agent.live.checking import Check
from agent.models import Run, Step
from agent.proposals import tools
from agent.proposals.understanding import Told
from agent.runs import shown
from agent.runs.allowance import AllowanceSpent, Bounded
from agent.runs.citing import checked
from agent.runs.given import Given
from agent.runs.instructions import INSTRUCTIONS
from agent.runs.models import Choice
from agent.runs.writing import Writing

log = logging.getLogger(__name__)
MOST_CALLS = 8
LOOK_SECONDS = 0.25
WATCH_SECONDS = 2.0


class Stopped(Exception):
    """Who asked wants no more."""


@dataclass
class Work:
    """Database work is done in the caller's thread, where the workspace is active (`sync_to_async` sees to it)."""

    run: Run
    membership: Membership
    scope: retrieval.Scope
    events: Events
    choice: Choice
    coverage: dict[str, Any]
    tokens: int
    history: Sequence[tuple[str, str]]
    given: Given
    # Those that take over when this one fails.
    others: Sequence[Choice] = ()
    text: str = ""
    citations: list[dict[str, Any]] = field(default_factory=list)
    grounded: bool | None = None
    first_word_at: datetime | None = None
    found: dict[str, Candidate] = field(default_factory=dict)
    counts: bool = False
    steps: int = 0
    looked_at: float = 0.0
    # By models that failed.
    input_before: int = 0
    output_before: int = 0
    # What a tool that proposes has said, and how often one was called.
    told: Told | None = None
    proposed: int = 0

    @cached_property
    def model(self) -> Bounded:
        return Bounded(
            self.choice.make(self.find_gone),
            tokens=self.tokens - self.input_before - self.output_before,
            reading_costs=self.choice.reading_costs,
            vendor=self.choice.provider,
        )

    @cached_property
    def writing(self) -> Writing:
        return Writing(self.events, shown.anchor(self.run))

    @cached_property
    def check(self) -> Check:
        return Check(self.membership)

    async def find_gone(self, quoted: Collection[PageKey]) -> Collection[PageKey]:
        return await sync_to_async(self.check.find_gone)(quoted)

    @property
    def input_tokens(self) -> int:
        return self.input_before + self.model.input_tokens

    @property
    def output_tokens(self) -> int:
        return self.output_before + self.model.output_tokens

    @property
    def has_called(self) -> bool:
        return self.input_tokens + self.output_tokens > 0

    async def perform(self) -> None:
        async with asyncio.timeout(settings.RUN_TIME_LIMIT):
            await self.look(at_once=True)
            answer = await self._watched()
            await self._end(answer)

    async def _watched(self) -> Answer:
        """A model may be silent for longer than the lease, so who watches is not who listens to it."""
        working, watching = asyncio.ensure_future(self._converse()), asyncio.ensure_future(self._watch())
        both = (working, watching)
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()
            return working.result()
        finally:
            for each in both:
                each.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _watch(self) -> None:
        """Ends only by what it sees: a stop, or another worker that took over."""
        while True:
            await asyncio.sleep(min(WATCH_SECONDS, settings.RUN_LEASE_SECONDS / 3))
            await self.look()

    async def _converse(self) -> Answer:
        while True:
            try:
                return await self._answer()
            except (AgentRunError, AllowanceSpent) as error:
                if not self.others:
                    raise
                log.warning("%s failed run %s: %s", self.choice.name, self.run.pk, type(error).__name__)
                await self._hand_over()

    async def _answer(self) -> Answer:
        if self.choice.provider is None:
            return await self._quote()
        # Loads the vendors' libraries.
        from agent.runs import talking

        return await talking.answer(self)

    async def _hand_over(self) -> None:
        failed, begun = self.choice.name, time.monotonic()
        self.input_before, self.output_before = self.input_tokens, self.output_tokens
        self.choice, *self.others = self.others
        self.__dict__.pop("model", None)
        self.text, self.citations = "", []
        await self.note("fallback", "Model", f"{failed} did not answer; {self.choice.name} is asked", begun=begun)

    async def _quote(self) -> Answer:
        begun = time.monotonic()
        async with agent.run_stream_events(
            self.run.prompt,
            deps=self,
            model=self.model,
            message_history=_messages(self.history),
            usage_limits=UsageLimits(request_limit=MOST_CALLS, tool_calls_limit=MOST_CALLS),
        ) as events:
            async for event in events:
                await self.look()
                if isinstance(event, AgentRunResultEvent):
                    await self.note("write", "Writing", "Wrote the answer", begun=begun)
                    result = event.result
                    return _cited(result.all_messages()) or Answer(result.output, (), grounded=False)
                if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
                    # Text before a tool call is thought aloud; the answer is the last text.
                    self.text = ""
                    begun = time.monotonic()
                    self._write(event.part.content)
                elif isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
                    self._write(event.delta.content_delta)
        raise AssertionError("the agent ended without a result")

    def _write(self, piece: str) -> None:
        if piece and self.first_word_at is None:
            self.first_word_at = timezone.now()
        self.text += piece
        self.writing.show(self.text)

    async def tell(self, text: str, citations: Sequence[Citation]) -> None:
        """What is proven so far: of a run that is stopped it stays, with its sources."""
        self.citations = self._checked(citations)
        self._write(text.removeprefix(self.text))

    def _checked(self, citations: Sequence[Citation]) -> list[dict[str, Any]]:
        return checked(citations, self.found, changed=self.check.changed, unseen=self.check.not_seen)

    async def _end(self, answer: Answer) -> None:
        self.text = answer.text
        if self.told is not None:
            self.citations = checked(self.told.citations, self.found)
            self.grounded = self.told.is_grounded
        else:
            self.citations = self._checked(answer.citations)
            self.grounded = answer.grounded and bool(self.citations)
            self.text += await sync_to_async(self._missing)()
        pages = {(each["connection_id"], each["page_id"]) for each in self.citations}
        if remarks := self.check.remarks(pages):
            self.text = f"{self.text}\n\n{remarks}"
        self.writing.finish(self.text)
        for citation in self.citations:
            self.events.say("citation", shown.citation_json(citation))

    def _searchable(self) -> str:
        words = ngettext(
            "%(searchable)d of %(known)d known page is searchable.",
            "%(searchable)d of %(known)d known pages are searchable.",
            self.coverage["known"],
        )
        return words % {**self.coverage, "searchable": self.coverage["indexed"] + self.coverage["older"]}

    def _missing(self) -> str:
        """What is said of pages that were not read, which may say something else."""
        unread = retrieval.unread(self.scope)
        if not (self.grounded and self.counts):
            is_missing = self.coverage["missing"] and not self.coverage["complete"]
            missing = unread or (self._searchable() if is_missing else "")
            between = "\n\n" if self.grounded else " "
            return f"{between}{missing}" if missing else ""
        if self.coverage["complete"]:
            return ""
        pages = self._searchable()
        if not self.coverage["missing"]:
            pages = _("there may be pages that are not known yet.")
        if older := self.coverage["older"]:
            read_before = ngettext(
                "%(n)d of them is answered from as it was read before.",
                "%(n)d of them are answered from as they were read before.",
                older,
            )
            pages = f"{pages} {read_before % {'n': older}}"
        words = _("This may not be all: %(pages)s") % {"pages": unread or pages}
        return f"\n\n{words}"

    async def look(self, *, at_once: bool = False) -> None:
        """Between steps and now and then while writing: was the run stopped, and is it still ours?"""
        now = time.monotonic()
        if at_once or now - self.looked_at > LOOK_SECONDS:
            self.looked_at = now
            await sync_to_async(self._look)()

    def _look(self) -> None:
        background.renew_lease()
        if Run.objects.filter(pk=self.run.pk, stop_requested_at=None).exists():
            return
        raise Stopped

    async def note(self, kind: str, name: str, summary: str, *, begun: float, now: str = "") -> None:
        """A step that is done; `now` says on a page what comes next."""
        spent = int((time.monotonic() - begun) * 1000)
        step = Step(run=self.run, ordinal=self.steps, kind=kind, name=name, summary=summary[:500], milliseconds=spent)
        self.steps += 1
        # Over that of a worker which held the run before and has not noticed yet that it lost it.
        await sync_to_async(Step.objects.bulk_create)(
            [step],
            update_conflicts=True,
            unique_fields=["run", "ordinal"],
            update_fields=["kind", "name", "summary", "milliseconds"],
        )
        said = {"ordinal": step.ordinal, **shown.step_json(step)}
        self.events.say("step", said, page=("step", dumps({**said, "now": now})))

    async def search(self, query: str) -> SearchResult:
        begun = time.monotonic()
        await self.look(at_once=True)
        found = await sync_to_async(self._search)(query)
        self.found.update({each.chunk_id: each for each in found.result.candidates})
        self.counts = self.counts or picking.lists(query) or found.result.picks_rows
        await self.note("search", "Search", _search_summary(found, self.scope), begun=begun, now="Writing…")
        await self.look(at_once=True)
        return found.result

    def _search(self, query: str) -> retrieval.Found:
        self.given.search_in(self.scope.connection_ids)
        found = retrieval.search(self.scope, query)
        there = self.given.take(found.result.candidates)
        return replace(found, result=found.result.model_copy(update={"candidates": there}))


def _search_summary(found: retrieval.Found, scope: retrieval.Scope) -> str:
    if scope.is_empty:
        return "No source is connected"
    pages = len({each.page_id for each in found.result.candidates})
    words = f"Searched {_counted(scope.source_count, 'source')}, found {_counted(pages, 'page')}"
    if found.is_index_lost:
        return f"{words}, {'partly ' if found.is_by_meaning else ''}by words alone: the index is being restored"
    return words if found.is_by_meaning else f"{words}, by words alone: the search by meaning is away"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _cited(messages: Sequence[ModelMessage]) -> Answer | None:
    last = messages[-1] if messages else None
    return keyless.answer_of(last) if isinstance(last, ModelResponse) else None


def _messages(history: Sequence[tuple[str, str]]) -> list[ModelMessage]:
    messages: list[ModelMessage] = []
    for prompt, answer in history:
        messages.append(ModelRequest(parts=[UserPromptPart(prompt)]))
        messages.append(ModelResponse(parts=[TextPart(answer)]))
    return messages


agent: Agent[Work, str] = Agent(deps_type=Work, instructions=INSTRUCTIONS, name="docent")


@agent.tool
async def search(context: RunContext[Work], query: str) -> SearchResult:
    """Passages of the connected pages that may answer the query, the best first."""
    return await context.deps.search(query)


tools.register(agent)
