"""A member's own API keys: made, listed and ended by people alone."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.dispatch import Signal

from accounts import audit, keys, mails, tenancy
from accounts.models import ApiKey, AuditAction, Membership
from accounts.names import cleaned
from accounts.permissions import check_can_make_keys
from accounts.scopes import Scope
from billing.models import Subscription
from billing.moments import day, exactly, here
from billing.permissions import check_can_change, check_can_use
from billing.plans import Feature
from config.errors import AppError, InvalidField

# Of one member in one workspace, expired ones among them.
MOST = 20
# Ended ones and those made anew among them: each is a mail and a row that stays for a year.
MOST_A_DAY = 50
DAY = timedelta(days=1)
MADE_ALREADY = "That key was made already, and a key is shown once. If you did not keep it, delete it and make another."
LONGEST_NAME = 80
LATEST = timedelta(days=5 * 366)

# Sent with the ended `key`, in the transaction that ends it: what stands above hears of it here.
ended = Signal()


class NoKey(AppError):
    """Also said of those of others."""

    code = "not-found"
    status = 404


class TooManyKeys(AppError):
    code = "too-many-keys"
    status = 409


class TooManyMade(AppError):
    code = "too-many-keys-made"
    status = 429


class MadeAlready(AppError):
    """Only where it was asked not to make the key anew."""

    code = "key-made-already"
    status = 409


@dataclass(frozen=True)
class Made:
    """The secret is known to who asked for it, and stands nowhere else."""

    key: ApiKey
    secret: str = field(repr=False)


def checked_name(name: str) -> str:
    """As it is kept. Raises InvalidField."""
    name = cleaned(name)
    if not name:
        raise InvalidField("Give the key a name that can be seen.", pointer="/name", field_code="blank")
    if len(name) > LONGEST_NAME:
        raise InvalidField(f"A name may have {LONGEST_NAME} characters.", pointer="/name", field_code="max_length")
    return name


def as_json(key: ApiKey, *, now: datetime) -> dict[str, Any]:
    return {
        "id": key.pk,
        "name": key.name,
        "scopes": key.scopes,
        "start": key.start,
        "ending": key.ending,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "is_expired": key.is_expired(now),
    }


def mine(by: Membership) -> QuerySet[ApiKey]:
    return ApiKey.objects.filter(membership=by, revoked_at=None)


def create(
    *,
    by: Membership,
    name: str,
    scopes: Iterable[str],
    now: datetime,
    expires_at: datetime | None = None,
    request_key: str | None = None,
    anew: bool = True,
) -> Made:
    """The same `request_key` of the same member makes the key anew: nobody knows the secret of a lost answer. Without
    `anew` it raises MadeAlready.

    Raises Forbidden, TrialExpired, PaymentRequired, PlanRequired, InvalidField, TooManyKeys or TooManyMade.
    """
    check_can_change(by)
    check_can_use(Subscription.objects.get(workspace_id=by.workspace_id), Feature.API_KEYS)
    name, wanted = checked_name(name), set(scopes)
    _check_expiry(expires_at, now)
    secret = keys.new()
    with transaction.atomic():
        by = _locked(by)
        check_can_make_keys(by)
        key_id = _id(by, request_key)
        if earlier := ApiKey.objects.filter(pk=key_id).first():
            if not anew:
                raise MadeAlready(MADE_ALREADY)
            _retire(earlier, now)
        _check_few(by, now)
        key = ApiKey.objects.create(
            id=key_id,
            membership=by,
            name=name,
            start=secret[: keys.START],
            ending=secret[-4:],
            digest=keys.digest(secret),
            scopes=[scope.value for scope in Scope if scope in wanted],
            created_at=now,
            expires_at=expires_at.astimezone(UTC) if expires_at else None,
        )
        _tell(by, key)
        _record(AuditAction.KEY_MADE, by, key)
    return Made(key, secret)


def revoke(*, by: Membership, key_id: uuid.UUID, now: datetime) -> None:
    """Good for nothing from this moment on; what listens with it ends. Raises NoKey."""
    with transaction.atomic():
        key = mine(by).select_for_update().filter(pk=key_id).first()
        if key is None:
            raise NoKey("There is no such API key.")
        key.revoked_at = now
        key.save(update_fields=["revoked_at"])
        _record(AuditAction.KEY_DELETED, by, key)
        ended.send(sender=ApiKey, key=key)


def _retire(key: ApiKey, now: datetime) -> None:
    """It leaves its id to the one that is made anew, and stays to be counted."""
    ApiKey.objects.filter(pk=key.pk).update(id=uuid.uuid4(), revoked_at=now)
    ended.send(sender=ApiKey, key=key)


def _record(action: AuditAction, by: Membership, key: ApiKey) -> None:
    until = key.expires_at.isoformat() if key.expires_at else None
    told = {"scopes": key.scopes, "expires_at": until}
    is_made = action == AuditAction.KEY_MADE
    audit.record(
        action,
        workspace_id=by.workspace_id,
        by=by.user,
        about=f"{key.start}…{key.ending}",
        before=None if is_made else told,
        after=told if is_made else None,
    )


def _locked(by: Membership) -> Membership:
    """As it stands while no other key of theirs is made, and nobody removes them or changes their role."""
    members = Membership.objects.select_for_update(of=("self",)).select_related("workspace", "user")
    member = members.filter(pk=by.pk).first()
    if member is None:
        raise tenancy.NotAMember("You are not a member of this workspace any more.")
    return member


def _id(by: Membership, request_key: str | None) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_OID, f"api key {by.pk} {request_key}") if request_key else uuid.uuid4()


def _check_few(by: Membership, now: datetime) -> None:
    if mine(by).count() >= MOST:
        raise TooManyKeys(f"You have {MOST} API keys here. Delete one that you no longer need.")
    today = ApiKey.objects.filter(membership=by, created_at__gt=now - DAY).order_by("-created_at")
    earliest = today.values_list("created_at", flat=True)[MOST_A_DAY - 1 : MOST_A_DAY].first()
    if earliest is not None:
        again = earliest + DAY
        raise TooManyMade(
            f"You made {MOST_A_DAY} API keys here within a day. Make another one after {exactly(again, here())}.",
            retry_after=(again - now).total_seconds(),
        )


def _check_expiry(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is not None and not now < expires_at <= now + LATEST:
        raise InvalidField("A moment within the next five years, or null for none.", pointer="/expires_at")


def _tell(by: Membership, key: ApiKey) -> None:
    """Who got into somebody's account could keep a way in: a key outlives a new password."""
    until = f"until {day(key.expires_at)}" if key.expires_at else "until it is deleted"
    may = ", ".join(Scope(scope).label[0].lower() + Scope(scope).label[1:] for scope in key.scopes)
    mails.put(
        key=f"api-key:{key.start}",
        to=by.user.email,
        template="letter",
        context={
            "title": "An API key was made",
            "paragraphs": [
                f"“{key.name}” ({key.start}…{key.ending}) works for you in {by.workspace.name} {until}. It may: {may}.",
                "If this was not you, delete the key and choose a new password.",
            ],
            "url": f"{settings.PUBLIC_URL}/app/keys?workspace={by.workspace_id}",
            "action": "See your API keys",
        },
        workspace_id=by.workspace_id,
        user_id=by.user_id,
        now=key.created_at,
    )
