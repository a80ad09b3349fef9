"""The tools by which a model proposes changes of tasks. They write nothing."""

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.utils import timezone
from pydantic_ai import Agent, RunContext

from agent.proposals import understanding
from agent.proposals.understanding import Asked, Told
from config.errors import AppError

if TYPE_CHECKING:
    from agent.runs.working import Work

Understand = Callable[..., Told]


def register(agent: Agent[Any, str]) -> None:
    agent.tool(create_task)
    agent.tool(change_task)


async def create_task(
    context: RunContext[Any], title: str, due: str = "", assignee: str = "", priority: str = ""
) -> str:
    """Propose a new task, only when the user asks for one. `due`: a day, as 2026-12-04 or in the user's words."""
    return await _proposed(
        context.deps,
        lambda asked, take: understanding.create(asked, title=title, due=due, assignee=assignee, priority=priority),
    )


async def change_task(
    context: RunContext[Any],
    task: str,
    title: str = "",
    due: str = "",
    assignee: str = "",
    priority: str = "",
    status: str = "",
    done: bool | None = None,
) -> str:
    """Propose to change a task, only when the user asks for it. `task`: words of its title; `title`: a new one; `due`:
    a day, as 2026-12-04 or in the user's words, or `none`; `assignee`: a person, `me` or `nobody`."""
    change = partial(
        understanding.change,
        task=task,
        title=title,
        due=due,
        assignee=assignee,
        priority=priority,
        status=status,
        done=done,
    )
    return await _proposed(context.deps, change)


async def _proposed(work: "Work", understand: Understand) -> str:
    begun = time.monotonic()
    await work.look(at_once=True)
    told = await sync_to_async(_told)(work, understand)
    work.told = told
    await work.note("propose", "Propose", told.summary, begun=begun, now="Writing…")
    for each in told.proposals:
        # Who may hear this is not always who may see it, so it says no more.
        work.events.say("proposal", {"id": str(each)}, page=("", ""))
    return told.text


def _told(work: "Work", understand: Understand) -> Told:
    # Before its own rows are noted as given: whatever was, others wrote.
    is_tainted = bool(work.given.found_on) or work.given.is_guessed
    asked = Asked(work.run, work.membership, timezone.now(), work.proposed, is_tainted)
    work.proposed += 1
    try:
        told = understand(asked, work.given.take)
    except (AppError, understanding.NotUnderstood) as error:
        return understanding.refused(error)
    work.found.update({each.chunk_id: each for each in told.rows})
    return told
