"""Changes of plan that wait for staff: asked, and decided once. Whoever calls holds the subscription's lock."""

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings

from accounts import audit, mails
from accounts.models import PRESENT, AuditAction, Membership, Role, User
from accounts.zones import zone_of
from billing.models import PlanRequest, Subscription
from billing.moments import exactly
from billing.plans import PLANS, Tier, plan_url
from config.errors import AppError

Outcome = PlanRequest.Outcome


class AlreadyDecided(AppError):
    code = "already-decided"
    status = 409


def ask(
    subscription: Subscription, *, tier: Tier, seats: int, is_fixed: bool, by: uuid.UUID, now: datetime
) -> PlanRequest:
    """Another wish takes the place of one that waits, as a new one: a yes is to what staff saw."""
    workspace_id = subscription.workspace_id
    before = waiting(workspace_id)
    if before is not None:
        if is_for(before, tier=tier, seats=seats, is_fixed=is_fixed):
            return before
        instead = PLANS[tier].with_seats(seats)
        withdraw_older(subscription, by=User.objects.get(pk=by), deed=f"asked for {instead} instead", now=now)
    wish = PlanRequest.objects.create(
        workspace_id=workspace_id, tier=tier, seats=seats, is_fixed=is_fixed, requested_by_id=by, requested_at=now
    )
    after = {"tier": tier, "seats": seats}
    audit.record(AuditAction.PLAN_ASKED, workspace_id=workspace_id, by=wish.requested_by, after=after)
    _tell_staff(wish, now)
    return wish


def decide(wish: PlanRequest, outcome: Outcome, *, by: str, now: datetime, reason: str = "") -> None:
    """Once; `tell` says it to the customer. Whoever comes second is told who was first. Raises AlreadyDecided."""
    changes = {"outcome": outcome, "decided_at": now, "decided_by": by, "reason": reason}
    if not PlanRequest.objects.filter(pk=wish.pk, decided_at=None).update(**changes):
        wish.refresh_from_db()
        at = f"{wish.decided_at:%Y-%m-%d %H:%M} UTC"
        why = f" {wish.reason}" if wish.outcome == Outcome.WITHDRAWN and wish.reason else ""
        raise AlreadyDecided(f"This wish was {wish.outcome} by {wish.decided_by} on {at}.{why}{_instead(wish)}")
    wish.refresh_from_db()
    audit.record(
        AuditAction.PLAN_REQUEST_DECIDED,
        workspace_id=wish.workspace_id,
        before={"tier": wish.tier, "seats": wish.seats},
        after={"outcome": outcome, **({"reason": reason} if reason else {})},
    )


def withdraw_older(subscription: Subscription, *, by: User, deed: str, now: datetime) -> None:
    """With a later choice that applies: a yes to what was asked for before would undo it. `deed`: what was chosen, as
    the other owners read it."""
    wish = waiting(subscription.workspace_id)
    if wish is None:
        return
    decide(wish, Outcome.WITHDRAWN, by=by.email, now=now)
    tell(wish, subscription, by=by, deed=deed)


def catch_up(subscription: Subscription, now: datetime) -> None:
    """What the clock has made true of the plan, and of a wish for more seats of one that is over by it."""
    tier, turned_at = Tier(subscription.tier), subscription.pending_at
    subscription.catch_up(now)
    if turned_at is not None and turned_at <= now:
        with audit.acting(audit.SYSTEM):
            withdraw_with_plan(subscription, tier, over_at=turned_at, by="the clock", now=now)


def withdraw_with_plan(
    subscription: Subscription, tier: Tier, *, by: str, now: datetime, over_at: datetime | None = None
) -> None:
    """More seats were asked for on a plan that was `tier` until `over_at`: a yes would bring it back. What was asked
    for since is another matter, as is a larger plan."""
    wish = waiting(subscription.workspace_id)
    if wish is not None and wish.tier == tier and (over_at is None or wish.requested_at < over_at):
        reason = f"The {PLANS[tier].name} plan that it was for is over."
        decide(wish, Outcome.WITHDRAWN, by=by, now=now, reason=reason)
        tell(wish, subscription)


def _instead(wish: PlanRequest) -> str:
    """Staff's mail names the first wish of a day, which another may have replaced."""
    waits = waiting(wish.workspace_id)
    return f" Request {waits.pk} of the same workspace waits now: {in_words(waits)}." if waits else ""


def waiting(workspace_id: uuid.UUID) -> PlanRequest | None:
    return PlanRequest.objects.select_related("requested_by").filter(workspace_id=workspace_id, decided_at=None).first()


def is_for(wish: PlanRequest | None, *, tier: Tier, seats: int, is_fixed: bool) -> bool:
    return wish is not None and (wish.tier, wish.seats, wish.is_fixed) == (tier, seats, is_fixed)


def is_withdrawn(subscription: Subscription) -> bool:
    """The newest, and no other waits."""
    wish = newest(subscription.workspace_id)
    return wish is not None and wish.outcome == Outcome.WITHDRAWN


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


def tell(wish: PlanRequest, subscription: Subscription, *, by: User | None = None, deed: str = "") -> None:
    """The answer, and what is there now, to all owners: several may have asked the same. `by`: who need not hear it."""
    owners = Membership.objects.select_related("user", "workspace").filter(
        PRESENT, workspace_id=wish.workspace_id, role=Role.OWNER
    )
    for owner in owners.exclude(user=by) if by else owners:
        mails.put(
            key=f"plan-answer:{wish.pk}:{owner.user_id}",
            to=owner.user.email,
            template="letter",
            context=_letter(wish, subscription, owner, deed),
            user_id=owner.user_id,
            workspace_id=wish.workspace_id,
            now=wish.decided_at,
        )


def _letter(wish: PlanRequest, subscription: Subscription, owner: Membership, deed: str) -> dict[str, Any]:
    what, workspace = in_words(wish), owner.workspace.name
    is_theirs = owner.user_id == wish.requested_by_id
    who, whose = ("You", "Your") if is_theirs else (wish.requested_by.email, "The")
    asked = f"{who} asked for {what} for {workspace} on {exactly(wish.requested_at, zone_of(owner.user))}."
    if wish.outcome == Outcome.APPROVED:
        given = PLANS[Tier(subscription.tier)].with_seats(subscription.seats)
        title, paragraphs = f"{workspace} is on {given} now", [asked, "It is yours from now on."]
    elif wish.outcome == Outcome.WITHDRAWN:
        since = wish.reason or f"{wish.decided_by} has {deed} since."
        title, paragraphs = f"{whose} wish for {what} was withdrawn", [asked, since]
    else:
        title, paragraphs = f"{whose} wish for {what} was refused", [asked, f"Our answer: {wish.reason}"]
    return {
        "title": title,
        "paragraphs": paragraphs,
        "url": plan_url(owner.workspace_id),
        "action": "See the plan",
        "footnote": "You get this as an owner of the workspace.",
    }
