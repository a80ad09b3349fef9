"""Changes of plan that wait for staff: asked, and decided once. Whoever calls holds the subscription's lock."""

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings

from accounts import mails
from accounts.models import Membership, Role
from accounts.zones import zone_of
from billing.models import PlanRequest, Subscription
from billing.moments import exactly
from billing.plans import PLANS, Tier, upgrade_url
from config.errors import AppError

Outcome = PlanRequest.Outcome


class AlreadyDecided(AppError):
    code = "already-decided"
    status = 409


def ask(subscription: Subscription, *, tier: Tier, seats: int, by: uuid.UUID, now: datetime) -> PlanRequest:
    """Another wish takes the place of one that waits, as a new one: a yes is to what staff saw."""
    workspace_id = subscription.workspace_id
    waiting = PlanRequest.objects.select_related("requested_by").filter(workspace_id=workspace_id, decided_at=None)
    before = waiting.first()
    if before is not None:
        if (before.tier, before.seats) == (tier, seats):
            return before
        decide(before, Outcome.WITHDRAWN, by=before.requested_by.email, now=now)
    wish = PlanRequest.objects.create(
        workspace_id=workspace_id, tier=tier, seats=seats, requested_by_id=by, requested_at=now
    )
    _tell_staff(wish, now)
    return wish


def decide(wish: PlanRequest, outcome: Outcome, *, by: str, now: datetime, reason: str = "") -> None:
    """Once; `tell` says it to the customer. Whoever comes second is told who was first. Raises AlreadyDecided."""
    changes = {"outcome": outcome, "decided_at": now, "decided_by": by, "reason": reason}
    if not PlanRequest.objects.filter(pk=wish.pk, decided_at=None).update(**changes):
        wish.refresh_from_db()
        at = f"{wish.decided_at:%Y-%m-%d %H:%M} UTC"
        raise AlreadyDecided(f"This wish was {wish.outcome} by {wish.decided_by} on {at}.{_instead(wish)}")
    wish.refresh_from_db()


def _instead(wish: PlanRequest) -> str:
    """Staff's mail names the first wish of a day, which another may have replaced."""
    waits = PlanRequest.objects.filter(workspace_id=wish.workspace_id, decided_at=None).first()
    return f" Request {waits.pk} of the same workspace waits now: {in_words(waits)}." if waits else ""


def newest(workspace_id: uuid.UUID) -> PlanRequest | None:
    return PlanRequest.objects.filter(workspace_id=workspace_id).order_by("-requested_at", "-pk").first()


def in_words(wish: PlanRequest) -> str:
    return PLANS[Tier(wish.tier)].with_seats(wish.seats)


def _tell_staff(wish: PlanRequest, now: datetime) -> None:
    """At most once a day until staff has answered, however often a wish is changed."""
    if not settings.STAFF_MAIL:
        return
    answered = PlanRequest.objects.filter(
        workspace_id=wish.workspace_id, outcome__in=[Outcome.APPROVED, Outcome.REFUSED]
    )
    mails.put(
        key=f"plan-wish:{wish.workspace_id}:{answered.count()}:{now:%Y%m%d}",
        to=settings.STAFF_MAIL,
        template="letter",
        context={
            "title": f"A wish for {in_words(wish)} waits",
            "paragraphs": [
                f"The workspace {wish.workspace_id} asks for {in_words(wish)}.",
                f"manage.py approve_plan {wish.pk} --by EMAIL says yes, with --refuse WORDS no; alone it lists them.",
            ],
        },
        now=now,
    )


def tell(wish: PlanRequest, subscription: Subscription) -> None:
    """The answer, and what is there now, to who asked; to the owners, when that person is none of them any more."""
    owners = Membership.objects.select_related("user", "workspace").filter(
        workspace_id=wish.workspace_id, role=Role.OWNER, user__is_active=True
    )
    asker = [owner for owner in owners if owner.user_id == wish.requested_by_id]
    for owner in asker or owners:
        mails.put(
            key=f"plan-answer:{wish.pk}:{owner.user_id}",
            to=owner.user.email,
            template="letter",
            context=_letter(wish, subscription, owner),
            user_id=owner.user_id,
            workspace_id=wish.workspace_id,
            now=wish.decided_at,
        )


def _letter(wish: PlanRequest, subscription: Subscription, owner: Membership) -> dict[str, Any]:
    what, workspace = in_words(wish), owner.workspace.name
    asked = f"You asked for {what} for {workspace} on {exactly(wish.requested_at, zone_of(owner.user))}."
    if wish.outcome == Outcome.APPROVED:
        given = PLANS[Tier(subscription.tier)].with_seats(subscription.seats)
        title, paragraphs = f"{workspace} is on {given} now", [asked, "It is yours from now on."]
    else:
        title, paragraphs = f"Your wish for {what} was refused", [asked, f"Our answer: {wish.reason}"]
    return {
        "title": title,
        "paragraphs": paragraphs,
        "url": upgrade_url(),
        "action": "See the plan",
        "footnote": "You get this as an owner of the workspace.",
    }
