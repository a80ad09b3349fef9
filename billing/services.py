"""Sign-up."""

from dataclasses import dataclass
from datetime import datetime

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import schemas, zones
from accounts.models import Membership, Role, User, Workspace
from accounts.names import cleaned
from accounts.pool import with_schema
from billing import one_trial
from billing.models import Subscription
from billing.plans import PLANS, Tier
from config.errors import AppError, InvalidField


class EmailTaken(AppError):
    """Where addresses are verified nobody may learn this: the edge then answers with what would have been made."""

    code = "email-taken"
    status = 409

    def __init__(self, registration: "Registration") -> None:
        super().__init__("There is already an account with this e-mail address. Sign in instead.")
        self.registration = registration


@dataclass(frozen=True)
class Registration:
    user: User
    membership: Membership
    subscription: Subscription


def register(
    *, email: str, password: str, now: datetime, name: str = "", workspace_name: str = "", zone: str = ""
) -> Registration:
    """User, workspace with its schema, owner's membership and trial: all of them or none.

    Raises InvalidField for a weak password or an impossible address, EmailTaken, or NoSchemaReady when no schema came
    in time.
    """
    zone = zone if zone in zones.names() else zones.UTC
    user = User(email=kept_address(email), name=cleaned(name), timezone=zone, created_at=now)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidField(" ".join(error.messages), pointer="/password", field_code="weak") from error
    user.password = make_password(password)  # the slow part stays outside the transaction
    made = _beginning(user, cleaned(workspace_name), now)
    # Also an address that somebody has beside their own: it must not come to name two accounts.
    if EmailAddress.objects.filter(email=user.email).exists():
        raise EmailTaken(made)
    try:
        with_schema(lambda: _save(made))
    except IntegrityError as error:
        if User.objects.filter(email=user.email).exists():
            raise EmailTaken(made) from error
        raise
    return made


def kept_address(email: str) -> str:
    """As it is kept, and checked as that: some letters become two in lower case, and some become another."""
    kept = email.strip().lower()
    try:
        User._meta.get_field("email").clean(kept, None)
    except ValidationError as error:
        raise InvalidField("Enter a valid e-mail address.", pointer="/email") from error
    return kept


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
        made.user.save(force_insert=True)
        # Where addresses are verified, the trial is claimed when this one is.
        if not settings.EMAIL_VERIFICATION_REQUIRED and one_trial.was_had(made.user.email):
            _without_trial(made.subscription, made.user.created_at)
        _save_workspace(made)
        EmailAddress.objects.create(user=made.user, email=made.user.email, primary=True)


def _save_workspace(made: Registration) -> None:
    made.membership.workspace.schema_name = schemas.claim()
    made.membership.workspace.save(force_insert=True)
    made.membership.save(force_insert=True)
    made.subscription.save(force_insert=True)


def begin_anew(*, user: User, now: datetime) -> Membership:
    """An empty workspace for somebody who would have none. It has no trial: they had theirs.

    In the caller's transaction. Raises NoSchemaReady.
    """
    made = _beginning(user, "", now)
    _without_trial(made.subscription, now)
    _save_workspace(made)
    return made.membership


def _without_trial(subscription: Subscription, now: datetime) -> None:
    subscription.started_at = subscription.started_at - (subscription.trial_ends_at - now)
    subscription.trial_ends_at = now
    # There is nothing to erase, and nobody to be warned of it.
    subscription.content_erased_at = now
