"""Asking, stopping, rating and reading runs."""

import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import background
from accounts.models import Membership
from accounts.names import cleaned
from accounts.permissions import check_can_ask
from agent import events
from agent.models import Conversation, Run
from agent.runs import ending, forgetting, reading
from config.errors import AppError, InvalidField
from usage import services as usage

LONGEST_PROMPT = 4_000
LONGEST_TITLE = 80
LONGEST_REASON = 1_000


class NoRun(AppError):
    code = "not-found"
    status = 404


class NoConversation(AppError):
    code = "not-found"
    status = 404


class NotYours(AppError):
    """Shared with the workspace means: to read."""

    code = "forbidden"
    status = 403


def ask(
    *,
    membership: Membership,
    prompt: str,
    now: datetime,
    conversation_id: uuid.UUID | None = None,
    key: str | None = None,
    api_key_id: uuid.UUID | None = None,
) -> Run:
    """Hold quota, keep the question and have it answered by a worker: all of it or nothing.

    The same `key` of the same member finds its run again. Raises what `usage.services` raises when it
    admits and holds.
    """
    from agent.jobs import run as job

    check_can_ask(membership)
    prompt = checked_prompt(prompt)
    conversation = _conversation(membership, conversation_id, prompt, now)
    usage.admit(membership=membership, now=now, api_key_id=api_key_id)
    with transaction.atomic():
        run = Run(conversation=conversation, owner_id=membership.user_id, prompt=prompt, created_at=now)
        held = usage.hold(
            membership=membership,
            key=f"run:{key or run.id}",
            now=now,
            at_least=least_tokens(prompt),
            api_key_id=api_key_id,
        )
        if key is not None and (earlier := Run.objects.filter(hold_id=held.pk).first()):
            return earlier
        if conversation._state.adding:
            conversation.save(force_insert=True)
        else:
            Conversation.objects.filter(pk=conversation.pk).update(updated_at=now)
        run.hold_id = held.pk
        run.save(force_insert=True)
        background.enqueue(job, workspace_id=membership.workspace_id, key=str(run.id), run_id=str(run.id))
    return run


def least_tokens(prompt: str) -> int:
    """What bounds every run of the keyless model: its question costs at most its characters, and then there is room
    for a short answer (docs/billing.md)."""
    return usage.LEAST_RUN_TOKENS + len(prompt)


def checked_prompt(prompt: str) -> str:
    # A browser counts a line break as one character and sends two.
    prompt = prompt.replace("\r\n", "\n").strip()
    if not cleaned(prompt):
        raise InvalidField("Ask something.", pointer="/prompt", field_code="blank")
    if len(prompt) > LONGEST_PROMPT:
        raise InvalidField(
            f"A question may have {LONGEST_PROMPT:,} characters.", pointer="/prompt", field_code="max_length"
        )
    if "\x00" in prompt:
        raise InvalidField("Null characters are not allowed.", pointer="/prompt", field_code="null")
    return prompt


def _conversation(
    membership: Membership, conversation_id: uuid.UUID | None, prompt: str, now: datetime
) -> Conversation:
    if conversation_id is None:
        return Conversation(owner_id=membership.user_id, title=_title(prompt), created_at=now, updated_at=now)
    conversation = readable_conversations(membership).filter(pk=conversation_id).first()
    if conversation is None:
        raise NoConversation("There is no such conversation.")
    if conversation.owner_id != membership.user_id:
        raise NotYours("This conversation was shared with you to read. Begin one of your own.")
    return conversation


def _title(prompt: str) -> str:
    line = " ".join(prompt.split())
    return line if len(line) <= LONGEST_TITLE else f"{line[: LONGEST_TITLE - 1].rsplit(' ', 1)[0]}…"


def readable_conversations(membership: Membership) -> QuerySet[Conversation]:
    """The member's own, and what others shared with the workspace."""
    return Conversation.objects.filter(Q(owner_id=membership.user_id) | Q(is_shared=True))


def get(*, membership: Membership, run_id: uuid.UUID) -> Run:
    run = (
        Run.objects.select_related("conversation")
        .filter(Q(owner_id=membership.user_id) | Q(conversation__is_shared=True), pk=run_id)
        .first()
    )
    if run is None:
        raise NoRun("There is no such run.")
    return reading.as_seen([run], by=membership)[0]


def get_own(*, membership: Membership, run_id: uuid.UUID) -> Run:
    run = get(membership=membership, run_id=run_id)
    if run.owner_id != membership.user_id:
        raise NotYours("Only who asked may do this.")
    return run


def stop(*, membership: Membership, run_id: uuid.UUID, now: datetime) -> Run:
    """Ask the worker to stop; what was written so far stays. A run that is over is not changed."""
    run = get_own(membership=membership, run_id=run_id)
    Run.objects.filter(pk=run.pk, stop_requested_at=None, finished_at=None).update(stop_requested_at=now)
    if run.status == Run.Status.QUEUED:
        # No worker would look for a while; the one that comes finds the run over.
        ending.finish(run, Run.Status.STOPPED)
    run.refresh_from_db()
    return run


def rate(*, membership: Membership, run_id: uuid.UUID, rating: str, reason: str = "") -> Run:
    """Good or bad, and why; the later word counts. An empty rating takes it back."""
    run = get_own(membership=membership, run_id=run_id)
    run.rating, run.rating_reason = rating, reason.strip()[:LONGEST_REASON] if rating else ""
    run.save(update_fields=["rating", "rating_reason"])
    return run


def resting_on(connection_id: uuid.UUID) -> QuerySet[Run]:
    """Runs whose answers may say something of it. Where that was not noted, all that cite nothing."""
    cites = Q(citations__contains=[{"connection_id": str(connection_id)}])
    unknown = Q(found_in=None, citations=[]) & ~Q(answer="")
    return Run.objects.filter(cites | Q(found_in__contains=[connection_id]) | unknown)


def forget_quotes(connection_id: uuid.UUID, *, workspace_id: uuid.UUID) -> None:
    """Blank what answers say of a connection that was ended. The numbers and the questions stay."""
    which = {"connection_id": str(connection_id)}
    resting = resting_on(connection_id)
    events.close(workspace_id, list(resting.filter(status__in=Run.OPEN).values_list("pk", flat=True)))
    for key in list(resting.exclude(status__in=Run.OPEN).values_list("pk", flat=True)):
        _forget_in(key, connection_id, which)
    # Whoever still listens to one that is over is told what is left of it.
    events.erase(workspace_id, list(_lately().values_list("pk", flat=True)))


@transaction.atomic
def _forget_in(run_id: uuid.UUID, connection_id: uuid.UUID, which: dict[str, str]) -> None:
    """Under its lock: another connection may be ended, or a page erased, at the same time."""
    for run in Run.objects.select_for_update().filter(pk=run_id):
        is_cited = any(which.items() <= citation.items() for citation in run.citations)
        if run.answer and (is_cited or not run.citations):
            run.answer = reading.without_quotes(run)
        run.citations = [forgetting.blanked(each, which) for each in run.citations]
        run.found_in = [key for key in run.found_in or () if key != connection_id]
        run.save(update_fields=["citations", "answer", "found_in"])


def are_left(connection_id: uuid.UUID, *, workspace_id: uuid.UUID) -> bool:
    """Whether an answer, or what was told of it while it was written, still says something of that connection."""
    which = {"connection_id": str(connection_id)}
    for run in resting_on(connection_id).iterator():
        mine = [each for each in run.citations if which.items() <= each.items()]
        if not mine or any(forgetting.blanked(each, which) != each for each in mine):
            return True
    cited = Run.objects.filter(citations__contains=[which])
    return events.are_kept(workspace_id, list(cited.values_list("pk", flat=True)))


def _lately() -> QuerySet[Run]:
    """Of those that were over before nothing is told any more."""
    return Run.objects.filter(finished_at__gt=timezone.now() - 2 * events.KEPT)
