"""Sign-up and changes of plan."""

from dataclasses import dataclass
from datetime import datetime

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import schemas
from accounts.models import Membership, Role, User, Workspace
from accounts.permissions import check_can_buy
from accounts.pool import wait_for_schema
from billing.gateway import Change, gateway
from billing.models import PlanRequest, Subscription
from billing.plans import PLANS, Tier
from config.errors import AppError, InvalidField

SEATS_MOST = 500


class EmailTaken(AppError):
    """Where addresses are verified nobody may learn this: the edge then answers with what would have been made."""

    code = "email-taken"
    status = 409

    def __init__(self, registration: "Registration") -> None:
        super().__init__("There is already an account with this e-mail address. Sign in instead.")
        self.registration = registration


class UpgradeNotAllowed(AppError):
    code = "upgrade-not-allowed"
    status = 409


@dataclass(frozen=True)
class Registration:
    user: User
    membership: Membership
    subscription: Subscription


def register(*, email: str, password: str, now: datetime, name: str = "", workspace_name: str = "") -> Registration:
    """User, workspace with its schema, owner's membership and trial: all of them or none.

    Raises InvalidField for a weak password, EmailTaken, or NoSchemaReady when no schema came in time.
    """
    user = User(email=email.strip().lower(), name=name.strip(), created_at=now)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidField(" ".join(error.messages), pointer="/password", field_code="weak") from error
    user.password = make_password(password)  # the slow part stays outside the transaction
    made = _beginning(user, workspace_name.strip(), now)
    try:
        try:
            _save(made)
        except schemas.NoSchemaReady:
            wait_for_schema()
            _save(made)
    except IntegrityError as error:
        if User.objects.filter(email=user.email).exists():
            raise EmailTaken(made) from error
        raise
    return made


def _beginning(user: User, workspace_name: str, now: datetime) -> Registration:
    name = workspace_name or f"{user.name or user.email.partition('@')[0]}'s workspace"
    workspace = Workspace(name=name[:120], created_at=now)
    trial = PLANS[Tier.TRIAL].trial
    assert trial is not None
    return Registration(
        user=user,
        membership=Membership(workspace=workspace, user=user, role=Role.OWNER, joined_at=now),
        subscription=Subscription(
            workspace=workspace, trial_ends_at=now + trial, started_at=now, anchor_at=now, changed_at=now
        ),
    )


def _save(made: Registration) -> None:
    with transaction.atomic():
        made.membership.workspace.schema_name = schemas.claim()
        made.user.save(force_insert=True)
        made.membership.workspace.save(force_insert=True)
        made.membership.save(force_insert=True)
        made.subscription.save(force_insert=True)
        EmailAddress.objects.create(user=made.user, email=made.user.email, primary=True)


def allowed_upgrades(subscription: Subscription) -> tuple[Tier, ...]:
    """Upwards only; a subscription that has ended may begin again with any plan."""
    tier = Tier(subscription.tier)
    return PLANS[Tier.TRIAL].upgrades if subscription.status == Subscription.Status.CANCELED else PLANS[tier].upgrades


def upgrade(*, membership: Membership, tier: Tier, now: datetime, seats: int | None = None) -> Change:
    """Raises Forbidden, UpgradeNotAllowed with what is allowed, or InvalidField for seats that do not fit."""
    check_can_buy(membership)
    with transaction.atomic():
        subscription = Subscription.objects.select_for_update().get(workspace_id=membership.workspace_id)
        allowed = allowed_upgrades(subscription)
        if tier not in allowed:
            raise UpgradeNotAllowed(_what_is_allowed(subscription, allowed), allowed=list(allowed))
        seats = _checked_seats(membership.workspace, tier, seats)
        return gateway().change(subscription, tier=tier, seats=seats, by=membership, now=now)


def _what_is_allowed(subscription: Subscription, allowed: tuple[Tier, ...]) -> str:
    present = PLANS[Tier(subscription.tier)].name
    if not allowed:
        return f"{present} is the highest plan."
    return f"From {present} you can change to {' or '.join(PLANS[tier].name for tier in allowed)}."


def _checked_seats(workspace: Workspace, tier: Tier, seats: int | None) -> int:
    members: int = workspace.memberships.count()
    if not PLANS[tier].price_per_user_cents:
        if seats not in {None, 1}:
            raise InvalidField(f"{PLANS[tier].name} is for one person.", pointer="/seats")
        return 1
    if seats is None:
        return members
    if not members <= seats <= SEATS_MOST:
        raise InvalidField(f"Seats: from {members}, one for each member, to {SEATS_MOST}.", pointer="/seats")
    return seats


def approve(*, request_id: int, now: datetime) -> Subscription:
    """Staff says yes to a change of plan. A second yes changes nothing. Raises PlanRequest.DoesNotExist."""
    with transaction.atomic():
        request = PlanRequest.objects.select_for_update().get(pk=request_id)
        subscription = Subscription.objects.select_for_update().get(workspace_id=request.workspace_id)
        if request.decided_at is None:
            subscription.buy(Tier(request.tier), seats=request.seats, by=request.requested_by_id, now=now)
            request.decided_at, request.is_approved = now, True
            request.save(update_fields=["decided_at", "is_approved"])
    return subscription
