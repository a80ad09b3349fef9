"""The Ask pages: a new question, a conversation, all conversations. They work without a script by reloading."""

import uuid
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django_htmx.middleware import HtmxDetails

from accounts import typed
from accounts.edge import MemberPage
from accounts.models import Connection
from agent import conversations, listening
from agent.models import Conversation, Run
from agent.runs import ending, offered, services, shown
from agent.sync import coverage
from agent.views.proposals import cards
from agent.views.suggesting import suggestions
from billing import hearing
from billing.models import Subscription
from billing.permissions import can_change, can_use
from billing.plans import Feature
from config import paging
from config.errors import AppError
from config.handover import Mode

REASONS = ("wrong", "incomplete", "bad source", "other")


class AskPage(MemberPage):
    schema_of_view = "workspace"

    def readable(self) -> list[uuid.UUID]:
        return list(Connection.objects.readable_by(self.membership).values_list("id", flat=True))

    def cannot_ask(self) -> str:
        if not self.readable():
            return _("Connect Notion to ask questions")
        return "" if can_change(self.membership) else _("Nothing can be asked at present")

    def ask(self, conversation_id: uuid.UUID | None = None) -> Run:
        return services.ask(
            membership=self.membership,
            prompt=self.request.POST.get("prompt", ""),
            conversation_id=conversation_id,
            now=timezone.now(),
        )


class Ask(AskPage):
    """An empty conversation. Asking makes one and leads to it."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(draft=typed.take(request) or request.GET.get("q", ""))

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            run = self.ask()
        except AppError as error:
            hearing.ask_soon(error, membership=self.membership, now=timezone.now())
            return self.show(draft=request.POST.get("prompt", ""), refusal=error)
        return redirect("conversation", run.conversation_id)

    def show(self, *, draft: str, refusal: AppError | None = None) -> HttpResponse:
        context = {
            "section": "ask",
            "turns": [],
            "draft": draft[: services.LONGEST_PROMPT],
            "suggestions": suggestions(self.membership),
            "cannot_ask": self.cannot_ask(),
            "notice": notice(refusal) if refusal else None,
        }
        return render(self.request, "agent/ask.html", context, status=refusal.status if refusal else 200)


class OneConversation(AskPage):
    """A conversation and its next question."""

    def get(self, request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
        conversation = conversations.get(membership=self.membership, conversation_id=conversation_id)
        return self.show(conversation, draft=typed.take(request))

    def post(self, request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
        action = request.POST.get("action", "")
        if action in ACTIONS:
            conversation = conversations.get_own(membership=self.membership, conversation_id=conversation_id)
            return ACTIONS[action](self, conversation)
        try:
            self.ask(conversation_id)
        except (services.NoConversation, services.NotYours):
            raise
        except AppError as error:
            hearing.ask_soon(error, membership=self.membership, now=timezone.now())
            conversation = conversations.get(membership=self.membership, conversation_id=conversation_id)
            return self.show(conversation, draft=request.POST.get("prompt", ""), refusal=error)
        return redirect("conversation", conversation_id)

    def show(self, conversation: Conversation, *, draft: str = "", refusal: AppError | None = None) -> HttpResponse:
        is_mine = conversation.owner_id == self.membership.user_id
        runs = conversations.turns(conversation, membership=self.membership)
        proposed = cards(runs, by=self.membership)
        live = next((run for run in reversed(runs) if not run.is_over), None)
        context = {
            "section": "ask",
            "conversation": conversation,
            "turns": [turn(run, is_mine=is_mine, proposals=proposed.get(run.pk, [])) for run in runs],
            "live": live,
            "covered": coverage.in_short(coverage.searchable(self.readable())),
            "is_mine": is_mine,
            "can_share": is_mine and self.can_share(conversation),
            "source_count": sum(len(run.citations) for run in runs),
            "last_prompt": runs[-1].prompt if runs else "",
            "draft": draft,
            "cannot_ask": self.cannot_ask() if is_mine else "",
            "notice": notice(refusal) if refusal else None,
        }
        return render(self.request, "agent/ask.html", context, status=refusal.status if refusal else 200)

    def can_share(self, conversation: Conversation) -> bool:
        subscription = Subscription.objects.get(workspace_id=self.membership.workspace_id)
        return conversation.is_shared or can_use(subscription, Feature.SHARED_CONVERSATIONS)

    def rename(self, conversation: Conversation) -> HttpResponse:
        conversations.rename(conversation, title=self.request.POST.get("title", ""))
        return redirect("conversation", conversation.pk)

    def share(self, conversation: Conversation) -> HttpResponse:
        is_shared = self.request.POST["action"] == "share"
        conversations.share(conversation, membership=self.membership, is_shared=is_shared)
        return redirect("conversation", conversation.pk)

    def remove(self, conversation: Conversation) -> HttpResponse:
        conversations.delete(conversation, workspace_id=self.membership.workspace_id, now=timezone.now())
        messages.success(self.request, _("The conversation was deleted."))
        return redirect("conversations")

    def export(self, conversation: Conversation) -> HttpResponse:
        text = conversations.as_markdown(conversation, conversations.turns(conversation, membership=self.membership))
        response = HttpResponse(text, content_type="text/markdown; charset=utf-8")
        name = slugify(conversation.title) or "conversation"
        response["Content-Disposition"] = f'attachment; filename="{name}.md"'
        return response


ACTIONS = {
    "rename": OneConversation.rename,
    "share": OneConversation.share,
    "unshare": OneConversation.share,
    "delete": OneConversation.remove,
    "export": OneConversation.export,
}


class Conversations(MemberPage):
    schema_of_view = "workspace"

    def get(self, request: HttpRequest) -> HttpResponse:
        q = request.GET.get("q", "").strip()[:200]
        rows = conversations.readable(self.membership)
        if q:
            rows = rows.filter(title__icontains=q)
        found = paging.piece(rows, request.GET, by="updated_at", newest_first=True)
        mine = self.membership.user_id
        names = conversations.names(row.owner_id for row in found.rows if row.owner_id != mine)
        context = {
            "section": "ask",
            "conversations": [
                {
                    "id": row.id,
                    "title": row.title,
                    "updated_at": row.updated_at,
                    "is_shared": row.is_shared,
                    "by": names.get(row.owner_id, ""),
                }
                for row in found.rows
            ],
            "total": rows.count(),
            "q": q,
            "next_url": f"?{urlencode({'q': q, 'cursor': found.next})}" if found.next else "",
        }
        return render(request, "agent/conversations.html", context)


class Stop(MemberPage):
    schema_of_view = "workspace"

    def post(self, request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
        run = services.stop(membership=self.membership, run_id=run_id, now=timezone.now())
        return redirect("conversation", run.conversation_id)


class Feedback(MemberPage):
    schema_of_view = "workspace"

    def post(self, request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
        rating = request.POST.get("rating", "")
        parts = [request.POST.get("reason", ""), request.POST.get("note", "").strip()]
        run = services.rate(
            membership=self.membership,
            run_id=run_id,
            rating=rating if rating in {"good", "bad"} else "",
            reason=": ".join(part for part in parts if part),
        )
        if HtmxDetails(request):
            return HttpResponse(status=204)
        messages.success(request, _("Thank you, this was noted."))
        return redirect("conversation", run.conversation_id)


class Events(MemberPage):
    """What a page shows of a run while it works."""

    schema_of_view = "workspace"

    def get(self, request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
        run = services.get(membership=self.membership, run_id=run_id)
        return listening.answer(request, run, by=self.membership, mode=Mode.PAGE)


def turn(run: Run, *, is_mine: bool, proposals: list[dict[str, Any]]) -> dict[str, Any]:
    steps = list(run.steps.all())
    # Kept as text; a page says how long ago that was.
    run.citations = [{**each, "edited_at": parse_datetime(each["edited_at"] or "")} for each in run.citations]
    return {
        "run": run,
        "anchor": shown.anchor(run),
        "is_live": not run.is_over,
        "is_keyless": run.model == offered.KEYLESS,
        "now": _("Writing…") if steps else _("Searching…"),
        "steps": steps,
        "steps_line": _steps_line(run, [step.summary for step in steps if step.kind != "write"]),
        "hosts": sorted({urlsplit(each["url"]).hostname or "" for each in run.citations} - {""}),
        "can_rate": is_mine,
        "can_ask": is_mine,
        "reasons": [(value, _(value.capitalize())) for value in REASONS],
        "proposals": proposals,
        "problem": _problem(run),
    }


def _steps_line(run: Run, done: list[str]) -> str:
    said = " · ".join(done) or _("Nothing was searched")
    if run.finished_at is None or run.started_at is None:
        return said
    return f"{said} · {(run.finished_at - run.started_at).total_seconds():.1f}\u00a0s"


def _problem(run: Run) -> dict[str, Any] | None:
    if run.status != Run.Status.FAILED:
        return None
    words = _("The answer could not be finished. Your question was not counted.")
    text = run.error if run.error != ending.TROUBLE else ""
    url = reverse("plan") if run.error == ending.NOT_ENOUGH else ""
    return {"tone": "bad", "text": f"{words} {text}".strip(), "url": url, "action": _("Compare plans")}


def notice(refusal: AppError) -> dict[str, Any]:
    said: dict[str, Any] = {"tone": "bad", "text": refusal.detail, "url": "", "action": ""}
    if refusal.extra.get("upgrade_url") and refusal.code == "quota-exceeded":
        said |= {"url": refusal.extra["upgrade_url"], "action": _("Compare plans")}
    elif refusal.retry_after is not None and refusal.retry_after < 120:
        said |= {"tone": "warn", "wait_seconds": int(refusal.retry_after) + 1}
    return said
