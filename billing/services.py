"""Sign-up and changes of plan."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import schemas
from accounts.models import Membership, Role, User, Workspace
from billing.models import Subscription
from billing.plans import PLANS, Tier
from config.errors import AppError, InvalidField


class EmailTaken(AppError):
    code = "email-taken"
    status = 409


@dataclass(frozen=True)
class Registration:
    user: User
    membership: Membership
    subscription: Subscription


def register(*, email: str, password: str, now: datetime, name: str = "", workspace_name: str = "") -> Registration:
    """User, workspace with its schema, owner's membership and trial: all of them or none."""
    email = email.strip().lower()
    user = User(email=email, name=name.strip(), created_at=now)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidField(" ".join(error.messages), pointer="/password", field_code="weak") from error
    user.password = make_password(password)  # the slow part stays outside the transaction
    try:
        with transaction.atomic():
            schema_name = schemas.claim()
            user.save(force_insert=True)
            workspace = Workspace(
                name=workspace_name.strip() or f"{user.name or email.partition('@')[0]}'s workspace",
                schema_name=schema_name,
                created_at=now,
            )
            workspace.save(force_insert=True)
            membership = Membership.objects.create(workspace=workspace, user=user, role=Role.OWNER, joined_at=now)
            trial = PLANS[Tier.TRIAL].trial
            assert trial is not None
            subscription = Subscription.objects.create(
                workspace=workspace, trial_ends_at=now + trial, started_at=now, anchor_at=now, changed_at=now
            )
    except IntegrityError as error:
        if User.objects.filter(email=email).exists():
            raise EmailTaken("There is already an account with this e-mail address. Sign in instead.") from error
        raise
    return Registration(user=user, membership=membership, subscription=subscription)
